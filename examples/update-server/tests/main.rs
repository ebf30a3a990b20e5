//! The tests of the server, in one program: each file is a module, and `cargo test --test main updates::` runs one.

mod archives;
mod devices;
mod documented;
mod cleanup;
mod limits;
mod fairness;
mod process;
mod publishing;
mod permissions;
mod test_server;
mod updates;
mod verify;
mod monitoring;
mod web_apps;
