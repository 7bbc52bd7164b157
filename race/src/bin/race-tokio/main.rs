//! tokio: its multi-thread scheduler, and its current-thread scheduler.
//!
//! Each workload is run by a task that is spawned, so that it runs on the scheduler's workers as everything else does.
//!
//! Channels are tokio's own where it has the like: `mpsc` with a capacity and one receiver, `oneshot` for a single value.
//! It has none without a buffer, and none with several receivers; these are kanal's, which wakes tasks of any executor.
//! `tokio-kanal` is the multi-thread scheduler with kanal's in the place of `mpsc`. Locks are `tokio::sync`'s, as they may be held
//! while a task waits, which is what the locks of the others allow.

#![forbid(unsafe_code)]

mod channels;
mod goroutines;
mod group;
mod locks;
mod net;
mod time;

use race::task::{Reply, Task};
use tokio::runtime::Builder;

fn main() {
    let task = Task::from_process();
    let mut builder = match task.contender.as_str() {
        "tokio-current" => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if task.contender == "tokio-kanal" && !(task.program == "flow" && channels::fits_mpsc(&task)) {
        return Reply::abstain("tokio itself uses kanal here, or there is no channel in it").send();
    }
    let runtime = builder.worker_threads(task.procs).enable_all().build().expect("the runtime starts");
    let reply = runtime.block_on(async { tokio::spawn(run(task)).await });
    reply.expect("the workload does not panic").send();
}

async fn run(task: Task) -> Reply {
    match task.program.as_str() {
        "ctxswitch" => channels::ctxswitch(&task).await,
        "pingpong" => channels::pingpong(&task).await,
        "flow" => channels::flow(&task).await,
        "select3" => channels::select3(&task).await,
        "ring" => channels::ring(&task).await,
        "sieve" => channels::sieve(&task).await,
        "pool" => channels::pool(&task).await,
        "spawn" => goroutines::spawn(&task).await,
        "spawnjoin" => goroutines::spawnjoin(&task).await,
        "skynet" => goroutines::skynet(&task).await,
        "fib" => goroutines::fib(&task).await,
        "yields" => goroutines::yields(&task).await,
        "parked" => goroutines::parked(&task).await,
        "mutex" => locks::mutex(&task).await,
        "rwlock" => locks::rwlock(&task).await,
        "sleep" => time::sleep(&task).await,
        "timerstop" => time::timerstop(&task).await,
        "sleepers" => time::sleepers(&task).await,
        "hogs" => time::hogs(&task).await,
        "echo" => net::echo().await,
        unknown => panic!("there is no workload {unknown}"),
    }
}
