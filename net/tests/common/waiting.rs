//! Goroutines that are known to wait for a socket.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gocsp_runtime::{Go, JoinHandle, dump, sleep};

/// Starts a goroutine, and returns when it waits for a socket.
pub(crate) fn waiting<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let name = format!("waiting {}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let handle = Go::new().name(&*name).spawn(f).expect("a goroutine can be started");
    let waits = || {
        dump().goroutines.iter().any(|goroutine| {
            goroutine.name.as_deref() == Some(&*name) && goroutine.wait().is_some_and(|wait| wait.state() == "IO wait")
        })
    };
    while !waits() {
        sleep(Duration::from_micros(200));
    }
    handle
}
