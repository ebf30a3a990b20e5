//! `capbundle key …`

pub(crate) mod content;
pub(crate) mod create;
mod install;
pub(crate) mod save;
pub(crate) mod show;
