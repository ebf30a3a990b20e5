//! An operation that is cancelled at any moment leaves nothing, and its progress never decreases.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::Duration;

use capbundle::bundle::pack;
use capbundle::capgo;
use capbundle::capgo::ChecksumForm;
use capbundle::digest::Sha256Digest;
use capbundle::progress::{CancelToken, Control, Phase, Progress};
use capbundle::{ErrorKind, Result};
use capbundle_tests::tree::Tree;
use proptest::prelude::*;

use super::strategies::{Workspace, cases, noise, pack_options, signer};

/// The long operations. Each one writes only to `out` or `staging`, and uses the results of the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Pack,
    Seal,
    Open,
    Unpack,
}

const OPERATIONS: [Operation; 4] = [Operation::Pack, Operation::Seal, Operation::Open, Operation::Unpack];

/// The number of progress reports of each operation that is not cancelled.
static REPORTS: LazyLock<[usize; 4]> =
    LazyLock::new(|| OPERATIONS.map(|operation| Prepared::for_operation(operation).reports_of_a_full_run(operation)));

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn an_operation_that_is_cancelled_at_any_moment_leaves_nothing(operation in prop::sample::select(&OPERATIONS), after in 0..24_usize) {
        let prepared = Prepared::for_operation(operation);
        let reports = REPORTS[operation as usize];
        let before = prepared.workspace.written();
        let outcome = prepared.run(operation, &cancelling_after(after));
        match outcome {
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Cancelled);
                prop_assert_eq!(prepared.workspace.written(), before);
            }
            Ok(()) => prop_assert!(
                after + last_reports(operation) > reports,
                "{operation:?} was cancelled at report {after} of {reports} and completed nevertheless"
            ),
        }
    }
}

#[test]
fn progress_never_decreases() {
    let prepared = Prepared::for_operation(Operation::Pack);
    for _ in 0..20 {
        for operation in OPERATIONS {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let log = Arc::clone(&seen);
            // A slow observer, so that the reporting threads wait for each other.
            let watch = move |progress: Progress| {
                let mut log = log.lock().unwrap();
                thread::sleep(Duration::from_micros(50));
                log.push(progress);
            };
            prepared
                .run(operation, &Control::new().with_observer(Arc::new(watch)))
                .unwrap();
            require_growing(operation, &seen.lock().unwrap());
        }
        fs::remove_dir_all(prepared.workspace.path("staging/bundle")).unwrap();
    }
}

fn require_growing(operation: Operation, seen: &[Progress]) {
    assert!(!seen.is_empty(), "{operation:?} reported nothing");
    let mut last: HashMap<Phase, Progress> = HashMap::new();
    for progress in seen {
        let before = last.insert(progress.phase, *progress);
        assert!(
            before.is_none_or(|before| before.done <= progress.done),
            "{operation:?}: {before:?}, then {progress:?}"
        );
        assert!(progress.done <= progress.total, "{operation:?}: {progress:?}");
    }
    for progress in last.values() {
        assert_eq!(progress.done, progress.total, "{operation:?} ended at {progress:?}");
    }
}

/// The number of last reports at which the operation may have checked the token for the last time already.
fn last_reports(operation: Operation) -> usize {
    match operation {
        // Its threads check the token, and run ahead of the writer, which reports.
        Operation::Pack => 30,
        Operation::Seal | Operation::Open | Operation::Unpack => 3,
    }
}

/// Cancels at the report with this number, counted from 1. With 0, cancels before the start.
fn cancelling_after(reports: usize) -> Control {
    let token = CancelToken::new();
    if reports == 0 {
        token.cancel();
    }
    let (seen, stop) = (AtomicUsize::new(0), token.clone());
    let watch = move |_: Progress| {
        if seen.fetch_add(1, Ordering::Relaxed) + 1 == reports {
            stop.cancel();
        }
    };
    Control::new().with_observer(Arc::new(watch)).with_cancel_token(&token)
}

/// A folder with the inputs of an operation.
struct Prepared {
    workspace: Workspace,
}

impl Prepared {
    fn for_operation(operation: Operation) -> Self {
        let tree = (0..40).fold(Tree::bundle(), |tree, number| {
            tree.with_file(&format!("assets/{number}.bin"), &noise(150_000, number + 1))
        });
        let prepared = Self {
            workspace: Workspace::with(&tree),
        };
        for earlier in OPERATIONS.into_iter().take_while(|earlier| *earlier != operation) {
            prepared.run(earlier, &Control::new()).unwrap();
        }
        prepared
    }

    fn reports_of_a_full_run(&self, operation: Operation) -> usize {
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        let watch = move |_: Progress| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        self.run(operation, &Control::new().with_observer(Arc::new(watch)))
            .unwrap();
        seen.load(Ordering::Relaxed)
    }

    fn run(&self, operation: Operation, control: &Control) -> Result<()> {
        let workspace = &self.workspace;
        let (plain, sealed) = (workspace.path("out/bundle.zip"), workspace.path("out/sealed"));
        match operation {
            Operation::Pack => pack(&workspace.path("web"), &plain, &pack_options(2), control).map(drop),
            Operation::Seal => {
                let digest = Sha256Digest::of_file(&plain, &Control::new())?;
                let parts = capgo::encrypt(
                    &plain,
                    &sealed,
                    &capgo::Encryption {
                        expected: &digest,
                        key: &signer(),
                        form: ChecksumForm::V3,
                    },
                    control,
                )?;
                fs::write(workspace.path("session"), parts.iv_session_key.to_string()).unwrap();
                fs::write(workspace.path("checksum"), parts.checksum.to_string()).unwrap();
                Ok(())
            }
            Operation::Open => {
                let read = |name: &str| fs::read_to_string(workspace.path(name)).unwrap();
                let checksum = capbundle::capgo::SignedChecksum::parse(&read("checksum"), ChecksumForm::V3)?;
                let (session, staging) = (read("session").parse()?, workspace.path("staging"));
                capgo::decrypt(
                    &sealed,
                    &staging,
                    &capgo::Decryption {
                        iv_session_key: &session,
                        checksum: &checksum,
                        key: &signer().verifying_key(),
                    },
                    control,
                )
                .map(drop)
            }
            Operation::Unpack => workspace.unpack(control),
        }
    }
}
