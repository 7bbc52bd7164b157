//! Sleep, timers, tickers, and functions that run later: never early, never after they were stopped, and never twice.

use std::time::{Duration, Instant};

use gocsp::time::{Ticker, Timer, after, after_func, sleep, sleep_until, tick};
use gocsp::{RecvError, TryRecvError, channel};

use crate::crew::Crew;
use crate::random::Random;
use crate::trial::Trial;

/// The longest that anybody sleeps, in microseconds.
const LONGEST: usize = 3000;

pub(super) fn run(trial: &Trial, random: &mut Random) {
    let mut crew = Crew::new();
    for _ in 0..random.amount(60) {
        let (times, mut random) = (random.amount(60), random.fork());
        crew.add(move || {
            for _ in 0..times {
                trial.step();
                let way = random.pick(&[a_sleep, an_after, a_stopped_timer, a_reset_timer, a_ticker, a_function]);
                way(trial, &mut random);
            }
        });
    }
    crew.work(trial, random);
}

fn a_sleep(trial: &Trial, random: &mut Random) {
    let time = random.micros(LONGEST);
    let due = Instant::now() + time;
    if random.one_in(2) {
        sleep(time)
    } else {
        sleep_until(due)
    }
    trial.not_before(due, "a sleep");
}

fn an_after(trial: &Trial, random: &mut Random) {
    let time = random.micros(LONGEST);
    let earliest = Instant::now() + time;
    let told = after(time).recv().expect("it is never closed");
    trial.check(told >= earliest, "what `after` tells is before its time");
    trial.not_before(told, "an `after`");
}

fn a_stopped_timer(trial: &Trial, random: &mut Random) {
    let timer = Timer::new(random.micros(LONGEST / 4));
    let asked = random.one_in(2) && timer.receiver().is_empty();
    sleep(random.micros(LONGEST / 4));
    trial.check(timer.stop(), "a timer of which nobody has received says that it was spent");
    trial.check(!timer.stop(), "a timer was stopped twice");
    if asked {
        sleep(random.micros(LONGEST / 4));
    }
    trial.check(timer.receiver().try_recv() == Err(TryRecvError::Empty), "a timer has fired after it was stopped");
}

fn a_reset_timer(trial: &Trial, random: &mut Random) {
    let timer = Timer::new(random.micros(LONGEST));
    let mut earliest = Instant::now();
    for _ in 0..1 + random.below(4) {
        if random.one_in(2) {
            sleep(random.micros(200));
        }
        let time = random.micros(LONGEST);
        earliest = Instant::now() + time;
        trial.check(timer.reset(time), "a timer of which nobody has received says that it was spent");
    }
    let told = timer.receiver().recv().expect("it is never closed");
    trial.check(told >= earliest, "a timer tells a time to which it was set before");
    trial.not_before(told, "a timer");
    trial.check(!timer.stop(), "a timer that was received from can be stopped");
}

fn a_ticker(trial: &Trial, random: &mut Random) {
    let period = Duration::from_micros(20) + random.micros(500);
    let start = Instant::now();
    if random.one_in(3) {
        let told = tick(period).recv().expect("it is never closed");
        trial.check(told >= start + period, "the first tick is too early");
        return trial.not_before(told, "a tick");
    }
    let ticker = Ticker::new(period);
    let mut last = None;
    for _ in 0..random.amount(10) {
        let told = ticker.receiver().recv().expect("it is never closed");
        trial.not_before(told, "a tick");
        match last {
            None => trial.check(told >= start + period, "the first tick is too early"),
            Some(last) => {
                let in_phase = told > last && (told - last).as_nanos().is_multiple_of(period.as_nanos());
                trial.check(in_phase, format_args!("a tick came {:?} after the last one", told - last));
            }
        }
        last = Some(told);
        if random.one_in(4) {
            sleep(random.micros(1000));
        }
    }
    ticker.stop();
    trial.check(ticker.receiver().is_empty(), "a ticker ticks after it was stopped");
}

fn a_function(trial: &Trial, random: &mut Random) {
    let time = random.micros(LONGEST / 4);
    let (ran, has_run) = channel(1);
    let due = Instant::now() + time;
    let (kept, running) = (trial.counted(), trial.clone());
    let function = after_func(time, move || {
        let _kept = &kept;
        running.not_before(due, "a function that was to run later");
        running.check(ran.try_send(()).is_ok(), "a function has run twice");
    });
    sleep(random.micros(LONGEST / 4));
    let is_stopped = random.one_in(2) && function.stop();
    trial.goroutines_start(usize::from(!is_stopped));
    if !is_stopped {
        trial.check(has_run.recv().is_ok(), "a function that was not stopped was dropped");
    }
    // With the handle, and what runs, the sender goes.
    drop(function);
    trial.check(has_run.recv() == Err(RecvError), "a function has run after it was stopped");
}
