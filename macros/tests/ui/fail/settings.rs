extern crate gocsp_runtime as gocsp;

#[gocsp_macros::main(procs = 2)]
fn main() {}
