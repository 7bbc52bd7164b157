//! The inbox under loom's schedules: `RUSTFLAGS="--cfg loom" cargo test -p gocsp-runtime --release --lib loom`.
//!
//! What a message carries is a loom cell, which notices when nothing orders its writer before its reader. An owner that
//! waits for a bell which nobody rings is a deadlock, which loom reports. Since loom may skip schedules without saying
//! so, each model gives what it saw, and that is compared with all that has to be possible.

use std::collections::BTreeSet;
use std::ptr;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::Notify;
use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use loom::thread;

use super::*;
use crate::models::outcomes;

pub(in crate::scheduler) struct Message {
    link: AtomicPtr<Message>,
    text: UnsafeCell<u32>,
}

// SAFETY: the link is used by the inbox only.
unsafe impl Linked for Message {
    fn link(&self) -> &AtomicPtr<Self> {
        &self.link
    }
}

impl Message {
    /// A message that says 0 until [`write`](Self::write) is called. Its receiver frees it.
    fn boxed() -> *mut Self {
        Box::into_raw(Box::new(Self { link: AtomicPtr::new(ptr::null_mut()), text: UnsafeCell::new(0) }))
    }

    /// # Safety
    /// The message has not been sent.
    unsafe fn write(message: *mut Self, text: u32) {
        // SAFETY: the message is not freed before it was sent.
        unsafe { &*message }.text.with_mut(|place| {
            // SAFETY: loom checks that nobody else refers to the text.
            unsafe { *place = text };
        });
    }

    /// # Safety
    /// The message was drained, and this is done once.
    unsafe fn read(message: *mut Self) -> u32 {
        // SAFETY: it was made by `boxed`.
        let message = unsafe { Box::from_raw(message) };
        // SAFETY: loom checks that nobody else refers to the text.
        message.text.with(|place| unsafe { *place })
    }
}

/// An inbox, and the bell of its owner.
pub(in crate::scheduler) struct Post {
    inbox: Inbox<Message>,
    bell: Notify,
    rings: AtomicUsize,
}

impl Post {
    pub(in crate::scheduler) fn new() -> Self {
        Self { inbox: Inbox::new(), bell: Notify::new(), rings: AtomicUsize::new(0) }
    }

    pub(in crate::scheduler) fn send(&self, text: u32) {
        let message = Message::boxed();
        // SAFETY: it was just made.
        unsafe { Message::write(message, text) };
        self.send_message(message);
    }

    fn send_message(&self, message: *mut Message) {
        // SAFETY: the message stays until it is drained, and is in no inbox.
        let ring = unsafe { self.inbox.send(message, || ()) };
        self.ring_if(ring.is_some());
    }

    pub(in crate::scheduler) fn rouse(&self) {
        let ring = self.inbox.rouse(|| ());
        self.ring_if(ring.is_some());
    }

    fn ring_if(&self, ring: bool) {
        if ring {
            self.rings.fetch_add(1, Relaxed);
            self.bell.notify();
        }
    }

    pub(in crate::scheduler) fn drain(&self) -> Vec<u32> {
        // SAFETY: each message was just drained.
        self.inbox.drain().map(|message| unsafe { Message::read(message) }).collect()
    }

    pub(in crate::scheduler) fn fall_asleep(&self) -> bool {
        self.inbox.fall_asleep()
    }

    pub(in crate::scheduler) fn wait_for_bell(&self) {
        self.bell.wait();
    }
}

/// The owner, until it has `count` messages: gives them, and how often it slept.
fn receive(post: &Post, count: usize) -> (Vec<u32>, usize) {
    let (mut received, mut sleeps) = (Vec::new(), 0);
    loop {
        received.extend(post.drain());
        if received.len() == count {
            return (received, sleeps);
        }
        if post.fall_asleep() {
            sleeps += 1;
            post.wait_for_bell();
        }
    }
}

/// Two senders, who send what they are given, and the owner, who sleeps whenever there is nothing.
fn two_senders(preemptions: usize, a: &'static [u32], b: &'static [u32]) -> BTreeSet<(Vec<u32>, usize)> {
    outcomes(preemptions, move || {
        let post = Arc::new(Post::new());
        let senders = [a, b].map(|texts| {
            let post = Arc::clone(&post);
            thread::spawn(move || texts.iter().for_each(|&text| post.send(text)))
        });
        let (received, sleeps) = receive(&post, a.len() + b.len());
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        // A bell that loom lets come early is one of loom's own, so the owner may have slept more often than that.
        assert!(post.rings.load(Relaxed) <= sleeps, "the bell was rung twice for one sleep");
        (received, sleeps.min(2))
    })
}

#[test]
fn nothing_is_lost_whoever_comes_first_and_however_often_the_owner_sleeps() {
    let seen = two_senders(3, &[1], &[2]);
    let orders = [vec![1, 2], vec![2, 1]];
    let every = orders.iter().flat_map(|order| (0..=2).map(move |sleeps| (order.clone(), sleeps)));
    assert_eq!(seen, every.collect());
}

#[test]
fn messages_of_one_sender_keep_their_order() {
    let seen: BTreeSet<_> = two_senders(2, &[1, 2], &[3]).into_iter().map(|(received, _)| received).collect();
    assert_eq!(seen, BTreeSet::from([vec![1, 2, 3], vec![1, 3, 2], vec![3, 1, 2]]));
}

/// Somebody else takes messages out, and sends back what the owner has to see to itself.
#[test]
fn nothing_is_lost_when_another_takes_messages_out() {
    let seen = outcomes(3, || {
        let post = Arc::new(Post::new());
        let sender = thread::spawn({
            let post = Arc::clone(&post);
            move || [1, 2].into_iter().for_each(|text| post.send(text))
        });
        let robber = thread::spawn({
            let post = Arc::clone(&post);
            move || {
                let robbed: Vec<_> = post.inbox.rob().collect();
                robbed.iter().for_each(|&message| post.send_message(message));
                robbed.len()
            }
        });
        let (received, _) = receive(&post, 2);
        sender.join().unwrap();
        (robber.join().unwrap(), received)
    });
    let orders = [vec![1, 2], vec![2, 1]];
    assert_eq!(
        seen,
        BTreeSet::from([
            (0, orders[0].clone()),
            (1, orders[0].clone()),
            (1, orders[1].clone()),
            (2, orders[0].clone())
        ])
    );
}

/// Work is put where the owner looks before it sleeps, and the owner roused, while a message is sent as well.
#[test]
fn an_owner_is_roused_once_and_finds_message_and_work() {
    let seen = outcomes(3, || {
        let (post, work) = (Arc::new(Post::new()), Arc::new(AtomicUsize::new(0)));
        let sender = thread::spawn({
            let post = Arc::clone(&post);
            move || post.send(1)
        });
        let rouser = thread::spawn({
            let (post, work) = (Arc::clone(&post), Arc::clone(&work));
            move || {
                work.store(1, Release);
                post.rouse();
            }
        });
        let (mut received, mut sleeps) = (0, 0);
        while received == 0 || work.load(Acquire) == 0 {
            if post.fall_asleep() {
                // What the owner looks at once it has said that it sleeps.
                if work.load(Acquire) == 0 || received == 0 {
                    sleeps += 1;
                    post.wait_for_bell();
                }
            }
            received += post.drain().len();
        }
        sender.join().unwrap();
        rouser.join().unwrap();
        assert!(post.rings.load(Relaxed) <= sleeps + 1);
        sleeps.min(2)
    });
    assert_eq!(seen, BTreeSet::from([0, 1, 2]));
}
