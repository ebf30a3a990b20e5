//! The border between the `capbundle` core and Swift and Kotlin.
//!
//! Empty for now: the static library for iOS and the `.so` for Android come with their bindings. Features belong
//! to the core; this crate will only wrap and convert.
