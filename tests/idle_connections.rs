//! Twenty thousand connections on which nothing comes: what each of them costs, and that all of them are there.
//!
//! The clients are a process of their own, so that what this one grows by is the server's alone, and so that each process needs a
//! descriptor for each connection and not two. The system may allow fewer; then there are fewer, and the output says so.
//!
//! In a release build a connection has to cost less than 6 KB, beside what the kernel keeps for its sockets. In a debug build,
//! whose code takes more of its stacks, there are fewer connections, and they may cost twice as much.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{self, Ipv4Addr};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use gocsp::net::{TcpListener, TcpStream};
use gocsp::{Runtime, channel, go};
use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Tells a process that it is the clients': where the server is, and how many there are.
const CLIENTS: &str = "GOCSP_TEST_CLIENTS";

const CONNECTIONS: usize = if cfg!(debug_assertions) { 2_000 } else { 20_000 };
/// What a connection may cost, in bytes.
const MOST: usize = if cfg!(debug_assertions) { 16_384 } else { 6_000 };
/// Descriptors that a process has for other things.
const OTHERS: usize = 100;
/// So many connections come first, and are not measured.
const WARM: usize = 100;
/// Where the server listens. From one client to one address there are no more connections than ports, and the last of those take long to
/// find.
const ADDRESSES: [Ipv4Addr; 4] = [
    Ipv4Addr::new(127, 0, 0, 1),
    Ipv4Addr::new(127, 0, 0, 2),
    Ipv4Addr::new(127, 0, 0, 3),
    Ipv4Addr::new(127, 0, 0, 4),
];

fn main() -> ExitCode {
    if let Ok(task) = env::var(CLIENTS) {
        clients(&task).expect("the server answers");
        return ExitCode::SUCCESS;
    }
    let test = Trial::test("idle_connections_cost_little", || {
        Runtime::builder().procs(2).build()?.run(server).map_err(|error| Failed::from(error.to_string()))
    });
    libtest_mimic::run(&Arguments::from_args(), vec![test]).exit_code()
}

/// How many connections there can be: as many as are wanted, or as the system allows this process, which its children inherit.
fn connections() -> usize {
    let wanted = (CONNECTIONS + OTHERS) as u64;
    let limit = getrlimit(Resource::Nofile);
    let raised = |maximum: Option<u64>| setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok();
    if limit.current.is_none_or(|current| current >= wanted) || raised(limit.maximum) || raised(Some(wanted)) {
        return CONNECTIONS;
    }
    // Above is for those who may raise both limits, this for everybody else.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = getrlimit(Resource::Nofile).current.expect("it is too low");
    let connections = usize::try_from(allowed).expect("it is low") - OTHERS;
    println!("the system allows {allowed} descriptors: {connections} connections instead of {CONNECTIONS}");
    connections
}

/// Accepts all connections, with a goroutine each, and looks at the memory before they have something to do again.
fn server() -> io::Result<()> {
    let count = connections();
    let listeners = ADDRESSES.map(|address| TcpListener::bind((address, 0)));
    let listeners = listeners.into_iter().collect::<io::Result<Vec<_>>>()?;
    let mut clients = start_clients(&listeners, count)?;
    let (ended, wait) = channel(count);
    let mut before = 0;
    for number in 0..count {
        let listener = &listeners[number % listeners.len()];
        // Should the clients die, this does not wait for them for ever.
        listener.set_deadline(Some(Instant::now() + Duration::from_secs(60)));
        let (stream, ended) = (listener.accept()?.0, ended.clone());
        go!(move || ended.send(answer_twice(stream)).expect("there is room for all"));
        if number + 1 == WARM {
            // What there is once only is there.
            before = memory()?;
        }
    }
    // The clients come one after the other, each when the one before was answered: all wait, but for the last perhaps.
    let each = memory()?.saturating_sub(before) / (count - WARM);
    println!("{count} idle connections cost {each} bytes each");
    assert!(each < MOST, "{each} bytes for an idle connection");
    drop(clients.stdin.take());
    // All of them were alive.
    for _ in 0..count {
        wait.recv().expect("goroutines do not panic")?;
    }
    assert!(clients.wait()?.success());
    Ok(())
}

/// What comes first is sent back at once; then nothing comes for long, and what comes after that is the last.
fn answer_twice(mut stream: TcpStream) -> io::Result<()> {
    for _ in 0..2 {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        stream.write_all(&byte)?;
    }
    Ok(())
}

/// What the process occupies, in bytes. Page tables count as well.
fn memory() -> io::Result<usize> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kib = status.lines().filter(|line| line.starts_with("VmRSS:") || line.starts_with("VmPTE:"));
    Ok(kib.map(|line| line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap()).sum::<usize>() << 10)
}

fn start_clients(listeners: &[TcpListener], count: usize) -> io::Result<Child> {
    let servers = listeners.iter().map(|listener| Ok(listener.local_addr()?.to_string()));
    let task = format!("{} {count}", servers.collect::<io::Result<Vec<_>>>()?.join(" "));
    Command::new(env::current_exe()?).env(CLIENTS, task).stdin(Stdio::piped()).spawn()
}

/// The other process: connects so often, one after the other and with a question each, waits until its standard input ends, and asks
/// again on each connection.
fn clients(task: &str) -> io::Result<()> {
    let (servers, count) = task.rsplit_once(' ').expect("servers and a number");
    let servers: Vec<_> = servers.split(' ').collect();
    let mut connections = Vec::new();
    for number in 0..count.parse().expect("a number") {
        let mut connection = net::TcpStream::connect(servers[number % servers.len()])?;
        ask(&mut connection)?;
        connections.push(connection);
    }
    io::copy(&mut io::stdin(), &mut io::sink())?;
    for mut connection in connections {
        ask(&mut connection)?;
        // The server ends first. So it is its port on which the system remembers the connection for a while, and not one of those
        // that it wants to give to others.
        assert_eq!(connection.read(&mut [0])?, 0);
    }
    Ok(())
}

fn ask(connection: &mut net::TcpStream) -> io::Result<()> {
    let mut answer = [0];
    connection.write_all(b"?")?;
    connection.read_exact(&mut answer)?;
    assert_eq!(&answer, b"?");
    Ok(())
}
