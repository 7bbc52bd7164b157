//! All measurements, for programs to read.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::machine::Machine;
use crate::results::{Cell, Race};

#[derive(Serialize)]
struct Document<'a> {
    machine: &'a Machine,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    workload: &'static str,
    /// Empty if the workload has only one.
    figure: String,
    unit: &'static str,
    contenders: BTreeMap<&'static str, Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Measured { median: f64, runs: Vec<f64>, notes: Vec<String> },
    Failed { how: &'static str, why: String },
}

/// Writes it to a file.
pub(crate) fn write(file: &Path, race: &Race) -> Result<(), Box<dyn Error>> {
    let text = serde_json::to_string_pretty(&document(race))?;
    fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()).into())
}

fn document(race: &Race) -> Document<'_> {
    let rows = race.sections().into_iter().flat_map(|section| section.rows).map(|row| {
        let (_, runs) = race.workloads().find(|(workload, _)| workload.name == row.workload.name).expect("it was run");
        let entries = race.contenders.iter().zip(&row.cells).zip(runs).map(|((contender, cell), runs)| {
            let entry = match cell {
                Cell::Failed(failure) => Entry::Failed { how: failure.in_a_word(), why: failure.to_string() },
                Cell::Measured { summary, notes } => {
                    Entry::Measured { median: summary.median, runs: runs.values(&row.figure), notes: notes.clone() }
                }
            };
            (contender.name, entry)
        });
        let contenders = entries.collect();
        Row { workload: row.workload.name, figure: row.figure.clone(), unit: row.unit.symbol(), contenders }
    });
    Document { machine: &race.machine, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Failure;
    use crate::results::tests::{race, runs};

    #[test]
    fn all_runs_are_there() {
        let died = Failure::Died("of boredom".to_owned());
        let race = race(runs(&[Ok(3.0), Ok(1.0), Ok(2.0)]), runs(&[Ok(9.0)]), runs(&[Err(died)]));
        let value = serde_json::to_value(document(&race)).unwrap();
        let contenders = &value["rows"][0]["contenders"];
        assert_eq!(contenders["gocsp"]["measured"]["runs"], serde_json::json!([3.0, 1.0, 2.0]));
        assert_eq!(contenders["gocsp"]["measured"]["median"], 2.0);
        assert_eq!(contenders["tokio"]["failed"], serde_json::json!({"how": "died", "why": "of boredom"}));
    }
}
