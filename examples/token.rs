//! A token that many read and few replace, behind an `RwLock`, Go's `RWMutex`.
//!
//! Those who check it do not wait for one another. Who replaces it fetches the new one first, which takes time, and locks
//! only to put it there.
//!
//! Prints:
//! ```text
//! token 1 is good for a minute: true
//! token 2 is good for a minute: true
//! ```

use std::time::{Duration, Instant};

use gocsp::sync::RwLock;
use gocsp::{scope, sleep};

struct Token {
    number: u32,
    since: Instant,
}

struct InfoClient {
    token: RwLock<Token>,
}

impl InfoClient {
    const LIFETIME: Duration = Duration::from_secs(3600);

    /// The token, and how long it is still good.
    fn check_token(&self) -> (u32, Duration) {
        let token = self.token.read();
        (token.number, Self::LIFETIME.saturating_sub(token.since.elapsed()))
    }

    fn replace_token(&self) {
        let token = fetch_token(2);
        *self.token.write() = token;
    }
}

fn fetch_token(number: u32) -> Token {
    sleep(Duration::from_millis(10));
    Token { number, since: Instant::now() }
}

#[gocsp::main]
fn main() {
    let client = InfoClient { token: RwLock::new(fetch_token(1)) };
    let print = || {
        let (token, left) = client.check_token();
        println!("token {token} is good for a minute: {}", left > Duration::from_secs(60));
    };
    print();
    scope(|s| {
        s.go(|| client.replace_token());
        // They read the one or the other.
        for _ in 0..10 {
            s.go(|| client.check_token());
        }
    });
    print();
}
