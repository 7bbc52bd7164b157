//! Runs the program, and looks at what it prints, how it ends, and what it leaves behind.

mod database;
mod options;
mod output;
mod singleflight;
mod stages;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder to run the program in, which is empty at first.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the program has its database if it is not told otherwise.
    fn database(&self) -> PathBuf {
        self.folder().join("books.db")
    }

    /// The names of the files, in order.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The program with these arguments, which are separated by spaces.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bookcache"));
        command.current_dir(self.folder()).args(arguments.split_whitespace());
        command
    }

    /// Runs the program to a good end.
    fn run(&self, arguments: &str) -> Run {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments}: {output:?}");
        assert_eq!(text(&output.stderr), "", "{arguments}");
        Run::read(text(&output.stdout))
    }
}

/// The program must have ended with this status, and one line that contains `message`.
#[track_caller]
fn assert_failed(output: &Output, status: i32, message: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("bookcache: ") && stderr.ends_with('\n') && stderr.contains(message), "{stderr}");
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What a good run has printed.
struct Run {
    answers: Vec<Answer>,
    /// The numbers of the summary's first line, by name.
    counts: HashMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    FromCache(String),
    FromDatabase(String),
    NotFound(u32),
}

impl Answer {
    /// The number that was asked for.
    fn id(&self) -> u32 {
        match self {
            Self::FromCache(book) | Self::FromDatabase(book) => {
                let (id, _) = book.strip_prefix('{').unwrap().split_once(' ').unwrap();
                id.parse().unwrap()
            }
            Self::NotFound(id) => *id,
        }
    }
}

impl Run {
    /// Accepts whole answers and a summary, and nothing else.
    fn read(text: &str) -> Self {
        let book = |line: Option<&str>| line.filter(|it| it.starts_with('{') && it.ends_with('}')).unwrap().to_owned();
        let mut answers = Vec::new();
        let mut lines = text.lines();
        let summary = loop {
            match lines.next().expect("a summary") {
                "from cache" => answers.push(Answer::FromCache(book(lines.next()))),
                "from database" => answers.push(Answer::FromDatabase(book(lines.next()))),
                line => match line.strip_prefix("Book not found id: ") {
                    Some(id) => answers.push(Answer::NotFound(id.parse().unwrap())),
                    None => break line,
                },
            }
        };
        let times = lines.next().expect("the summary's second line");
        assert!(times.starts_with("elapsed: ") && times.contains(", p50: ") && times.contains(", p99: "), "{times}");
        assert_eq!(lines.next(), None);
        let counts = summary.split(", ").map(|it| {
            let (name, count) = it.split_once(": ").unwrap();
            (name.to_owned(), count.parse().unwrap())
        });
        Self { answers, counts: counts.collect() }
    }

    fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// The numbers that were asked for, as far as they were answered, in order.
    fn ids(&self) -> Vec<u32> {
        let mut ids: Vec<_> = self.answers.iter().map(Answer::id).collect();
        ids.sort_unstable();
        ids
    }

    fn found_in_cache(&self) -> usize {
        self.answers.iter().filter(|it| matches!(it, Answer::FromCache(_))).count()
    }
}
