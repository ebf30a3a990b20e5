//! The tests of the command that need the programs of others.

mod interop_documents;
mod project;
mod publishing;
