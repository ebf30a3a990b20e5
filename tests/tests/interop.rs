//! Interoperability with other tools, in both directions.

mod interop_archive;
mod interop_aws_config;
mod interop_capgo;
mod interop_command;
mod interop_corpora;
mod interop_format;
mod interop_keys;
mod interop_manifest;
