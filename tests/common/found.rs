//! Bugs that have to be found under chosen schedules, and found again.

use gocsp::testing::{Config, Failure, FailureKind, Strategy, Token};

pub(crate) const STRATEGIES: [Strategy; 2] = [Strategy::Random, Strategy::Pct { depth: 3 }];

/// Finds a failure of this kind within ten thousand schedules, by either strategy; and finds it again, ten times out of
/// ten. What is told of each.
#[track_caller]
pub(crate) fn found(kind: FailureKind, body: impl Fn() + Send + Sync + Clone + 'static) -> Vec<String> {
    let mut told = Vec::new();
    // By no closure: a report tells where this was called.
    for strategy in STRATEGIES {
        let config = Config::default().schedules(10_000).strategy(strategy).max_steps(10_000);
        let failure = config.explore(body.clone()).expect_err("the bug was not found");
        assert_eq!(failure.kind(), kind, "{failure}");
        println!("{strategy:?}: {failure}\n");
        let token: Token = failure.token().to_string().parse().unwrap();
        for _ in 0..10 {
            let again = config.clone().replay(token.clone()).explore(body.clone());
            let again = again.expect_err("the bug was not found again");
            assert_eq!(again.token(), &token);
            assert_eq!(story(&again), story(&failure));
        }
        told.push(failure.to_string());
    }
    told
}

/// What is told of a failure, but for the number of its schedule.
fn story(failure: &Failure) -> String {
    failure.to_string().lines().skip(1).collect::<Vec<_>>().join("\n")
}
