//! Two ends of a connection.

use gocsp_net::{TcpListener, TcpStream};

/// Who has connected, and who has accepted.
pub(crate) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, address) = listener.accept().unwrap();
    assert_eq!(address, client.local_addr().unwrap());
    (client, server)
}
