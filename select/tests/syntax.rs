//! Every form that `select!` can be written in.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gocsp_channels::{Chan, Receiver, RecvError, Sender, channel};
use gocsp_select::select;

#[test]
fn it_is_an_expression() {
    let (tx, rx) = channel(1);
    tx.send(20).unwrap();
    let doubled: i32 = select! { recv(rx) -> n => n.unwrap() * 2 };
    assert_eq!(doubled, 40);
    let text = select! {
        recv(rx) -> _ => "received",
        default => "nothing",
    };
    assert_eq!(text.len() + select!(default => 1), 8);
    let never_ends: fn() -> u8 = || select! {};
    let _ = never_ends;
}

#[test]
fn commas_may_be_left_out_after_blocks() {
    let (tx, rx) = channel(1);
    for n in 0..10 {
        let even = n % 2 == 0;
        let outcome = select! {
            send(tx, n) -> sent => { sent.unwrap(); 1 }
            recv(rx) -> n => if even { n.unwrap() } else { 0 }
            recv(rx) => match n { 0 => 0, n => n }
            recv(rx) -> _ => n + 1,
            default => unreachable!()
        };
        assert!((0..=10).contains(&outcome));
    }
}

#[test]
fn control_flow_in_arms_is_that_of_the_function() {
    fn first(rx: &Receiver<i32>) -> Result<i32, RecvError> {
        loop {
            select! {
                recv(rx) -> n => {
                    let n = n?;
                    if n < 3 {
                        continue;
                    }
                    if n == 3 {
                        break;
                    }
                    return Ok(n);
                }
                default(Duration::from_secs(60)) => unreachable!(),
            }
        }
        Ok(-1)
    }

    let (tx, rx) = channel(8);
    for n in [1, 2, 4, 3] {
        tx.send(n).unwrap();
    }
    drop(tx);
    assert_eq!(first(&rx), Ok(4));
    assert_eq!(first(&rx), Ok(-1));
    assert_eq!(first(&rx), Err(RecvError));

    let (_open, rx) = channel::<i32>(0);
    let mut turns = 0;
    'outer: loop {
        loop {
            turns += 1;
            select! {
                recv(rx) -> _ => continue 'outer,
                default => if turns == 3 { break 'outer }
            }
        }
    }
    assert_eq!(turns, 3);
}

#[test]
fn channels_may_be_given_in_many_ways() {
    struct Server {
        requests: Receiver<i32>,
        both: [Chan<i32>; 2],
        shared: Arc<Receiver<i32>>,
    }

    impl Server {
        fn requests(&self) -> &Receiver<i32> {
            &self.requests
        }

        fn first_of_all(&self, index: usize) -> i32 {
            let own = self.requests.clone();
            let boxed = Box::new(self.requests.clone());
            let mut exclusive = self.requests.clone();
            select! {
                recv(own) -> n => n,
                recv(&own) -> n => n,
                recv(&mut exclusive) -> n => n,
                recv(*boxed) -> n => n,
                recv(self.requests) -> n => n,
                recv(self.requests()) -> n => n,
                recv(self.requests.clone()) -> n => n,
                recv(self.both[index]) -> n => n,
                recv(*self.shared) -> n => n,
                recv(if index == 0 { &own } else { &self.requests }) -> n => n,
                recv(Chan::nil()) -> n => n,
                recv((own)) -> n => n,
            }
            .unwrap()
        }
    }

    let (tx, requests) = channel(1);
    let server = Server { shared: Arc::new(requests.clone()), requests, both: [Chan::nil(), Chan::new(0)] };
    for n in 0..100 {
        tx.send(n).unwrap();
        assert_eq!(server.first_of_all((n % 2) as usize), n);
    }
}

#[test]
fn channels_may_be_constants_and_statics() {
    const NIL: Receiver<i32> = Receiver::nil();
    static NOBODY: Sender<i32> = Sender::nil();

    struct Pair(Sender<i32>, Receiver<i32>);

    impl Pair {
        fn same(&self) -> &Self {
            self
        }
    }

    let (tx, rx) = channel(1);
    let pair = Pair(tx, rx);
    pair.0.send(1).unwrap();
    let chosen = select! {
        recv(NIL) -> n => n,
        recv(Receiver::<i32>::nil()) -> n => n,
        send(NOBODY, 1) => unreachable!(),
        recv(pair.same().1) -> n => n,
    };
    assert_eq!(chosen, Ok(1));
}

#[test]
fn a_guard_in_a_channel_expression_is_released_before_the_select_waits() {
    let (tx, rx) = channel(1);
    let shared = Mutex::new((tx, rx));
    select! {
        recv(shared.lock().unwrap().1.clone()) => unreachable!(),
        send(shared.lock().unwrap().0.clone(), 1) -> sent => {
            sent.unwrap();
            assert!(shared.try_lock().is_ok());
        }
    }
    assert_eq!(shared.lock().unwrap().1.recv(), Ok(1));
}

