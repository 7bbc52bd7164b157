//! The watch under loom's schedules: `RUSTFLAGS="--cfg loom" cargo test -p gocsp-runtime --release --lib loom`.
//!
//! The model of a worker does what `idle.rs` does, step by step, and nothing else; its inbox and the watch are the real
//! ones, the queue that can be stolen from is a number under a lock. Whoever has found something to run is busy for ever, so
//! that a goroutine which was overlooked is taken by nobody, and loom reports the deadlock.

use std::array;
use std::collections::BTreeSet;
use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, AtomicUsize};
use loom::thread::{self, JoinHandle};

use super::super::inbox::loom_tests::Post;
use super::*;
use crate::models::outcomes;
use crate::sync::Mutex;

/// What a worker leaves out, to show that the models notice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It looks at the queues before its inbox knows that it sleeps: the bell is rung too early to be heard.
    LooksTooEarly,
    /// It does not look at the queues between saying that it sleeps and sleeping.
    DoesNotLook,
    /// It sleeps although it was chosen to be roused, before its inbox knew that it sleeps.
    SleepsThoughChosen,
    /// It has found something, and does not look whether there is more, for another to watch over.
    KeepsTheDuty,
    /// It looks at the queues without their locks.
    TakesHints,
}

/// What a worker finds to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    /// A message of its own.
    Message,
    /// An unstarted goroutine.
    Goroutine,
    /// That nothing is left to do.
    Nothing,
}

/// A runtime: `N` workers, and the queue of one more, who is busy.
struct Model<const N: usize> {
    watch: Watch,
    posts: [Post; N],
    queue: Mutex<usize>,
    /// The length of the queue, as a hint.
    queued: AtomicUsize,
    /// How many goroutines are to be taken before the runtime ends.
    left: AtomicUsize,
    done: AtomicBool,
    fault: Fault,
}

impl<const N: usize> Model<N> {
    fn start(goroutines: usize, fault: Fault) -> (Arc<Self>, [JoinHandle<Found>; N]) {
        let model = Arc::new(Self {
            watch: Watch::new(),
            posts: array::from_fn(|_| Post::new()),
            queue: Mutex::new(0),
            queued: AtomicUsize::new(0),
            left: AtomicUsize::new(goroutines),
            done: AtomicBool::new(false),
            fault,
        });
        let workers = array::from_fn(|id| {
            let model = Arc::clone(&model);
            thread::spawn(move || model.idle(id))
        });
        (model, workers)
    }

    /// Step 1.
    fn spawn_goroutine(&self) {
        let mut queue = self.queue.lock().unwrap();
        *queue += 1;
        self.queued.store(*queue, Ordering::Relaxed);
        drop(queue);
        self.announce_work();
    }

    fn announce_work(&self) {
        if let Some(sleeper) = self.watch.sleeper_to_rouse() {
            self.posts[sleeper].rouse();
        }
    }

    fn has_work_to_steal(&self) -> bool {
        if self.fault == Fault::TakesHints {
            return self.queued.load(Ordering::Relaxed) != 0;
        }
        *self.queue.lock().unwrap() != 0
    }

    fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    fn idle(&self, id: WorkerId) -> Found {
        let found = loop {
            if self.has_message(id) {
                break Found::Message;
            }
            if self.is_done() {
                return Found::Nothing;
            }
            if self.watch.begin(id)
                && let Some(found) = self.keep_watch(id)
            {
                break found;
            }
            if self.has_message(id) {
                break Found::Message;
            }
            self.sleep(id);
        };
        if self.fault != Fault::KeepsTheDuty && self.has_work_to_steal() {
            self.announce_work();
        }
        found
    }

    fn has_message(&self, id: WorkerId) -> bool {
        !self.posts[id].drain().is_empty()
    }

    /// Looks once. In the model nobody else is awake, so that the watcher then goes to sleep, or begins again.
    fn keep_watch(&self, id: WorkerId) -> Option<Found> {
        loop {
            let found = if self.take_goroutine() {
                Some(Found::Goroutine)
            } else {
                self.has_message(id).then_some(Found::Message)
            };
            self.watch.end();
            if found.is_some() {
                return found;
            }
            if !self.has_work_to_steal() || !self.watch.begin(id) {
                return None;
            }
        }
    }

