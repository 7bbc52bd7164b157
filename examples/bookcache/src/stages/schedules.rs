//! The stages under chosen schedules: what is true of each of them, whoever goes on first; and what was not, of the last one.
//!
//! They run as they are, on a real database. Its calls block, and are made on the spot, for they do the same each time. By the
//! clock of a schedule only the database's pretended slowness takes time. So the sleep at the end of `goroutines`, which is a
//! guess, is never too short here.

use std::ffi::OsString;
use std::sync::Arc;

use gocsp::testing::{self, Config, Explored, Failure, FailureKind, Strategy};

use super::Stage;
use crate::clients::Clients;
use crate::library::Library;
use crate::options::{self, Command};

const STAGES: [&str; 6] = ["sequential", "goroutines", "waitgroup", "mutex", "rwmutex", "select"];

/// One client asks twice for the same book.
const TWICE: &str = "--queries 2 --ids 1";
/// Two clients ask for the same book, and the database has it at once.
const BOTH: &str = "--clients 2 --queries 2 --ids 1 --latency 0";
/// Two clients ask for the books 1, 2 and 1.
const ONE_AGAIN: &str = "--clients 2 --queries 3 --ids 2 --seed 4";
/// Three clients ask for the books 2, 1, 2, 1, 1 and 2.
const MANY: &str = "--clients 3 --queries 6 --ids 2 --seed 0";
/// Two clients ask for books that there are not.
const UNKNOWN: &str = "--clients 2 --queries 4 --ids 1000000";

/// What has come of the queries.
struct Outcome {
    misses: u64,
    unanswered: u64,
    /// Of the database.
    reads: u64,
    /// That were asked for.
    books: u64,
}

type Rule = fn(&Outcome);

fn everybody_is_answered(it: &Outcome) {
    assert_eq!(it.unanswered, 0, "queries are left unanswered");
}

/// Who asks for a book that the database has found finds it in the cache.
fn what_is_known_comes_from_the_cache(it: &Outcome) {
    assert!(it.misses <= it.books, "{} misses, and no more than {} books", it.misses, it.books);
}

fn no_book_is_read_twice(it: &Outcome) {
    assert!(it.reads <= it.books, "{} reads, and no more than {} books", it.reads, it.books);
}

/// The demo with these arguments, under chosen schedules that have to keep the rule.
struct Check {
    words: Vec<OsString>,
    run: fn(Stage, &Arc<Library>, &Clients),
    rule: Rule,
}

impl Check {
    fn new(arguments: &str, rule: Rule) -> Self {
        let words = format!("bookcache --seed 0 --quiet {arguments}");
        Self { words: words.split_whitespace().map(OsString::from).collect(), run: Stage::run, rule }
    }

    fn explore(&self, config: Config) -> Result<Explored, Box<Failure>> {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let Self { words, run, rule } = self;
        let (words, run, rule) = (words.clone(), *run, *rule);
        let body = move || {
            let Ok(Command::Run(mut options)) = options::parse(words.clone()) else { panic!("{words:?}") };
            options.db = folder.path().join("books.db");
            let library = Library::open(&options).unwrap_or_else(|error| panic!("{error}"));
            run(options.stage, &library, &Clients::new(&options));
            // When the first answer has won, who looks for the other one may still be under way.
            testing::wait();
            let (summary, reads) = (library.report.close(), library.database.reads());
            let (misses, unanswered) = (summary.misses, summary.unanswered);
            rule(&Outcome { misses, unanswered, reads, books: options.ids.into() });
        };
        config.blocking_inline(true).explore(body)
    }

    /// The rule is kept by so many schedules, half of them by chance and half by priorities. Nobody waits for ever, and nobody is
    /// left behind.
    #[track_caller]
    fn holds(&self, schedules: u32) {
        for strategy in [Strategy::Random, Strategy::Pct { depth: 3 }] {
            let config = Config::default().schedules(schedules / 2).strategy(strategy);
            self.explore(config).unwrap_or_else(|failure| panic!("{:?}: {failure}", self.words));
        }
    }

    /// The rule is broken, in a schedule that can be run again, ten times out of ten; at once, or not if nobody interferes.
    #[track_caller]
    fn fails(&self, at_once: bool) {
        let failure = self.explore(Config::default()).expect_err("every schedule keeps the rule");
        println!("{:?}: {failure}\n", self.words);
        assert_eq!(failure.kind(), FailureKind::Panic, "{failure}");
        assert_eq!(failure.to_string().starts_with("schedule 1 failed"), at_once, "{failure}");
        for _ in 0..10 {
            let again = self.explore(Config::default().replay(failure.token().clone())).expect_err("it fails again");
            assert_eq!(story(&again), story(&failure));
        }
    }
}

