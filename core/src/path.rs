//! Checks of entry names: the only code that turns an archive's name into a path on disk.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::limits::Limits;

/// A relative path with `/` separators that stays inside the folder it is resolved against.
///
/// UTF-8, without an empty, `.` or `..` component, a backslash, a NUL, a drive or a leading slash, and within the [`Limits`]
/// it was parsed with. Deliberately not string-like: use [`resolve`](Self::resolve) to get a path on disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SafePath(Box<str>);

/// Why [`SafePath::parse`] refused a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathProblem {
    /// Not UTF-8. Java's `ZipInputStream` refuses such names too.
    NotUtf8,
    /// The name is empty after normalization.
    Empty,
    /// A NUL byte.
    Nul,
    /// A backslash: a separator on Windows, an ordinary character elsewhere, so readers disagree.
    Backslash,
    /// A leading slash.
    Absolute,
    /// A Windows drive, as in `C:`.
    Drive,
    /// A `..` component.
    ParentFolder,
    /// Longer than [`Limits::path_length`].
    TooLong,
    /// A component longer than [`Limits::component_length`].
    ComponentTooLong,
    /// Deeper than [`Limits::depth`].
    TooDeep,
}

impl PathProblem {
    /// The exceeded limit, as text and number, if the problem is one.
    #[must_use]
    pub fn as_limit(self, limits: &Limits) -> Option<(&'static str, u64)> {
        match self {
            Self::TooLong => Some(("the length of a path", limits.path_length)),
            Self::ComponentTooLong => Some(("the length of a file or folder name", limits.component_length)),
            Self::TooDeep => Some(("the depth of a path", limits.depth)),
            _ => None,
        }
    }
}

impl fmt::Display for PathProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotUtf8 => "the name is not UTF-8",
            Self::Empty => "the name is empty",
            Self::Nul => "the name contains a NUL byte",
            Self::Backslash => "the name contains a backslash; entry names use / as separator",
            Self::Absolute => "the name is an absolute path",
            Self::Drive => "the name starts with a Windows drive",
            Self::ParentFolder => "the name leaves its folder with ..",
            Self::TooLong => "the name is too long",
            Self::ComponentTooLong => "a file or folder name is too long",
            Self::TooDeep => "the path is too deep",
        })
    }
}

impl SafePath {
    /// Checks the raw name of an archive entry.
    ///
    /// Removes a trailing `/` (which marks a folder), `.` components and doubled separators, as file systems do. Returns `None`
    /// for a name of the folder itself, such as `./`.
    ///
    /// # Errors
    /// The first [`PathProblem`] found.
    pub fn parse(raw: &[u8], limits: &Limits) -> Result<Option<Self>, PathProblem> {
        // First, because the other checks take time in proportion to the length.
        let length = raw.strip_suffix(b"/").unwrap_or(raw).len();
        if length as u64 > limits.path_length {
            return Err(PathProblem::TooLong);
        }
        let name = std::str::from_utf8(raw).map_err(|_| PathProblem::NotUtf8)?;
        refuse_other_spellings(name)?;
        let is_folder = name.ends_with('/');
        let mut path = String::with_capacity(name.len());
        let mut depth = 0;
        let mut last_is_dot = false;
        for component in name.split('/') {
            last_is_dot = component == ".";
            match component {
                "" | "." => continue,
                ".." => return Err(PathProblem::ParentFolder),
                _ if component.len() as u64 > limits.component_length => return Err(PathProblem::ComponentTooLong),
                _ => {}
            }
            depth += 1;
            if depth > limits.depth {
                return Err(PathProblem::TooDeep);
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(component);
        }
        match (path.is_empty(), is_folder) {
            (true, true) => Ok(None),
            // `.` and `a/.` are not files, and a folder's name ends in a slash.
            (true, false) => Err(PathProblem::Empty),
            (false, false) if last_is_dot => Err(PathProblem::Empty),
            (false, _) => Ok(Some(Self(path.into_boxed_str()))),
        }
    }

    /// The path with `/` separators, without a trailing one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below `folder`.
    #[must_use]
    pub fn resolve(&self, folder: &Path) -> PathBuf {
        let mut resolved = folder.to_path_buf();
        resolved.extend(self.0.split('/'));
        resolved
    }

    /// The parent folders of this path, outermost first.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(end, _)| &self.0[..end])
    }

    /// A path from leading components of a checked one.
    pub(crate) fn from_safe(prefix: &str) -> Self {
        Self(prefix.into())
    }

    /// The path without its first component, which must be `top`; `None` when nothing is left.
    pub(crate) fn below(&self, top: &str) -> Option<Self> {
        let rest = self.0.strip_prefix(top)?.strip_prefix('/')?;
        Some(Self(rest.into()))
    }

    /// The first component.
    pub(crate) fn top(&self) -> &str {
        self.0.split('/').next().unwrap_or(&self.0)
    }

    /// Why some file systems cannot store this name, although phones can.
    ///
    /// Windows' rules: reserved device names, trailing dots and spaces, reserved and control characters.
    #[must_use]
    pub fn portability_problem(&self) -> Option<&'static str> {
        self.0.split('/').find_map(component_portability_problem)
    }
}

impl fmt::Display for SafePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Refuses spellings that other readers or systems interpret differently.
fn refuse_other_spellings(name: &str) -> Result<(), PathProblem> {
    let bytes = name.as_bytes();
    if bytes.contains(&0) {
        return Err(PathProblem::Nul);
    }
    if bytes.contains(&b'\\') {
        return Err(PathProblem::Backslash);
    }
    if bytes.first() == Some(&b'/') {
        return Err(PathProblem::Absolute);
    }
    // In every component: the components before it may be removed as `./` or stripped as a top folder.
    if name.split('/').any(starts_with_drive) {
        return Err(PathProblem::Drive);
    }
    Ok(())
}

fn starts_with_drive(component: &str) -> bool {
    matches!(component.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

fn component_portability_problem(component: &str) -> Option<&'static str> {
    if component.ends_with(['.', ' ']) {
        return Some("ends with a dot or space, which Windows drops");
    }
    if component
        .chars()
        .any(|c| c.is_ascii_control() || "<>:\"|?*".contains(c))
    {
        return Some("contains a character that Windows does not allow");
    }
    let stem = component.split('.').next().unwrap_or(component);
    let numbered = |name: &str| {
        stem.len() == 4 && stem[..3].eq_ignore_ascii_case(name) && matches!(stem.as_bytes()[3], b'1'..=b'9')
    };
    let reserved = ["con", "prn", "aux", "nul"]
        .iter()
        .any(|name| stem.eq_ignore_ascii_case(name))
        || (stem.is_ascii() && (numbered("com") || numbered("lpt")));
    reserved.then_some("is a device name on Windows")
}

/// A name for printing: control and non-UTF-8 bytes escaped, truncated to 120 bytes.
pub(crate) fn printable(raw: &[u8]) -> String {
    const SHOWN: usize = 120;
    let text = String::from_utf8_lossy(&raw[..raw.len().min(SHOWN)]);
    let cut = if raw.len() > SHOWN { "…" } else { "" };
    format!("\"{}{cut}\"", text.escape_debug())
}

#[cfg(test)]
mod tests;
