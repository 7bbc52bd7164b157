//! Many wait for one event, in many ways: a close wakes all of them, wherever they have got to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gocsp::context::Context;
use gocsp::{Receiver, Select, channel, select, sleep};

use crate::crew::Crew;
use crate::random::Random;
use crate::trial::Trial;

const HOUR: Duration = Duration::from_secs(3600);

pub(super) fn run(trial: &Trial, random: &mut Random) {
    for _ in 0..random.amount(30) {
        let waiting = random.amount(300);
        let (event, happens) = channel::<()>(random.below(2));
        let (context, cancel) = Context::background().with_cancel();
        let woken = AtomicUsize::new(0);
        let mut crew = Crew::new();
        for _ in 0..waiting {
            let (happens, context, woken, way) = (happens.clone(), context.clone(), &woken, random.below(7));
            crew.add(move || {
                trial.check(await_end(way, &happens, &context), "a channel is closed, and gave a value");
                woken.fetch_add(1, Ordering::Relaxed);
                trial.step();
            });
        }
        let moment = if random.one_in(2) { Duration::ZERO } else { random.micros(300) };
        let closes = random.one_in(2);
        crew.add(move || {
            sleep(moment);
            // Both ends: some wait for the one, some for the other.
            if closes {
                event.close().expect("nobody has closed it")
            } else {
                drop(event)
            }
            cancel.cancel();
        });
        crew.work(trial, random);
        trial.check(woken.into_inner() == waiting, "somebody was not woken");
    }
}

/// Whether it ended as it is to end.
fn await_end(way: usize, happens: &Receiver<()>, context: &Context) -> bool {
    match way {
        0 => happens.recv().is_err(),
        1 => happens.iter().next().is_none(),
        2 => happens.recv_timeout(HOUR).is_err_and(|error| error.is_disconnected()),
        3 => context.done().recv().is_err() && context.err().is_some(),
        4 => select! {
            recv(happens) -> event => event.is_err(),
            recv(context.done()) -> done => done.is_err(),
        },
        5 => select! {
            recv(happens) -> event => event.is_err(),
            recv(Receiver::<()>::nil()) => false,
            default(HOUR) => false,
        },
        _ => {
            let mut select = Select::new();
            select.recv(happens);
            select.recv(happens);
            select.select().recv(happens).is_err()
        }
    }
}
