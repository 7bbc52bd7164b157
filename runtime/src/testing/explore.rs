//! One schedule after the other, until one fails.
//!
//! All of them are run by one goroutine of a directed runtime, the explorer, as long as they leave nothing behind. Of one that
//! fails goroutines may be left, and they are ended with their runtime.

use std::env;
use std::panic::Location;
use std::sync::Arc;

use super::choices::{Choices, Random};
use super::config::{Config, Explored};
use super::director::{Course, End, Plan};
use super::failure::{Failure, FailureKind};
use super::shrink;
use super::token::Token;
use super::watchdog::Watchdog;
use crate::clock;
use crate::diagnostics;
use crate::runtime::Runtime;
use crate::scheduler;

/// The variable that says which schedule is to be run again.
const REPLAY_VARIABLE: &str = "GOCSP_REPLAY";

/// What is tested, and where that was said.
pub(super) struct Body {
    function: Arc<dyn Fn() + Send + Sync>,
    place: &'static Location<'static>,
    watchdog: Watchdog,
}

/// A schedule that has failed, and what is to be told of those who are left.
pub(super) struct Failed {
    pub(super) number: u32,
    pub(super) seed: u64,
    pub(super) kind: FailureKind,
    pub(super) course: Course,
    pub(super) left: String,
}

pub(super) fn explore(
    config: &Config,
    function: impl Fn() + Send + Sync + 'static,
    place: &'static Location<'static>,
) -> Result<Explored, Box<Failure>> {
    if cfg!(panic = "abort") {
        panic!(
            "goroutines that a schedule leaves behind have to be unwound, which a program with panic = \"abort\" cannot"
        );
    }
    assert!(!scheduler::is_directed(), "a test under chosen schedules was begun within another");
    let body = Body { function: Arc::new(function), place, watchdog: Watchdog::start(place) };
    if let Some(token) = config.replay.clone().or_else(asked_for) {
        return replay(config, &body, token);
    }
    let begun = clock::now();
    let mut all = Explored { schedules: 0, steps: 0, hash: 0 };
    let (mut seeds, mut longest) = (Random::new(config.seed), 1);
    let plan = |done: u32, last: Option<&Course>| {
        longest = longest.max(last.map_or(0, |course| course.choices.made()));
        let in_time = config.time.is_none_or(|limit| clock::now().saturating_duration_since(begun) < limit);
        (done < config.schedules && (done == 0 || in_time)).then(|| {
            let seed = seeds.next();
            // The first is the one in which nobody interferes.
            let choices = match done {
                0 => Choices::listed(Vec::new()),
                _ => Choices::by(config.strategy, seed, longest),
            };
            config.plan(seed, choices, false, body.watchdog.pulse())
        })
    };
    match run_until_failure(&body, plan, &mut all) {
        None => Ok(all),
        Some(failed) => Err(shrink::told(config, &body, failed)),
    }
}

/// The schedule that the environment asks for.
fn asked_for() -> Option<Token> {
    let value = env::var_os(REPLAY_VARIABLE).filter(|value| !value.is_empty())?;
    match value.to_str().map(str::parse) {
        Some(Ok(token)) => Some(token),
        Some(Err(error)) => panic!("{REPLAY_VARIABLE}: {error}"),
        None => panic!("{REPLAY_VARIABLE} is not a schedule: {value:?}"),
    }
}

fn replay(config: &Config, body: &Body, token: Token) -> Result<Explored, Box<Failure>> {
    let mut all = Explored { schedules: 0, steps: 0, hash: 0 };
    match run_listed(config, body, token, true, &mut all) {
        None => Ok(all),
        Some(failed) => Err(Box::new(Failure::new(failed))),
    }
}

/// Runs the schedule that a token stands for.
pub(super) fn run_listed(
    config: &Config,
    body: &Body,
    token: Token,
    records: bool,
    all: &mut Explored,
) -> Option<Failed> {
    let Token { seed, deviations } = token;
    let mut plan = Some(config.plan(seed, Choices::listed(deviations), records, body.watchdog.pulse()));
    run_until_failure(body, |_, _| plan.take(), all)
}

/// Runs schedules as `plan` makes them, which is told how many there have been, and of the last one; until it makes none, or one
/// fails.
fn run_until_failure(
    body: &Body,
    mut plan: impl FnMut(u32, Option<&Course>) -> Option<Plan> + Send,
    all: &mut Explored,
) -> Option<Failed> {
    let runtime = Runtime::builder().directed().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("the runtime of a test cannot be started: {error}"));
    runtime.run(|| {
        let mut last = None;
        while let Some(plan) = plan(all.schedules, last.as_ref()) {
            let (seed, function) = (plan.seed, Arc::clone(&body.function));
            let course = scheduler::run_schedule(plan, move || function(), body.place);
            let number = all.schedules;
            all.schedules += 1;
            all.steps += course.steps;
            all.hash = all.hash.rotate_left(1) ^ course.trace.hash();
            if let Some(kind) = kind_of(&course) {
                // Of those who wait, and of those who do not come to an end.
                let left = match course.end {
                    End::Stuck | End::Endless => diagnostics::report_on(&course.members),
                    End::Done | End::Disturbed => String::new(),
                };
                scheduler::end_directed();
                return Some(Failed { number, seed, kind, course, left });
            }
            last = Some(course);
        }
        None
    })
}

/// How a schedule has failed, if it has.
fn kind_of(course: &Course) -> Option<FailureKind> {
    match course.end {
        End::Disturbed => Some(FailureKind::Disturbed),
        _ if !course.panics.is_empty() => Some(FailureKind::Panic),
        End::Endless => Some(FailureKind::Livelock),
        End::Stuck if course.body_ended => Some(FailureKind::Leak),
        End::Stuck => Some(FailureKind::Deadlock),
        End::Done => None,
    }
}
