//! What is answered:
//!
//! | path | methods | answer |
//! |---|---|---|
//! | `/` | GET, HEAD | what there is |
//! | `/health` | GET, HEAD | ok |
//! | `/bytes/N` | GET, HEAD | so many bytes, up to 16 MiB |
//! | `/echo` | POST | the body of the request |

use crate::head::{Head, Method};
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
        ("/echo", _) if head.method == Method::Post => Response::bytes_of(body),
        ("/echo", _) => Response::not_allowed("POST"),
        (_, Some(count)) => get(bytes, count),
        _ => Response::text(Status::NOT_FOUND, ""),
    }
}

fn bytes(count: &str) -> Response {
    match count.parse() {
        Ok(count) if count <= MOST_BYTES => Response::bytes_of(vec![b'x'; count]),
        _ => Response::text(Status::NOT_FOUND, ""),
    }
}
