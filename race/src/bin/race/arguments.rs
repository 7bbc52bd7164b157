//! The command line.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use race::workload::Workload;
use race::workloads;

use crate::contenders::{self, Contender};

/// Measures gocsp beside Go, tokio, may and threads of the system, on the same workloads.
#[derive(Debug, Parser)]
#[command(name = "race")]
pub(crate) struct Arguments {
    /// Only these workloads: names, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = workload)]
    only: Vec<&'static Workload>,

    /// Only these contenders: names, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = contender)]
    contenders: Vec<&'static Contender>,

    /// How often each contender does each workload
    #[arg(long, value_name = "N", default_value = "5", value_parser = at_least_one)]
    pub(crate) rounds: usize,

    /// On how many workers goroutines run
    #[arg(long, value_name = "N", default_value = "2", value_parser = at_least_one)]
    pub(crate) procs: usize,

    /// How long a run may take
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = at_least_one)]
    timeout: usize,

    /// Do very little of everything, to see whether it works
    #[arg(long)]
    pub(crate) tiny: bool,

    /// Write all measurements
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Draw a bar chart for each table
    #[arg(long, value_name = "DIR")]
    pub(crate) svg: Option<PathBuf>,

    /// Write the tables between the marks in this file; the charts, too, if they are drawn
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

impl Arguments {
    /// Those that take part, each once, in their usual order.
    pub(crate) fn contenders(&self) -> Vec<&'static Contender> {
        let chosen = |contender: &&Contender| self.contenders.is_empty() || self.contenders.contains(contender);
        contenders::ALL.iter().filter(chosen).collect()
    }

    /// What they do, each once, in the usual order.
    pub(crate) fn workloads(&self) -> Vec<&'static Workload> {
        let chosen =
            |workload: &&Workload| self.only.is_empty() || self.only.iter().any(|only| only.name == workload.name);
        workloads::ALL.iter().filter(chosen).collect()
    }

    /// Makes the folders of the files that are to be written: a race takes long, and shall not be lost at its end.
    ///
    /// # Errors
    /// What the system says when a folder cannot be made.
    pub(crate) fn make_folders(&self) -> Result<(), String> {
        let files = [&self.json, &self.markdown].into_iter().flatten().filter_map(|file| file.parent());
        for folder in files.chain(self.svg.as_deref()) {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        Ok(())
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout as u64)
    }
}

fn workload(name: &str) -> Result<&'static Workload, String> {
    let known = || workloads::ALL.iter().map(|workload| workload.name).collect::<Vec<_>>().join(", ");
    workloads::find(name).ok_or_else(|| format!("there are: {}", known()))
}

fn contender(name: &str) -> Result<&'static Contender, String> {
    let known = || contenders::ALL.iter().map(|contender| contender.name).collect::<Vec<_>>().join(", ");
    contenders::find(name).ok_or_else(|| format!("there are: {}", known()))
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| "a number of at least 1 is needed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        let words = ["race"].into_iter().chain(line.split_whitespace());
        Arguments::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_means_everything_five_times_on_two_procs() {
        let arguments = parse("").unwrap();
        assert_eq!(arguments.workloads().len(), workloads::ALL.len());
        assert_eq!(arguments.contenders().len(), contenders::ALL.len());
        assert_eq!((arguments.rounds, arguments.procs, arguments.tiny), (5, 2, false));
    }

    #[test]
    fn names_may_be_repeated_or_listed_and_each_counts_once() {
        let arguments = parse("--only sieve,ctxswitch --only sieve --contenders go --contenders gocsp,go").unwrap();
        let workloads: Vec<_> = arguments.workloads().iter().map(|workload| workload.name).collect();
        let contenders: Vec<_> = arguments.contenders().iter().map(|contender| contender.name).collect();
        assert_eq!(workloads, ["ctxswitch", "sieve"]);
        assert_eq!(contenders, ["gocsp", "go"]);
    }

    #[test]
    fn a_place_where_nothing_can_be_written_is_noticed_first() {
        assert!(parse("--json /dev/null/race.json").unwrap().make_folders().is_err());
        assert!(parse("--svg /dev/null/charts").unwrap().make_folders().is_err());
        assert_eq!(parse("--json race.json --markdown race.md").unwrap().make_folders(), Ok(()));
    }

    #[test]
    fn what_is_unknown_is_refused_with_what_is_known() {
        assert!(parse("--only siev").unwrap_err().contains("pingpong"));
        assert!(parse("--contenders erlang").unwrap_err().contains("tokio-current"));
        assert!(parse("--rounds 0").is_err());
        assert!(parse("--procs two").is_err());
        assert!(parse("sieve").is_err());
    }
}
