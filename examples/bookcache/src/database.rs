//! The database: an SQLite file, a few connections to it, and a pretended slowness.
//!
//! A file that is there is opened for reading only, and checked. If there is none it is [made](self::create) first.
//! Everything that can be wrong with it is told in one line, and changes nothing.
//!
//! SQLite blocks the thread that calls it, so queries run on the blocking pool, where they keep no goroutine waiting but
//! their own. A connection serves one of them at a time. The idle ones lie in a channel: to receive is to borrow one,
//! and waits until there is one; to send gives it back.
//!
//! Whoever looks for a book can be told to stop by closing a channel, as long as it waits for its turn.
//!
//! If it is wanted, those who look for the same book at the same time share what the first one finds. The first may be told
//! to stop, and the others not: then one of them looks in its place. Who comes when they have parted looks anew, though what they
//! found may be on its way to the cache. So it is there before they part, and whoever looks asks the cache again: then no book is
//! read twice. `stages/schedules.rs` shows what happened without that.

mod create;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fmt, fs, io};

use gocsp::sync::singleflight::Group;
use gocsp::{Chan, Receiver, blocking, select};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::book::Book;
use crate::cache::Cache;
use crate::output;

/// More would help little: one query takes microseconds.
const CONNECTIONS: usize = 4;

const FIND: &str = "SELECT id, title, author, published FROM books WHERE id = ?1";

pub(crate) struct Database {
    path: PathBuf,
    latency: Duration,
    idle: Chan<Connection>,
    reads: AtomicU64,
    /// Those who look for a book, if they share what they find.
    flights: Option<Group<u32, Result<Option<Book>, Stopped>>>,
}

/// Whoever looked for a book was told to stop.
#[derive(Clone, Copy)]
struct Stopped;

impl Database {
    /// Opens the database at `path`, or makes one there. To find a book is to take `latency` longer. Who looks for the same
    /// book at the same time looks together if they `share`.
    pub(crate) fn open(path: &Path, latency: Duration, share: bool) -> Result<Self, Error> {
        let idle = connect(path).map_err(|reason| Error { path: path.to_owned(), reason })?;
        let flights = share.then(Group::new);
        Ok(Self { path: path.to_owned(), latency, idle, reads: AtomicU64::new(0), flights })
    }

    /// Looks for a book.
    ///
    /// If that fails, the database has been damaged since it was opened, and the program ends.
    pub(crate) fn find(&self, id: u32) -> Option<Book> {
        // A nil channel is never closed.
        self.find_until(id, None, &Receiver::nil())
    }

    /// Looks for a book, for a cache if there is one; but gives up if `stop` is closed before it is its turn.
    pub(crate) fn find_until(&self, id: u32, cache: Option<&Cache>, stop: &Receiver<()>) -> Option<Book> {
        loop {
            let found = match &self.flights {
                Some(flights) => flights.do_call(id, || self.look(id, cache, stop)).value,
                None => self.look(id, cache, stop),
            };
            match found {
                Ok(book) => return book,
                Err(Stopped) if stop.is_closed() => return None,
                Err(Stopped) => {} // Somebody else was.
            }
        }
    }

    fn look(&self, id: u32, cache: Option<&Cache>, stop: &Receiver<()>) -> Result<Option<Book>, Stopped> {
        const OPEN: &str = "the pool is never closed";
        select! {
            recv(stop) => return Err(Stopped),
            default(self.latency) => {} // This is all that is slow about it.
        }
        // Who shares what is found may have come when the others had just parted.
        let known = cache.filter(|_| self.flights.is_some()).and_then(|cache| cache.get(id));
        if known.is_some() {
            return Ok(known);
        }
        let connection = select! {
            recv(stop) => return Err(Stopped),
            recv(self.idle) -> connection => connection.expect(OPEN),
        };
        self.reads.fetch_add(1, Ordering::Relaxed);
        let (found, connection) = blocking(move || (read(&connection, id), connection));
        self.idle.send(connection).expect(OPEN);
        let found = found
            .unwrap_or_else(|error| output::fail(1, Error { path: self.path.clone(), reason: Reason::Sqlite(error) }));
        if let (Some(cache), Some(book)) = (cache, &found) {
            cache.put(book);
        }
        Ok(found)
    }

    pub(crate) fn latency(&self) -> Duration {
        self.latency
    }

    /// How often a book was really looked for: not counting those who gave up.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

/// Connects to the database, and checks it.
fn connect(path: &Path) -> Result<Chan<Connection>, Reason> {
    // SQLite would take some relative names, such as ":memory:", for something else than a file.
    let path = std::path::absolute(path)?;
    match fs::metadata(&path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(Reason::NoFile),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create::create(&path)?,
        Err(error) => return Err(error.into()),
    }
    let idle = Chan::new(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)?;
        if idle.is_empty() {
            check(&connection)?;
        }
        idle.try_send(connection).expect("there is room for each");
    }
    Ok(idle)
}

/// Whether the file is a database, is whole, and has books.
fn check(connection: &Connection) -> Result<(), Reason> {
    connection.prepare(FIND)?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(Reason::Damaged) }
}

fn read(connection: &Connection, id: u32) -> rusqlite::Result<Option<Book>> {
    connection
        .prepare_cached(FIND)?
        .query_row([id], |row| {
            Ok(Book { id: row.get(0)?, title: row.get(1)?, author: row.get(2)?, published: row.get(3)? })
        })
        .optional()
}

/// What is wrong with a database.
#[derive(Debug)]
pub(crate) struct Error {
    path: PathBuf,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    NoFile,
    Damaged,
    Io(io::Error),
    Sqlite(rusqlite::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot use the database {:?}: ", self.path)?;
        match &self.reason {
            Reason::NoFile => f.write_str("it is not a file"),
            Reason::Damaged => f.write_str("it is damaged"),
            Reason::Io(error) => error.fmt(f),
            Reason::Sqlite(error) => error.fmt(f),
        }
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rusqlite::Error> for Reason {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
