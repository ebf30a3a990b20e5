//! Native apps and their versions.

use serde::Serialize;

/// The version of a native app: numbers separated by dots, compared number by number.
///
/// App stores accept `1`, `2.10`, `3.2.1.7` and `1.2.3-beta+4`; the suffix does not count. A version that does not start with
/// a number is not comparable and is in no range.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct NativeVersion(String);

impl NativeVersion {
    /// Makes a version from its text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The version as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the version starts with numbers, so that it can be compared.
    pub(crate) fn is_comparable(&self) -> bool {
        self.numbers().is_some()
    }

    fn numbers(&self) -> Option<Vec<u64>> {
        let head = self.0.split(['-', '+', ' ']).next().unwrap_or_default();
        let mut numbers = head
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<Vec<u64>>>()?;
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        Some(numbers)
    }

    /// Whether this version is `minimum` or later; `false` if either is not comparable.
    #[must_use]
    pub fn at_least(&self, minimum: &Self) -> bool {
        matches!((self.numbers(), minimum.numbers()), (Some(this), Some(minimum)) if this >= minimum)
    }
}

/// The native app. Its version and build identify it: a change of either is a native update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeApp {
    /// The version that users see: `versionName` on Android, `CFBundleShortVersionString` on iOS.
    pub version: NativeVersion,
    /// The build number: `versionCode` on Android, `CFBundleVersion` on iOS.
    pub build: String,
}

impl NativeApp {
    /// A native app of this version and build.
    #[must_use]
    pub fn new(version: impl Into<String>, build: impl Into<String>) -> Self {
        Self {
            version: NativeVersion::new(version),
            build: build.into(),
        }
    }
}

/// Whether the recorded `build` and `version` are those of `native`. A version that was not recorded matches any.
pub(crate) fn is_same_native(build: Option<&str>, version: Option<&NativeVersion>, native: &NativeApp) -> bool {
    build == Some(native.build.as_str()) && version.is_none_or(|version| *version == native.version)
}

/// The native versions that a bundle supports. Either end may be open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct NativeRange {
    /// The oldest version, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<NativeVersion>,
    /// The newest version, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<NativeVersion>,
}

impl NativeRange {
    /// Whether `version` is in the range.
    #[must_use]
    pub fn contains(&self, version: &NativeVersion) -> bool {
        self.min.as_ref().is_none_or(|min| version.at_least(min))
            && self.max.as_ref().is_none_or(|max| max.at_least(version))
    }
}
