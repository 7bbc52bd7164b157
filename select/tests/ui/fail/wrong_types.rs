use gocsp_channels::channel;
use gocsp_select::select;

fn main() {
    let (tx, rx) = channel::<i32>(0);
    select! {
        recv(tx) -> n => {}
    }
    select! {
        send(rx, 1) => {}
    }
    select! {
        send(tx, "text") => {}
    }
    let text = "text";
    select! {
        send(tx, text) => {}
    }
    select! {
        default(5) => {}
    }
}
