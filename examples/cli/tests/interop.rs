//! Tests of the command that need third-party programs.

mod interop_documents;
mod project;
mod publishing;
