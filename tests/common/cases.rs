//! A test with several cases, each of which runs in a child process of its own.

use crate::child::{Ended, in_prepared_child};

/// Tells the child which case it is.
const VARIABLE: &str = "GOCSP_TEST_CASE";

/// In the test `name`: `program` is run by a child of this process for each of the cases. What became of the children, in that
/// order; in a child, nothing.
pub(crate) fn in_children<C>(name: &str, cases: &[C], program: impl Fn(&C)) -> Vec<Ended> {
    let wanted = std::env::var(VARIABLE).ok().map(|number| number.parse::<usize>().expect("the number of a case"));
    let numbers = match wanted {
        Some(number) => number..number + 1,
        None => 0..cases.len(),
    };
    let child = |number: usize| {
        in_prepared_child(name, |command| _ = command.env(VARIABLE, number.to_string()), || program(&cases[number]))
    };
    numbers.filter_map(child).collect()
}
