//! An updater with a real store.
