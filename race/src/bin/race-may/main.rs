//! may: stackful coroutines that go on wherever a thread is free.
//!
//! Each workload is run by a coroutine. Stacks have the size that may gives them by default.

mod channels;
mod goroutines;
mod locks;
mod net;
mod time;

use may::go;
use race::task::{Reply, Task};

const UNBOUNDED: &str = "may's channels are unbounded: whoever sends does not wait";

fn main() {
    let task = Task::from_process();
    may::config().set_workers(task.procs);
    let workload = go!(move || run(&task));
    workload.join().expect("the workload does not panic").send();
}

fn run(task: &Task) -> Reply {
    match task.program.as_str() {
        "pingpong" => channels::pingpong(task),
        "ring" => channels::ring(task),
        "pool" => channels::pool(task),
        "spawn" => goroutines::spawn(task),
        "spawnjoin" => goroutines::spawnjoin(task),
        "skynet" => goroutines::skynet(task),
        "fib" => goroutines::fib(task),
        "yields" => goroutines::yields(task),
        "parked" => goroutines::parked(task),
        "mutex" => locks::mutex(task),
        "rwlock" => locks::rwlock(task),
        "sleep" => time::sleep(task),
        "sleepers" => time::sleepers(task),
        "hogs" => time::hogs(task),
        "echo" => net::echo(),
        "ctxswitch" | "flow" => Reply::abstain(UNBOUNDED),
        "select3" | "sieve" => Reply::abstain(
            "may's select starts a coroutine for each case, and loses what those received that did not win",
        ),
        "timerstop" => Reply::abstain("may has no timers that can be stopped"),
        unknown => panic!("there is no workload {unknown}"),
    }
}
