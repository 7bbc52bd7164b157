//! Bugs of clients and servers that tests on the simulated network have to find, and to find again.

#[path = "common/found.rs"]
mod found;

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use found::STRATEGIES;
use gocsp::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use gocsp::sync::Mutex;
use gocsp::testing::network::{self, Conditions};
use gocsp::testing::{Config, FailureKind};
use gocsp::{JoinHandle, go};

/// As the function of that name does, and in what is told this must be found.
#[track_caller]
fn found(kind: FailureKind, says: &str, body: impl Fn() + Send + Sync + Clone + 'static) {
    for told in found::found(kind, body) {
        assert!(told.contains(says), "{told}");
    }
}

/// Finds no failure.
#[track_caller]
fn clean(body: impl Fn() + Send + Sync + Clone + 'static) {
    for strategy in STRATEGIES {
        Config::default().schedules(2_000).strategy(strategy).max_steps(10_000).check(body.clone());
    }
}

/// An account, and who has paid into it already.
#[derive(Default)]
struct Account {
    balance: u32,
    payments: Vec<u8>,
}

/// A server of accounts: a request is the number of the payment, and the answer the new balance. What is paid twice by
/// the same number counts once, if the server knows the numbers.
struct Bank {
    listener: TcpListener,
    account: Arc<Mutex<Account>>,
    server: JoinHandle<()>,
}

impl Bank {
    fn open(knows_numbers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:80").unwrap();
        let account = Arc::<Mutex<Account>>::default();
        let (accepts, shared) = (listener.try_clone().unwrap(), Arc::clone(&account));
        let server = go!(move || {
            for stream in accepts.incoming() {
                let (stream, account) = (stream.unwrap(), Arc::clone(&shared));
                // Who is gone is told nothing.
                _ = Self::serve(stream, &account, knows_numbers);
            }
        });
        Self { listener, account, server }
    }

    fn serve(mut stream: TcpStream, account: &Mutex<Account>, knows_numbers: bool) -> io::Result<()> {
        let mut number = [0];
        stream.read_exact(&mut number)?;
        let mut account = account.lock();
        if !knows_numbers || !account.payments.contains(&number[0]) {
            account.payments.push(number[0]);
            account.balance += 1;
        }
        let balance = account.balance as u8;
        drop(account);
        stream.write_all(&[balance])
    }

    fn close(self) -> u32 {
        self.listener.close();
        self.server.join().unwrap();
        self.account.lock().balance
    }
}

fn pay(number: u8) -> io::Result<u8> {
    let mut stream = TcpStream::connect("127.0.0.1:80")?;
    stream.write_all(&[number])?;
    let mut balance = [0];
    stream.read_exact(&mut balance)?;
    Ok(balance[0])
}

/// Pays, and again when the connection breaks off.
fn pays_until_it_is_told(knows_numbers: bool) {
    network::set(Conditions::default().resets(1));
    let bank = Bank::open(knows_numbers);
    while pay(7).is_err() {}
    assert_eq!(bank.close(), 1, "it was paid once");
}

#[test]
fn a_request_that_is_sent_again_is_done_twice() {
    found(FailureKind::Panic, "it was paid once", || pays_until_it_is_told(false));
}

#[test]
fn a_request_with_a_number_is_done_once() {
    clean(|| pays_until_it_is_told(true));
}

#[test]
fn an_answer_is_lost_and_nobody_asks_again() {
    found(FailureKind::Panic, "the network resets the connection", || {
        network::set(Conditions::default().resets(1));
        let bank = Bank::open(true);
        let told = pay(7).is_ok();
        assert_eq!(told, bank.close() == 1, "who has paid knows it");
    });
}

/// One message, whose end is not said.
fn a_message(read: impl Fn(&mut TcpStream, &mut [u8; 8]) -> io::Result<usize>) {
    let listener = TcpListener::bind("127.0.0.1:80").unwrap();
    let client = go!(move || TcpStream::connect("127.0.0.1:80").unwrap().write_all(b"question").unwrap());
    let (mut server, _) = listener.accept().unwrap();
    let mut question = [0; 8];
    let length = read(&mut server, &mut question).unwrap();
    client.join().unwrap();
    assert_eq!(&question[..length], b"question");
}

#[test]
fn a_read_is_taken_for_a_message() {
    found(FailureKind::Panic, "reads 1 byte: 127.0.0.1:80 from 127.0.0.1:49152", || {
        a_message(|stream, bytes| stream.read(bytes))
    });
}

#[test]
fn a_message_is_read_until_it_is_whole() {
    clean(|| a_message(|stream, bytes| stream.read_exact(bytes).map(|()| 8)));
}

#[test]
fn both_write_more_than_there_is_room_for() {
    found(FailureKind::Deadlock, "waits for room for output", || {
        network::set(Conditions::default().buffer(100).in_pieces(false));
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let exchange = |stream: &mut UnixStream| {
            stream.write_all(&[0; 150]).unwrap();
            stream.read_exact(&mut [0; 150]).unwrap();
        };
        let other = go!(move || exchange(&mut there));
        exchange(&mut here);
        other.join().unwrap();
    });
}

/// Sends two payments, each until it is told that it has arrived.
fn by_datagrams(conditions: Conditions, knows_numbers: bool) {
    network::set(conditions);
    let [here, there] = [1, 2].map(|port| UdpSocket::bind(("127.0.0.1", port)).unwrap());
    let account = Arc::<Mutex<Account>>::default();
    let (receives, shared) = (there.try_clone().unwrap(), Arc::clone(&account));
    let server = go!(move || {
        let mut number = [0];
        while let Ok((1, from)) = receives.recv_from(&mut number) {
            let mut account = shared.lock();
            if !knows_numbers || !account.payments.contains(&number[0]) {
                account.payments.push(number[0]);
                account.balance += 1;
            }
            drop(account);
            receives.send_to(&number, from).unwrap();
        }
    });
    here.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let told = AtomicU32::new(0);
    for number in [1, 2] {
        let mut answer = [0];
        while answer[0] != number {
            here.send_to(&[number], there.local_addr().unwrap()).unwrap();
            while here.recv(&mut answer).is_ok() && answer[0] != number {}
        }
        told.fetch_add(1, Ordering::Relaxed);
    }
    // What is still under way arrives.
    gocsp::sleep(Duration::from_secs(1));
    there.close();
    server.join().unwrap();
    assert_eq!((told.into_inner(), account.lock().balance), (2, 2), "each was paid once");
}

#[test]
fn a_datagram_arrives_twice() {
    found(FailureKind::Panic, "which arrives twice", || by_datagrams(Conditions::default().duplicated(1), false));
}

#[test]
fn a_datagram_is_lost_and_sent_again() {
    found(FailureKind::Panic, "which the network loses", || by_datagrams(Conditions::default().lost(1), false));
}

#[test]
fn datagrams_with_numbers_count_once() {
    clean(|| by_datagrams(Conditions::default().lost(2).duplicated(2), true));
}
