//! A wait group, which tokio has not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// A counter of what is under way, and a wait for its end. Its clones are the same group.
#[derive(Clone)]
pub(crate) struct WaitGroup {
    inner: Arc<Inner>,
}

struct Inner {
    count: AtomicU64,
    zero: Notify,
}

impl WaitGroup {
    pub(crate) fn new() -> Self {
        Self { inner: Arc::new(Inner { count: AtomicU64::new(0), zero: Notify::new() }) }
    }

    pub(crate) fn add(&self, count: u64) {
        // Relaxed: whoever adds is counted itself, or is the one who waits.
        self.inner.count.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn done(&self) {
        // Release: pairs with the Acquire in `wait`, and with that of the last one to be done.
        if self.inner.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.inner.zero.notify_one();
        }
    }

    /// Waits until the count is zero. To be called by one task only.
    pub(crate) async fn wait(&self) {
        while self.inner.count.load(Ordering::Acquire) != 0 {
            self.inner.zero.notified().await;
        }
    }
}
