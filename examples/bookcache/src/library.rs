//! The library: where the clients ask, and where each answer goes.

use std::fmt::Arguments;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::book::Book;
use crate::database::{self, Database};
use crate::options::Options;
use crate::report::Report;

pub(crate) struct Library {
    pub(crate) database: Database,
    pub(crate) report: Report,
}

impl Library {
    /// Opens the library, and makes its database first if there is none.
    pub(crate) fn open(options: &Options) -> Result<Arc<Self>, database::Error> {
        let database = Database::open(&options.db, options.latency, options.singleflight)?;
        let report = Report::new(options.queries, options.quiet);
        Ok(Arc::new(Self { database, report }))
    }

    /// A client asks for the book with this number, now.
    pub(crate) fn ask(self: &Arc<Self>, id: u32) -> Query {
        Query { id, asked: Instant::now(), answered: Arc::default(), library: Arc::clone(self) }
    }
}

/// A client's question. Its clones are the same one, for the goroutines that look for an answer.
///
/// More than one of them may find it. Every answer is printed, but only the first one counts.
#[derive(Clone)]
pub(crate) struct Query {
    pub(crate) id: u32,
    asked: Instant,
    answered: Arc<AtomicBool>,
    library: Arc<Library>,
}

impl Query {
    pub(crate) fn database(&self) -> &Database {
        &self.library.database
    }

    pub(crate) fn found_in_cache(&self, book: &Book) {
        self.answer(true, format_args!("from cache\n{book}\n"));
    }

    pub(crate) fn found_in_database(&self, book: &Book) {
        self.answer(false, format_args!("from database\n{book}\n"));
    }

    pub(crate) fn not_found(&self) {
        self.answer(false, format_args!("Book not found id: {}\n", self.id));
    }

    fn answer(&self, hit: bool, text: Arguments<'_>) {
        let waited = self.asked.elapsed();
        // Relaxed: it only decides who is first. What is counted is under the report's lock.
        let first = !self.answered.swap(true, Ordering::Relaxed);
        self.library.report.answer(first.then_some((hit, waited)), text);
    }
}
