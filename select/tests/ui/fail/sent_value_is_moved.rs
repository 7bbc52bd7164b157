use gocsp_channels::channel;
use gocsp_select::select;

fn main() {
    let (tx, rx) = channel::<String>(0);
    let value = String::new();
    select! {
        send(tx, value) => println!("{value}"),
        recv(rx) -> other => println!("{value} {other:?}"),
    }
    println!("{value}");
}
