pub use gocsp_channels::*;
pub use gocsp_macros::main;
pub use gocsp_runtime::*;
pub use gocsp_select::*;
pub use gocsp_sync as sync;
