//! What is answered:
//!
//! | path | methods | answer |
//! |---|---|---|
//! | `/` | GET, HEAD | what there is |
//! | `/health` | GET, HEAD | ok |
//! | `/bytes/N` | GET, HEAD | so many bytes, up to 16 MiB |
//! | `/echo` | POST | the body of the request |

use std::io::{self, Cursor, Read};

use crate::head::{Head, Method, number};
use crate::response::{Response, Status};

/// The most that `/bytes/` gives.
const MOST_BYTES: usize = 16 << 20;

pub(crate) fn answer(head: &Head, body: Vec<u8>) -> Response {
    let get = |answer: fn(&str) -> Response, of: &str| match head.method {
        Method::Get | Method::Head => answer(of),
        Method::Post => Response::not_allowed("GET, HEAD"),
    };
    match (head.path.as_str(), head.path.strip_prefix("/bytes/")) {
        ("/", _) => get(|_| Response::text(Status::OK, "GET /health, GET /bytes/N, POST /echo\n"), ""),
        ("/health", _) => get(|_| Response::text(Status::OK, "ok\n"), ""),
        ("/echo", _) if head.method == Method::Post => Response::bytes(body.len(), Cursor::new(body)),
        ("/echo", _) => Response::not_allowed("POST"),
        (_, Some(count)) => get(bytes, count),
        _ => Response::text(Status::NOT_FOUND, ""),
    }
}

fn bytes(count: &str) -> Response {
    match number(count.as_bytes(), 10) {
        Ok(count) if count <= MOST_BYTES => Response::bytes(count, io::repeat(b'x').take(count as u64)),
        _ => Response::text(Status::NOT_FOUND, ""),
    }
}
