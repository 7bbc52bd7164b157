//! Waiting for descriptors.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gocsp_runtime::poll::{Direction, Polled};
use gocsp_runtime::{JoinHandle, Runtime, dump, go, run, set_max_procs, sleep, spawn, yield_now};

type Stream = Arc<Polled<UnixStream>>;

fn pair() -> (Stream, Stream) {
    let (here, there) = UnixStream::pair().unwrap();
    let polled = |stream: UnixStream| {
        stream.set_nonblocking(true).unwrap();
        Arc::new(Polled::new(stream))
    };
    (polled(here), polled(there))
}

#[track_caller]
fn read_until(stream: &Polled<UnixStream>, bytes: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
    let room = bytes.len();
    stream.run(Direction::Read, || deadline, |mut stream| stream.read(bytes), |read| *read < room)
}

#[track_caller]
fn read(stream: &Polled<UnixStream>, bytes: &mut [u8]) -> io::Result<usize> {
    read_until(stream, bytes, None)
}

fn write(stream: &Polled<UnixStream>, bytes: &[u8]) -> io::Result<usize> {
    stream.run(Direction::Write, || None, |mut stream| stream.write(bytes), |written| *written < bytes.len())
}

fn read_one(stream: &Polled<UnixStream>) -> io::Result<Option<u8>> {
    let mut byte = [0];
    read(stream, &mut byte).map(|read| (read == 1).then_some(byte[0]))
}

/// Until somebody waits for this descriptor.
fn until_awaited(descriptor: RawFd) {
    let clause = format!(" on descriptor {descriptor}");
    while !dump().to_string().contains(&clause) {
        thread::yield_now();
        yield_now();
    }
}

fn echo(stream: Stream) -> JoinHandle<()> {
    go!(move || while let Some(byte) = read_one(&stream).unwrap() {
        write(&stream, &[byte]).unwrap();
    })
}

#[test]
fn who_waits_is_woken_by_what_comes() {
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        let (here, there) = pair();
        let echo = echo(there);
        for round in 0..1000_u32 {
            let byte = round.to_le_bytes()[0];
            write(&here, &[byte]).unwrap();
            assert_eq!(read_one(&here).unwrap(), Some(byte));
        }
        here.get_ref().shutdown(Shutdown::Write).unwrap();
        echo.join().unwrap();
        assert_eq!(read_one(&here).unwrap(), None);
    });
}

#[test]
fn many_talk_at_the_same_time() {
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        let talks: Vec<_> = (0..200_u32)
            .map(|number| {
                let (here, there) = pair();
                echo(there);
                go!(move || for round in 0..50 {
                    let byte = (number + round).to_le_bytes()[0];
                    write(&here, &[byte]).unwrap();
                    assert_eq!(read_one(&here).unwrap(), Some(byte));
                })
            })
            .collect();
        talks.into_iter().for_each(|talk| talk.join().unwrap());
    });
}

#[test]
fn an_end_that_comes_with_the_last_data_is_seen() {
    run(|| {
        for _ in 0..100 {
            let (here, there) = pair();
            let reader = go!(move || {
                let mut bytes = [0; 64];
                (read(&there, &mut bytes).unwrap(), read(&there, &mut bytes).unwrap())
            });
            yield_now();
            write(&here, b"the last").unwrap();
            drop(here);
            assert_eq!(reader.join().unwrap(), (8, 0));
        }
    });
}

#[test]
fn what_does_not_fit_is_written_when_there_is_room() {
    run(|| {
        let (here, there) = pair();
        let (total, sent) = (4 << 20, Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&sent);
        let writer = go!(move || {
            let bytes = vec![7; 100_000];
            while counted.load(Ordering::Relaxed) < total {
                let written = write(&here, &bytes).unwrap();
                counted.fetch_add(written, Ordering::Relaxed);
            }
        });
        let (mut bytes, mut received) = (vec![0; 70_000], 0);
        while let read @ 1.. = read(&there, &mut bytes).unwrap() {
            assert!(bytes[..read].iter().all(|byte| *byte == 7));
            received += read;
        }
        writer.join().unwrap();
        assert_eq!(received, sent.load(Ordering::Relaxed));
    });
}

