//! The tests of the command, in one program: each file is a module, and `cargo test --test main upload::` runs one.

mod absent;
mod app_debug;
mod bundle_look;
mod bundle_seal;
mod bundle_sealed;
mod bundle_zip;
mod command_line;
mod device;
mod device_bundles;
mod device_channel;
mod device_options;
mod device_refusals;
mod documented;
mod documents;
mod installed_key;
#[cfg(unix)]
mod internet;
mod interrupt;
mod key;
mod key_rotation;
mod native_packages;
mod network;
mod next_steps;
mod phone;
mod project;
mod publishing;
mod registered;
mod release;
mod remote;
mod site;
mod terminal;
mod upload;
mod upload_options;
mod upload_refusals;
mod upload_undo;
mod web;
