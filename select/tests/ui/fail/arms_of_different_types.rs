use gocsp_channels::channel;
use gocsp_select::select;

fn main() {
    let (_tx, rx) = channel::<i32>(0);
    let _ = select! {
        recv(rx) -> n => n.unwrap(),
        default => "nothing",
    };
}
