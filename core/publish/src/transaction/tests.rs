//! Whole releases with storage and a registry in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use super::*;
use crate::error::Result;
use crate::manifest::ManifestRow;
use capbundle::progress::CancelToken;

/// The fault of one call.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It has no effect.
    Refused,
    /// It succeeds, but the response is lost.
    ResponseLost,
    /// It succeeds, but a proxy responds with an error.
    Broke(u16),
    /// It succeeds, and the user presses Ctrl-C meanwhile.
    Cancelled,
}

/// A bucket, a registry and two channels, with the faults of a test.
#[derive(Debug, Default)]
struct World {
    faults: Vec<(&'static str, Fault)>,
    token: CancelToken,
    existed_before: bool,
    new_app: bool,
    object: Cell<bool>,
    row: Cell<bool>,
    beta: Cell<u64>,
    production: Cell<u64>,
    new_channel: Cell<Option<u64>>,
    calls: RefCell<Vec<String>>,
}

const OLD: u64 = 7;
const NEW: u64 = 8;

impl World {
    fn new() -> Self {
        let world = Self::default();
        world.beta.set(OLD);
        world.production.set(OLD);
        world
    }

    fn failing(mut self, call: &'static str, fault: Fault) -> Self {
        self.faults.push((call, fault));
        self
    }

    fn call(&self, call: &str, act: impl FnOnce()) -> Result<()> {
        self.calls.borrow_mut().push(call.to_owned());
        let fault = self.faults.iter().find(|(failing, _)| *failing == call);
        let refused = |problem: &str| {
            Error::Core(capbundle::Error::Server {
                url: call.to_owned(),
                status: 403,
                problem: problem.to_owned(),
            })
        };
        match fault {
            None => {
                act();
                Ok(())
            }
            Some((_, Fault::Refused)) => Err(refused("not allowed")),
            Some((_, Fault::ResponseLost)) => {
                act();
                Err(Error::Core(capbundle::Error::Network {
                    url: call.to_owned(),
                    problem: "the connection broke".to_owned(),
                }))
            }
            Some((_, Fault::Broke(status))) => {
                act();
                Err(Error::Core(capbundle::Error::Server {
                    url: call.to_owned(),
                    status: *status,
                    problem: "internal error".to_owned(),
                }))
            }
            Some((_, Fault::Cancelled)) => {
                act();
                self.token.cancel();
                Ok(())
            }
        }
    }

    /// Uploads, verifies, registers, annotates and promotes to both channels.
    fn release(&self) -> Result<Work, Box<TransactionError>> {
        self.release_to(&["beta", "production"])
    }

    fn release_to(&self, channels: &[&str]) -> Result<Work, Box<TransactionError>> {
        let mut work = Work::new();
        let control = Control::new().with_cancel_token(&self.token);
        self.plan(channels).run(&mut work, &control, &mut |_| ())?;
        Ok(work)
    }

    fn plan(&self, channels: &[&str]) -> Plan<'_> {
        let verify = |_: &Url, _: &Control| self.call("verify", || ());
        let mut plan = Plan::new()
            .then(Upload::new(self, PathBuf::from("app.zip"), 5))
            .then(Verify::new("verify the archive", verify))
            .then(Register::new(self))
            .then(Annotate::new(self, None, Some("first".to_owned())));
        for channel in channels {
            plan = plan.then(Promote::new(self, *channel));
        }
        plan
    }

    /// Whether nothing is changed.
    fn is_untouched(&self) -> bool {
        self.object.get() == self.existed_before
            && !self.row.get()
            && self.beta.get() == OLD
            && self.production.get() == OLD
    }

    fn changed(&self) -> bool {
        self.calls.borrow().iter().any(|call| !call.starts_with("look"))
    }
}

impl Storage for World {
    fn place(&self) -> String {
        "s3://bucket/app.zip".to_owned()
    }

    fn store(&self, _: &Path, _: &Control) -> Result<StoredArchive> {
        let already_there = self.object.get();
        self.call("upload", || self.object.set(true))?;
        Ok(StoredArchive {
            url: Some("https://cdn.example.com/app.zip".parse()?),
            already_there,
        })
    }

    fn remove(&self, control: &Control) -> Result<()> {
        control.check("remove")?;
        self.call("remove object", || self.object.set(false))
    }
}

impl Registry for World {
    fn place(&self) -> String {
        "com.example.app".to_owned()
    }

    fn version(&self) -> &'static str {
        "1.2.3"
    }

    fn find(&self, control: &Control) -> Result<Option<u64>> {
        control.check("find")?;
        self.call("look for version", || ())?;
        Ok(self.row.get().then_some(NEW))
    }

    fn add(&self, url: &Url, _: &[ManifestRow], _: &Control) -> Result<Option<u64>> {
        assert_eq!(url.as_str(), "https://cdn.example.com/app.zip");
        self.call("register", || self.row.set(true))?;
        Ok(None)
    }

    fn remove(&self, control: &Control) -> Result<()> {
        control.check("remove")?;
        assert!(self.beta.get() != NEW && self.production.get() != NEW, "still linked");
        self.call("remove version", || self.row.set(false))
    }

    fn annotate(&self, bundle: u64, _: Option<&str>, _: Option<&str>, _: &Control) -> Result<()> {
        assert_eq!(bundle, NEW);
        self.call("annotate", || ())
    }

    fn channel(&self, name: &str, _: &Control) -> Result<Option<ChannelState>> {
        self.call("look for channel", || ())?;
        Ok(match name {
            "beta" => Some(ChannelState {
                id: 1,
                bundle: Some(self.beta.get()),
            }),
            "production" => Some(ChannelState {
                id: 2,
                bundle: Some(self.production.get()),
            }),
            "first" => self.row.get().then_some(ChannelState { id: 3, bundle: None }),
            "new" => Some(ChannelState {
                id: 3,
                bundle: self.new_channel.get(),
            }),
            _ => None,
        })
    }

    fn is_new(&self, _: &Control) -> Result<bool> {
        Ok(self.new_app)
    }

    fn point(&self, channel: u64, bundle: u64, _: &Control) -> Result<()> {
        let name = ["beta", "production", "new"][usize::try_from(channel).unwrap() - 1];
        let call = if bundle == NEW { "promote" } else { "point back" };
        self.call(&format!("{call} {name}"), || match channel {
            1 => self.beta.set(bundle),
            2 => self.production.set(bundle),
            _ => self.new_channel.set(Some(bundle)),
        })
    }
}

