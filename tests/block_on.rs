//! `block_on`: futures of others on goroutines and threads.

#[path = "common/drops.rs"]
mod drops;
#[path = "common/procs.rs"]
mod procs;

use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use drops::Drops;
use gocsp::runtime::dump;
use gocsp::{Go, Runtime, block_on, channel, go, yield_now};
use procs::{on_one_and_more_procs, on_procs};

/// Becomes ready when it is told to, once, and calls all who have asked.
#[derive(Default)]
struct Event(Mutex<(bool, Vec<Waker>)>);

impl Event {
    fn happen(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    async fn wait(&self) {
        poll_fn(|context| {
            let mut state = self.0.lock().unwrap();
            state.1.push(context.waker().clone());
            if state.0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[test]
fn what_is_ready_is_given_at_once() {
    assert_eq!(block_on(ready(1)), 1);
    on_one_and_more_procs(|| assert_eq!(block_on(ready(1)), 1));
}

#[test]
fn only_the_goroutine_parks() {
    on_procs(1, || {
        let (event, (tx, rx)) = (Arc::new(Event::default()), channel(0));
        let waited = Arc::clone(&event);
        let waiting = go!(move || {
            tx.send("is here").unwrap();
            block_on(waited.wait());
            tx.send("goes on").unwrap();
        });
        assert_eq!(rx.recv(), Ok("is here"));
        yield_now();
        event.happen();
        assert_eq!(rx.recv(), Ok("goes on"));
        waiting.join().unwrap();
    });
}

#[test]
fn a_thread_may_wake_a_goroutine_and_a_goroutine_a_thread() {
    on_one_and_more_procs(|| {
        for _ in 0..200 {
            let events = Arc::new([Event::default(), Event::default()]);
            let thread = thread::spawn({
                let events = Arc::clone(&events);
                move || {
                    events[0].happen();
                    block_on(events[1].wait());
                }
            });
            block_on(events[0].wait());
            events[1].happen();
            gocsp::blocking(|| thread.join().unwrap());
        }
    });
}

#[test]
fn a_future_that_asks_for_another_poll_lets_others_run() {
    on_procs(1, || {
        let event = Arc::new(Event::default());
        let other = Arc::clone(&event);
        go!(move || other.happen());
        block_on(poll_fn(|context| {
            context.waker().wake_by_ref();
            if event.0.lock().unwrap().0 { Poll::Ready(()) } else { Poll::Pending }
        }));
    });
}

#[test]
fn a_waker_may_be_used_by_anybody_at_any_time_and_reaches_nobody_else() {
    on_one_and_more_procs(|| {
        let (kept, mut polls) = (Mutex::new(Vec::<Waker>::new()), 0);
        for round in 0..50 {
            block_on(poll_fn(|context| {
                polls += 1;
                let mut kept = kept.lock().unwrap();
                // Those of earlier rounds do nothing; this one's is called before the poll is over.
                kept.iter().for_each(Waker::wake_by_ref);
                kept.push(context.waker().clone());
                if polls % 2 == 1 {
                    kept.last().unwrap().wake_by_ref();
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(())
            }));
            assert_eq!(polls, 2 * (round + 1));
        }
    });
}

#[test]
fn one_may_stand_within_another() {
    on_one_and_more_procs(|| {
        let inner = async { block_on(async { ready(20).await + 1 }) };
        assert_eq!(block_on(async { 2 * inner.await }), 42);
    });
}

#[test]
fn a_panic_of_the_future_passes_through() {
    let drops = Drops::default();
    let caught = |drops: &Drops| {
        let value = drops.value();
        let future = async move {
            let _value = value;
            panic!("in the future");
        };
        let payload = catch_unwind(AssertUnwindSafe(|| block_on(future))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"in the future"));
    };
    caught(&drops);
    on_procs(1, || caught(&drops));
    drops.assert_all(2);
}

#[test]
fn the_end_of_the_runtime_drops_the_future_once() {
    let drops = Drops::default();
    on_procs(2, || {
        let (started, all_started) = channel(10);
        for _ in 0..10 {
            let (value, started) = (drops.value(), started.clone());
            go!(move || {
                block_on(async move {
                    let _value = value;
                    started.send(()).unwrap();
                    pending::<()>().await;
                });
            });
        }
        all_started.iter().take(10).for_each(drop);
        assert_eq!((drops.made(), drops.dropped()), (10, 0));
    });
    drops.assert_all(10);
}

/// Waits for a future in its destructor.
struct Late(Arc<Event>);

impl Drop for Late {
    fn drop(&mut self) {
        let event = Arc::clone(&self.0);
        let other = thread::spawn(move || event.happen());
        block_on(self.0.wait());
        other.join().unwrap();
    }
}

#[test]
fn a_destructor_waits_for_its_future_though_the_runtime_ends() {
    on_one_and_more_procs(|| {
        let (tx, rx) = channel::<()>(0);
        go!(move || {
            let _late = Late(Arc::default());
            tx.send(()).unwrap();
            block_on(pending::<()>());
        });
        rx.recv().unwrap();
    });
}

#[test]
fn a_report_tells_who_waits_for_a_future_and_where() {
    let runtime = Runtime::builder().procs(1).build().unwrap();
    runtime.run(|| {
        let event = Arc::new(Event::default());
        let waited = Arc::clone(&event);
        let waiting = Go::new().name("waits").spawn(move || block_on(waited.wait())).unwrap();
        let line = line!() - 1;
        yield_now();
        let dump = dump();
        let found = dump.goroutines.iter().find(|other| other.name.as_deref() == Some("waits")).unwrap();
        let wait = found.wait().expect("it waits");
        assert_eq!((wait.state(), wait.place.file(), wait.place.line()), ("block_on", file!(), line));
        event.happen();
        waiting.join().unwrap();
    });
}
