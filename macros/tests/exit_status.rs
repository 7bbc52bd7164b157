//! What `#[main]` makes of the result of main: the program runs itself, and looks at its exit status.

extern crate gocsp_runtime as gocsp;

use std::env;
use std::error::Error;
use std::process::Command;

const FAIL: &str = "GOCSP_MACROS_FAIL";

#[gocsp_macros::main]
fn main() -> Result<(), Box<dyn Error>> {
    if env::var_os(FAIL).is_some() {
        return Err("the reason".into());
    }
    let failed = Command::new(env::current_exe()?).env(FAIL, "1").output()?;
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(String::from_utf8(failed.stderr)?, "Error: \"the reason\"\n");
    Ok(())
}
