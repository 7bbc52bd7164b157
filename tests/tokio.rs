//! Beside tokio: goroutines and tasks on one channel, and futures of each in the other.

#[path = "common/procs.rs"]
mod procs;

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gocsp::context::Context;
use gocsp::{Chan, Receiver, RecvError, SendError, Sender, block_on, channel, go, scope, select};
use procs::on_one_and_more_procs;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{sleep, timeout};

fn tokio() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

/// Runs `test` as a goroutine, with a runtime of tokio beside it.
fn beside_tokio(test: impl Fn(&Handle) + Sync) {
    on_one_and_more_procs(|| {
        let tokio = tokio();
        test(tokio.handle());
        tokio.shutdown_background();
    });
}

/// Waits for a task, as a goroutine.
fn join<T>(task: tokio::task::JoinHandle<T>) -> T {
    block_on(task).unwrap()
}

/// Waits for a future that looks for tokio: entered for each poll.
fn block_on_with<F: Future>(tokio: &Handle, future: F) -> F::Output {
    let mut future = pin!(future);
    block_on(std::future::poll_fn(|context| {
        let _entered = tokio.enter();
        future.as_mut().poll(context)
    }))
}

#[test]
fn a_goroutine_and_a_task_answer_each_other() {
    beside_tokio(|tokio| {
        for capacity in [0, 1, 16] {
            let ((ask, asked), (answer, answered)) = (channel(capacity), channel(capacity));
            let task = tokio.spawn(async move {
                while let Ok(n) = asked.recv_async().await {
                    answer.send_async(n + 1).await.unwrap();
                }
            });
            for n in 0..500 {
                ask.send(n).unwrap();
                assert_eq!(answered.recv(), Ok(n + 1));
            }
            drop(ask);
            join(task);
            assert_eq!(answered.recv(), Err(RecvError));
        }
    });
}

const PARTIES: usize = 4;
const EACH: usize = 1_000;

/// Notes what one receives, as the number of the sender and of the value: of each sender in order.
#[derive(Default)]
struct Received {
    next: [usize; PARTIES],
    all: Vec<(usize, usize)>,
}

impl Received {
    fn note(&mut self, (sender, number): (usize, usize)) {
        assert!(number >= self.next[sender], "{number} of sender {sender} came late");
        self.next[sender] = number + 1;
        self.all.push((sender, number));
    }
}

/// Half of the senders and receivers are goroutines, half are tasks.
#[test]
fn everything_arrives_once_and_in_order_whoever_sends_and_receives() {
    beside_tokio(|tokio| {
        for capacity in [0, 1, 16] {
            let (tx, rx) = channel(capacity);
            let mut tasks = Vec::new();
            let mut goroutines = Vec::new();
            for party in 0..PARTIES {
                let (tx, rx) = (tx.clone(), rx.clone());
                if party % 2 == 0 {
                    go!(move || (0..EACH).for_each(|number| tx.send((party, number)).unwrap()));
                    goroutines.push(go! {
                        let mut received = Received::default();
                        rx.iter().for_each(|value| received.note(value));
                        received.all
                    });
                } else {
                    tokio.spawn(async move {
                        for number in 0..EACH {
                            tx.send_async((party, number)).await.unwrap();
                        }
                    });
                    tasks.push(tokio.spawn(async move {
                        let mut received = Received::default();
                        while let Ok(value) = rx.recv_async().await {
                            received.note(value);
                        }
                        received.all
                    }));
                }
            }
            drop((tx, rx));
            let mut all: Vec<_> = goroutines.into_iter().flat_map(|other| other.join().unwrap()).collect();
            all.extend(tasks.into_iter().flat_map(join));
            assert_eq!(all.len(), PARTIES * EACH);
            assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), PARTIES * EACH);
        }
    });
}

/// Receives, and gives up at random moments, in both ways that tokio has for it.
async fn receive_in_haste(rx: Receiver<usize>, seed: u64, given_up: Arc<AtomicUsize>) -> Vec<usize> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut all = Vec::new();
    loop {
        let received = match random.u8(..4) {
            0 => Some(rx.recv_async().await),
            1 => tokio::select! {
                biased;
                () = tokio::task::yield_now() => None,
                received = rx.recv_async() => Some(received),
            },
            2 => tokio::select! {
                received = rx.recv_async() => Some(received),
                () = tokio::task::yield_now() => None,
            },
            _ => timeout(Duration::from_micros(random.u64(..2_000)), rx.recv_async()).await.ok(),
        };
        match received {
            Some(Ok(value)) => all.push(value),
            Some(Err(RecvError)) => return all,
            None => _ = given_up.fetch_add(1, Ordering::Relaxed),
        }
    }
}

#[test]
fn who_gives_up_at_any_moment_loses_nothing() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    beside_tokio(|tokio| {
        for capacity in [0, 1, 16] {
            let (tx, rx) = channel(capacity);
            let given_up = Arc::new(AtomicUsize::new(0));
            let tasks: Vec<_> =
                (0..3).map(|n| tokio.spawn(receive_in_haste(rx.clone(), seed ^ n, Arc::clone(&given_up)))).collect();
            let goroutine = go!(move || rx.iter().take(EACH / 4).collect::<Vec<_>>());
            for party in 0..PARTIES {
                let tx = tx.clone();
                let values = party * EACH..(party + 1) * EACH;
                if party % 2 == 0 {
                    go!(move || values.for_each(|value| tx.send(value).unwrap()));
                } else {
                    tokio.spawn(async move {
                        for value in values {
                            tx.send_async(value).await.unwrap();
                        }
                    });
                }
            }
            drop(tx);
            let mut all = goroutine.join().unwrap();
            all.extend(tasks.into_iter().flat_map(join));
            all.sort_unstable();
            assert!(all.into_iter().eq(0..PARTIES * EACH), "capacity {capacity}");
            assert!(given_up.load(Ordering::Relaxed) > 0);
        }
    });
}

