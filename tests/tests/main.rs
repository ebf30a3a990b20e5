//! The tests that need nothing but this repository, in one program: each file is a module.
//!
//! Programs of their own are those that a stage of `tests/run` runs alone: `interop`, `memory`, `s3` and `store`.

mod bundles_api;
mod channel;
mod crash;
mod docs;
mod documents;
mod english;
mod golden;
mod modules;
mod network;
mod network_contract;
mod network_endless;
mod network_tls;
mod properties;
mod publish_external;
mod release_vectors;
mod repo;
mod sealed_vectors;
mod update_client;
mod updater;
mod vectors;
