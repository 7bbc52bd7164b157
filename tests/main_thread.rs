//! What only the main thread shows, which tests do not run on. So this has a `main` of its own, and is its own child.

#[cfg(unix)]
#[path = "common/watch.rs"]
mod watch;

#[cfg(unix)]
mod unix {
    use std::hint::black_box;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use super::watch::watch;
    use gocsp::{go, run};

    const VARIABLE: &str = "GOCSP_TEST_CHILD";

    fn recurse_without_end(depth: u64) -> u64 {
        let frame = black_box([depth; 8]);
        if black_box(true) { recurse_without_end(frame[0] + 1) + frame[1] } else { 0 }
    }

    /// The child: installs the handler, and overflows the stack of the main thread.
    fn overflow() {
        run(|| go!(|| ()).join().unwrap());
        recurse_without_end(0);
    }

    /// The handler of the standard library, which the runtime's replaces, still gets the overflow.
    fn the_overflow_of_the_main_thread_still_has_the_message_of_std() {
        let mut command = Command::new(std::env::current_exe().expect("a process knows its binary"));
        command.env(VARIABLE, "overflow").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = watch(command.spawn().expect("a process can be started"));
        assert_eq!(ended.status.signal(), Some(libc::SIGABRT), "{}\n{}{}", ended.status, ended.stdout, ended.stderr);
        assert!(ended.stderr.contains("thread 'main'"), "{}", ended.stderr);
        assert!(ended.stderr.contains("has overflowed its stack") && !ended.stderr.contains("goroutine"));
    }

    pub(crate) fn main() {
        if std::env::var_os(VARIABLE).is_some() {
            return overflow();
        }
        the_overflow_of_the_main_thread_still_has_the_message_of_std();
        println!("test the_overflow_of_the_main_thread_still_has_the_message_of_std ... ok");
    }
}

fn main() {
    #[cfg(unix)]
    unix::main();
}
