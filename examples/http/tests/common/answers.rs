//! What a server has answered.

use std::io::{self, Read};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Reads one answer. `body`: whether there is one, as there is not after HEAD.
pub(crate) fn read_answer(stream: &mut impl Read, body: bool) -> io::Result<Answer> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Response::new(&mut headers);
    assert!(parsed.parse(&head).unwrap().is_complete());
    let status = parsed.code.unwrap();
    let length = parsed.headers.iter().find(|header| header.name == "Content-Length");
    let length = length.map_or(0, |header| str::from_utf8(header.value).unwrap().parse().unwrap());
    let mut content = vec![0; if body { length } else { 0 }];
    stream.read_exact(&mut content)?;
    Ok(Answer { status, head: String::from_utf8(head).unwrap(), body: content })
}
