//! An echo server: a goroutine for each connection, which sends back what comes.
//!
//! ```sh
//! cargo run --release --example echo -- 127.0.0.1:7777
//! ```
//! Without an address the system chooses a port. It ends when its standard input does: at a terminal, with Ctrl-D.
//!
//! Prints, with another port each time:
//! ```text
//! listening on 127.0.0.1:…
//! ```

use std::io::{self, Read, Write};
use std::time::Duration;
use std::{env, process};

use gocsp::net::{TcpListener, TcpStream};
use gocsp::{blocking, go, sleep};

fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length])?,
        }
    }
}

fn serve(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    go!(move || {
        for stream in listener.incoming() {
            match stream {
                // A connection that breaks concerns nobody else.
                Ok(stream) => drop(go!(echo(stream))),
                Err(error) => {
                    eprintln!("cannot accept a connection: {error}");
                    // There may be no descriptor left until somebody hangs up.
                    sleep(Duration::from_millis(10));
                }
            }
        }
    });
    // A read from a terminal or a pipe keeps its thread; this one has others in its place.
    blocking(|| io::copy(&mut io::stdin(), &mut io::sink()))?;
    Ok(())
}

#[gocsp::main]
fn main() {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    if let Err(error) = serve(&address) {
        eprintln!("{address}: {error}");
        process::exit(1);
    }
}
