use gocsp_channels::channel;
use gocsp_select::select;

fn main() {
    let (tx, rx) = channel::<String>(0);
    let value = String::new();
    loop {
        select! {
            send(tx, value) => {}
            recv(rx) => break,
        }
    }
}
