//! What the compiler says to wrong selects, and that right ones compile without a word.
#![cfg(not(shuttle))]

#[test]
fn what_the_compiler_says() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
