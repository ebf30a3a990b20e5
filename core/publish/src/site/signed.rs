//! Publishes a release that was created and signed elsewhere.

use std::path::PathBuf;

use super::channel::require_share;
use super::patches;
use super::plan;
use super::plan::{Decision, ExecutionOptions, Step};
use super::publish::{Audience, files_step, require_above};
use super::ring::Rings;
use super::signing;
use super::{Outcome, Publisher};
use crate::error::{Error, IoContext, Result};
use capbundle::digest::Sha256Digest;
use capbundle::progress::Control;
use capbundle::release::paths;
use capbundle::release::{BundleIdentity, Envelope, KeyRing, PatchIdentity, Release};
use capbundle::sealed;

/// A release that was created and signed elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The bytes of the envelope.
    pub envelope: &'a [u8],
    /// The files of its bundle. A release of the built-in bundle has none.
    pub files: Option<DeliveredFiles<'a>>,
    /// The files of its patches, in any order. Those that the site already has may be missing.
    pub patches: &'a [PathBuf],
}

/// The files of a bundle that was created elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct DeliveredFiles<'a> {
    /// The archive: the sealed one if the release names one, otherwise the plain one.
    pub archive: &'a std::path::Path,
    /// The bytes of the file list.
    pub list: &'a [u8],
}

impl Publisher<'_> {
    /// Publishes a release that was created and signed elsewhere, with its files.
    ///
    /// # Errors
    /// The errors of [`publish`](Self::publish); [`ReleaseRefused`](capbundle::Error::ReleaseRefused) if devices would refuse the release;
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for files that are missing, superfluous or not those of the release.
    pub fn publish_signed(
        &self,
        delivery: &Delivery<'_>,
        audience: Audience,
        ring: Option<&[u8]>,
        run: &mut ExecutionOptions<'_>,
    ) -> Outcome {
        let &Delivery {
            envelope,
            files,
            patches,
        } = delivery;
        plan::carry_out(self.storage, run, |control| {
            if let Audience::Candidate { rollout_bps } = audience {
                require_share(rollout_bps)?;
            }
            let rings = Rings::walk(self.storage, self.app, ring, control)?;
            let release = signing::require_trusted(self, rings.newest(), envelope)?;
            let files = require_files(&release, files)?;
            if let Some((bundle, files)) = files {
                require_fitting(bundle, files, control)?;
            }
            let patches = self.delivered_patches(&release, patches, control)?;
            let mut state = self.state(control)?;
            let mut decision = Decision::default();
            self.count(&mut state, &rings, &mut decision.notes, control)?;
            let is_named = state.channel.sequences().any(|named| named == release.sequence);
            if is_named || state.own.contains(&release.sequence) {
                decision
                    .steps
                    .extend(self.more_signatures(envelope, &release, rings.newest(), control)?);
            }
            if is_named {
                return self.offer_again(&release, &state, audience, decision);
            }
            require_above(release.sequence, &state)?;
            decision.sequences.push(release.sequence);
            if let Some((bundle, files)) = files {
                let (path, size) = paths::archive_of(bundle);
                decision.steps.push(Step::File {
                    path,
                    file: files.archive.to_path_buf(),
                    size,
                    temporary: None,
                });
                decision.steps.extend(patches);
                decision.steps.push(files_step(bundle, files.list));
            }
            if !state.own.contains(&release.sequence) {
                decision.steps.push(Step::New {
                    path: paths::release_path(self.channel, release.sequence),
                    bytes: envelope.to_vec(),
                });
            }
            self.offer(&mut decision, &state, release.sequence, audience)?;
            Ok(decision)
        })
    }

    /// The steps that upload the patches of a release. Each file must be one of them.
    fn delivered_patches(&self, release: &Release, files: &[PathBuf], control: &Control) -> Result<Vec<Step>> {
        let mut unmatched = release.patches.clone();
        let mut steps = Vec::new();
        for file in files {
            let size = std::fs::metadata(file).with_path("read the size of", file)?.len();
            let digest = if sealed::is_sealed(file)? {
                sealed::read_header(file)?.digest()
            } else {
                Sha256Digest::of_file(file, control)?
            };
            let is_this = |patch: &PatchIdentity| {
                let named = patch.sealed.map_or(patch.digest, |sealed| sealed.header_digest);
                (named, paths::patch_of(patch).1) == (digest, size)
            };
            let Some(at) = unmatched.iter().position(is_this) else {
                let problem = "the release names no such patch; leave it out";
                return Err(Error::invalid_input(file.display().to_string(), problem));
            };
            let (path, size) = paths::patch_of(&unmatched.swap_remove(at));
            steps.push(Step::File {
                path,
                file: file.clone(),
                size,
                temporary: None,
            });
        }
        let there = patches::existing(self.storage, &unmatched, control)?;
        if let Some(missing) = unmatched.iter().find(|patch| !there.contains(patch)) {
            let problem = format!("its patch {} is missing: pass its file", paths::patch_of(missing).0);
            return Err(Error::invalid_input(format!("release {}", release.sequence), problem));
        }
        steps.extend(there.iter().map(|patch| Step::Leave {
            path: paths::patch_of(patch).0,
        }));
        Ok(steps)
    }

    /// The step that adds the signatures of this envelope to the same release on the site.
    fn more_signatures(
        &self,
        envelope: &[u8],
        release: &Release,
        ring: &KeyRing,
        control: &Control,
    ) -> Result<Option<Step>> {
        let Some((before, there)) = self.readable(release.sequence, control)? else {
            return Err(self.taken(release.sequence));
        };
        let mut wanted = Envelope::parse(envelope)?;
        if there.envelope().payload() != wanted.payload() {
            return Err(self.taken(release.sequence));
        }
        // Compares keys, not signatures: a key that signs twice makes two different signatures.
        let signers = |envelope: &[u8]| {
            let trusted = signing::trusted(self, self.channel, ring, envelope, self.now);
            trusted.map(|trusted| trusted.keys().to_vec())
        };
        let new = signers(envelope)?;
        if signers(&before.bytes).is_ok_and(|known| new.iter().all(|id| known.contains(id))) {
            return Ok(None);
        }
        wanted.take_signatures(there.envelope(), |id| ring.keys().iter().any(|key| key.id() == *id));
        Ok(Some(Step::Replace {
            path: paths::release_path(self.channel, release.sequence),
            bytes: wanted.to_json()?,
            before,
        }))
    }
}

