extern crate gocsp_runtime as gocsp;

#[gocsp_macros::main]
async fn main() {}
