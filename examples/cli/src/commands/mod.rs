//! One file per command.

mod app;
mod bundle;
mod completions;
mod device;
mod fetch;
mod installed_key;
mod key;
mod key_source;
mod keyring;
mod man;
mod release;
mod remote;
mod s3;
mod server;
mod site;

use std::process::ExitCode;

use crate::args::{
    AppCommand, BundleCommand, ChannelCommand, Command, DeviceCommand, KeyCommand, KeyringCommand, ReleaseCommand,
};
use crate::error::{Failure, Result};
use crate::interrupt;
use crate::output::Output;

pub(crate) fn run(command: Command) -> ExitCode {
    match command {
        Command::Bundle(command) => match command {
            BundleCommand::Zip(args) => stoppable(args.output.json, |output| bundle::zip::run(&args, output)),
            BundleCommand::Encrypt(args) => stoppable(args.output.json, |output| bundle::encrypt::run(&args, output)),
            BundleCommand::Decrypt(args) => stoppable(args.output.json, |output| bundle::decrypt::run(&args, output)),
            BundleCommand::Seal(args) => stoppable(args.json.json, |output| bundle::seal::run(&args, output)),
            BundleCommand::Open(args) => stoppable(args.json.json, |output| bundle::open::run(&args, output)),
            BundleCommand::Verify(args) => stoppable(args.output.json, |output| bundle::verify::run(&args, output)),
            BundleCommand::Unpack(args) => stoppable(args.output.json, |output| bundle::unpack::run(&args, output)),
            BundleCommand::Inspect(args) => with(args.output.json, |output| bundle::inspect::run(&args, output)),
            BundleCommand::Check(args) => stoppable(args.output.json, |output| bundle::check::run(&args, output)),
            BundleCommand::Upload(args) => stoppable(args.output.json, |output| bundle::upload::run(&args, output)),
            BundleCommand::List(args) => stoppable(args.list.output.json, |output| remote::list::run(&args, output)),
            BundleCommand::Download(args) => stoppable(args.output.json, |output| remote::download::run(&args, output)),
            BundleCommand::Delete(args) => stoppable(args.output.json, |output| remote::delete::run(&args, output)),
            BundleCommand::Cleanup(args) => stoppable(args.output.json, |output| remote::cleanup::run(&args, output)),
            BundleCommand::Metadata(args) => stoppable(args.output.json, |output| remote::metadata::run(&args, output)),
        },
        Command::Channel(command) => match command {
            ChannelCommand::Set(args) => stoppable(args.output.json, |output| remote::channel::set(&args, output)),
            ChannelCommand::List(args) => stoppable(args.output.json, |output| remote::channel::list(&args, output)),
        },
        Command::App(AppCommand::Debug(args)) => stoppable(args.output.json, |output| app::debug::run(&args, output)),
        Command::Key(command) => match command {
            KeyCommand::Create(args) if args.content => {
                with(args.output.json, |output| key::create_content::run(&args, output))
            }
            KeyCommand::Create(args) => with(args.output.json, |output| key::create::run(&args, output)),
            KeyCommand::Save(args) => with(args.output.json, |output| key::save::run(&args, output)),
            KeyCommand::Show(args) => with(args.output.json, key::show::run),
        },
        Command::Release(command) => match command {
            ReleaseCommand::Create(args) => stoppable(args.output.json, |output| release::create::run(&args, output)),
            ReleaseCommand::Sign(args) => with(args.output.json, |output| release::sign::run(&args, output)),
            ReleaseCommand::Inspect(args) => with(args.output.json, |output| release::inspect::run(&args, output)),
            ReleaseCommand::Check(args) => stoppable(args.output.json, |output| release::check::run(&args, output)),
            ReleaseCommand::Publish(args) => stoppable(args.output.json, |output| site::publish::run(&args, output)),
            ReleaseCommand::Promote(args) => {
                stoppable(args.output.json, |output| site::candidate::promote(&args, output))
            }
            ReleaseCommand::Rollout(args) => {
                stoppable(args.output.json, |output| site::candidate::rollout(&args, output))
            }
            ReleaseCommand::Rollback(args) => {
                stoppable(args.output.json, |output| site::reissue::rollback(&args, output))
            }
            ReleaseCommand::Pause(args) => stoppable(args.output.json, |output| site::candidate::pause(&args, output)),
            ReleaseCommand::Renew(args) => stoppable(args.output.json, |output| site::reissue::renew(&args, output)),
            ReleaseCommand::List(args) => stoppable(args.output.json, |output| site::list::run(&args, output)),
            ReleaseCommand::Verify(args) => stoppable(args.output.json, |output| site::verify::run(&args, output)),
            ReleaseCommand::Gc(args) => stoppable(args.output.json, |output| site::gc::run(&args, output)),
        },
        Command::Keyring(command) => match command {
            KeyringCommand::Create(args) => with(args.output.json, |output| keyring::create::run(&args, output)),
            KeyringCommand::Rotate(args) => with(args.output.json, |output| keyring::rotate::run(&args, output)),
            KeyringCommand::Sign(args) => with(args.output.json, |output| keyring::sign::run(&args, output)),
            KeyringCommand::Inspect(args) => with(args.output.json, |output| keyring::inspect::run(&args, output)),
            KeyringCommand::Check(args) => with(args.output.json, |output| keyring::check::run(&args, output)),
            KeyringCommand::Publish(args) => {
                stoppable(args.output.json, |output| site::publish_ring::run(&args, output))
            }
        },
        Command::Device(args) if matches!(args.command, DeviceCommand::Run(_)) => {
            stoppable_to(&Output::stream(args.json), |output| device::run(&args, output))
        }
        Command::Device(args) => stoppable(args.json, |output| device::run(&args, output)),
        Command::Completions(args) => with(false, |_| completions::run(&args)),
        Command::Man(args) => with(false, |output| man::run(&args, output)),
    }
}

/// Runs a command that cleans up when a signal stops it. Commands without long operations end with the signal.
fn stoppable(json: bool, command: impl FnOnce(&Output) -> Result<()>) -> ExitCode {
    stoppable_to(&Output::new(json), command)
}

fn stoppable_to(output: &Output, command: impl FnOnce(&Output) -> Result<()>) -> ExitCode {
    let installed = interrupt::install();
    let installed =
        installed.map_err(|error| Failure::refused("io", format!("cannot install signal handlers: {error}")));
    output.finish(installed.and_then(|()| command(output)))
}

fn with(json: bool, command: impl FnOnce(&Output) -> Result<()>) -> ExitCode {
    let output = Output::new(json);
    output.finish(command(&output))
}
