//! The store among processes: killed at any moment, and used by several at once.

mod store_contention;
mod store_docs;
mod store_kill;
