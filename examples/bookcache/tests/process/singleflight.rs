//! One read for all who ask for the same book at the same time.

use crate::stages::STAGES;
use crate::{Answer, Place};

#[test]
fn clients_that_ask_at_the_same_time_share_a_read() {
    let place = Place::new();
    let arguments = "--stage waitgroup --queries 20 --clients 20 --ids 1 --latency 700ms";
    let run = place.run(&format!("{arguments} --singleflight"));
    assert_eq!((run.count("misses"), run.count("database reads")), (20, 1));
    assert_eq!(run.answers.len(), 20);
    assert_eq!(place.run(arguments).count("database reads"), 20);
}

#[test]
fn different_books_are_read_for_each() {
    let place = Place::new();
    let run = place.run("--stage waitgroup --queries 200 --clients 50 --latency 100ms --singleflight");
    let mut books = run.ids();
    books.dedup();
    let reads = run.count("database reads");
    assert!(reads >= books.len() as u64 && reads < 200, "{reads}");
}

#[test]
fn who_is_told_to_stop_takes_no_answer_from_others() {
    // Some find the book in the cache, and stop looking, while others wait for what they find.
    for seed in 0..5 {
        let run = Place::new()
            .run(&format!("--seed {seed} --queries 20000 --clients 100 --ids 12 --latency 1ms --singleflight"));
        assert!(run.answers.iter().all(|it| (it.id() > 10) == matches!(it, Answer::NotFound(_))));
        assert_eq!(run.answers.len(), 20_000);
        assert_eq!(run.count("hits"), run.found_in_cache() as u64);
    }
}

#[test]
fn every_stage_can_do_it() {
    let place = Place::new();
    for stage in STAGES {
        let run =
            place.run(&format!("--stage {stage} --queries 300 --clients 30 --ids 20 --latency 1ms --singleflight"));
        assert_eq!(run.count("hits") + run.count("misses") + run.count("unanswered"), 300, "{stage}");
    }
}
