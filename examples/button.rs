//! A `Cond` that is broadcast: one click of a button runs all its handlers.
//!
//! A handler that is late misses the click. So `subscribe` does not return before the handler's goroutine has the lock,
//! which it gives up when it waits; and who clicks takes the lock first, so that by then all of them wait.
//!
//! Prints, in any order:
//! ```text
//! Maximizing window.
//! Displaying annoying dialog box!
//! Mouse clicked.
//! ```

use std::sync::Arc;

use gocsp::channel;
use gocsp::sync::{Cond, Mutex, WaitGroup};

#[derive(Default)]
struct Button {
    lock: Mutex<()>,
    clicked: Cond,
}

impl Button {
    fn subscribe(self: &Arc<Self>, handlers: &WaitGroup, handler: impl FnOnce() + Send + 'static) {
        let (running, is_running) = channel::<()>(0);
        let button = Arc::clone(self);
        handlers.go(move || {
            let mut lock = button.lock.lock();
            drop(running);
            button.clicked.wait(&mut lock);
            drop(lock);
            handler();
        });
        // Nothing is sent: the channel is closed when the sender is dropped.
        let _ = is_running.recv();
    }

    fn click(&self) {
        drop(self.lock.lock());
        self.clicked.broadcast();
    }
}

#[gocsp::main]
fn main() {
    let button = Arc::new(Button::default());
    let handlers = WaitGroup::new();
    button.subscribe(&handlers, || println!("Maximizing window."));
    button.subscribe(&handlers, || println!("Displaying annoying dialog box!"));
    button.subscribe(&handlers, || println!("Mouse clicked."));
    button.click();
    handlers.wait();
}
