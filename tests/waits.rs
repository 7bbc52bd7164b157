//! What a dump says of those who wait: how, in Go's words, for what, and where in the program.

use std::panic::Location;
use std::thread;
use std::time::{Duration, Instant};

use gocsp::context::Context;
use gocsp::time::{Ticker, Timer};
use gocsp::{Chan, Receiver, Runtime, Select, Sender, after, channel, select, spawn, yield_now};
use gocsp_runtime::{Wait, dump};

const LONG: Duration = Duration::from_secs(3600);

/// What a dump says of one who waits.
struct Told {
    state: String,
    place: &'static Location<'static>,
    /// All of it.
    text: String,
}

impl Told {
    fn new(wait: &Wait, text: String) -> Self {
        Self { state: wait.state().to_owned(), place: wait.place, text }
    }
}

/// What is said of a goroutine that waits in `operation`.
fn told(operation: impl FnOnce() + Send + 'static) -> Told {
    let runtime = Runtime::builder().procs(1).build().unwrap();
    runtime.run(|| {
        let waiting = spawn(operation);
        loop {
            yield_now();
            assert!(!waiting.is_finished(), "it did not wait");
            let mut dump = dump();
            dump.goroutines.retain(|goroutine| goroutine.id == waiting.id());
            dump.threads.clear();
            if let Some(wait) = dump.goroutines[0].wait() {
                return Told::new(wait, dump.to_string());
            }
        }
    })
}

/// What is said of a thread called `name` that waits in `operation`, which goes on waiting.
fn told_of_thread(name: &str, operation: impl FnOnce() + Send + 'static) -> Told {
    thread::Builder::new().name(name.to_owned()).spawn(operation).unwrap();
    loop {
        let mut dump = dump();
        dump.goroutines.clear();
        dump.threads.retain(|thread| thread.name.as_deref() == Some(name));
        if let [thread] = &dump.threads[..] {
            return Told::new(&thread.wait, dump.to_string());
        }
    }
}

/// Checks that who waits in the operation, with clones of the handles, is said to do so in this state and on this line.
macro_rules! check {
    ($state:literal, [$($handle:ident),*], $operation:expr) => {{
        $(let $handle = $handle.clone();)*
        let told = told(move || {
            let _ = $operation;
        });
        assert_eq!((&*told.state, told.place.file(), told.place.line()), ($state, file!(), line!()));
        told
    }};
}

/// Checks that what is waited for, number `number` of its kind in the dump, was made on the line `made`; gives where that is said.
#[track_caller]
fn find_made(told: &Told, what: &str, number: u32, made: u32) -> usize {
    let name = format!("{what} #{number} (made at {}:{made}:", file!());
    told.text.find(&name).unwrap_or_else(|| panic!("{name}... is not in\n{}", told.text))
}

#[track_caller]
fn assert_made(told: &Told, made: u32) {
    find_made(told, "channel", 1, made);
}

#[test]
fn who_sends_waits_where_he_calls() {
    let (tx, _rx) = channel(0);
    check!("chan send", [tx], tx.send(1));
    check!("chan send", [tx], tx.send_timeout(1, LONG));
    check!("chan send", [tx], tx.send_deadline(1, Instant::now() + LONG));
    let full = Chan::new(1);
    full.send(1).unwrap();
    check!("chan send", [full], full.send(2));
    check!("chan send", [full], full.send_timeout(2, LONG));
    check!("chan send", [full], full.send_deadline(2, Instant::now() + LONG));
}

#[test]
fn who_receives_waits_where_he_calls() {
    for capacity in [0, 1] {
        let (_tx, rx) = channel::<i32>(capacity);
        check!("chan receive", [rx], rx.recv());
        check!("chan receive", [rx], rx.recv_timeout(LONG));
        check!("chan receive", [rx], rx.recv_deadline(Instant::now() + LONG));
        let chan = Chan::<i32>::new(capacity);
        check!("chan receive", [chan], chan.recv());
        check!("chan receive", [chan], chan.recv_timeout(LONG));
        check!("chan receive", [chan], chan.recv_deadline(Instant::now() + LONG));
    }
}

#[test]
fn who_receives_in_a_loop_waits_where_it_begins() {
    for capacity in [0, 1] {
        let (_tx, rx) = channel::<i32>(capacity);
        let chan = Chan::<i32>::new(capacity);
        check!("chan receive", [rx], for _ in &rx {});
        check!("chan receive", [rx], for _ in rx {});
        check!("chan receive", [rx], for _ in rx.iter() {});
        check!("chan receive", [chan], for _ in &chan {});
        check!("chan receive", [chan], for _ in chan.iter() {});
        // And not somewhere in the standard library.
        check!("chan receive", [rx], rx.iter().map(|n| 2 * n).sum::<i32>());
        check!("chan receive", [rx], rx.into_iter().count());
        check!("chan receive", [rx], while rx.iter().next().is_some() {});
    }
}

