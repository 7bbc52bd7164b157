//! What the tests of contexts have in common.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use gocsp::TryRecvError;
use gocsp::context::{CancelFunc, Context};

use crate::drops::Counted;

pub(crate) const SHORT: Duration = Duration::from_millis(2);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Contexts below `root`: in `depth` levels, each with `width` children.
pub(crate) fn tree(root: &Context, width: usize, depth: usize) -> Vec<(Context, CancelFunc)> {
    let mut all = vec![];
    let mut level = vec![root.clone()];
    for _ in 0..depth {
        let children: Vec<_> = level
            .iter()
            .flat_map(|parent| {
                (0..width).map(|n| match n % 3 {
                    0 => parent.with_cancel(),
                    1 => parent.with_timeout(HOUR),
                    _ => parent.with_value(n).with_cancel(),
                })
            })
            .collect();
        level = children.iter().map(|(context, _)| context.clone()).collect();
        all.extend(children);
    }
    all
}

/// Whether its `done` is closed.
pub(crate) fn is_closed(context: &Context) -> bool {
    context.done().try_recv() == Err(TryRecvError::Disconnected)
}

/// A cause whose drops are counted.
#[expect(dead_code, reason = "only its drop matters")]
pub(crate) struct CountedCause(pub(crate) Counted);

impl fmt::Debug for CountedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountedCause")
    }
}

impl fmt::Display for CountedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counted")
    }
}

impl Error for CountedCause {}
