use gocsp_channels::channel;
use gocsp_select::select;

fn main() {
    let (tx, rx) = channel::<i32>(0);
    select! {
        recv(rx) -> n => println!("{n:?}")
        send(tx, 1) => {}
    }
}
