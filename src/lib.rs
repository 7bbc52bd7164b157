// The README's links to these files lead to the modules below.
#![doc = "[docs/README.md]: docs"]
#![doc = "[docs/design.md]: docs::design"]
#![doc = "[docs/dependencies.md]: docs::dependencies"]
#![doc = "[docs/benchmarks.md]: docs::benchmarks"]
#![doc = "[docs/reliability.md]: docs::reliability"]
#![doc = "[docs/sanitizers.md]: docs::sanitizers"]
#![doc = "[docs/testing-schedules.md]: docs::testing_schedules"]
#![doc = ""]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod docs;

#[cfg(feature = "futures-core")]
pub use gocsp_channels::RecvStream;
pub use gocsp_channels::{
    Chan, CloseError, IntoIter, Iter, Receiver, RecvError, RecvFuture, RecvTimeoutError, SendError, SendFuture,
    SendTimeoutError, Sender, TryIter, TryRecvError, TrySendError, after, channel, tick,
};
#[doc(inline)]
pub use gocsp_context as context;
pub use gocsp_macros::{main, test};
#[cfg(target_os = "linux")]
#[doc(inline)]
pub use gocsp_net as net;
pub use gocsp_runtime::poll;
pub use gocsp_runtime::{
    Builder, Cancelled, Go, GoroutineId, JoinHandle, LocalAccessError, LocalKey, OnPanic, OsThreadLock, Runtime, Scope,
    ScopedJoinHandle, StackError, block_on, blocking, exit_goroutine, go, goroutine_local, lock_os_thread, max_procs,
    num_cpus, num_goroutines, run, scope, set_max_procs, sleep, spawn, yield_now,
};
pub use gocsp_select::{Select, SelectTimeoutError, SelectedOperation, TrySelectError, select};
#[doc(inline)]
pub use gocsp_sync as sync;

/// Everything that has to do with time, after Go's package of that name. What is used most is at the root as well.
///
/// A limit to the time between one message and the next:
/// ```
/// use gocsp::time::{Timer, sleep};
/// use gocsp::{channel, go, select};
/// use std::time::Duration;
///
/// let (tx, rx) = channel(0);
/// go! {
///     (0..3).try_for_each(|n| tx.send(n))?;
///     sleep(Duration::from_secs(60));
///     tx.send(3)
/// };
/// let limit = Duration::from_millis(50);
/// let (silence, mut seen) = (Timer::new(limit), Vec::new());
/// loop {
///     select! {
///         recv(rx) -> n => {
///             seen.extend(n);
///             silence.reset(limit);
///         }
///         recv(silence) => break,
///     }
/// }
/// assert_eq!(seen, [0, 1, 2]);
/// ```
pub mod time {
    pub use gocsp_channels::{Ticker, Timer, after, tick};
    pub use gocsp_runtime::clock::now;
    pub use gocsp_runtime::timer::{AfterFunc, after_func};
    pub use gocsp_runtime::{sleep, sleep_until};
}

/// Tests of concurrent programs under schedules that are chosen, and can be run again; with a [network](testing::network) that can
/// fail. With the feature `testing`.
///
/// What has to be kept in mind is told in [`gocsp_runtime::testing`], whose contents this has.
///
/// A request that is answered after a minute, on a network that takes its time:
/// ```
/// use gocsp::net::{TcpListener, TcpStream};
/// use gocsp::testing::network::{self, Conditions};
/// use gocsp::{go, sleep, testing};
/// use std::io::{Read, Write};
/// use std::time::Duration;
///
/// testing::check(|| {
///     network::set(Conditions::default().delay(Duration::from_secs(1)));
///     let listener = TcpListener::bind("127.0.0.1:80").unwrap();
///     let server = go!(move || {
///         let (mut stream, _) = listener.accept().unwrap();
///         sleep(Duration::from_secs(60));
///         stream.write_all(b"done").unwrap();
///     });
///     let mut answer = String::new();
///     TcpStream::connect("localhost:80").unwrap().read_to_string(&mut answer).unwrap();
///     assert_eq!(answer, "done");
///     server.join().unwrap();
/// });
/// ```
#[cfg(feature = "testing")]
pub mod testing {
    #[cfg(target_os = "linux")]
    #[doc(inline)]
    pub use gocsp_net::simulation as network;
    #[doc(inline)]
    pub use gocsp_runtime::testing::*;
}

/// What the runtime tells of itself, and what it is told to do, after Go's package of that name.
///
/// Who is left behind, and for what it waits:
/// ```
/// use gocsp::{channel, go, run, runtime, sleep};
/// use std::time::Duration;
///
/// run(|| {
///     let (_tx, rx) = channel::<u32>(0);
///     go!(move || rx.recv());
///     sleep(Duration::from_millis(2));
///     let dump = runtime::dump();
///     let states: Vec<_> = dump.goroutines.iter().filter_map(|goroutine| Some(goroutine.wait()?.state())).collect();
///     assert_eq!(states, ["blocking call", "chan receive"]);
/// });
/// ```
pub mod runtime {
    pub use gocsp_runtime::{
        Activity, BacktraceFrame, Deadlock, Dump, GoroutineDump, Leak, OnDeadlock, RuntimeMetrics, ThreadDump, Wait,
        WorkerDump, WorkerState, assert_no_leaks, dump, leaks, metrics,
    };
}
