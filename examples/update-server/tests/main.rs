//! The tests of the server, in one program: each file is a module, and `cargo test --test main updates::` runs one.

mod archives;
mod devices;
mod documented;
mod folder;
mod limits;
mod one_client;
mod process;
mod publishing;
mod rights;
mod test_server;
mod updates;
mod verify;
mod watching;
mod web_apps;
