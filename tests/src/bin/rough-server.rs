//! The server with faults for tests in other languages. Prints its URL, and stops when its standard input ends.
#![allow(clippy::print_stdout, reason = "prints its URL")]

use std::io::{self, Read as _, Write as _};

use capbundle_tests::rough_server::RoughServer;

fn main() -> io::Result<()> {
    let server = RoughServer::start();
    println!("{}", server.url(""));
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
