use gocsp_select::select;

fn main() {
    select! {
        default => {}
        default(std::time::Duration::ZERO) => {}
    }
}
