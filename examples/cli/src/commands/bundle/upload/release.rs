//! The steps of an upload.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

use capbundle::http::{Transport, Url};
use capbundle::progress::Control;
use capbundle::update::protocol::NO_ARCHIVE;
use capbundle_publish::api::{Api, ApiKey, AppId, Checksum, NativePackage};
use capbundle_publish::http_upload;
use capbundle_publish::s3::{Bucket, KeyTemplate};
use capbundle_publish::transaction::{
    Annotate, ApiRegistry, FileStorage, Plan, Promote, PutFile, PutFiles, Register, Registry as _, S3Files, S3Object,
    ServerFile, ServerFiles, Storage, Upload, UploadFiles, Verify, VerifyWork, Work,
};
use capbundle_publish::url_check;
use capbundle_publish::url_check::{Expected, UrlCheckOptions, UrlNote};

use super::super::{identity, native_packages};
use super::archive::{Protection, UploadArchive};
use super::bucket;
use super::bucket::S3Location;
use super::delta;
use super::destination::{self, Destination};
use crate::args::UploadArgs;
use crate::commands::server;
use crate::error::{Failure, Result};
use crate::interrupt;

/// The API key of a dry run, which sends no request.
const PLACEHOLDER_KEY: &str = "dry-run";

/// An upload whose options were checked.
pub(super) struct Release<'a> {
    args: &'a UploadArgs,
    pub(super) destination: Destination<'a>,
    transport: Arc<dyn Transport>,
    app: AppId,
    version: &'a str,
    /// `None` if nothing is registered.
    api: Option<Api>,
    bucket: Option<(Bucket, KeyTemplate)>,
    native_packages: Option<Vec<NativePackage>>,
}

/// An upload with its archive, destination and registry.
pub(super) struct Ready<'r> {
    args: &'r UploadArgs,
    transport: &'r dyn Transport,
    archive: &'r UploadArchive,
    storage: Option<Box<dyn Storage + 'r>>,
    files: Option<Box<dyn FileStorage + 'r>>,
    registry: Option<ApiRegistry<'r>>,
    /// The download URL, if it is known before the upload.
    pub(super) url: Option<Url>,
    /// The object in a bucket.
    pub(super) object: Option<S3Location>,
    /// Observations of the URL check.
    pub(super) notes: RefCell<Vec<UrlNote>>,
}

/// The destination of the archive.
#[derive(Default)]
struct Target<'r> {
    /// Stores the archive; `None` if it is already uploaded.
    storage: Option<Box<dyn Storage + 'r>>,
    /// Stores the single files.
    files: Option<Box<dyn FileStorage + 'r>>,
    /// The download URL, if it is known before the upload.
    url: Option<Url>,
    /// The object in a bucket.
    object: Option<S3Location>,
}

impl<'a> Release<'a> {
    pub(super) fn new(
        args: &'a UploadArgs,
        destination: Destination<'a>,
        transport: Arc<dyn Transport>,
        app: &str,
        version: &'a str,
    ) -> Result<Self> {
        let api = if args.no_register {
            None
        } else {
            Some(api(args, &transport)?)
        };
        let native_packages = if args.no_register {
            None
        } else {
            native_packages::of_project(&args.package_json, &args.node_modules)?
        };
        let bucket = match &destination {
            Destination::S3(s3) => {
                let template = bucket::key_template(s3)?;
                Some((bucket::bucket(args, s3)?, template))
            }
            _ => None,
        };
        let release = Self {
            args,
            destination,
            transport,
            app: identity::parse_app_id(app)?,
            version,
            api,
            bucket,
            native_packages,
        };
        if let Some((bucket, template)) = &release.bucket {
            // A placeholder for the digest: whether the URL is https does not depend on it.
            let digest = Some(capbundle::digest::Sha256Digest::of(b""));
            let key = bucket::key(template, app, version, digest)?;
            bucket::public_url(bucket, &key, args)?;
        }
        Ok(release)
    }

    /// Whether the version is registered.
    pub(super) fn exists(&self) -> Result<bool> {
        let Some(api) = &self.api else { return Ok(false) };
        let unknown = capbundle::digest::Sha256Digest::of(b"");
        let registry = ApiRegistry::new(api, self.app.clone(), self.version, unknown);
        Ok(registry.find(&interrupt::control())?.is_some())
    }

