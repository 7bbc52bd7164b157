//! The document: tables, charts, and where they come from.
//!
//! It stands between two marks in its file. What people wrote around them stays.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use race::workload::Section;

use crate::arguments::Arguments;
use crate::machine::Machine;
use crate::results::{Race, SectionRows};
use crate::table;

const BEGIN: &str = "<!-- What follows is written by `cargo run --release -p race`. -->";
const END: &str = "<!-- Here it ends. -->";

/// Writes it into a file.
pub(crate) fn write(file: &Path, race: &Race, arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let failed = |error: &dyn Error| format!("{}: {error}", file.display());
    let old = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => "# Benchmarks\n".to_owned(),
        result => result.map_err(|error| failed(&error))?,
    };
    let new = replace(&old, &document(race, arguments)).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(fs::write(file, new).map_err(|error| failed(&error))?)
}

/// Puts `text` between the marks, or marks and all at the end.
fn replace(old: &str, text: &str) -> Result<String, &'static str> {
    let marked = format!("{BEGIN}\n\n{text}\n{END}");
    match (old.find(BEGIN), old.find(END)) {
        (None, None) => Ok(format!("{}\n\n{marked}\n", old.trim_end())),
        (Some(begin), Some(end)) if begin < end => Ok(format!("{}{marked}{}", &old[..begin], &old[end + END.len()..])),
        _ => Err("of the two marks one is missing, or they stand in the wrong order"),
    }
}

fn document(race: &Race, arguments: &Arguments) -> String {
    let mut text = where_and_when(&race.machine, arguments);
    if arguments.tiny {
        text += "\nTHE SIZES ARE TINY: this shows that everything works, and how fast nothing is.\n";
    }
    text += "\nWho takes part:\n\n";
    for contender in &race.contenders {
        let _ = writeln!(text, "- **{}**: {}", contender.name, contender.about);
    }
    for section in race.sections() {
        let _ = write!(text, "\n## {}\n\n", section.section.title());
        describe(&mut text, &section);
        text += &table::markdown(race, &section);
        if let (Some(folder), Some(file)) = (&arguments.svg, &arguments.markdown) {
            // By reference, so that who includes the page can define it otherwise.
            let chart = format!("{}{}", relative(file, folder), section.section.file_name());
            let _ = write!(text, "\n![{}][{chart}]\n\n[{chart}]: {chart}\n", section.section.title());
        }
    }
    text
}

fn where_and_when(machine: &Machine, arguments: &Arguments) -> String {
    let versions: Vec<_> = machine.crates.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!(
        "Measured on {} of an {}, Linux {}, on {}. {}; {}; {}.\n\n\
         {} procs, unless a row says otherwise. Medians of {} runs, each in a process of its own, the contenders in turns; \
         ± is half the distance between the least and the most, as a share of the median. Less is better throughout, and a \
         ratio above 1 says that gocsp takes less.\n",
        match machine.processors {
            1 => "one processor".to_owned(),
            number => format!("{number} processors"),
        },
        machine.processor,
        machine.kernel,
        machine.date,
        machine.rustc,
        machine.go,
        versions.join(", "),
        machine.procs,
        arguments.rounds,
    )
}

/// Says what the workloads are; several that differ only in numbers are described together.
fn describe(text: &mut String, section: &SectionRows) {
    let mut described: Vec<(Vec<&str>, &str)> = Vec::new();
    for row in &section.rows {
        match described.iter_mut().find(|(_, about)| *about == row.workload.about) {
            Some((names, _)) if names.contains(&row.workload.name) => {}
            Some((names, _)) => names.push(row.workload.name),
            None => described.push((vec![row.workload.name], row.workload.about)),
        }
    }
    for (names, about) in described {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(text, "- {}: {about}.", names.join(", "));
    }
    if section.section == Section::Procs {
        text.push_str("- `-p` and a number: on so many procs, whatever the others run on.\n");
    }
    text.push('\n');
}

/// The charts' folder as it is seen from the document.
fn relative(file: &Path, folder: &Path) -> String {
    let from = file.parent().unwrap_or(Path::new(""));
    match folder.strip_prefix(from) {
        Ok(below) if below.as_os_str().is_empty() => String::new(),
        Ok(below) => format!("{}/", below.display()),
        Err(_) => format!("{}/", folder.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{race, runs};
    use clap::Parser;

    #[test]
    fn what_people_wrote_stays() {
        let first = replace("# Title\n\nBefore.\n", "one\n").unwrap();
        let second = replace(&(first + "\nAfter.\n"), "two\n").unwrap();
        assert_eq!(second, format!("# Title\n\nBefore.\n\n{BEGIN}\n\ntwo\n\n{END}\n\nAfter.\n"));
        assert!(replace(END, "one").is_err());
        assert!(replace(&format!("{END}{BEGIN}"), "one").is_err());
    }

    #[test]
    fn it_has_the_tables_and_the_charts() {
        let arguments = ["race", "--markdown", "docs/benchmarks.md", "--svg", "docs/benchmarks"];
        let arguments = Arguments::try_parse_from(arguments).unwrap();
        let race = race(runs(&[Ok(20.0)]), runs(&[Ok(100.0)]), runs(&[Ok(50.0)]));
        let text = document(&race, &arguments);
        assert!(text.contains("\n## Channels and select\n\n- `ctxswitch`: two wait for"), "{text}");
        assert!(text.contains("\n| ctxswitch |"), "{text}");
        assert!(text.contains("\n![Channels and select][benchmarks/channels.svg]\n"), "{text}");
        assert!(text.contains("\n[benchmarks/channels.svg]: benchmarks/channels.svg\n"), "{text}");
        assert!(text.contains("\n- **tokio**: tokio's multi-thread scheduler"), "{text}");
    }

    #[test]
    fn charts_are_found_from_where_the_document_is() {
        let relative = |file, folder| relative(Path::new(file), Path::new(folder));
        assert_eq!(relative("docs/b.md", "docs/charts"), "charts/");
        assert_eq!(relative("docs/b.md", "docs"), "");
        assert_eq!(relative("b.md", "charts"), "charts/");
        assert_eq!(relative("docs/b.md", "/elsewhere"), "/elsewhere/");
    }
}
