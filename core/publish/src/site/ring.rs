//! The key rings of a site.

use super::Outcome;
use super::plan;
use super::plan::{Decision, ExecutionOptions, Step};
use super::state::numbered;
use super::storage::SiteStorage;
use crate::error::{Error, Result};
use capbundle::AppId;
use capbundle::progress::Control;
use capbundle::release::paths;
use capbundle::release::paths::KEYS;
use capbundle::release::{KeyRing, MAX_ENVELOPE_BYTES, SignedKeyRing};

/// The newest ring, found as a device does: from the first ring (the given envelope, or the lowest number on the site), following
/// each successor that its predecessor authorizes.
///
/// # Errors
/// [`NotFound`](capbundle::ErrorKind::NotFound) for a site without a ring; [`ReleaseRefused`](capbundle::Error::ReleaseRefused) for a ring that is not authorized;
/// errors of the storage.
pub fn current_ring(
    storage: &dyn SiteStorage,
    app: &AppId,
    first: Option<&[u8]>,
    control: &Control,
) -> Result<KeyRing> {
    Rings::walk(storage, app, first, control).map(|rings| rings.newest)
}

/// All rings from the first one to the newest.
#[derive(Debug)]
pub(super) struct Rings {
    before: Vec<KeyRing>,
    newest: KeyRing,
    are_from_site: bool,
}

impl Rings {
    /// See [`current_ring`].
    pub(super) fn walk(
        storage: &dyn SiteStorage,
        app: &AppId,
        first: Option<&[u8]>,
        control: &Control,
    ) -> Result<Self> {
        let newest = match first {
            Some(bytes) => KeyRing::trusted(bytes, app)?,
            None => first_of_site(storage, app, control)?,
        };
        let mut rings = Self {
            before: Vec::new(),
            newest,
            are_from_site: first.is_none(),
        };
        loop {
            let path = paths::ring_path(rings.newest.number().saturating_add(1));
            let Some(next) = storage.read(&path, MAX_ENVELOPE_BYTES as u64, control)? else {
                return Ok(rings);
            };
            let next = rings.newest.follow(&next.bytes)?;
            rings.before.push(std::mem::replace(&mut rings.newest, next));
        }
    }

    pub(super) fn newest(&self) -> &KeyRing {
        &self.newest
    }

    /// The newest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &KeyRing> {
        std::iter::once(&self.newest).chain(self.before.iter().rev())
    }

    /// Whether even the first ring comes from the site, so that it proves nothing.
    pub(super) fn are_from_site(&self) -> bool {
        self.are_from_site
    }
}

/// The numbers of the rings on a site.
fn numbers(storage: &dyn SiteStorage, control: &Control) -> Result<Vec<u64>> {
    let items = storage.list(KEYS, control)?;
    let numbers = items.iter().filter_map(|item| {
        let name = item.path.strip_prefix(KEYS)?.strip_prefix('/')?;
        numbered(name)
    });
    Ok(numbers.collect())
}

fn first_of_site(storage: &dyn SiteStorage, app: &AppId, control: &Control) -> Result<KeyRing> {
    let numbers = numbers(storage, control)?;
    let none = || {
        let problem = format!(
            "no key ring was given, and {} has none: without one it is unknown whether devices accept a release",
            storage.place()
        );
        Error::invalid_input("key ring", problem)
    };
    let first = numbers.into_iter().min().ok_or_else(none)?;
    let found = storage.read(&paths::ring_path(first), MAX_ENVELOPE_BYTES as u64, control)?;
    Ok(KeyRing::trusted(&found.ok_or_else(none)?.bytes, app)?)
}

/// Publishes a key ring: the first one, or the successor of the newest on the site.
///
/// # Errors
/// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if another ring of that number exists, or its predecessor is missing;
/// [`ReleaseRefused`](capbundle::Error::ReleaseRefused) if devices would refuse it.
pub fn publish_ring(
    storage: &dyn SiteStorage,
    app: &AppId,
    envelope: &[u8],
    run: &mut ExecutionOptions<'_>,
) -> Outcome {
    plan::carry_out(storage, run, |control| {
        let number = SignedKeyRing::parse(envelope)?.ring().number;
        let path = paths::ring_path(number);
        if let Some(found) = storage.read(&path, MAX_ENVELOPE_BYTES as u64, control)? {
            if found.bytes == envelope {
                return Ok(Decision {
                    notes: vec![super::SiteNote::AlreadyDone],
                    ..Decision::default()
                });
            }
            let problem = "another ring of this number exists, which devices may have accepted: use the next number";
            return Err(Error::invalid_input(format!("key ring {number}"), problem));
        }
        require_fitting(storage, app, envelope, number, control)?;
        Ok(Decision {
            steps: vec![Step::New {
                path,
                bytes: envelope.to_vec(),
            }],
            ..Decision::default()
        })
    })
}

fn require_fitting(
    storage: &dyn SiteStorage,
    app: &AppId,
    envelope: &[u8],
    number: u64,
    control: &Control,
) -> Result<()> {
    if numbers(storage, control)?.is_empty() {
        KeyRing::trusted(envelope, app)?;
        return Ok(());
    }
    let current = current_ring(storage, app, None, control)?;
    if current.number().checked_add(1) != Some(number) {
        let problem = format!(
            "the newest ring of the site is {}; the next must be one higher",
            current.number()
        );
        return Err(Error::invalid_input(format!("key ring {number}"), problem));
    }
    current.follow(envelope)?;
    Ok(())
}