    pub(super) fn with<'r>(&'r self, archive: &'r UploadArchive) -> Result<Ready<'r>> {
        let mut target = self.target(archive)?;
        if archive.manifest.is_some() {
            target.files = self.file_storage()?;
        }
        if self.args.delta.delta_only {
            target.storage = None;
            target.object = None;
            target.url = Some(NO_ARCHIVE.parse()?);
        }
        let registry = self.api.as_ref().map(|api| {
            let checksum = match &archive.protection {
                Protection::Plain => Checksum::from(archive.digest),
                Protection::Encrypted { checksum, .. } => Checksum::from(checksum.clone()),
            };
            let mut registry = ApiRegistry::new(api, self.app.clone(), self.version, checksum);
            if let Protection::Encrypted { session, key_id, .. } = &archive.protection {
                let key_id = Some(key_id.clone()).filter(|_| !self.args.encryption.no_key_id);
                registry = registry.sealed(session.clone(), key_id);
            }
            if let Some(packages) = &self.native_packages {
                registry = registry.with_native_packages(packages.clone());
            }
            match &self.args.min_update_version {
                Some(oldest) => registry.for_native(oldest.clone()),
                None => registry,
            }
        });
        Ok(Ready {
            args: self.args,
            transport: &*self.transport,
            archive,
            storage: target.storage,
            files: target.files,
            registry,
            url: target.url,
            object: target.object,
            notes: RefCell::default(),
        })
    }

    fn target<'r>(&'r self, archive: &UploadArchive) -> Result<Target<'r>> {
        Ok(match (&self.destination, &self.bucket) {
            (Destination::External(url), _) => Target {
                url: Some(url.clone()),
                ..Target::default()
            },
            (Destination::S3(s3), Some((bucket, template))) => {
                let key = bucket::key(template, self.app.as_str(), self.version, Some(archive.digest))?;
                let url = bucket::public_url(bucket, &key, self.args)?;
                let described = S3Location::new(bucket, &key);
                let object = S3Object::new(bucket, key, bucket::upload_options(s3), Some(url.clone()));
                Target {
                    storage: Some(Box::new(object)),
                    url: Some(url),
                    object: Some(described),
                    ..Target::default()
                }
            }
            (Destination::Put { to, headers, public }, _) => {
                let options = http_upload::HttpUploadOptions::default().with_headers(headers.clone());
                let file = PutFile::new(&*self.transport, to.clone(), options, public.clone());
                Target {
                    storage: Some(Box::new(file)),
                    url: Some(public.clone()),
                    ..Target::default()
                }
            }
            (Destination::Server, _) => {
                // A server stores only archives that it registers.
                let file = self.api.as_ref().map(|api| {
                    let file = ServerFile::new(api, self.app.clone(), self.version, archive.digest);
                    Box::new(file) as Box<dyn Storage>
                });
                Target {
                    storage: file,
                    ..Target::default()
                }
            }
            // Every S3 destination has a bucket.
            (Destination::S3(_), None) => Target::default(),
        })
    }
}

impl Release<'_> {
    /// Where the single files are stored.
    fn file_storage(&self) -> Result<Option<Box<dyn FileStorage + '_>>> {
        Ok(match (&self.destination, &self.bucket) {
            (Destination::S3(s3), Some((bucket, _))) => {
                let prefix = s3.prefix.as_deref().unwrap_or_default().trim_matches('/');
                let folder = if prefix.is_empty() {
                    self.app.to_string()
                } else {
                    format!("{prefix}/{}", self.app)
                };
                let files = S3Files::new(bucket, folder, bucket::upload_options(s3))
                    .with_public_url(s3.public_url.as_deref())
                    .with_signed_for(s3.signed_for.filter(|_| !self.args.dry_run));
                if !self.args.no_register {
                    let url = files.url("delta/example").map_err(Failure::from)?;
                    destination::require_https(url, "the URL in the bucket")?;
                }
                Some(Box::new(files))
            }
            (Destination::Put { to, headers, public }, _) => {
                let folders = delta::folder_of(to).zip(delta::folder_of(public));
                let Some((folder, public_folder)) = folders else {
                    return Err(Failure::refused(
                        "unsupported_option",
                        "--delta with --put-url: a URL with a query, such as a presigned one, accepts one file only; pass the URL \
                        of an archive in a folder that accepts other names too, or a bucket (--s3-bucket-name)",
                    ));
                };
                let options = http_upload::HttpUploadOptions::default().with_headers(headers.clone());
                Some(Box::new(PutFiles::new(
                    &*self.transport,
                    folder,
                    public_folder,
                    options,
                )?))
            }
            (Destination::Server, _) => {
                let files = self.api.as_ref().map(|api| ServerFiles::new(api, self.app.clone()));
                files.map(|files| Box::new(files) as Box<dyn FileStorage>)
            }
            (Destination::External(_), _) | (Destination::S3(_), None) => None,
        })
    }
}

