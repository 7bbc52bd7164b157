//! Threads of the system, with the locks of the standard library and the channels of crossbeam-channel.
//!
//! There are as many threads as the others have goroutines, whatever the number of procs; the system spreads them over
//! its processors.

#![forbid(unsafe_code)]

mod channels;
mod goroutines;
mod locks;
mod net;
mod time;

use race::task::{Reply, Task};

fn main() {
    let task = Task::from_process();
    run(&task).send();
}

fn run(task: &Task) -> Reply {
    match task.program.as_str() {
        "ctxswitch" => channels::ctxswitch(task),
        "pingpong" => channels::pingpong(task),
        "flow" => channels::flow(task),
        "select3" => channels::select3(task),
        "ring" => channels::ring(task),
        "pool" => channels::pool(task),
        "spawnjoin" => goroutines::spawnjoin(task),
        "yields" => goroutines::yields(task),
        "mutex" => locks::mutex(task),
        "sleep" => time::sleep(task),
        "hogs" => time::hogs(task),
        "echo" => net::echo(),
        "sieve" => Reply::abstain("each of 1.4 million messages through 1500 threads takes two switches of the system"),
        "timerstop" => Reply::abstain("the system's threads have no timers"),
        "spawn" | "skynet" | "fib" | "parked" | "rwlock" | "sleepers" => {
            Reply::abstain("so many threads cannot be had at once")
        }
        unknown => panic!("there is no workload {unknown}"),
    }
}