    fn take_goroutine(&self) -> bool {
        let mut queue = self.queue.lock().unwrap();
        let Some(left) = queue.checked_sub(1) else { return false };
        *queue = left;
        self.queued.store(left, Ordering::Relaxed);
        drop(queue);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.store(true, Ordering::Release);
            self.posts.iter().for_each(Post::rouse);
        }
        true
    }

    /// Step 2.
    fn sleep(&self, id: WorkerId) {
        let post = &self.posts[id];
        self.watch.fall_asleep(id);
        let seen_early = self.fault == Fault::LooksTooEarly && self.is_overlooked();
        if !seen_early && post.fall_asleep() {
            let looks = !matches!(self.fault, Fault::LooksTooEarly | Fault::DoesNotLook);
            let asks = !matches!(self.fault, Fault::LooksTooEarly | Fault::SleepsThoughChosen);
            let was_chosen = asks && !self.watch.is_sleeper(id);
            let may_sleep = !self.is_done() && !was_chosen && (!looks || !self.is_overlooked());
            if may_sleep {
                post.wait_for_bell();
            }
        }
        self.watch.wake_up(id);
    }

    fn is_overlooked(&self) -> bool {
        self.has_work_to_steal() && !self.watch.is_kept()
    }
}

/// One goroutine is spawned while one worker falls asleep.
fn one_sleeper(fault: Fault) {
    let seen = outcomes(3, move || {
        let (model, [worker]) = Model::start(1, fault);
        model.spawn_goroutine();
        worker.join().unwrap()
    });
    assert_eq!(seen, BTreeSet::from([Found::Goroutine]));
}

/// Two goroutines are spawned while two workers fall asleep, each of whom can take one only. Who is chosen just before it
/// announces its sleep is found with three preemptions.
fn two_sleepers(fault: Fault) {
    outcomes(3, move || {
        let (model, workers) = Model::<2>::start(2, fault);
        model.spawn_goroutine();
        model.spawn_goroutine();
        let found = workers.map(|worker| worker.join().unwrap());
        assert_eq!(found, [Found::Goroutine; 2]);
    });
}

/// A goroutine is spawned, and one of two sleepers, whom that may rouse, gets a message.
fn a_sleeper_with_a_message(fault: Fault) -> BTreeSet<[Found; 2]> {
    outcomes(2, move || {
        let (model, workers) = Model::start(1, fault);
        let sender = thread::spawn({
            let model = Arc::clone(&model);
            move || model.posts[0].send(1)
        });
        model.spawn_goroutine();
        sender.join().unwrap();
        let found = workers.map(|worker: JoinHandle<Found>| worker.join().unwrap());
        // A message that came after the end is of no account.
        model.posts[0].drain();
        found
    })
}

#[test]
fn a_goroutine_is_taken_by_the_only_sleeper() {
    one_sleeper(Fault::None);
}

#[test]
fn two_goroutines_are_taken_by_two_sleepers() {
    two_sleepers(Fault::None);
}

#[test]
fn a_goroutine_is_taken_although_the_one_who_is_roused_has_a_message() {
    let seen = a_sleeper_with_a_message(Fault::None);
    let (message, goroutine, nothing) = (Found::Message, Found::Goroutine, Found::Nothing);
    assert_eq!(seen, BTreeSet::from([[message, goroutine], [goroutine, nothing], [nothing, goroutine]]),);
}

#[test]
#[should_panic(expected = "deadlock")]
fn to_look_before_the_inbox_knows_of_the_sleep_is_too_early() {
    one_sleeper(Fault::LooksTooEarly);
}

#[test]
#[should_panic(expected = "deadlock")]
fn not_to_look_before_sleeping_overlooks_a_goroutine() {
    one_sleeper(Fault::DoesNotLook);
}

#[test]
#[should_panic(expected = "deadlock")]
fn to_look_without_the_lock_overlooks_a_goroutine() {
    one_sleeper(Fault::TakesHints);
}

#[test]
#[should_panic(expected = "deadlock")]
fn to_sleep_though_chosen_to_be_roused_overlooks_the_next_goroutine() {
    two_sleepers(Fault::SleepsThoughChosen);
}

#[test]
#[should_panic(expected = "deadlock")]
fn to_take_one_goroutine_and_not_look_for_more_overlooks_the_other() {
    two_sleepers(Fault::KeepsTheDuty);
}

#[test]
#[should_panic(expected = "deadlock")]
fn to_have_a_message_and_not_look_for_more_overlooks_a_goroutine() {
    a_sleeper_with_a_message(Fault::KeepsTheDuty);
}
