extern crate gocsp_runtime as gocsp;

#[gocsp_macros::main]
fn main() -> Result<(), std::fmt::Error> {
    "text"
}
