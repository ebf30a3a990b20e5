//! `capbundle key …`

pub(crate) mod create;
mod install;
pub(crate) mod save;
pub(crate) mod show;
