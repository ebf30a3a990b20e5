//! `capbundle release …`

pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod document;
pub(crate) mod inspect;
pub(crate) mod sign;