#[test]
fn patterns_are_any_that_cannot_fail() {
    let (tx, rx) = channel(1);
    let next = || tx.send((1, 2)).unwrap();
    next();
    select! { recv(rx) -> mut pair => { pair = pair.map(|(a, b)| (b, a)); assert_eq!(pair, Ok((2, 1))) } }
    next();
    select! { recv(rx) -> _ => {} }
    next();
    select! { recv(rx) -> (Ok(_) | Err(_)) => {} }
    next();
    select! { recv(rx) -> ref pair => assert_eq!(*pair, Ok((1, 2))) }
}

#[test]
fn names_of_the_expansion_do_not_leak() {
    let (tx, rx) = channel(1);
    // All of these are names that the expansion uses.
    let (channel0, value0, case0, selected, limit, result, moved) = (1, 2, 4, 8, 16, 32, 64);
    let sum = || channel0 + value0 + case0 + selected + limit + result + moved;
    select! {
        send(tx, { channel0 + value0 + case0 + selected + limit + result + moved }) -> sent => sent.unwrap(),
        default({ Duration::from_secs(limit) }) => unreachable!(),
    }
    let value = select! {
        recv(rx) -> n => n.unwrap() + channel0 + value0 + case0 + selected + limit + result + moved,
        send(tx, moved) -> _ => unreachable!(),
    };
    assert_eq!(value, 2 * sum());
}

#[test]
fn a_select_may_stand_in_an_arm_and_in_an_operand() {
    let (tx, rx) = channel(1);
    let value = String::from("x");
    let outcome = select! {
        recv(rx) -> _ => unreachable!(),
        default => select! {
            send(select! { default => &tx }, value) -> sent => select! {
                recv(rx) -> received => (sent, received),
            },
        },
    };
    assert_eq!(outcome, (Ok(()), Ok(String::from("x"))));
}

#[test]
fn a_macro_may_pass_its_arguments_on() {
    macro_rules! offer {
        ($tx:expr, $value:expr) => {
            select! {
                send($tx, $value) -> sent => sent.err().map(|error| error.0),
                default => Some($value),
            }
        };
        (named $tx:ident, $value:ident, $body:block) => {
            select! {
                send($tx, $value) => None,
                default => $body
            }
        };
    }

    let (tx, rx) = channel(1);
    let first = String::from("first");
    assert_eq!(offer!(tx, first), None);
    let second = String::from("second");
    let second = offer!(tx, second).unwrap();
    let second = offer!(named tx, second, { Some(second) }).unwrap();
    assert_eq!(second, "second");
    assert_eq!(rx.recv().unwrap(), "first");
}

#[test]
fn forty_cases() {
    let channels: [(Sender<usize>, Receiver<usize>); 10] = std::array::from_fn(|_| channel(1));
    let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9] = &channels;
    let none = Receiver::<usize>::nil();
    let mut seen = [0; 10];
    for round in 0..200 {
        channels[round % 10].0.send(round % 10).unwrap();
        let n = select! {
            recv(c0.1) -> n => n, recv(none) -> n => n, recv(none) -> n => n, recv(none) -> n => n,
            recv(c1.1) -> n => n, recv(none) -> n => n, recv(none) -> n => n, recv(none) -> n => n,
            recv(c2.1) -> n => n, recv(none) -> n => n, recv(none) -> n => n, recv(none) -> n => n,
            recv(c3.1) -> n => n, recv(none) -> n => n, recv(none) -> n => n, recv(none) -> n => n,
            recv(c4.1) -> n => n, recv(none) -> n => n, recv(none) -> n => n, recv(none) -> n => n,
            recv(c5.1) -> n => n, recv(none) -> n => n, recv(none) -> n => n, recv(none) -> n => n,
            recv(c6.1) -> n => n, recv(none) -> n => n, recv(none) -> n => n, recv(none) -> n => n,
            recv(c7.1) -> n => n, recv(none) -> n => n, recv(none) -> n => n, recv(none) -> n => n,
            recv(c8.1) -> n => n, recv(none) -> n => n, recv(none) -> n => n, recv(none) -> n => n,
            recv(c9.1) -> n => n, recv(c9.1) -> n => n, recv(c8.1) -> n => n, recv(c7.1) -> n => n,
        };
        seen[n.unwrap()] += 1;
    }
    assert_eq!(seen, [20; 10]);
}

#[test]
fn it_is_found_by_its_path() {
    let (tx, rx) = gocsp_channels::channel(1);
    gocsp_select::select! { send(tx, 1) => {} }
    gocsp_select::select!(recv(rx) -> n => assert_eq!(n, Ok(1)));
    gocsp_select::select![default => ()];
}
