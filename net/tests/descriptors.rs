//! When there are no descriptors left. A test of its own, for the limit is that of the process.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{Read, Write};

use gocsp_net::{TcpListener, TcpStream};
use gocsp_runtime::run;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, setrlimit};

#[test]
fn that_there_are_no_descriptors_is_an_error_of_accept_and_passes() {
    run(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = Some(100);
        setrlimit(Resource::Nofile, limit).unwrap();
        let mut files = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            files.push(file);
        }
        for _ in 0..3 {
            let error = listener.accept().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(Errno::MFILE.raw_os_error()));
        }
        drop(files);
        let (mut server, _address) = listener.accept().unwrap();
        client.write_all(b"x").unwrap();
        assert_eq!(server.read(&mut [0]).unwrap(), 1);
    });
}
