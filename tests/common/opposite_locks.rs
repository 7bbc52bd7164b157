//! Two goroutines that take two locks in opposite order.

use std::sync::Arc;

use gocsp::go;
use gocsp::sync::Mutex;

pub(crate) fn run() {
    let locks = Arc::new([Mutex::new(()), Mutex::new(())]);
    let shared = Arc::clone(&locks);
    let other = go!(move || {
        let _first = shared[1].lock();
        let _second = shared[0].lock();
    });
    {
        let _first = locks[0].lock();
        let _second = locks[1].lock();
    }
    other.join().unwrap();
}
