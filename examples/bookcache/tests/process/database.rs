//! The database: made whole or not at all, and never changed afterwards.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use rusqlite::Connection;

use crate::{Answer, Place, assert_failed, text};

#[test]
fn it_is_made_once() {
    let place = Place::new();
    place.run("--latency 0");
    assert_eq!(place.files(), ["books.db"]);
    assert_whole(&place.database());
    let made = fs::read(place.database()).unwrap();
    place.run("--latency 0 --clients 4 --queries 100");
    assert_eq!(place.files(), ["books.db"]);
    assert_eq!(fs::read(place.database()).unwrap(), made);
}

#[test]
fn it_is_made_where_it_is_wanted() {
    let place = Place::new();
    fs::create_dir(place.folder().join("shelf")).unwrap();
    for name in ["shelf/mine.db", ":memory:", "file:x?mode=memory"] {
        place.run(&format!("--latency 0 --db {name}"));
        assert_whole(&place.folder().join(name));
    }
    assert!(!place.database().exists());
}

#[test]
fn its_books_are_the_ones_that_are_found() {
    let place = Place::new();
    place.run("--queries 0");
    let connection = Connection::open(place.database()).unwrap();
    connection.execute("UPDATE books SET title = 'Dom Casmurro', author = 'Machado de Assis'", []).unwrap();
    connection.execute("DELETE FROM books WHERE id > 1", []).unwrap();
    drop(connection);
    let book = "{1 Dom Casmurro Machado de Assis 1605}".to_owned();
    assert_eq!(place.run("--queries 1 --ids 1 --latency 0").answers, [Answer::FromDatabase(book)]);
    for answer in place.run("--queries 100 --latency 0").answers {
        assert!(answer.id() == 1 || matches!(answer, Answer::NotFound(2..=10)), "{answer:?}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_told_and_it_stays_as_it_is() {
    let place = Place::new();
    place.run("--queries 0");
    let whole = fs::read(place.database()).unwrap();
    fs::remove_file(place.database()).unwrap();
    let mut damaged = whole.clone();
    damaged[4096..].fill(0xA5);

    for (content, message) in [
        (&b"These are my notes, and no database."[..], "not a database"),
        (b"", "no such table: books"),
        (&whole[..4096], "malformed"),
        (&damaged, "damaged"),
        (&made_by("CREATE TABLE people (name)"), "no such table: books"),
        (&made_by("CREATE TABLE books (id, title)"), "no such column: author"),
        (&made_by("CREATE TABLE books (id, title, author, published); INSERT INTO books (id) VALUES (1)"), "title"),
    ] {
        fs::write(place.database(), content).unwrap();
        let output = place.command("--ids 1 --clients 8 --latency 0").output().unwrap();
        assert_failed(&output, 1, message);
        assert_eq!(text(&output.stdout), "", "{message}");
        assert!(fs::read(place.database()).unwrap() == content, "{message}");
        assert_eq!(place.files(), ["books.db"], "{message}");
    }
}

#[test]
fn what_is_no_file_is_no_database() {
    let place = Place::new();
    for (arguments, message) in [
        ("--db .", "not a file"),
        ("--db /dev/null", "not a file"),
        ("--db=", "empty path"),
        ("--db no/such/folder/books.db", "No such file or directory"),
    ] {
        assert_failed(&place.command(arguments).output().unwrap(), 1, message);
    }
    std::os::unix::fs::symlink("nowhere", place.database()).unwrap();
    assert_failed(&place.command("").output().unwrap(), 1, "unable to open");
    assert_eq!(place.files(), ["books.db"]);
}

#[test]
fn a_file_that_may_not_be_read_is_left_alone() {
    let place = Place::new();
    fs::write(place.database(), "secret").unwrap();
    fs::set_permissions(place.database(), Permissions::from_mode(0o000)).unwrap();
    if File::open(place.database()).is_ok() {
        return; // Nothing is forbidden to root.
    }
    assert_failed(&place.command("").output().unwrap(), 1, "unable to open");
    fs::set_permissions(place.database(), Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::read(place.database()).unwrap(), b"secret");
}

#[test]
fn killed_while_it_is_made_it_is_not_there_or_whole() {
    let place = Place::new();
    for round in 0..40 {
        let mut command = place.command("--latency 1h");
        let before = place.files().len();
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        while place.files().len() == before {
            assert!(child.try_wait().unwrap().is_none(), "it ends without a database");
        }
        // It has begun. From round to round it gets further.
        for _ in 0..round * 5 {
            if place.database().exists() {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if place.database().exists() {
            assert_whole(&place.database());
            fs::remove_file(place.database()).unwrap();
        }
    }
    // What the killed ones have left behind does no harm.
    place.run("--latency 0");
    assert_whole(&place.database());
}

#[test]
fn many_may_make_it_at_the_same_time() {
    let place = Place::new();
    thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| place.run("--latency 0"));
        }
    });
    assert_eq!(place.files(), ["books.db"]);
    assert_whole(&place.database());
}

/// The content of a database that `sql` has made.
fn made_by(sql: &str) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    Connection::open(file.path()).unwrap().execute_batch(sql).unwrap();
    fs::read(file.path()).unwrap()
}

fn assert_whole(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    let books: u32 = connection.query_row("SELECT count(*) FROM books", [], |row| row.get(0)).unwrap();
    assert_eq!((check.as_str(), books), ("ok", 10));
}