#[test]
fn a_deadline_ends_a_wait_and_not_before_it_is_time() {
    run(|| {
        let (_here, there) = pair();
        for _ in 0..3 {
            let (since, patience) = (Instant::now(), Duration::from_millis(3));
            let error = read_until(&there, &mut [0], Some(since + patience)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(since.elapsed() >= patience);
        }
        let error = read_until(&there, &mut [0], Some(Instant::now())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn a_sleep_is_not_lengthened_by_a_wait_beside_it() {
    let runtime = Runtime::builder().procs(1).build().unwrap();
    runtime.run(|| {
        let (_here, there) = pair();
        let descriptor = there.get_ref().as_raw_fd();
        go!(move || read_one(&there));
        until_awaited(descriptor);
        let shortest = (0..50).map(|_| {
            let since = Instant::now();
            sleep(Duration::from_micros(100));
            since.elapsed()
        });
        let shortest = shortest.min().unwrap();
        assert!(shortest >= Duration::from_micros(100) && shortest < Duration::from_millis(1), "{shortest:?}");
    });
}

#[test]
fn all_who_wait_are_interrupted() {
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        let (_here, there) = pair();
        let over = Arc::new(AtomicBool::new(false));
        let wait = || {
            let (there, over) = (Arc::clone(&there), Arc::clone(&over));
            move || {
                let op = |mut stream: &UnixStream| match over.load(Ordering::Relaxed) {
                    true => Err(ErrorKind::NotConnected.into()),
                    false => stream.read(&mut [0]),
                };
                there.run(Direction::Read, || None, op, |_| false).unwrap_err().kind()
            }
        };
        let goroutines: Vec<_> = (0..3).map(|_| spawn(wait())).collect();
        let thread = thread::spawn(wait());
        until_awaited(there.get_ref().as_raw_fd());
        over.store(true, Ordering::Relaxed);
        there.interrupt();
        for goroutine in goroutines {
            assert_eq!(goroutine.join().unwrap(), ErrorKind::NotConnected);
        }
        let kind = gocsp_runtime::blocking(|| thread.join().unwrap());
        assert_eq!(kind, ErrorKind::NotConnected);
    });
}

#[test]
fn threads_wait_as_well() {
    let (here, there) = pair();
    let thread = thread::spawn(move || {
        while let Some(byte) = read_one(&there).unwrap() {
            write(&there, &[byte + 1]).unwrap();
        }
    });
    for byte in 0..100 {
        write(&here, &[byte]).unwrap();
        assert_eq!(read_one(&here).unwrap(), Some(byte + 1));
    }
    let error = read_until(&here, &mut [0], Some(Instant::now() + Duration::from_millis(2))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    drop(here);
    thread.join().unwrap();
}

/// A hang-up, which an operation does not see to that never has success.
#[test]
fn what_stands_is_told_once() {
    let tries = || {
        let (here, there) = UnixStream::pair().unwrap();
        drop(there);
        let (here, mut tries) = (Polled::new(here), 0);
        let try_once = |_: &UnixStream| {
            tries += 1;
            io::Result::<()>::Err(ErrorKind::WouldBlock.into())
        };
        let deadline = Instant::now() + Duration::from_millis(20);
        let error = here.run(Direction::Read, || Some(deadline), try_once, |()| false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        tries
    };
    assert_eq!((tries(), run(tries)), (2, 2));
}

/// The operation of the outer run waits for another descriptor, while what the outer one waits for comes.
#[test]
fn a_thread_waits_within_the_operation_of_a_wait() {
    let ((here, there), (inner_here, inner_there)) = (pair(), pair());
    let writer = thread::spawn(move || {
        assert_eq!(read_one(&inner_here).unwrap(), Some(1));
        write(&here, b"a").unwrap();
        assert_eq!(read_one(&inner_here).unwrap(), Some(2));
        write(&here, b"b").unwrap();
        write(&inner_here, b"x").unwrap();
        here
    });
    let (mut tries, mut bytes) = (0, [0; 3]);
    let try_once = |mut stream: &UnixStream| {
        tries += 1;
        if tries == 3 {
            return stream.read(&mut bytes);
        }
        write(&inner_there, &[tries]).unwrap();
        if tries == 2 {
            assert_eq!(read_one(&inner_there).unwrap(), Some(b'x'));
        }
        Err(ErrorKind::WouldBlock.into())
    };
    assert_eq!(there.run(Direction::Read, || None, try_once, |_| false).unwrap(), 2);
    drop(writer.join().unwrap());
}

/// Events of one that was closed come late, or never: nobody is harmed by them, and nobody waits for ever.
#[test]
fn descriptors_are_used_again() {
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        let users: Vec<_> = (0..8)
            .map(|_| {
                go!(move || for round in 0..300_u32 {
                    let (here, there) = pair();
                    let byte = round.to_le_bytes()[0];
                    let reader = go!(move || read_one(&there).unwrap());
                    if round % 3 == 0 {
                        yield_now();
                    }
                    // The other end is dropped while an event is on its way.
                    write(&here, &[byte]).unwrap();
                    if round % 2 == 0 {
                        drop(here);
                    }
                    assert_eq!(reader.join().unwrap(), Some(byte));
                })
            })
            .collect();
        users.into_iter().for_each(|user| user.join().unwrap());
    });
}

/// The reader is at home at one worker, the writer at another.
#[test]
fn both_directions_are_waited_for_at_different_workers() {
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        let (here, there) = pair();
        let writer = Arc::clone(&here);
        let bytes = 1 << 20;
        let reads = go!(move || {
            let mut read_bytes = 0;
            while let read @ 1.. = read(&here, &mut [0; 1000]).unwrap() {
                read_bytes += read;
            }
            read_bytes
        });
        let writes = go!(move || {
            let mut written = 0;
            while written < bytes {
                written += write(&writer, &vec![1; 30_000]).unwrap();
            }
            writer.get_ref().shutdown(Shutdown::Write).unwrap();
            written
        });
        let mut echoed = 0;
        let mut buffer = vec![0; 5000];
        while let read @ 1.. = read(&there, &mut buffer).unwrap() {
            let mut rest = &buffer[..read];
            while !rest.is_empty() {
                rest = &rest[write(&there, rest).unwrap()..];
            }
            echoed += read;
        }
        drop(there);
        assert_eq!(reads.join().unwrap(), echoed);
        assert_eq!(writes.join().unwrap(), echoed);
    });
}

/// Neither of those who talk over a channel ever gives up its worker.
#[test]
fn what_comes_is_seen_beside_busy_goroutines() {
    let runtime = Runtime::builder().procs(1).build().unwrap();
    runtime.run(|| {
        let (here, there) = pair();
        let done = Arc::new(AtomicBool::new(false));
        let busy = || {
            let done = Arc::clone(&done);
            go!(move || while !done.load(Ordering::Relaxed) {
                yield_now();
            })
        };
        let busy = [busy(), busy()];
        let reader = go!(move || read_one(&there).unwrap());
        thread::spawn(move || write(&here, b"!").map(|_| here));
        assert_eq!(reader.join().unwrap(), Some(b'!'));
        done.store(true, Ordering::Relaxed);
        busy.into_iter().for_each(|goroutine| goroutine.join().unwrap());
    });
}

#[test]
fn a_file_cannot_be_waited_for() {
    run(|| {
        let file = Polled::new(File::open("/proc/self/exe").unwrap());
        let wait = |_: &File| io::Result::<()>::Err(ErrorKind::WouldBlock.into());
        let error = file.run(Direction::Read, || None, wait, |()| false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    });
}

/// The descriptor stays registered with the poller of a runtime that is no more.
#[test]
fn a_descriptor_outlives_the_runtime_that_has_waited_for_it() {
    let (here, there) = pair();
    let first = Runtime::builder().procs(1).build().unwrap();
    let second = Runtime::builder().procs(1).build().unwrap();
    let descriptor = there.get_ref().as_raw_fd();
    first.run(|| {
        let there = Arc::clone(&there);
        go!(move || read_one(&there));
        until_awaited(descriptor);
    });
    let (reader, thread_here) = (Arc::clone(&there), Arc::clone(&here));
    second.run(move || {
        let waits = go!(move || read_one(&reader).unwrap());
        until_awaited(descriptor);
        thread::spawn(move || drop(first)).join().unwrap();
        write(&thread_here, b"a").unwrap();
        assert_eq!(waits.join().unwrap(), Some(b'a'));
    });
}

#[test]
fn who_waits_when_the_runtime_ends_is_unwound() {
    struct Ended(Arc<AtomicUsize>);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let ended = Arc::new(AtomicUsize::new(0));
    let pairs: Vec<_> = (0..100).map(|_| pair()).collect();
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        for (here, _there) in &pairs {
            let (descriptor, here) = (here.get_ref().as_raw_fd(), Arc::clone(here));
            let ended = Ended(Arc::clone(&ended));
            go!(move || {
                let _ended = ended;
                let _ = read_one(&here);
            });
            until_awaited(descriptor);
        }
    });
    drop(runtime);
    assert_eq!(ended.load(Ordering::Relaxed), 100);
}

