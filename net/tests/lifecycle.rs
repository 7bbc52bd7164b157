//! Sockets beside the ends of goroutines, of runtimes, and of other sockets.
#![cfg(target_os = "linux")]

#[path = "common/pairs.rs"]
mod pairs;
#[path = "common/procs.rs"]
mod procs;
#[path = "common/waiting.rs"]
mod waiting;

use std::io::{ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gocsp_net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use gocsp_runtime::{Runtime, dump, run, scope, spawn};
use pairs::tcp_pair;
use procs::{everywhere, on_procs};
use waiting::waiting;

/// Counts its drops.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_waits_when_the_runtime_ends_is_unwound() {
    for procs in [1, 2, 5] {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (client, server) = on_procs(procs, || {
            let (client, server) = tcp_pair();
            for _ in 0..10 {
                let (counted, server) = (Counted(Arc::clone(&dropped)), server.try_clone().unwrap());
                waiting(move || {
                    let _counted = counted;
                    (&server).read(&mut [0])
                });
            }
            (client, server)
        });
        assert_eq!(dropped.load(Ordering::Relaxed), 10);
        // They have left nothing behind.
        (&client).write_all(b"x").unwrap();
        assert_eq!((&server).read(&mut [0]).unwrap(), 1);
        assert!(server.into_std().is_ok());
    }
}

#[test]
fn a_socket_outlives_the_runtime_that_it_was_used_in() {
    let (client, server) = on_procs(2, || {
        let (client, server) = tcp_pair();
        let reader = {
            let server = server.try_clone().unwrap();
            waiting(move || (&server).read(&mut [0]).unwrap())
        };
        (&client).write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
        (client, server)
    });
    for procs in [1, 2] {
        let server = server.try_clone().unwrap();
        on_procs(procs, || {
            let reader = waiting(move || (&server).read(&mut [0]).unwrap());
            (&client).write_all(b"x").unwrap();
            assert_eq!(reader.join().unwrap(), 1);
        });
    }
}

#[test]
fn two_runtimes_share_a_socket() {
    let (client, server) = tcp_pair();
    let runtimes = [1, 2].map(|procs| Runtime::builder().procs(procs).build().unwrap());
    let read = |stream: &TcpStream| stream.take(100).read_to_end(&mut Vec::new()).unwrap();
    thread::scope(|s| {
        let readers: Vec<_> = runtimes.iter().map(|runtime| s.spawn(|| runtime.run(|| read(&server)))).collect();
        for _ in 0..200 {
            (&client).write_all(b"x").unwrap();
        }
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 100);
        }
    });
}

#[test]
fn a_destructor_reads_while_it_unwinds() {
    struct Reads(TcpStream, Arc<AtomicUsize>);

    impl Drop for Reads {
        fn drop(&mut self) {
            self.1.fetch_add(self.0.read(&mut [0; 10]).unwrap(), Ordering::Relaxed);
        }
    }

    for procs in [1, 2] {
        on_procs(procs, || {
            let (mut client, server) = tcp_pair();
            let read = Arc::new(AtomicUsize::new(0));
            let reads = Reads(server, Arc::clone(&read));
            // It blocks its worker; a thread will wake it.
            let writer = thread::spawn(move || client.write_all(b"last"));
            let unwinding = spawn(move || {
                let unwound = catch_unwind(AssertUnwindSafe(move || {
                    let _reads = reads;
                    resume_unwind(Box::new("so that it is dropped while this unwinds"))
                }));
                assert!(unwound.is_err());
            });
            unwinding.join().unwrap();
            writer.join().unwrap().unwrap();
            assert_eq!(read.load(Ordering::Relaxed), 4);
        });
    }
}

#[test]
fn goroutines_that_move_use_sockets_as_well() {
    let builder = Runtime::builder().procs(2);
    // SAFETY: the goroutines keep nothing that is bound to a thread across a call that may block.
    let runtime = unsafe { builder.migrate() }.build().unwrap();
    runtime.run(|| {
        scope(|s| {
            for _ in 0..20 {
                let (client, server) = tcp_pair();
                s.go(move || std::io::copy(&mut &server, &mut &server).unwrap());
                s.go(move || {
                    let mut byte = [0];
                    for round in 0..100 {
                        (&client).write_all(&[round]).unwrap();
                        (&client).read_exact(&mut byte).unwrap();
                        assert_eq!(byte, [round]);
                    }
                });
            }
        });
    });
}

#[test]
fn a_descriptor_that_is_used_again_shows_nothing_of_the_former_socket() {
    everywhere(|| {
        for round in 0..200 {
            let (client, server) = tcp_pair();
            let reader = spawn(move || (&server).read(&mut [0]).unwrap());
            // An event for the reader, which may come when its socket is gone.
            match round % 3 {
                0 => (&client).write_all(b"xyz").unwrap(),
                1 => client.close(),
                _ => drop(client),
            }
            assert_eq!(reader.join().unwrap(), usize::from(round % 3 == 0));
            // Who has the same descriptor now does not take it for his own.
            let (mut here, mut there) = UnixStream::pair().unwrap();
            there.set_read_timeout(Some(Duration::from_micros(50))).unwrap();
            assert_eq!(there.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
            there.set_read_timeout(None).unwrap();
            here.write_all(b"x").unwrap();
            assert_eq!(there.read(&mut [0; 10]).unwrap(), 1);
        }
    });
}

#[test]
fn a_dump_tells_who_waits_for_a_socket_and_where() {
    run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let acceptor = {
            let listener = listener.try_clone().unwrap();
            waiting(move || listener.accept())
        };
        let receiver = {
            let socket = socket.try_clone().unwrap();
            waiting(move || socket.recv_from(&mut [0]))
        };
        let places: Vec<_> = dump()
            .goroutines
            .iter()
            .filter_map(|goroutine| goroutine.wait().filter(|wait| wait.state() == "IO wait"))
            .map(|wait| (wait.place.file(), wait.place.line()))
            .collect();
        for line in [line!() - 12, line!() - 8] {
            assert!(places.contains(&(file!(), line)), "{line}: {places:?}");
        }
        listener.close();
        socket.close();
        assert!(acceptor.join().unwrap().is_err() && receiver.join().unwrap().is_err());
    });
}

#[test]
fn a_timer_beside_a_socket_is_not_late_for_it() {
    everywhere(|| {
        let (_client, server) = tcp_pair();
        server.set_read_deadline(Some(Instant::now() + Duration::from_secs(1000)));
        let reader = {
            let server = server.try_clone().unwrap();
            waiting(move || (&server).read(&mut [0]))
        };
        gocsp_runtime::sleep(Duration::from_millis(1));
        server.close();
        assert!(reader.join().unwrap().is_err());
    });
}
