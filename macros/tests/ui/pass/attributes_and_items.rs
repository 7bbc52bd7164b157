#![deny(warnings)]

extern crate gocsp_runtime as gocsp;

use std::rc::Rc;

// Shares its name with nothing in the expansion.
fn body() -> Rc<u32> {
    Rc::new(7)
}

#[expect(unused_variables, reason = "the attribute is to be kept")]
#[gocsp_macros::main]
/// Documented.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let unused = body();
    fn inner() -> Option<u32> {
        Some(*body())
    }
    assert_eq!(inner().ok_or("nothing")?, 7);
    Ok(())
}
