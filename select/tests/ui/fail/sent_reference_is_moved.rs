use gocsp_channels::channel;
use gocsp_select::select;

fn main() {
    let mut number = 1;
    let (tx, rx) = channel::<&mut i32>(1);
    let exclusive = &mut number;
    select! { send(tx, exclusive) => {} }
    *exclusive = 2;
    drop(rx);
}
