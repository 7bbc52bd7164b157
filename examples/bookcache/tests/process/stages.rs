//! What the steps of the lesson have in common, and what each does of its own.

use std::collections::HashSet;

use crate::{Answer, Place};

pub(crate) const STAGES: [&str; 6] = ["sequential", "goroutines", "waitgroup", "mutex", "rwmutex", "select"];

#[test]
fn every_stage_counts_every_query() {
    let place = Place::new();
    for stage in STAGES {
        for clients in [1, 7] {
            let run = place.run(&format!("--stage {stage} --queries 50 --clients {clients} --ids 20 --latency 1ms"));
            assert_eq!(run.count("queries"), 50);
            let unanswered = run.count("unanswered");
            assert_eq!(run.count("hits") + run.count("misses") + unanswered, 50, "{stage}");
            // It alone does not know when everything is answered.
            assert!(unanswered == 0 || stage == "goroutines", "{stage}");
        }
    }
}

#[test]
fn a_seed_stands_for_the_same_queries() {
    let place = Place::new();
    let ids = |stage: &str, seed: u64| {
        place.run(&format!("--stage {stage} --seed {seed} --queries 12 --ids 1000000 --latency 0")).ids()
    };
    let one = ids("sequential", 1);
    assert_eq!(one.len(), 12);
    for stage in STAGES {
        let same = ids(stage, 1);
        // Some of its answers may be missing.
        assert!(same == one || stage == "goroutines" && same.iter().all(|id| one.contains(id)), "{stage}: {same:?}");
    }
    assert_ne!(ids("sequential", 2), one);
}

#[test]
fn unknown_books_are_misses() {
    let place = Place::new();
    for stage in STAGES {
        let run = place.run(&format!("--stage {stage} --seed 1 --queries 12 --ids 1000000 --latency 0"));
        assert!(run.answers.iter().all(|it| matches!(it, Answer::NotFound(11..))), "{stage}");
        assert_eq!((run.count("hits"), run.count("misses")), (0, 12 - run.count("unanswered")), "{stage}");
    }
}

#[test]
fn sequential_reads_every_book_once() {
    let run = Place::new().run("--stage sequential --queries 100 --latency 0");
    let books: HashSet<_> = run.ids().into_iter().collect();
    assert_eq!(run.count("misses"), books.len() as u64);
    assert_eq!(run.count("database reads"), books.len() as u64);
    assert_eq!(run.count("hits"), run.found_in_cache() as u64);
    assert_eq!(run.answers.len(), 100);
}

#[test]
fn waitgroup_has_an_empty_cache() {
    let run = Place::new().run("--stage waitgroup --queries 100 --latency 0");
    assert_eq!((run.count("hits"), run.count("database reads")), (0, 100));
    assert_eq!(run.answers.len(), 100);
}

#[test]
fn with_a_mutex_the_database_answers_what_the_cache_knows() {
    for stage in ["mutex", "rwmutex"] {
        let run = Place::new().run(&format!("--stage {stage} --queries 3 --ids 1 --latency 300ms"));
        let book = "{1 Don Quixote Miguel de Cervantes 1605}".to_owned();
        let (from_cache, from_database) = (Answer::FromCache(book.clone()), Answer::FromDatabase(book));
        let mut expected = vec![from_database.clone()];
        for _ in 0..2 {
            expected.extend([from_cache.clone(), from_database.clone()]);
        }
        assert_eq!(run.answers, expected);
        assert_eq!((run.count("hits"), run.count("misses"), run.count("database reads")), (2, 1, 3));
    }
}

#[test]
fn select_answers_once_and_stops_the_goroutine_that_is_slower() {
    let run = Place::new().run("--queries 6 --ids 1 --latency 300ms");
    let book = "{1 Don Quixote Miguel de Cervantes 1605}".to_owned();
    let mut expected = vec![Answer::FromDatabase(book.clone())];
    expected.resize(6, Answer::FromCache(book));
    assert_eq!(run.answers, expected);
    assert_eq!((run.count("hits"), run.count("misses"), run.count("database reads")), (5, 1, 1));
}

#[test]
fn a_thousand_clients_share_a_hundred_thousand_queries() {
    let run = Place::new().run("--queries 100000 --clients 1000 --latency 0ms --quiet");
    assert_eq!(run.count("hits") + run.count("misses"), 100_000);
    assert_eq!(run.count("unanswered"), 0);
}

#[test]
fn answers_of_many_clients_are_printed_whole_and_once() {
    let place = Place::new();
    let one = place.run("--seed 5 --queries 5000 --latency 0 --ids 12");
    let many = place.run("--seed 5 --queries 5000 --latency 0 --ids 12 --clients 100");
    assert_eq!(many.ids(), one.ids());
    assert_eq!(many.count("hits"), many.found_in_cache() as u64);
}
