//! The server of the workloads of the network. See [`race::served`].

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use race::served::{LOOPBACK, announce, until_dismissed};
use race::task::Reply;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) async fn echo() -> Reply {
    let listener = TcpListener::bind(LOOPBACK).await.expect("there is a port");
    announce(listener.local_addr().expect("a listener has an address"));
    let accepted = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("connections can be accepted");
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(send_back(stream));
        }
    });
    tokio::task::spawn_blocking(until_dismissed).await.expect("it does not panic");
    Reply::answer(accepted.load(Ordering::Relaxed))
}

async fn send_back(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            length => stream.write_all(&buffer[..length]).await?,
        }
    }
}
