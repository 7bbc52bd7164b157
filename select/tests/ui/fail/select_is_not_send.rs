use gocsp_select::Select;

fn main() {
    fn assert_send<T: Send>(_: T) {}
    assert_send(Select::new());
}
