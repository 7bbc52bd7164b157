//! Makes a new database, whole or not at all.
//!
//! 1. A temporary file in the same folder is filled, and written to the disk.
//! 2. It is given its name in one step, which fails if there is something of that name already.
//!
//! Whoever looks, also after a crash, finds no database or a whole one. If two programs do it at the same time, both go
//! on with the one that was first to get to step 2. One that is killed before that leaves its temporary file behind,
//! which nobody ever opens.

use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::Reason;
use crate::book::BOOKS;

/// Makes a database at `path`, which is absolute, and fills it with the books.
pub(super) fn create(path: &Path) -> Result<(), Reason> {
    let Some(folder) = path.parent() else { return Err(Reason::NoFile) };
    let file = tempfile::Builder::new()
        .prefix(".bookcache-")
        .suffix(".tmp")
        // As any new file, and not for the owner's eyes only as temporary ones are.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    fill(file.path())?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(File::open(folder)?.sync_all()?),
        Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(failed) => Err(failed.error.into()),
    }
}

fn fill(path: &Path) -> rusqlite::Result<()> {
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // No second file: a half-filled database is thrown away, not rolled back.
    connection.pragma_update(None, "journal_mode", "off")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "CREATE TABLE books (
            id INTEGER PRIMARY KEY,
            title TEXT NOT NULL,
            author TEXT NOT NULL,
            published INTEGER NOT NULL
        )",
    )?;
    for book in BOOKS {
        transaction.execute("INSERT INTO books (title, author, published) VALUES (?1, ?2, ?3)", book)?;
    }
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)
}
