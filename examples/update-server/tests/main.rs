//! The tests of the server, in one program: each file is a module, and `cargo test --test main updates::` runs one.

mod archives;
mod cleanup;
mod devices;
mod documented;
mod fairness;
mod limits;
mod manifests;
mod monitoring;
mod permissions;
mod process;
mod publishing;
mod test_server;
mod updater;
mod updates;
mod verify;
mod web_apps;
