//! The store and the updater with several processes: killed at any moment, and used concurrently.

mod store_contention;
mod store_docs;
mod store_kill;
mod updater_kill;
