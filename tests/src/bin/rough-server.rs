//! The server that misbehaves, for tests in other languages: says its URL and ends when its standard input does.
#![allow(clippy::print_stdout, reason = "that is how it says where it listens")]

use std::io::{self, Read as _, Write as _};

use capbundle_tests::rough_server::RoughServer;

fn main() -> io::Result<()> {
    let server = RoughServer::start();
    println!("{}", server.url(""));
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
