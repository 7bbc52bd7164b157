extern crate gocsp_runtime as gocsp;

use std::process::ExitCode;

#[gocsp_macros::main]
fn main() -> ExitCode {
    if gocsp::max_procs() > 0 {
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}
