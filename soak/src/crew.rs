//! A crew: the parties of a scenario that work at the same time. Chance decides who of them is a goroutine and who an ordinary
//! thread, and who comes first.

use std::thread;

use gocsp::{blocking, scope};

use crate::random::Random;
use crate::trial::Trial;

#[derive(Default)]
pub(crate) struct Crew<'a> {
    members: Vec<Member<'a>>,
    /// Those who may be no threads.
    goroutines: Vec<Member<'a>>,
}

type Member<'a> = Box<dyn FnOnce() + Send + 'a>;

impl<'a> Crew<'a> {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn add(&mut self, member: impl FnOnce() + Send + 'a) {
        self.members.push(Box::new(member));
    }

    /// Adds one that is a goroutine of the trial's own runtime, whatever chance decides for the others.
    pub(crate) fn add_goroutine(&mut self, member: impl FnOnce() + Send + 'a) {
        self.goroutines.push(Box::new(member));
    }

    /// Has all of them work, and waits until they are done.
    pub(crate) fn work(mut self, trial: &Trial, random: &mut Random) {
        const MOST_THREADS: usize = 3;
        random.shuffle(&mut self.members);
        let threads = if random.one_in(3) { random.below(MOST_THREADS + 1).min(self.members.len()) } else { 0 };
        let mut goroutines = self.members.split_off(threads);
        goroutines.append(&mut self.goroutines);
        random.shuffle(&mut goroutines);
        trial.goroutines_start(goroutines.len());
        scope(|s| {
            for member in goroutines {
                s.go(member);
            }
            if !self.members.is_empty() {
                blocking(|| {
                    thread::scope(|threads| {
                        for member in self.members {
                            threads.spawn(member);
                        }
                    });
                });
            }
        });
    }
}
