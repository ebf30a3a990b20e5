//! What holds for every folder and every damage, tried on many random ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "properties/damage.rs"]
mod damage;
#[path = "properties/interruption.rs"]
mod interruption;
#[path = "properties/packing.rs"]
mod packing;
#[path = "properties/strategies.rs"]
mod strategies;
