//! `capbundle bundle upload`

mod archive;
mod bucket;
mod delta;
mod destination;
mod encryption;
mod release;

use capbundle_publish::transaction::{TransactionError, Work};
use serde::Serialize;

use super::content::Project;
use super::identity;
use crate::args::UploadArgs;
use crate::commands::server;
use crate::error::{Aftermath, Failure, Result, Warning};
use crate::output::{self, Output};
use archive::UploadArchive;
use bucket::S3Location;
use delta::ManifestSummary;
use release::{Ready, Release};

/// Capgo's members first, then ours.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    bundle: &'a str,
    app_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iv_session_key: Option<String>,
    updated_channels: &'a [String],
    skipped: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s3: Option<&'a S3Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    already_there: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<ManifestSummary<'a>>,
    registered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    steps: &'a [String],
    warnings: &'a [Warning],
}

pub(crate) fn run(args: &UploadArgs, output: &Output) -> Result<()> {
    let destination = destination::destination(args)?;
    let mut without_effect = args.unsupported.without_effect();
    if !args.delta.uploads_files() {
        without_effect.extend(args.delta.without_effect());
    }
    if !without_effect.is_empty() {
        output.say(format!("Ignored, no effect here: {}", without_effect.join(", ")));
    }
    let mut project = Project::default();
    let app = identity::app_id(args.app_id.as_deref(), &mut project, "")?;
    identity::warn_of_app_id(&identity::parse_app_id(&app)?, output);
    let version = identity::version(args.bundle.as_deref(), &args.package_json, &mut project, output)?.to_string();
    let transport = server::transport(&args.server.network)?;

    // Find all errors in the options before packing the folder.
    let release = Release::new(args, destination, transport, &app, &version)?;
    if args.version_exists_ok && !args.dry_run && release.exists()? {
        output.say(format!(
            "Version {version} of {app} is already registered: nothing to do"
        ));
        let skipped = Document {
            skipped: true,
            reason: Some("VERSION_EXISTS"),
            ..Document::of(&app, &version)
        };
        return output.document(&skipped);
    }
    let archive = archive::prepare(args, &release.destination, &mut project, (&app, &version), output)?;
    output.warn_all(&archive.warnings);

    let ready = release.with(&archive)?;
    if args.dry_run {
        return dry_run(&ready, &archive, (&app, &version), output);
    }
    let (steps, work) = publish(&ready, output)?;
    let mut warnings = archive.warnings.clone();
    for note in ready.notes.borrow().iter() {
        let noticed = Warning::new(note.as_str(), note.to_string());
        if note.is_warning() {
            output.warn(&noticed);
        } else {
            output.say(format!("Note: {note}"));
        }
        warnings.push(noticed);
    }
    let url = work.url.as_ref().map(|url| url.as_str().to_owned());
    report(args, &archive, &work, (&app, &version), output);
    output.document(&Document {
        checksum: Some(archive.checksum()),
        iv_session_key: archive.session().map(ToString::to_string),
        updated_channels: &release::channels(args),
        url,
        s3: ready.object.as_ref(),
        size: Some(archive.size),
        already_there: work.already_there,
        manifest: summary(&archive, &work, !args.no_register),
        registered: !args.no_register,
        version_id: work.bundle,
        steps: &steps,
        warnings: &warnings,
        ..Document::of(&app, &version)
    })
}

/// Runs all steps; returns their descriptions and results.
fn publish(ready: &Ready<'_>, output: &Output) -> Result<(Vec<String>, Work)> {
    let (plan, mut work) = ready.plan();
    let steps = plan.describe();
    let bar = output.progress();
    let mut number = 0;
    let result = plan.run(&mut work, &bar.control(), &mut |step| {
        number += 1;
        bar.aside(|| output.say(format!("{number}/{} {step}", steps.len())));
    });
    result.map_err(|failed| failure(*failed))?;
    Ok((steps, work))
}

fn summary<'a>(archive: &UploadArchive, work: &'a Work, is_registered: bool) -> Option<ManifestSummary<'a>> {
    let manifest = archive.manifest.as_ref()?;
    Some(ManifestSummary::of(manifest, work, is_registered))
}

fn failure(failed: TransactionError) -> Failure {
    let left = failed.left.iter().map(ToString::to_string).collect();
    let aftermath = Aftermath {
        undone: failed.undone,
        left,
    };
    Failure::from(failed.problem).after(aftermath)
}

fn dry_run(ready: &Ready<'_>, archive: &UploadArchive, (app, version): (&str, &str), output: &Output) -> Result<()> {
    let (plan, work) = ready.plan();
    let steps = plan.describe();
    if let Some(object) = &ready.object {
        output.say(format!("S3 endpoint  {}", object.endpoint));
        output.say(format!("Bucket       {} (region {})", object.bucket, object.region));
        output.say(format!("Key          {}", object.key));
    }
    if let Some(url) = &ready.url {
        output.say(format!("Address      {url}"));
    }
    for (at, step) in steps.iter().enumerate() {
        output.say(format!("{}. {step}", at + 1));
    }
    output.say("Dry run: nothing was changed and no server was contacted");
    output.document(&Document {
        checksum: Some(archive.checksum()),
        iv_session_key: archive.session().map(ToString::to_string),
        url: ready.url.as_ref().map(ToString::to_string),
        s3: ready.object.as_ref(),
        size: Some(archive.size),
        manifest: summary(archive, &work, true),
        skipped: true,
        reason: Some("DRY_RUN"),
        steps: &steps,
        warnings: &archive.warnings,
        ..Document::of(app, version)
    })
}

fn report(args: &UploadArgs, archive: &UploadArchive, work: &Work, (app, version): (&str, &str), output: &Output) {
    if work.already_there {
        output.say("The same archive is already uploaded: nothing was sent");
    }
    if let Some(manifest) = &archive.manifest {
        output.say(format!(
            "Single files {} ({} sent, {} already stored)",
            manifest.files.len(),
            output::bytes(work.file_bytes_sent),
            work.files_already_there
        ));
    }
    if let Some(url) = work.url.as_ref().filter(|_| !args.delta.delta_only) {
        // A presigned URL needs its query. It grants access to the object, so it is not shown if it is registered.
        let shown = if args.s3.signed_for.is_some() && args.no_register {
            url.as_str().to_owned()
        } else {
            url.to_string()
        };
        output.say(format!("Address      {shown} ({})", output::bytes(archive.size)));
    }
    output.say(format!("Checksum     {}", archive.checksum()));
    if let Some(session) = archive.session()
        && (args.no_register || args.encryption.display_iv_session)
    {
        output.say(format!("ivSessionKey {session}"));
    }
    if args.no_register {
        return;
    }
    output.say(format!("Version {version} of {app} is registered"));
    if !args.channel.is_empty() {
        output.say(format!(
            "Devices in {} get it from now on",
            release::channels(args).join(", ")
        ));
    }
}

impl<'a> Document<'a> {
    fn of(app_id: &'a str, bundle: &'a str) -> Self {
        Self {
            bundle,
            app_id,
            checksum: None,
            iv_session_key: None,
            updated_channels: &[],
            skipped: false,
            reason: None,
            url: None,
            s3: None,
            size: None,
            already_there: false,
            manifest: None,
            registered: false,
            version_id: None,
            steps: &[],
            warnings: &[],
        }
    }
}