/// What is told of a failure, but for the number of its schedule, and those of channels, which go by their addresses.
fn story(failure: &Failure) -> String {
    let text = failure.to_string();
    let (_, told) = text.split_once('\n').expect("it has more than one line");
    told.split("channel ").map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect()
}

#[test]
fn every_stage_answers_every_query_and_leaves_nobody_behind() {
    for stage in STAGES {
        for call in [BOTH, MANY, UNKNOWN] {
            for sharing in ["", "--singleflight"] {
                Check::new(&format!("--stage {stage} {call} {sharing}"), everybody_is_answered).holds(100);
            }
        }
    }
}

/// The cache stays empty, as the two stages say of themselves.
#[test]
fn without_a_cache_what_is_known_is_read_again_in_every_schedule() {
    for stage in ["goroutines", "waitgroup"] {
        for rule in [what_is_known_comes_from_the_cache as Rule, no_book_is_read_twice] {
            Check::new(&format!("--stage {stage} {TWICE}"), rule).fails(true);
        }
    }
}

#[test]
fn what_one_client_has_been_given_comes_from_the_cache_when_it_asks_again() {
    for stage in ["sequential", "mutex", "rwmutex", "select", "select --singleflight"] {
        Check::new(&format!("--stage {stage} {TWICE}"), what_is_known_comes_from_the_cache).holds(1_000);
    }
}

/// All but the first stage ask the database whatever the cache knows. In the first, each client has a cache of its own.
#[test]
fn two_clients_that_ask_for_the_same_book_may_both_have_it_read() {
    for stage in STAGES {
        let check = Check::new(&format!("--stage {stage} {BOTH}"), no_book_is_read_twice);
        check.fails(stage != "sequential");
    }
}

/// The race that no compiler finds: time passes between the look into the cache and the change.
#[test]
fn two_clients_may_both_find_the_cache_without_the_book() {
    for stage in ["mutex", "rwmutex", "select"] {
        Check::new(&format!("--stage {stage} {BOTH}"), what_is_known_comes_from_the_cache).fails(false);
    }
}

#[test]
fn in_the_last_stage_a_client_alone_reads_no_book_twice() {
    Check::new(&format!("--stage select {TWICE}"), no_book_is_read_twice).holds(1_000);
}

#[test]
fn in_the_last_stage_clients_that_share_read_no_book_twice() {
    let rule: Rule = |it| {
        everybody_is_answered(it);
        no_book_is_read_twice(it);
    };
    for call in [ONE_AGAIN, MANY] {
        for latency in ["100ms", "0"] {
            let arguments = format!("--stage select --singleflight {call} --latency {latency}");
            Check::new(&arguments, rule).holds(2_500);
        }
    }
}

#[test]
fn it_was_read_again_by_who_came_when_the_others_had_parted_and_the_cache_was_not_filled() {
    for call in [ONE_AGAIN, MANY] {
        let check = Check::new(&format!("--singleflight {call}"), no_book_is_read_twice);
        Check { run: before::run, ..check }.fails(false);
    }
}

/// The last stage as it was: a book was put into the cache after those who had looked for it together had parted.
mod before {
    use std::sync::Arc;

    use gocsp::{Receiver, Sender, channel, go, select};

    use crate::book::Book;
    use crate::cache::Cache;
    use crate::clients::Clients;
    use crate::library::{Library, Query};
    use crate::stages::Stage;

    pub(super) fn run(_: Stage, library: &Arc<Library>, clients: &Clients) {
        let cache = Cache::default();
        clients.run(|ids| {
            for id in ids {
                answer(&library.ask(id), &cache);
            }
        });
    }

    fn answer(query: &Query, cache: &Cache) {
        let (cache_answer, mut from_cache) = channel(1);
        let (database_answer, from_database) = channel(1);
        let (_until_here, stop) = channel(0);
        go!(ask_cache(query.clone(), cache.clone(), cache_answer));
        go!(ask_database(query.clone(), cache.clone(), database_answer, stop));
        loop {
            select! {
                recv(from_cache) -> book => match book {
                    Ok(book) => return query.found_in_cache(&book),
                    Err(_) => from_cache = Receiver::nil(),
                },
                recv(from_database) -> book => match book {
                    Ok(book) => return query.found_in_database(&book),
                    Err(_) => return query.not_found(),
                },
            }
        }
    }

    fn ask_cache(query: Query, cache: Cache, answer: Sender<Book>) {
        if let Some(book) = cache.get(query.id) {
            let _ = answer.send(book);
        }
    }

    fn ask_database(query: Query, cache: Cache, answer: Sender<Book>, stop: Receiver<()>) {
        if let Some(book) = query.database().find_until(query.id, None, &stop) {
            cache.put(&book);
            let _ = answer.send(book);
        }
    }
}