#[test]
fn who_waits_for_a_nil_channel_waits_for_nothing() {
    let (tx, rx, chan) = (Sender::nil(), Receiver::<i32>::nil(), Chan::nil());
    check!("chan send (nil chan)", [tx], tx.send(1));
    check!("chan send (nil chan)", [tx], tx.send_timeout(1, LONG));
    check!("chan send (nil chan)", [tx], tx.send_deadline(1, Instant::now() + LONG));
    check!("chan send (nil chan)", [chan], chan.send(1));
    check!("chan receive (nil chan)", [rx], rx.recv());
    check!("chan receive (nil chan)", [rx], rx.recv_timeout(LONG));
    check!("chan receive (nil chan)", [rx], rx.recv_deadline(Instant::now() + LONG));
    check!("chan receive (nil chan)", [rx], for _ in &rx {});
    let told = check!("chan receive (nil chan)", [chan], chan.recv());
    assert!(!told.text.contains("made at"), "{}", told.text);
}

#[test]
fn a_channel_is_known_by_where_it_was_made() {
    let ((tx, rx), made) = (channel(0), line!());
    assert_made(&check!("chan send", [tx], tx.send(1)), made);
    assert_made(&check!("chan receive", [rx], rx.recv()), made);
    let (chan, made) = (Chan::<i32>::new(3), line!());
    assert_made(&check!("chan receive", [chan], chan.recv()), made);
}

#[test]
fn who_waits_for_a_timer_or_a_context_receives() {
    let (rx, timer, ticker) = (after(LONG), Timer::new(LONG), Ticker::new(LONG));
    check!("chan receive", [rx], rx.recv());
    let (rx, ticks) = (timer.receiver(), ticker.receiver());
    check!("chan receive", [rx], rx.recv());
    check!("chan receive", [ticks], ticks.recv());
    let (context, _cancel) = Context::background().with_cancel();
    let done = context.done();
    let told = check!("chan receive", [done], done.recv());
    assert!(told.text.contains("done channel #1 (made at "), "{}", told.text);
}

#[test]
fn who_selects_waits_where_he_does_for_so_many_cases() {
    let ((tx, rx), made) = (channel(0), line!());
    let nil = Receiver::<i32>::nil();
    let told = check!("select (1 case)", [rx], select! { recv(rx) => {} });
    assert_made(&told, made);
    check!("select (2 cases)", [tx, nil], select! { recv(nil) => {}, send(tx, 1) => {} });
    check!("select (2 cases)", [tx, rx], select! { recv(rx) => {}, send(tx, 1) => {} });
    check!("select (1 case)", [nil], select! { recv(nil) => {}, default(LONG) => {} });
    check!("select (3 cases)", [rx, nil], select! { recv(nil) => {}, recv(rx) => {}, recv(nil) => {} });
    check!("select (no cases)", [], without_cases());
}

#[test]
fn a_select_names_its_channels_in_the_order_of_its_cases() {
    let ((first, _rx), one) = (channel::<i32>(0), line!());
    let ((_tx, second), two) = (channel::<i32>(0), line!());
    let told = told(move || select! { recv(second) => {}, send(first, 1) => {}, recv(second) => {} });
    assert!(find_made(&told, "channel", 1, two) < find_made(&told, "channel", 2, one));
}

/// Waits where it is called, as what is called does.
#[track_caller]
fn without_cases() {
    select! {}
}

/// A select that somebody wraps into a macro of his own.
macro_rules! either {
    ($one:ident, $other:ident) => {
        select! {
            recv($one) => {}
            recv($other) => {}
        }
    };
}

#[test]
fn a_select_in_a_macro_waits_where_that_is_called() {
    let rx = Receiver::<i32>::nil();
    check!("select (2 cases)", [rx], either!(rx, rx));
}

#[test]
fn the_dynamic_select_waits_where_it_is_called() {
    let ((tx, rx), made) = (channel(0), line!());
    let told = check!("select (1 case)", [rx], with(&rx, None).select().index());
    assert_made(&told, made);
    check!("select (2 cases)", [tx, rx], with(&rx, Some(&tx)).select().index());
    check!("select (2 cases)", [tx, rx], with(&rx, Some(&tx)).select_timeout(LONG).is_ok());
    check!("select (2 cases)", [tx, rx], with(&rx, Some(&tx)).select_deadline(Instant::now() + LONG).is_ok());
    check!("select (no cases)", [], Select::new().select().index());
}

/// Receives, and sends if `tx` is there.
fn with<'a>(rx: &'a Receiver<i32>, tx: Option<&'a Sender<i32>>) -> Select<'a> {
    let mut select = Select::new();
    select.recv(rx);
    if let Some(tx) = tx {
        select.send(tx, 1);
    }
    select
}

#[test]
fn threads_are_told_of_in_the_same_way() {
    let ((tx, rx), made) = (channel::<i32>(0), line!());
    let receiver = rx.clone();
    let told = told_of_thread("a receiver", move || assert!(receiver.recv().is_err()));
    assert_eq!((&*told.state, told.place.line()), ("chan receive", line!() - 1));
    assert_made(&told, made);
    let told = told_of_thread("one who selects", move || select! { recv(rx) => {}, default(LONG) => {} });
    assert_eq!((&*told.state, told.place.line()), ("select (1 case)", line!() - 1));
    assert_made(&told, made);
    drop(tx);
}
