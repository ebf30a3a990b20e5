//! Random folders, and the steps that the property tests share.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use capbundle::bundle::{PackOptions, UnpackOptions, pack, unpack};
use capbundle::keys::SigningKey;
use capbundle::progress::Control;
use capbundle::{Limits, Result, VerifiedArchive};
use capbundle_tests::tree::Tree;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

/// This many random cases. Failing cases are not saved, since a failure prints the smallest one. With `CI` set, the
/// cases are fixed, so that a commit does not fail because of a random case that it did not cause. Developers' machines
/// find new cases.
pub(crate) fn cases(cases: u32) -> Config {
    let usual = Config::default();
    Config {
        cases,
        failure_persistence: None,
        rng_seed: if std::env::var_os("CI").is_some() {
            RngSeed::Fixed(1)
        } else {
            usual.rng_seed
        },
        ..usual
    }
}

/// A bundle of up to 24 files and folders.
pub(crate) fn trees() -> impl Strategy<Value = Tree> {
    let path = prop::collection::vec(names(), 1..6).prop_map(|names| within_a_path(&names));
    let node = (path, prop::option::weighted(0.8, contents()));
    prop::collection::vec(node, 0..24).prop_map(|nodes| {
        nodes
            .into_iter()
            .fold(Tree::bundle(), |tree, (path, content)| match content {
                Some(content) => tree.with_file(&path, &content),
                None => tree.with_folder(&path),
            })
    })
}

/// The first names that fit into a path. One byte is reserved for the slash of a folder's entry.
fn within_a_path(names: &[String]) -> String {
    let longest = usize::try_from(Limits::default().path_length).unwrap() - 1;
    let mut path = String::new();
    for name in names {
        if path.len() + 1 + name.len() > longest {
            break;
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(name);
    }
    path
}

/// Names in many scripts that phones support. The prefix avoids names that packing excludes, and drive letters.
fn names() -> impl Strategy<Value = String> {
    let end = prop_oneof![
        "[a-c]{0,2}",
        "[ -.0-\\[\\]-~]{1,12}",
        "[\u{e0}-\u{17f}]{1,8}",
        "[\u{5d0}-\u{5ea}\u{627}-\u{64a}\u{202e}]{1,8}",
        "[e-o][\u{300}-\u{36f}]{1,4}",
        "[\u{1f300}-\u{1f5ff}\u{200d}\u{fe0f}]{1,6}",
        "[\u{4e00}-\u{9fff}]{1,20}",
        "[\u{1}-\u{1f}\u{7f}]{1,3}",
        Just("x".repeat(250)),
    ];
    end.prop_map(|end| format!("nn{end}"))
}

/// Empty content, text, noise, a repeated byte, and lengths around buffer sizes.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        "[a-z \n]{0,300}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..3_000),
        (any::<u8>(), 0..400_000_usize).prop_map(|(byte, length)| vec![byte; length]),
        (65_530..65_545_usize).prop_map(|length| noise(length, 1)),
        (any::<u64>(), 1..300_000_usize).prop_map(|(seed, length)| noise(length, seed)),
    ]
}

/// Incompressible bytes, determined by the seed.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(step).take(length).collect()
}

/// The fixed key of the vectors.
pub(crate) fn signer() -> SigningKey {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys");
    SigningKey::read(&folder.join("test-signer.private.pem")).unwrap()
}

/// A working folder with subfolders for the input, the output and the unpacked files.
pub(crate) struct Workspace {
    pub(crate) folder: tempfile::TempDir,
}

impl Workspace {
    pub(crate) fn with(tree: &Tree) -> Self {
        let workspace = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["web", "out", "staging"] {
            fs::create_dir(workspace.path(name)).unwrap();
        }
        tree.write_to(&workspace.path("web")).unwrap();
        workspace
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn pack(&self, threads: usize) -> Vec<u8> {
        pack(
            &self.path("web"),
            &self.path("out/bundle.zip"),
            &pack_options(threads),
            &Control::new(),
        )
        .unwrap();
        fs::read(self.path("out/bundle.zip")).unwrap()
    }

    /// Unpacks the archive that `pack` wrote.
    pub(crate) fn unpack(&self, control: &Control) -> Result<()> {
        let archive = VerifiedArchive::assume_trusted(&self.path("out/bundle.zip"), &Control::new())?;
        unpack(
            &archive,
            &self.path("staging/bundle"),
            &UnpackOptions::default(),
            control,
        )
        .map(drop)
    }

    pub(crate) fn unpacked(&self) -> Tree {
        Tree::read_from(&self.path("staging/bundle")).unwrap()
    }

    /// The names in the two folders that operations write to.
    pub(crate) fn written(&self) -> Vec<String> {
        let names = |folder: &str| {
            let entries = fs::read_dir(self.path(folder)).unwrap();
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect::<Vec<_>>()
        };
        [names("out"), names("staging")].concat()
    }
}

pub(crate) fn pack_options(threads: usize) -> PackOptions {
    let mut options = PackOptions::default();
    options.threads = NonZeroUsize::new(threads);
    options
}
