//! `#[gocsp::test]`.

use std::num::ParseIntError;
use std::time::Duration;

use gocsp::{go, num_goroutines, sleep};

#[gocsp::test]
fn a_test_is_a_goroutine() {
    assert_eq!(num_goroutines(), 1);
    go!(|| 1).join().unwrap();
}

#[gocsp::test]
fn a_test_may_return_a_result() -> Result<(), ParseIntError> {
    assert_eq!("42".parse::<u32>()?, 42);
    Ok(())
}

#[gocsp::test]
#[should_panic(expected = "the test returned an error")]
fn an_error_fails_the_test() -> Result<(), ParseIntError> {
    "x".parse::<u32>().map(drop)
}

#[gocsp::test]
#[should_panic(expected = "1 goroutine was left behind")]
fn a_goroutine_that_is_left_fails_the_test() {
    go!(|| sleep(Duration::MAX));
}

#[cfg(feature = "testing")]
mod check {
    use super::*;

    #[gocsp::test(check)]
    fn an_hour_is_nothing() {
        go!(|| sleep(Duration::from_secs(3600))).join().unwrap();
    }

    #[gocsp::test(check)]
    #[should_panic(expected = "the test returned an error")]
    fn an_error_fails_the_test() -> Result<(), ParseIntError> {
        "x".parse::<u32>().map(drop)
    }
}
