//! gocsp: in its default mode, where goroutines stay on the thread on which they started, and with `migrate()`.
//!
//! Each workload is run by the main goroutine of a runtime.

mod channels;
mod goroutines;
mod locks;
mod net;
mod time;

use gocsp::Runtime;
use race::task::{Reply, Task};

fn main() {
    let task = Task::from_process();
    let mut builder = Runtime::builder().procs(task.procs);
    if task.contender == "gocsp-migrate" {
        // SAFETY: across calls that wait, goroutines keep channels, groups, locks, join handles, numbers and instants, all
        // of which are `Send`; and they do not use thread-locals.
        builder = unsafe { builder.migrate() };
    }
    let runtime = builder.build().expect("the runtime starts");
    runtime.run(|| run(&task)).send();
}

fn run(task: &Task) -> Reply {
    match task.program.as_str() {
        "ctxswitch" => channels::ctxswitch(task),
        "pingpong" => channels::pingpong(task),
        "flow" => channels::flow(task),
        "select3" => channels::select3(task),
        "ring" => channels::ring(task),
        "sieve" => channels::sieve(task),
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
        "timerstop" => time::timerstop(task),
        "sleepers" => time::sleepers(task),
        "hogs" => time::hogs(task),
        "echo" => net::echo(),
        unknown => panic!("there is no workload {unknown}"),
    }
}
