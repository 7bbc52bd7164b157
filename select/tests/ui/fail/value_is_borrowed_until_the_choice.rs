use gocsp_channels::channel;
use gocsp_select::select;

fn main() {
    let (tx, rx) = channel::<String>(0);
    let mut value = String::new();
    select! {
        send(tx, value) => {}
        recv({ value.push('x'); &rx }) => {}
    }
    let value = String::new();
    select! {
        send(tx, value) => {}
        send(tx, value + "x") => {}
    }
    let value = String::new();
    select! {
        send(tx, value) => {}
        default({ drop(value); std::time::Duration::ZERO }) => {}
    }
}
