//! A table in Markdown that is readable as it is.

use std::fmt::Write;

use crate::contenders::{Contender, GO, HOME, MIGRATE};
use crate::results::{Cell, Failure, Race, Row, SectionRows, has_migrate};

/// The table of a section, and what is to be said about its cells.
pub(crate) fn markdown(race: &Race, section: &SectionRows) -> String {
    let mut notes = Notes::default();
    let shown = shown(race, section);
    let mut lines = vec![head(race, &shown)];
    lines.extend(section.rows.iter().map(|row| line(race, row, &shown, &mut notes)));
    let mut text = align(&lines);
    let absent = (0..race.contenders.len()).filter(|index| !shown.contains(index));
    for index in absent {
        let _ = write!(text, "\n{} has no column here: {}\n", race.contenders[index].name, absence(section, index));
    }
    notes.write(&mut text);
    text
}

/// The contenders that have a column: all but those that have nothing to do with any row.
fn shown(race: &Race, section: &SectionRows) -> Vec<usize> {
    let abstains = |row: &Row, index: usize| matches!(row.cells[index], Cell::Failed(Failure::Abstained(_)));
    (0..race.contenders.len()).filter(|&index| !section.rows.iter().all(|row| abstains(row, index))).collect()
}

/// Why a contender has nothing to do with any row.
fn absence(section: &SectionRows, index: usize) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for row in &section.rows {
        if let Cell::Failed(failure) = &row.cells[index]
            && !reasons.contains(&failure.to_string())
        {
            reasons.push(failure.to_string());
        }
    }
    reasons.join("; ")
}

fn head(race: &Race, shown: &[usize]) -> Vec<String> {
    let mut head = vec!["workload".to_owned(), "unit".to_owned()];
    head.extend(shown.iter().map(|&index| race.contenders[index].name.to_owned()));
    head.extend([format!("{GO} ÷ {HOME}"), format!("best peer ÷ {HOME}")]);
    head.extend(has_migrate(&race.contenders).then(|| format!("{MIGRATE} ÷ {HOME}")));
    head
}

fn line(race: &Race, row: &Row, shown: &[usize], notes: &mut Notes) -> Vec<String> {
    let contenders: &[&'static Contender] = &race.contenders;
    let mut line = vec![row.title(), row.unit.symbol().to_owned()];
    line.extend(shown.iter().map(|&index| cell(&row.cells[index], notes)));
    line.push(times(row.ratio(contenders, GO, HOME)));
    line.push(match row.best_peer(contenders, HOME) {
        Some((name, ratio)) => format!("{} ({name})", times(Some(ratio))),
        None => times(None),
    });
    line.extend(has_migrate(contenders).then(|| times(row.ratio(contenders, MIGRATE, HOME))));
    line
}

fn cell(cell: &Cell, notes: &mut Notes) -> String {
    match cell {
        Cell::Measured { summary, notes: said } => {
            let marks: String = said.iter().map(|note| notes.mark(note)).collect();
            format!("{} ±{:.0}%{marks}", number(summary.median), summary.spread() * 100.0)
        }
        Cell::Failed(failure) => format!("{}{}", failure.in_a_word(), notes.mark(&failure.to_string())),
    }
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{}×", number(ratio)))
}

/// With three digits, or three places behind the point.
fn number(value: f64) -> String {
    match value.abs() {
        ..0.0995 => format!("{value:.3}"),
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// What is said below a table: each thing once.
#[derive(Default)]
struct Notes {
    said: Vec<String>,
}

impl Notes {
    /// The mark of a note.
    fn mark(&mut self, note: &str) -> String {
        let known = self.said.iter().position(|said| said == note);
        let index = known.unwrap_or_else(|| {
            self.said.push(note.to_owned());
            self.said.len() - 1
        });
        format!(" ({})", index + 1)
    }

    fn write(&self, text: &mut String) {
        if !self.said.is_empty() {
            text.push('\n');
        }
        for (index, note) in self.said.iter().enumerate() {
            // A hard line break, so that each note has its line.
            let _ = writeln!(text, "({}) {}  ", index + 1, escape(note));
        }
    }
}

/// Brackets in what others have said are not links, nor tags.
fn escape(note: &str) -> String {
    let escaped = |letter| matches!(letter, '[' | ']' | '<' | '>').then_some('\\').into_iter().chain([letter]);
    note.chars().flat_map(escaped).collect()
}

/// Cells below each other: the first column to the left, the others to the right.
fn align(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(text, "| {cell:<width$} |"),
                _ => write!(text, " {cell:>width$} |"),
            };
        }
        text.push('\n');
        if index == 0 {
            let rule = widths.iter().enumerate().map(|(column, width)| match column {
                0 => format!("|{}|", "-".repeat(width + 2)),
                _ => format!("{}:|", "-".repeat(width + 1)),
            });
            text.extend(rule);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{race, runs};
    use std::time::Duration;

    fn table(race: &Race) -> String {
        markdown(race, &race.sections()[0])
    }

    #[test]
    fn figures_stand_below_each_other_with_ratios() {
        let race = race(runs(&[Ok(20.0), Ok(22.0), Ok(24.0)]), runs(&[Ok(110.0)]), runs(&[Ok(1234.5)]));
        let expected = "\
| workload  | unit |    gocsp |      go |    tokio | go ÷ gocsp | best peer ÷ gocsp |
|-----------|-----:|---------:|--------:|---------:|-----------:|------------------:|
| ctxswitch |   ns | 22.0 ±9% | 110 ±0% | 1234 ±0% |      5.00× |        5.00× (go) |
";
        assert_eq!(table(&race), expected);
    }

    #[test]
    fn whoever_fails_is_shown_with_the_reason() {
        let died = || Err(Failure::Died("<signal>: 11".to_owned()));
        let race = race(runs(&[Ok(20.0)]), runs(&[Err(Failure::Missing("no Go".to_owned()))]), runs(&[died(), died()]));
        let table = table(&race);
        assert!(table.contains("| missing (1) | died (2) |"), "{table}");
        assert!(table.contains("\n(1) no Go  \n(2) \\<signal\\>: 11  \n"), "{table}");
        assert!(table.contains("|          – |                 – |"), "{table}");
    }

    #[test]
    fn a_reason_is_given_once() {
        let slow = || runs(&[Err(Failure::TimedOut(Duration::from_secs(9)))]);
        let table = table(&race(runs(&[Ok(20.0)]), slow(), slow()));
        assert!(table.contains("| timed out (1) | timed out (1) |"), "{table}");
        assert_eq!(table.matches("it was stopped after 9 s").count(), 1, "{table}");
    }

    #[test]
    fn whoever_abstains_from_all_is_named_below() {
        let abstained = runs(&[Err(Failure::Abstained("no channels".to_owned()))]);
        let table = table(&race(runs(&[Ok(20.0)]), runs(&[Ok(40.0)]), abstained));
        assert!(table.contains("| go ÷ gocsp |") && !table.contains("| tokio |"), "{table}");
        assert!(table.contains("tokio has no column here: no channels"), "{table}");
    }
}
