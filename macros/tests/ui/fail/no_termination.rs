extern crate gocsp_runtime as gocsp;

#[gocsp_macros::main]
fn main() -> u32 {
    1
}