#[test]
fn a_send_that_is_given_up_has_sent_or_not_and_no_value_arrives_twice() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    beside_tokio(|tokio| {
        for capacity in [0, 1] {
            let (tx, rx) = channel(capacity);
            let tasks: Vec<_> = (0..PARTIES)
                .map(|party| {
                    let (tx, mut random) = (tx.clone(), fastrand::Rng::with_seed(seed ^ party as u64));
                    tokio.spawn(async move {
                        let mut certain = Vec::new();
                        for value in party * EACH..(party + 1) * EACH {
                            let patience = Duration::from_micros(random.u64(..1_200));
                            if timeout(patience, tx.send_async(value)).await.is_ok() {
                                certain.push(value);
                            }
                        }
                        certain
                    })
                })
                .collect();
            drop(tx);
            let received = go!(move || rx.iter().collect::<Vec<_>>());
            let certain: Vec<_> = tasks.into_iter().flat_map(join).collect();
            let received = received.join().unwrap();
            let once: HashSet<_> = received.iter().copied().collect();
            assert_eq!(once.len(), received.len());
            assert!(certain.iter().all(|value| once.contains(value)));
        }
    });
}

#[test]
fn a_select_of_goroutines_shares_a_channel_with_tasks() {
    beside_tokio(|tokio| {
        let ((a, from_a), (b, from_b)) = (channel(0), channel(0));
        let (chosen, all) = channel(0);
        scope(|goroutines| {
            for tx in [a, b] {
                goroutines.go(move || (0..EACH).for_each(|n| tx.send(n).unwrap()));
            }
            let tasks = [&from_a, &from_b].map(|rx| {
                let (rx, chosen) = (rx.clone(), chosen.clone());
                tokio.spawn(async move {
                    while let Ok(n) = rx.recv_async().await {
                        chosen.send_async(n).await.unwrap();
                    }
                })
            });
            goroutines.go(move || {
                let (mut open_a, mut open_b) = (from_a, from_b);
                while !open_a.same_channel(&Receiver::nil()) || !open_b.same_channel(&Receiver::nil()) {
                    select! {
                        recv(open_a) -> n => match n {
                            Ok(n) => chosen.send(n).unwrap(),
                            Err(RecvError) => open_a = Receiver::nil(),
                        },
                        recv(open_b) -> n => match n {
                            Ok(n) => chosen.send(n).unwrap(),
                            Err(RecvError) => open_b = Receiver::nil(),
                        },
                    }
                }
            });
            assert_eq!(all.iter().sum::<usize>(), EACH * (EACH - 1));
            tasks.into_iter().for_each(join);
        });
    });
}

#[test]
fn tasks_end_with_the_channel() {
    beside_tokio(|tokio| {
        let (tx, rx) = channel::<i32>(0);
        let receivers = [(); 8].map(|()| {
            let rx = rx.clone();
            tokio.spawn(async move { rx.recv_async().await })
        });
        drop(tx);
        assert!(receivers.map(join).iter().all(|received| *received == Err(RecvError)));

        let (tx, rx) = channel(0);
        let senders = [1, 2, 3].map(|n| {
            let tx = tx.clone();
            tokio.spawn(async move { tx.send_async(n).await })
        });
        drop(rx);
        assert_eq!(senders.map(join), [1, 2, 3].map(|n| Err(SendError(n))));
    });
}

#[test]
fn a_task_is_told_when_its_context_ends() {
    beside_tokio(|tokio| {
        let (context, cancel) = Context::background().with_cancel();
        let task = tokio.spawn(async move { context.done().recv_async().await });
        cancel.cancel();
        assert_eq!(join(task), Err(RecvError));
    });
}

#[test]
fn nothing_comes_of_nil() {
    let short = Duration::from_millis(1);
    tokio().block_on(async {
        assert!(timeout(short, Sender::nil().send_async(1)).await.is_err());
        assert!(timeout(short, Receiver::<i32>::nil().recv_async()).await.is_err());
        assert!(timeout(short, Chan::<i32>::nil().recv_async()).await.is_err());
    });
}

/// Several on one worker: what one has entered, the others do not meet, nor do they leave it for one another.
#[test]
fn goroutines_wait_for_what_needs_the_runtime_of_tokio() {
    beside_tokio(|tokio| {
        let start = Instant::now();
        scope(|goroutines| {
            for millis in [3, 1, 2, 0] {
                goroutines.go(move || {
                    block_on_with(tokio, async {
                        for _ in 0..3 {
                            sleep(Duration::from_millis(millis)).await;
                        }
                    });
                    assert!(Handle::try_current().is_err());
                });
            }
        });
        assert!(start.elapsed() >= Duration::from_millis(9));
    });
}

#[test]
fn the_channels_of_tokio_need_nothing_of_it() {
    beside_tokio(|tokio| {
        let (tx, mut rx) = tokio::sync::mpsc::channel(1);
        let task = tokio.spawn(async move {
            for n in 0..EACH {
                tx.send(n).await.unwrap();
            }
        });
        for n in 0..EACH {
            assert_eq!(block_on(rx.recv()), Some(n));
        }
        assert_eq!(block_on(rx.recv()), None);
        join(task);
    });
}
