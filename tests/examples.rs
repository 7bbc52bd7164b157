//! Each program of `examples/` prints what its header says.
//!
//! The header is the expectation: the blocks of text in it, one after the other, are what the program has to print. `…`
//! stands for something that is different each time, and a line of nothing else for any lines. If the line above a block
//! says "in any order", its lines may come in any; if it says "on the error stream", they come there. A header that says "with
//! status 2" is of a program that ends so, and not well.
//!
//! Cargo builds the programs before it runs the tests, but not when it is told to run only this one.

#[path = "common/watch.rs"]
mod watch;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use watch::watch;

/// A test for each program, and what else has to be true of the lines that it prints. An argument stands after the name.
macro_rules! examples {
    ($($name:ident $($argument:literal)? $(=> $check:expr)?,)*) => {
        $(
            #[test]
            fn $name() {
                let _lines = lines_of(stringify!($name), &[$($argument)?]);
                $(
                    let check: fn(&[String]) = $check;
                    check(&_lines);
                )?
            }
        )*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

examples! {
    buffered_message,
    buffered_producer => |lines| {
        for one in ["Sending", "Received"] {
            assert!(lines.iter().filter(|line| line.starts_with(one)).is_sorted());
        }
    },
    button,
    closed_channel,
    cond_queue => |lines| {
        lines.iter().fold(0, |queued, line| {
            let queued = if line.starts_with("Adding") { queued + 1 } else { queued - 1 };
            assert!((0..=2).contains(&queued));
            queued
        });
    },
    confinement_ad_hoc,
    context_layers,
    context_timeout,
    daemon,
    deadlock,
    directions,
    done_channel,
    echo,
    for_select => |lines| assert!((1..=6).contains(&numbers(&lines[0])[0])),
    full_channel,
    hello,
    livelock,
    map,
    max_procs,
    message,
    mutex,
    nil_channel,
    once,
    once_deadlock,
    once_hello,
    once_singleton,
    once_two_functions,
    owner_consumer,
    pool,
    pool_buffers,
    pool_calculators => |lines| assert!((4..1000).contains(&numbers(&lines[0])[0])),
    race_condition,
    range,
    rwmutex_table "10",
    safe_map,
    // Each number follows the one in its channel's name.
    select => |lines| {
        let counts: Vec<_> = numbers(&lines[0]).into_iter().skip(1).step_by(2).collect();
        // Ten standard deviations.
        assert!(counts.iter().all(|count| (741..=1259).contains(count)));
    },
    select_default,
    select_timeout,
    share_by_communicating,
    singleflight,
    starvation => |lines| assert!(lines.iter().all(|line| numbers(line)[0] > 0)),
    token,
    unblock_by_close,
    wait_group,
    waiting_writer,
    worker_pool,
}

#[test]
fn every_example_has_a_test_and_is_listed() {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let programs = entries.filter(|path| path.extension().is_some_and(|it| it == "rs"));
    let names: BTreeSet<_> = programs.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, NAMES.iter().map(ToString::to_string).collect());
    let list = fs::read_to_string(folder().join("README.md")).unwrap();
    for name in names {
        assert!(list.contains(&format!("[`{name}`]({name}.rs)")), "{name}");
    }
}

#[test]
fn echo_sends_back_what_comes_until_its_standard_input_ends() {
    let mut server = command("echo", &[]).stdin(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ").unwrap();
    let mut clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let (sent, mut received) = (vec![number as u8; 10_000], vec![0; 10_000]);
        client.write_all(&sent).unwrap();
        client.read_exact(&mut received).unwrap();
        assert!(sent == received);
    }
    drop(server.stdin.take());
    assert!(watch(server).status.success());
}

/// The numbers in a line.
fn numbers(line: &str) -> Vec<u64> {
    line.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// Runs a program to a good end, and compares what it prints with its header.
fn lines_of(name: &str, arguments: &[&str]) -> Vec<String> {
    let ended = watch(command(name, arguments).spawn().unwrap());
    let source = fs::read_to_string(folder().join(name).with_extension("rs")).unwrap();
    let header: String = source.lines().take_while(|line| line.starts_with("//!")).collect();
    let status = if header.contains("with status 2") { 2 } else { 0 };
    assert_eq!(ended.status.code(), Some(status), "{}", ended.stderr);
    let blocks = blocks(&source);
    assert!(!blocks.is_empty(), "the header does not say what is printed");
    let (errors, output): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| block.on_error_stream);
    compare(&ended.stdout, &output);
    compare(&ended.stderr, &errors);
    ended.stdout.lines().map(ToOwned::to_owned).collect()
}

/// A program, with nothing to read.
fn command(name: &str, arguments: &[&str]) -> Command {
    // The tests are in a folder beside that of the examples.
    let tests = env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(program.exists(), "to be built by `cargo build --examples`: {program:?}");
    let mut command = Command::new(program);
    command.args(arguments).env_remove("GOCSP_MAXPROCS");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Compares what was printed with what the blocks say.
fn compare(printed: &str, blocks: &[&Block<'_>]) {
    let mut lines = printed.lines();
    for block in blocks {
        let mut expected = block.lines.clone();
        while !expected.is_empty() {
            if expected[0] == "…" {
                lines.by_ref().for_each(drop);
                break;
            }
            let line = lines.next().unwrap_or_else(|| panic!("nothing where the header says {expected:?}"));
            let among = if block.in_any_order { &expected[..] } else { &expected[..1] };
            let found = among.iter().position(|pattern| matches(pattern, line));
            expected.remove(found.unwrap_or_else(|| panic!("{line:?} where the header says {among:?}")));
        }
    }
    assert_eq!(lines.next(), None, "the header says nothing of it");
}

struct Block<'a> {
    in_any_order: bool,
    on_error_stream: bool,
    lines: Vec<&'a str>,
}

/// The blocks in the header of a program.
fn blocks(source: &str) -> Vec<Block<'_>> {
    let header = source.lines().map_while(|line| line.strip_prefix("//!"));
    let mut lines = header.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let mut blocks = Vec::new();
    let mut above = "";
    while let Some(line) = lines.next() {
        if line == "```text" {
            let lines = lines.by_ref().take_while(|line| *line != "```").collect();
            let says = |what: &str| above.contains(what);
            blocks.push(Block {
                in_any_order: says("in any order"),
                on_error_stream: says("on the error stream"),
                lines,
            });
        }
        above = line;
    }
    blocks
}

/// Whether a line is as the header says. `…` stands for one character or more.
fn matches(pattern: &str, line: &str) -> bool {
    let Some((start, end)) = pattern.split_once('…') else { return pattern == line };
    let Some(rest) = line.strip_prefix(start) else { return false };
    rest.char_indices().any(|(at, c)| matches(end, &rest[at + c.len_utf8()..]))
}
