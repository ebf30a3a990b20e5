//! `capbundle device …`: a simulated device in a folder. Each call is one event, and `run` a whole app.

mod adopt;
mod app;
mod bundles;
mod channel;
mod documents;
mod install;
mod launch;
mod log;
mod release;
mod roles;
mod run;
mod status;

use crate::args::{DeviceArgs, DeviceCommand};
use crate::error::{Failure, Result};
use crate::output::Output;
use app::Device;

pub(crate) fn run(args: &DeviceArgs, output: &Output) -> Result<()> {
    let Some(folder) = args.store.as_deref() else {
        return Err(Failure::missing_argument("no device: pass its folder with --store"));
    };
    let options = args.host.options();
    let existing_or_new = || Device::existing_or_new(folder, options.clone(), output);
    let device = || Device::existing(folder, options.clone(), output);
    match &args.command {
        DeviceCommand::Install(args) => install::run(&existing_or_new()?, args, output),
        DeviceCommand::InstallRelease(args) => release::run(&existing_or_new()?, args, output),
        DeviceCommand::Update(args) => channel::run(&existing_or_new()?, args, output),
        DeviceCommand::Run(args) => run::run(&existing_or_new()?, args, output),
        DeviceCommand::Launch(args) => launch::launch(&existing_or_new()?, args, output),
        DeviceCommand::Started => launch::started(&device()?, output),
        DeviceCommand::Confirm(args) => launch::confirm(&device()?, args, output),
        DeviceCommand::Expired => launch::expired(&device()?, output),
        DeviceCommand::Background => launch::background(&device()?, output),
        DeviceCommand::Foreground => launch::foreground(&device()?, output),
        DeviceCommand::Status => status::run(&device()?, output),
        DeviceCommand::Log => log::run(&device()?, output),
        DeviceCommand::List => bundles::list(&device()?, output),
        DeviceCommand::Set(args) => roles::set(&device()?, &args.id, output),
        DeviceCommand::Next(args) => roles::next(&device()?, args, output),
        DeviceCommand::Reset(args) => roles::reset(&device()?, args.to_last_proven, output),
        DeviceCommand::Delete(args) => bundles::delete(&device()?, args, output),
        DeviceCommand::Fail(args) => bundles::fail(&device()?, args, output),
        DeviceCommand::Failure => bundles::failure(&device()?, output),
        DeviceCommand::Adopt(args) => adopt::run(&existing_or_new()?, args, output),
        DeviceCommand::Forget(args) => bundles::forget(&device()?, &args.version, output),
        DeviceCommand::Clean(args) => bundles::clean(&device()?, args, output),
        DeviceCommand::Verify(args) => bundles::verify(&device()?, args, output),
    }
}
