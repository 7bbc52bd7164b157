use gocsp_channels::channel;
use gocsp_select::select;

fn main() {
    let (_tx, rx) = channel::<i32>(0);
    select! {
        recv(rx) -> Ok(n) => println!("{n}"),
    }
}
