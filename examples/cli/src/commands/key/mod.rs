//! `capbundle key …`

pub(crate) mod content;
pub(crate) mod create;
pub(in crate::commands) mod install;
pub(crate) mod save;
pub(crate) mod show;