/// It blocks its worker's thread, so a thread has to write.
#[test]
fn a_goroutine_waits_while_it_unwinds() {
    struct ReadsInTheEnd(Stream, Arc<AtomicUsize>);
    impl Drop for ReadsInTheEnd {
        fn drop(&mut self) {
            self.1.store(1, Ordering::Relaxed);
            let byte = read_one(&self.0).unwrap().unwrap();
            self.1.store(byte.into(), Ordering::Relaxed);
        }
    }
    let runtime = Runtime::builder().procs(1).build().unwrap();
    runtime.run(|| {
        let ((here, there), seen) = (pair(), Arc::new(AtomicUsize::new(0)));
        let reads = ReadsInTheEnd(there, Arc::clone(&seen));
        let unwinds = Arc::clone(&seen);
        let writer = thread::spawn(move || {
            while unwinds.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            thread::sleep(Duration::from_millis(5));
            write(&here, &[42]).map(|_| here)
        });
        let panics = go!(move || {
            let _reads = reads;
            panic!("on purpose");
        });
        assert!(panics.join().is_err());
        assert_eq!(seen.load(Ordering::Relaxed), 42);
        drop(writer.join());
    });
}

/// The descriptor is registered at a worker where somebody waits to read, and that is hogged; another waits to write.
#[test]
fn the_monitor_looks_in_place_of_a_hogged_worker() {
    let build = || Runtime::builder().procs(1).build().unwrap();
    let (here, there) = pair();
    let descriptor = here.get_ref().as_raw_fd();
    let (reader, [begun, over]) = (Arc::clone(&here), [(); 2].map(|()| Arc::new(AtomicBool::new(false))));
    let (begins, ends) = (Arc::clone(&begun), Arc::clone(&over));
    let hogged = thread::spawn(move || {
        build().run(|| {
            go!(move || read_one(&reader));
            until_awaited(descriptor);
            begins.store(true, Ordering::Relaxed);
            while !ends.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(1));
            }
        });
    });
    while !begun.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    let drains = thread::spawn(move || {
        let mut bytes = vec![0; 100_000];
        while let 1.. = read(&there, &mut bytes).unwrap() {}
    });
    build().run(|| {
        let (bytes, mut rest) = (vec![0; 1 << 20], 10 << 20);
        while rest > 0 {
            rest -= write(&here, &bytes[..rest.min(bytes.len())]).unwrap();
        }
    });
    over.store(true, Ordering::Relaxed);
    hogged.join().unwrap();
    drop(here);
    drains.join().unwrap();
}

#[test]
fn the_number_of_procs_changes_meanwhile() {
    let runtime = Runtime::builder().procs(2).build().unwrap();
    runtime.run(|| {
        let talks: Vec<_> = (0..20_u8)
            .map(|number| {
                let (here, there) = pair();
                echo(there);
                go!(move || for _ in 0..200 {
                    write(&here, &[number]).unwrap();
                    assert_eq!(read_one(&here).unwrap(), Some(number));
                })
            })
            .collect();
        for procs in (1..=4).cycle().take(40) {
            set_max_procs(procs);
            sleep(Duration::from_micros(200));
        }
        talks.into_iter().for_each(|talk| talk.join().unwrap());
    });
}
