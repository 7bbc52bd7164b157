//! What the compiler says to a wrong `#[main]`, and that right ones run.

#[test]
fn what_the_compiler_says() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
