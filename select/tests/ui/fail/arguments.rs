use gocsp_channels::channel;
use gocsp_select::select;

fn main() {
    let (tx, rx) = channel::<i32>(0);
    select! {
        recv() => {}
    }
    select! {
        recv(rx, 1) -> n => {}
    }
    select! {
        recv rx => {}
    }
    select! {
        send(tx) => {}
    }
    select! {
        send(tx, 1, 2) => {}
    }
    select! {
        default() => {}
    }
    select! {
        default(1, 2) => {}
    }
}