/// A release of a bundle needs its files; any other has none.
fn require_files<'a>(
    release: &'a Release,
    files: Option<DeliveredFiles<'a>>,
) -> Result<Option<(&'a BundleIdentity, DeliveredFiles<'a>)>> {
    let problem = match (release.bundle(), files) {
        (Some(bundle), Some(files)) => return Ok(Some((bundle, files))),
        (None, None) => return Ok(None),
        (Some(_), None) => "expected its archive and file list, found neither: pass both",
        (None, Some(_)) => {
            "expected no archive and no file list, since it is a release of the built-in bundle: omit both"
        }
    };
    Err(Error::invalid_input(format!("release {}", release.sequence), problem))
}

/// Checks that the files are those that the release names.
fn require_fitting(bundle: &BundleIdentity, files: DeliveredFiles<'_>, control: &Control) -> Result<()> {
    let DeliveredFiles { archive: file, list } = files;
    let differs = |what: &str, expected: Sha256Digest, found: Sha256Digest| {
        let problem = format!("its SHA-256 is {found}, the release names {expected}");
        Err(Error::invalid_input(what, problem))
    };
    let found = Sha256Digest::of(list);
    if found != bundle.files_digest {
        return differs("file list", bundle.files_digest, found);
    }
    let size = std::fs::metadata(file)
        .map_err(|error| Error::io("read the size of", file, error))?
        .len();
    let (_, expected_size) = paths::archive_of(bundle);
    if size != expected_size {
        let problem = format!("expected {expected_size} bytes, found {size}");
        return Err(Error::invalid_input(file.display().to_string(), problem));
    }
    let shown = file.display().to_string();
    match bundle.sealed {
        Some(sealed) => match sealed::read_header(file)?.digest() {
            found if found == sealed.header_digest => Ok(()),
            found => differs(&format!("header of {shown}"), sealed.header_digest, found),
        },
        None => match Sha256Digest::of_file(file, control)? {
            found if found == bundle.archive.digest => Ok(()),
            found => differs(&shown, bundle.archive.digest, found),
        },
    }
}
