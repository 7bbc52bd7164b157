//! What several types of sockets have in common, written once. The interface is theirs; these are what it is made of.
//!
//! They are macros and no traits, for the methods have to be there without an import, as those of std's types are. Each
//! is called in the file of the type, and takes from there what that has imported. Where the documentation shows an
//! example, its first lines, in which a socket of the type is made, are a parameter.

mod handle;
mod ip;
mod limits;
mod listener;
mod stream;

pub(crate) use {handle::handle, ip::ip, limits::limits, listener::listener, stream::stream};
