//! `capbundle app …`

pub(crate) mod debug;
