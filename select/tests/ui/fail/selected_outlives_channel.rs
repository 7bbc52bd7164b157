use gocsp_channels::channel;
use gocsp_select::Select;

fn main() {
    let mut select = Select::new();
    {
        let (_tx, rx) = channel::<i32>(0);
        select.recv(&rx);
    }
    let _ = select.try_select();
}
