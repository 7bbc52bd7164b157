//! UDP.
#![cfg(target_os = "linux")]

#[path = "common/own_ip.rs"]
mod own_ip;
#[path = "common/procs.rs"]
mod procs;
#[path = "common/waiting.rs"]
mod waiting;

use std::io::ErrorKind;

use gocsp_net::UdpSocket;
use own_ip::own_ip;
use procs::everywhere;
use waiting::waiting;

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

#[test]
fn a_datagram_comes_whole_and_with_its_sender() {
    everywhere(|| {
        let (here, there) = (socket(), socket());
        let address = there.local_addr().unwrap();
        let receiver = waiting(move || {
            let mut buffer = [0; 100];
            let (length, from) = there.recv_from(&mut buffer).unwrap();
            (buffer[..length].to_vec(), from, there)
        });
        assert_eq!(here.send_to(b"one", address).unwrap(), 3);
        let (bytes, from, there) = receiver.join().unwrap();
        assert_eq!((&*bytes, from), (&b"one"[..], here.local_addr().unwrap()));
        // What does not fit is lost, one of no length is one, and each is received for itself.
        for datagram in [&b"longer"[..], b"", b"last"] {
            here.send_to(datagram, address).unwrap();
        }
        let mut buffer = [0; 4];
        assert_eq!((there.recv(&mut buffer).unwrap(), &buffer), (4, b"long"));
        assert_eq!(there.recv(&mut buffer).unwrap(), 0);
        assert_eq!((there.recv_from(&mut buffer).unwrap().0, &buffer), (4, b"last"));
    });
}

#[test]
fn who_is_connected_receives_from_nobody_else() {
    everywhere(|| {
        let (here, there, stranger) = (socket(), socket(), socket());
        assert!(here.send(b"x").is_err() && here.peer_addr().is_err());
        here.connect(there.local_addr().unwrap()).unwrap();
        there.connect(here.local_addr().unwrap()).unwrap();
        let address = there.local_addr().unwrap();
        let receiver = waiting(move || {
            let mut buffer = [0; 10];
            assert_eq!(there.peek(&mut buffer).unwrap(), 6);
            let length = there.recv(&mut buffer).unwrap();
            buffer[..length].to_vec()
        });
        stranger.send_to(b"not for you", address).unwrap();
        here.send(b"friend").unwrap();
        assert_eq!(receiver.join().unwrap(), b"friend");
    });
}

#[test]
fn that_nobody_is_there_is_told_to_who_is_connected() {
    everywhere(|| {
        let (here, there) = (socket(), UdpSocket::bind((own_ip(), 0)).unwrap());
        here.connect(there.local_addr().unwrap()).unwrap();
        drop(there);
        here.send(b"x").unwrap();
        assert_eq!(here.recv(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn each_datagram_goes_to_one_of_those_who_receive() {
    everywhere(|| {
        let (here, there) = (socket(), socket());
        let address = there.local_addr().unwrap();
        let receivers = [(); 4].map(|()| {
            let there = there.try_clone().unwrap();
            waiting(move || {
                let mut numbers = Vec::new();
                let mut byte = [0];
                while there.recv(&mut byte).unwrap() > 0 {
                    numbers.push(byte[0]);
                }
                numbers
            })
        });
        (0..100).for_each(|number| _ = here.send_to(&[number], address).unwrap());
        receivers.iter().for_each(|_| _ = here.send_to(b"", address).unwrap());
        let mut numbers: Vec<_> = receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..100));
    });
}
