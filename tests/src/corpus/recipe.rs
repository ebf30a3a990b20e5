//! The packages and files of each corpus.

use std::ops::RangeInclusive;

use super::Corpus;

/// The sources of one corpus, and its expected size.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) name: &'static str,
    pub(super) sources: &'static [Source],
    /// The expected number of files.
    pub(super) files: RangeInclusive<u64>,
    /// The expected number of bytes.
    pub(super) bytes: RangeInclusive<u64>,
}

/// Files of one package.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) package: &'static str,
    pub(super) folder: &'static str,
    pub(super) extensions: &'static [&'static str],
    pub(super) max_files: usize,
    pub(super) max_bytes: u64,
}

const CODE: &[&str] = &[
    "js", "mjs", "css", "json", "html", "wasm", "ttf", "woff", "woff2", "xml", "ktx2", "glb",
];
const IMAGES: &[&str] = &["png", "jpg", "webp", "svg", "gif"];
const ALL: usize = usize::MAX;
const MB: u64 = 1_000_000;

const fn source(
    package: &'static str,
    folder: &'static str,
    extensions: &'static [&'static str],
    max_files: usize,
    max_megabytes: u64,
) -> Source {
    Source {
        package,
        folder,
        extensions,
        max_files,
        max_bytes: max_megabytes * MB,
    }
}

pub(super) fn of(corpus: Corpus) -> Recipe {
    match corpus {
        Corpus::Small => SMALL,
        Corpus::Medium => MEDIUM,
        Corpus::Large => LARGE,
    }
}

const SMALL: Recipe = Recipe {
    name: "small",
    sources: &[
        source("@ionic/core", "components", CODE, 120, 1),
        source("katex", "dist", CODE, 60, 1),
        source("ionicons", "dist/svg", IMAGES, 60, 1),
        source("emoji-datasource-google", "img/google/64", IMAGES, 300, 2),
    ],
    files: 500..=600,
    bytes: 2_700_000..=3_300_000,
};

const MEDIUM: Recipe = Recipe {
    name: "medium",
    sources: &[
        source("@ionic/core", ".", CODE, ALL, 15),
        source("three", ".", CODE, 700, 10),
        source("katex", "dist", CODE, ALL, 3),
        source("ionicons", "dist/svg", IMAGES, 300, 1),
        source("@twemoji/svg", ".", IMAGES, 900, 3),
        source("emoji-datasource-google", "img/google/64", IMAGES, 1_000, 4),
        source("@lobehub/fluent-emoji-anim-1", ".", IMAGES, 75, 12),
    ],
    files: 3_900..=4_100,
    bytes: 43_000_000..=47_000_000,
};

const LARGE: Recipe = Recipe {
    name: "large",
    sources: &[
        source("@ionic/core", ".", CODE, ALL, 20),
        source("three", ".", CODE, ALL, 25),
        source("monaco-editor", "min", CODE, ALL, 30),
        source("monaco-editor", "esm", CODE, ALL, 30),
        source("cesium", "Build", CODE, ALL, 22),
        source("@cesium/engine", "Source", CODE, ALL, 15),
        source("katex", "dist", CODE, ALL, 3),
        source("cesium", "Build", IMAGES, ALL, 10),
        source("@twemoji/svg", ".", IMAGES, 2_000, 5),
        source("emoji-datasource-google", "img/google/64", IMAGES, 2_900, 12),
        source("emoji-datasource-google", "img/google/sheets", IMAGES, ALL, 40),
        source("emoji-datasource-google", "img/google/sheets-128", IMAGES, ALL, 40),
        source("emoji-datasource-google", "img/google/sheets-256", IMAGES, ALL, 40),
        source("emoji-datasource-google", "img/google/sheets-clean", IMAGES, ALL, 40),
        source("@lobehub/fluent-emoji-anim-1", ".", IMAGES, 340, 56),
    ],
    files: 10_800..=11_200,
    bytes: 265_000_000..=275_000_000,
};
