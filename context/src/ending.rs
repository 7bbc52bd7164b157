//! What ends with a node: steps 2 and 4 of the [protocol](crate::node), for all its descendants.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::alarm::Alarm;
use crate::children::{Child, Children};
use crate::function::Function;
use crate::node::{End, Marked, Node};

/// What was found below a node when it was marked.
#[derive(Default)]
pub(crate) struct Ending {
    /// The nodes that were marked, each after its parent.
    nodes: Vec<Arc<Node>>,
    /// Kept, as are those that were passed over: they must not be dropped under a lock.
    alarms: Vec<Arc<Alarm>>,
    functions: Vec<Arc<Function>>,
    /// The nodes that had been marked before.
    passed: Vec<Arc<Node>>,
}

impl Ending {
    /// Step 2: marks what is below `from`, a node that was just marked, whose lock is held, and whose `children` are these.
    pub(crate) fn mark(from: &Arc<Node>, children: Children, end: &End) -> Self {
        let mut ending = Self::default();
        let mut level = VecDeque::new();
        let mut next = Some(children);
        while let Some(children) = next {
            for child in children {
                match child {
                    Child::Function(function) => ending.functions.push(function),
                    Child::Node(node) => match node.mark_from(from, end) {
                        Some(marked) => ending.add(node, marked, &mut level),
                        None => ending.passed.push(node),
                    },
                }
            }
            next = level.pop_front();
        }
        ending
    }

    fn add(&mut self, node: Arc<Node>, marked: Marked, lists: &mut VecDeque<Children>) {
        self.nodes.push(node);
        self.alarms.extend(marked.alarm);
        if !marked.children.is_empty() {
            lists.push_back(marked.children);
        }
    }

    /// Step 4, but for the functions. No lock is held.
    pub(crate) fn settle(&self) {
        self.nodes.iter().for_each(|node| node.settle());
    }

    /// The end of step 4. When the caller's runtime shuts down this may unwind; then the rest of the functions is dropped, as
    /// are all goroutines that have not started.
    pub(crate) fn start_functions(self) {
        self.functions.iter().for_each(|function| function.start());
    }
}
