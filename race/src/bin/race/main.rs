//! The harness: builds the contenders' programs, runs them in turns, and shows what came out. See the library's header.

#![forbid(unsafe_code)]

mod arguments;
mod chart;
mod contenders;
mod host;
mod json;
mod machine;
mod markdown;
mod programs;
mod results;
mod run;
mod statistics;
mod table;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use race::task::{Sizes, Task};
use race::workload::{Section, Workload};

use crate::arguments::Arguments;
use crate::contenders::Contender;
use crate::machine::Machine;
use crate::programs::Programs;
use crate::results::{Failure, Race, Runs};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = arguments.make_folders() {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    let race = hold(&arguments);
    match show(&arguments, &race) {
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
        // That others fail is a result. That gocsp does is a bug.
        Ok(()) if race.gocsp_failed() => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
    }
}

/// Runs everything.
fn hold(arguments: &Arguments) -> Race {
    let contenders = arguments.contenders();
    let workloads = arguments.workloads();
    let programs = Programs::build(&contenders, &workloads);
    let start = Instant::now();
    let mut race = Race::new(Machine::this(arguments.procs), contenders.clone());
    for (done, workload) in workloads.iter().enumerate() {
        eprintln!("[{:4}s] {} of {}: {}", start.elapsed().as_secs(), done + 1, workloads.len(), workload.name);
        race.add(workload, compete(arguments, workload, &contenders, &programs));
    }
    eprintln!("[{:4}s] done", start.elapsed().as_secs());
    race
}

/// Has the contenders do a workload in turns.
fn compete(
    arguments: &Arguments,
    workload: &Workload,
    contenders: &[&'static Contender],
    programs: &Programs,
) -> Vec<Runs> {
    let sizes = workload.sizes(arguments.tiny);
    let answer = workload.answer(&sizes);
    let mut all: Vec<Runs> = contenders.iter().map(|_| Runs::default()).collect();
    for round in 0..arguments.rounds {
        // In each round another is the first, so that nobody always follows the same one.
        for number in (0..contenders.len()).map(|place| (place + round) % contenders.len()) {
            let (contender, runs) = (contenders[number], &mut all[number]);
            if runs.last().is_some_and(Failure::is_final) {
                continue;
            }
            if workload.section == Section::Memory {
                host::find_memory(sizes.get("goroutines"));
            }
            let result = programs.of(contender, workload).and_then(|program| {
                let task = task(arguments, workload, contender, &sizes);
                run::run(program, &task, arguments.timeout(), answer)
            });
            eprintln!("        round {}, {}: {}", round + 1, contender.name, results::in_short(workload, &result));
            runs.push(result);
        }
    }
    all
}

fn task(arguments: &Arguments, workload: &Workload, contender: &Contender, sizes: &Sizes) -> Task {
    Task {
        contender: contender.name.to_owned(),
        program: workload.program.to_owned(),
        procs: workload.procs.unwrap_or(arguments.procs),
        sizes: sizes.clone(),
    }
}

/// Prints the tables, and writes the files that were asked for.
fn show(arguments: &Arguments, race: &Race) -> Result<(), Box<dyn Error>> {
    for section in race.sections() {
        println!("{}\n\n{}", section.section.title(), table::markdown(race, &section));
    }
    if let Some(file) = &arguments.json {
        json::write(file, race)?;
    }
    if let Some(folder) = &arguments.svg {
        chart::write_all(folder, race)?;
    }
    if let Some(file) = &arguments.markdown {
        markdown::write(file, race, arguments)?;
    }
    Ok(())
}
