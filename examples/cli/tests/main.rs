//! The tests of the command in one program. Each file is a module: `cargo test --test main upload::` runs one of them.

mod app_debug;
mod bundle_inspect;
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
mod missing_targets;
mod native_packages;
mod network;
mod next_steps;
mod phone;
mod project;
mod publishing;
mod registered_bundles;
mod release;
mod remote;
mod site;
mod terminal;
mod upload;
mod upload_options;
mod upload_refusals;
mod upload_rollback;
mod web;
