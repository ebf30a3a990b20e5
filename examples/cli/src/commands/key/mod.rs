//! `capbundle key …`

pub(in crate::commands) mod config_key;
pub(crate) mod create;
pub(crate) mod create_content;
pub(crate) mod save;
pub(crate) mod show;
