//! Reading, validating and writing zip archives (APPNOTE.TXT 6.3.10).

#[cfg(feature = "pack")]
pub(super) mod compress;
pub(super) mod inflate;
pub(super) mod integrity;
pub(crate) mod parts;
pub(super) mod read;
#[cfg(feature = "pack")]
pub(super) mod write;