impl Ready<'_> {
    /// Checks that a device can download the single files: the smallest that is not empty stands for all.
    fn verify_files(&self, work: &Work, control: &Control) -> capbundle_publish::Result<()> {
        let files = self
            .archive
            .manifest
            .iter()
            .flat_map(|manifest| &manifest.files)
            .zip(&work.files);
        let Some((file, row)) = files
            .filter(|(file, _)| file.size > 0)
            .min_by_key(|(file, _)| file.size)
        else {
            return Ok(());
        };
        let expected = Expected::of_digest(file.digest).with_size(row.file_size);
        let url = row.download_url.parse()?;
        url_check::check(self.transport, &url, &UrlCheckOptions::new(expected), control).map(drop)
    }

    /// Checks that a device can download the archive.
    fn verify_url(&self, url: &Url, control: &Control) -> capbundle_publish::Result<()> {
        let expected = Expected::of_digest(self.archive.digest).with_size(self.archive.size);
        let checked = url_check::check(self.transport, url, &UrlCheckOptions::new(expected), control)?;
        self.notes.borrow_mut().extend(checked.notes);
        Ok(())
    }

    /// All steps in their order.
    pub(super) fn plan(&self) -> (Plan<'_>, Work) {
        let (args, archive) = (self.args, self.archive);
        let mut plan = Plan::new();
        if let (Some(files), Some(manifest)) = (&self.files, &archive.manifest) {
            plan = plan.then(UploadFiles::new(&**files, manifest));
            if self.registry.is_some() && !args.destination.no_url_check {
                let look = |work: &Work, control: &Control| self.verify_files(work, control);
                plan = plan.then(VerifyWork::new("verify that a single file is publicly available", look));
            }
        }
        let work = match (&self.storage, &self.url) {
            (Some(storage), _) => {
                plan = plan.then(Upload::new(&**storage, PathBuf::from(&archive.file), archive.size));
                Work::new()
            }
            (None, Some(url)) => Work::at(url.clone()),
            (None, None) => Work::new(),
        };
        let Some(registry) = &self.registry else {
            return (plan, work);
        };
        if !args.destination.no_url_check && !args.delta.delta_only {
            let description = match &self.url {
                Some(url) => format!("verify that {url} is publicly available"),
                None => "verify that the URL is publicly available".to_owned(),
            };
            let verify = |url: &Url, control: &Control| self.verify_url(url, control);
            plan = plan.then(Verify::new(description, verify));
        }
        plan = plan.then(Register::new(registry));
        if args.link.is_some() || args.comment.is_some() {
            plan = plan.then(Annotate::new(registry, args.link.clone(), args.comment.clone()));
        }
        for channel in channels(args) {
            plan = plan.then(Promote::new(registry, channel));
        }
        (plan, work)
    }
}

/// The given channels without duplicates.
pub(super) fn channels(args: &UploadArgs) -> Vec<String> {
    let mut channels: Vec<String> = Vec::new();
    for name in &args.channel {
        if !channels.iter().any(|known| known == name.trim()) {
            channels.push(name.trim().to_owned());
        }
    }
    channels
}

fn api(args: &UploadArgs, transport: &Arc<dyn Transport>) -> Result<Api> {
    match server::api(&args.server, Arc::clone(transport)) {
        Err(failure) if args.dry_run && failure.code == "missing_apikey" => {
            server::api_with(&args.server, Arc::clone(transport), ApiKey::new(PLACEHOLDER_KEY)?)
        }
        found => found,
    }
}
