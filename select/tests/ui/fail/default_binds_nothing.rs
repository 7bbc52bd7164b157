use gocsp_select::select;

fn main() {
    select! {
        default -> time => {}
    }
}