#[test]
fn a_release_runs_its_steps_in_order() {
    let world = World::new();
    let work = world.release().unwrap();
    assert_eq!(work.bundle, Some(NEW));
    assert_eq!(work.url.unwrap().as_str(), "https://cdn.example.com/app.zip");
    assert_eq!((world.beta.get(), world.production.get()), (NEW, NEW));
    let calls = world.calls.borrow();
    let changes: Vec<&str> = calls
        .iter()
        .map(String::as_str)
        .filter(|call| !call.starts_with("look"))
        .collect();
    assert_eq!(
        changes,
        [
            "upload",
            "verify",
            "register",
            "annotate",
            "promote beta",
            "promote production"
        ]
    );
}

#[test]
fn any_failed_step_undoes_the_release() {
    for call in [
        "upload",
        "verify",
        "register",
        "annotate",
        "promote beta",
        "promote production",
    ] {
        for fault in [
            Fault::Refused,
            Fault::ResponseLost,
            Fault::Broke(408),
            Fault::Broke(502),
        ] {
            let world = World::new().failing(call, fault);
            let failed = world.release().unwrap_err();
            assert!(world.is_untouched(), "{call} {fault:?}: {world:?}");
            assert!(failed.left.is_empty(), "{call}: {failed}");
            assert!(failed.problem.to_string().contains(call), "{failed}");
        }
    }
}

#[test]
fn a_channel_set_by_the_first_attempt_and_refused_at_the_second_is_restored() {
    let world = World::new().failing("promote beta", Fault::Broke(403));
    world.release().unwrap_err();
    assert!(world.is_untouched(), "{world:?}");
}

#[test]
fn a_cancelled_release_is_undone_although_its_token_stays_cancelled() {
    for call in ["upload", "verify", "register", "annotate", "promote beta"] {
        let world = World::new().failing(call, Fault::Cancelled);
        let failed = world.release().unwrap_err();
        assert!(world.is_untouched(), "{call}: {world:?}");
        assert_eq!(failed.kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn undone_steps_are_reported_latest_first() {
    let world = World::new().failing("promote production", Fault::Refused);
    let failed = world.release().unwrap_err();
    let expected = [
        "channel beta at version 1.2.3",
        "version 1.2.3 of com.example.app",
        "s3://bucket/app.zip",
    ];
    assert_eq!(failed.undone, expected);
}

#[test]
fn a_step_that_cannot_be_undone_is_reported_and_its_dependencies_are_kept() {
    let world = World::new()
        .failing("promote beta", Fault::Refused)
        .failing("remove version", Fault::Refused);
    let failed = world.release().unwrap_err();
    assert!(
        world.row.get() && world.object.get(),
        "a row without its archive would break devices"
    );
    let text = failed.to_string();
    assert_eq!(failed.left.len(), 2);
    assert!(
        text.contains("still there: version 1.2.3 of com.example.app (it could not be undone"),
        "{text}"
    );
    assert!(text.contains("s3://bucket/app.zip (kept"), "{text}");
}

#[test]
fn an_archive_that_existed_before_is_not_removed() {
    let mut world = World::new().failing("register", Fault::Refused);
    world.existed_before = true;
    world.object.set(true);
    let failed = world.release().unwrap_err();
    assert!(world.is_untouched());
    assert!(failed.undone.is_empty(), "{failed}");
}

#[test]
fn a_missing_channel_is_detected_before_anything_is_changed() {
    let world = World::new();
    let failed = world.release_to(&["beta", "prodution"]).unwrap_err();
    assert!(failed.to_string().contains("prodution"), "{failed}");
    assert!(!world.changed());
}

#[test]
fn a_channel_may_be_created_by_the_first_bundle_of_an_app() {
    let mut world = World::new();
    world.new_app = true;
    world.release_to(&["first"]).unwrap();
    assert_eq!(world.new_channel.get(), Some(NEW));
}

#[test]
fn an_existing_version_is_detected_before_anything_is_changed() {
    let world = World::new();
    world.row.set(true);
    let failed = world.release().unwrap_err();
    assert!(failed.to_string().contains("already registered"), "{failed}");
    assert!(!world.changed());
}

#[test]
fn a_channel_without_a_previous_bundle_is_reported() {
    let world = World::new().failing("promote beta", Fault::Refused);
    let failed = world.release_to(&["new", "beta"]).unwrap_err();
    assert!(failed.to_string().contains("channel new at version 1.2.3"), "{failed}");
    assert!(world.row.get(), "the channel still points to it");
}

#[test]
fn describing_a_plan_changes_nothing() {
    let world = World::new();
    let steps = world.plan(&["beta"]).describe();
    assert_eq!(
        steps,
        [
            "upload 5 bytes to s3://bucket/app.zip",
            "verify the archive",
            "register version 1.2.3 of com.example.app",
            "set its comment",
            "set channel beta to version 1.2.3",
        ]
    );
    assert!(world.calls.borrow().is_empty());
}
