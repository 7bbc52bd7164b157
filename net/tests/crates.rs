//! Crates that know nothing of gocsp, unchanged.
#![cfg(target_os = "linux")]

#[path = "common/procs.rs"]
mod procs;

use std::io::{self, Read, Write};
use std::sync::Arc;

use gocsp_context::{Context, ContextError};
use gocsp_net::{TcpListener, TcpStream, UnixStream, context_error};
use gocsp_runtime::{scope, spawn};
use procs::everywhere;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tungstenite::Message;

const CLIENTS: usize = 8;

/// A server's side and a client's, of which the one trusts the other.
fn configurations() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut trusted = RootCertStore::empty();
    trusted.add(cert.der().clone()).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let provider = Arc::new(default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let server = server.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(trusted).with_no_client_auth();
    (Arc::new(server.with_single_cert(vec![cert.der().clone()], key).unwrap()), Arc::new(client))
}

#[test]
fn tls_goes_through_a_stream() {
    let (server, client) = configurations();
    everywhere(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let configuration = Arc::clone(&server);
        let accepting = {
            let listener = listener.try_clone().unwrap();
            spawn(move || {
                for stream in listener.incoming() {
                    let connection = ServerConnection::new(Arc::clone(&configuration)).unwrap();
                    let mut stream = StreamOwned::new(connection, stream.unwrap());
                    spawn(move || {
                        let mut text = String::new();
                        stream.read_to_string(&mut text).unwrap();
                        stream.write_all(text.to_uppercase().as_bytes()).unwrap();
                        stream.conn.send_close_notify();
                        stream.flush().unwrap();
                    });
                }
            })
        };
        scope(|s| {
            for number in 0..CLIENTS {
                let client = Arc::clone(&client);
                s.go(move || {
                    let name = ServerName::try_from("localhost").unwrap();
                    let connection = ClientConnection::new(client, name).unwrap();
                    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
                    let text = format!("client {number} ").repeat(10_000);
                    stream.write_all(text.as_bytes()).unwrap();
                    stream.conn.send_close_notify();
                    stream.flush().unwrap();
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).unwrap();
                    assert_eq!(answer, text.to_uppercase());
                });
            }
        });
        listener.close();
        accepting.join().unwrap();
    });
}

#[test]
fn a_context_ends_a_handshake() {
    let (_server, client) = configurations();
    everywhere(|| {
        let (silent, stream) = UnixStream::pair().unwrap();
        let (context, cancel) = Context::background().with_cancel();
        let _bound = stream.cancel_on(&context);
        let cancelling = spawn(move || {
            // When the handshake has begun.
            (&silent).read_exact(&mut [0]).unwrap();
            cancel.cancel();
            silent
        });
        let connection =
            ClientConnection::new(Arc::clone(&client), ServerName::try_from("localhost").unwrap()).unwrap();
        let error = StreamOwned::new(connection, stream).write_all(b"x").unwrap_err();
        assert_eq!(context_error(&error), Some(ContextError::Cancelled));
        cancelling.join().unwrap();
    });
}

#[test]
fn a_web_socket_goes_through_a_stream() {
    everywhere(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = {
            let listener = listener.try_clone().unwrap();
            spawn(move || {
                for stream in listener.incoming() {
                    spawn(move || {
                        let mut socket = tungstenite::accept(stream.unwrap()).unwrap();
                        while let Ok(message) = socket.read() {
                            if message.is_text() {
                                socket.send(message).unwrap();
                            }
                        }
                    });
                }
            })
        };
        scope(|s| {
            for number in 0..CLIENTS {
                s.go(move || {
                    let stream = TcpStream::connect(address).unwrap();
                    let (mut socket, _response) = tungstenite::client(format!("ws://{address}/"), stream).unwrap();
                    for round in 0..20 {
                        let text = Message::text(format!("{number} {round}"));
                        socket.send(text.clone()).unwrap();
                        assert_eq!(socket.read().unwrap(), text);
                    }
                    socket.close(None).unwrap();
                    assert!(matches!(socket.read(), Ok(Message::Close(_))));
                });
            }
        });
        listener.close();
        accepting.join().unwrap();
    });
}

#[test]
fn buffers_of_std_go_around_a_stream() {
    everywhere(|| {
        let (here, there) = UnixStream::pair().unwrap();
        let server = spawn(move || {
            let mut lines = io::BufReader::new(&there);
            let mut answers = io::LineWriter::new(&there);
            let mut line = String::new();
            while io::BufRead::read_line(&mut lines, &mut line).unwrap() > 0 {
                answers.write_all(line.to_uppercase().as_bytes()).unwrap();
                line.clear();
            }
        });
        let (reader, mut writer) = here.into_split();
        writer.write_all(b"one\ntwo\n").unwrap();
        drop(writer);
        assert_eq!(io::read_to_string(reader).unwrap(), "ONE\nTWO\n");
        server.join().unwrap();
    });
}
