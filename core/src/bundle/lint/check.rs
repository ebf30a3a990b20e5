//! Checks of a folder that find in CI what would make a bundle fail on a device.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::Path;

use super::search::Hit;
use super::source_mask::{CodeOnly, is_name};
use super::walk::{Entry, Scan};
use super::{names, search, secrets, walk};
use crate::bundle::zip::read::INDEX_HTML;
use crate::error::{IoContext, Result};
use crate::finding::{Finding, FindingCode};
use crate::limits::Limits;
use crate::progress::{Control, Phase};
use crate::setters::setters;

const NOTIFY_APP_READY: &str = "notifyAppReady";
/// Larger files are not searched for private keys. A key file with certificates is smaller.
const MAX_KEY_BYTES: u64 = 64 << 10;
/// Extensions of files with code that runs in the web view: scripts, and pages with inline scripts.
const SCRIPTS: [&str; 5] = [".js", ".mjs", ".cjs", ".html", ".htm"];

/// What to check, and which files to leave out.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CheckOptions {
    /// Skip the search for a call of `notifyAppReady()`.
    pub skip_notify_app_ready: bool,
    /// Skip all checks of code: the root `index.html`, `notifyAppReady()` and asset paths. Secrets and unsafe names are
    /// still refused.
    pub skip_code: bool,
    /// Ignore rules in gitignore syntax, in addition to those of the folder's `.capbundleignore`.
    pub ignore: Vec<String>,
    /// Paths inside the bundle of files that look like secrets but are allowed.
    pub allow_secrets: Vec<String>,
}

impl CheckOptions {
    setters! {
        with_skip_notify_app_ready(skip_notify_app_ready: bool);
        with_skip_code(skip_code: bool);
        with_ignore(ignore: Vec<String>);
        with_allow_secrets(allow_secrets: Vec<String>);
    }
}

/// Checks a folder without packing it.
///
/// Findings that are errors make [`pack`](crate::bundle::pack) fail: no root `index.html`, no call of `notifyAppReady()` in a
/// script or page, secrets. Warnings are: `notifyAppReady` is passed on but never called by that name, absolute asset
/// paths in `index.html`, symbolic links, suspicious files, names that some file systems do not support, and sizes
/// above the default [`Limits`] of devices.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a symbolic link that is broken, forms a loop or points outside
/// the folder, a special file, a name that a bundle cannot contain, or an invalid ignore rule;
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn check(folder: &Path, options: &CheckOptions, control: &Control) -> Result<Vec<Finding>> {
    let scan = walk::scan(folder, &options.ignore, control)?;
    check_scan(folder, &scan, options, control)
}

pub(in crate::bundle) fn check_scan(
    folder: &Path,
    scan: &Scan,
    options: &CheckOptions,
    control: &Control,
) -> Result<Vec<Finding>> {
    walk::require_known(scan, &options.allow_secrets)?;
    let allowed = |path: &str| options.allow_secrets.iter().any(|allowed| allowed == path);
    let mut findings = scan.findings.clone();
    findings.retain(|finding| finding.code != FindingCode::Secret || !finding.path.as_deref().is_some_and(allowed));
    if !options.skip_code {
        findings.extend(check_index(folder, scan)?);
        if !options.skip_notify_app_ready {
            findings.extend(check_notify_app_ready(folder, scan, control)?);
        }
    }
    let mut spellings = HashMap::new();
    for entry in scan.files() {
        if !allowed(entry.path.as_str()) {
            findings.extend(secret(folder, entry)?);
        }
        findings.extend(names::unportable(&entry.path, &mut spellings));
    }
    findings.extend(names::suspicious(scan.files().map(|entry| &entry.path)));
    findings.extend(names::over_limits(
        scan.files().map(|entry| (&entry.path, entry.size)),
        &Limits::default(),
    ));
    Ok(findings)
}

/// A secret by its name or, if it is small enough for a private key, by its first bytes.
fn secret(folder: &Path, entry: &Entry) -> Result<Option<Finding>> {
    if let Some(finding) = secrets::secret(&entry.path) {
        return Ok(Some(finding));
    }
    if entry.size == 0 || entry.size > MAX_KEY_BYTES {
        return Ok(None);
    }
    let path = entry.path.resolve(folder);
    let mut head = Vec::with_capacity(secrets::PEM_HEAD);
    let file = File::open(&path).with_path("open", &path)?;
    file.take(secrets::PEM_HEAD as u64)
        .read_to_end(&mut head)
        .with_path("read", &path)?;
    Ok(secrets::is_private_key(&head)
        .then(|| secrets::secret_finding("starts like a private key and").in_file(entry.path.as_str())))
}

fn check_index(folder: &Path, scan: &Scan) -> Result<Vec<Finding>> {
    let Some(index) = scan.files().find(|entry| entry.path.as_str() == INDEX_HTML) else {
        let inner = scan.files().find(|entry| entry.path.as_str().ends_with("/index.html"));
        let hint = inner.map_or(String::new(), |inner| {
            format!("; found {}: pack its folder instead", inner.path)
        });
        let message = format!("no {INDEX_HTML}, the start page, directly in the folder{hint}");
        return Ok(vec![Finding::error(FindingCode::IndexHtmlNotFound, message)]);
    };
    let mut findings = Vec::new();
    for quote in ["\"/", "'/", "=/"] {
        find_in(folder, index, quote, |hit| {
            findings.extend(absolute_asset(&hit));
            ControlFlow::Continue(())
        })?;
    }
    findings.sort_by_key(|finding| finding.line);
    Ok(findings)
}

/// `src="/…"` or `href="/…"`: works only if the bundle is served from the root of an origin.
fn absolute_asset(hit: &Hit<'_>) -> Option<Finding> {
    let attribute = ["src", "href", "srcset", "poster"]
        .into_iter()
        .find(|name| ends_with_attribute(hit.before, name))?;
    let end = hit
        .after
        .iter()
        .position(|byte| b"\"' >\n".contains(byte))
        .unwrap_or(hit.after.len());
    let rest = String::from_utf8_lossy(&hit.after[..end]);
    // `/` alone is a page, not an asset (Angular's `<base href="/">`); `//host` is another server.
    if rest.is_empty() || rest.starts_with('/') {
        return None;
    }
    let message = format!(
        "{attribute}=\"/{rest}\" is an absolute path; make it relative, so that the bundle works at any base URL"
    );
    Some(
        Finding::warning(FindingCode::AbsoluteAssetPath, message)
            .in_file(INDEX_HTML)
            .at_line(hit.line),
    )
}

fn ends_with_attribute(before: &[u8], name: &str) -> bool {
    // Without quotes the equals sign is part of the search text.
    let before = before.trim_ascii_end();
    let before = before.strip_suffix(b"=").unwrap_or(before).trim_ascii_end();
    let Some(start) = before.len().checked_sub(name.len()) else {
        return false;
    };
    before[start..].eq_ignore_ascii_case(name.as_bytes()) && before[..start].last().is_none_or(u8::is_ascii_whitespace)
}

/// Without a call of `notifyAppReady()`, every device rolls the bundle back after a few seconds.
fn check_notify_app_ready(folder: &Path, scan: &Scan, control: &Control) -> Result<Option<Finding>> {
    let scripts = || scan.files().filter(|entry| is_script(entry.path.as_str()));
    let total = scripts().map(|entry| entry.size).sum();
    let mut done = 0;
    let (mut mention, mut indirect) = (None, None);
    for script in scripts() {
        control.check("check")?;
        match strongest_use(folder, script)? {
            Some((Use::Call, _)) => return Ok(None),
            Some((Use::Indirect, line)) => {
                indirect.get_or_insert_with(|| format!("{}:{line}", script.path));
            }
            Some((Use::Mention, line)) => {
                mention.get_or_insert_with(|| format!("{}:{line}", script.path));
            }
            None => {}
        }
        done += script.size;
        control.report(Phase::Check, done, total);
    }
    if let Some(place) = indirect {
        let message = format!(
            "no script calls {NOTIFY_APP_READY}() by that name; {place} passes it on, so make sure that it is called"
        );
        return Ok(Some(Finding::warning(FindingCode::NotifyAppReadyNotCalled, message)));
    }
    let hint = mention.map_or(String::new(), |place| format!("; {place} only mentions or defines it"));
    let message = format!("no script calls {NOTIFY_APP_READY}(), so every device would roll the bundle back{hint}");
    Ok(Some(Finding::error(FindingCode::NotifyAppReadyNotCalled, message)))
}

fn is_script(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    SCRIPTS.iter().any(|extension| path.ends_with(extension))
}

/// A use of the word, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// Defined or mentioned, as in the plugin's own web implementation, which bundlers include in every app.
    Mention,
    /// Renamed, or passed as an argument: probably called.
    Indirect,
    /// Called.
    Call,
}

/// The strongest use in a file, and its line. If the lexer fails, for example on a regular expression that looks like a
/// division, everything counts as code: a false pass is better than refusing a valid build.
fn strongest_use(folder: &Path, script: &Entry) -> Result<Option<(Use, u64)>> {
    let mut mentioned = false;
    find_in(folder, script, NOTIFY_APP_READY, |_| {
        mentioned = true;
        ControlFlow::Break(())
    })?;
    if !mentioned {
        return Ok(None);
    }
    let path = script.path.resolve(folder);
    let is_page = !script.path.as_str().to_ascii_lowercase().ends_with("js");
    let mut code = CodeOnly::new(File::open(&path).with_path("open", &path)?, is_page);
    let mut strongest = None;
    let mut judge = |hit: Hit<'_>| {
        let found = (judge_use(&hit), hit.line);
        if strongest.is_none_or(|(use_, _)| found.0 > use_) {
            strongest = Some(found);
        }
        if found.0 == Use::Call {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    search::find_each(&mut code, NOTIFY_APP_READY, &mut judge).with_path("read", &path)?;
    if code.is_confused {
        find_in(folder, script, NOTIFY_APP_READY, &mut judge)?;
    }
    Ok(strongest)
}

fn judge_use(hit: &Hit<'_>) -> Use {
    let longer = |byte: Option<&u8>| byte.is_some_and(|byte| is_name(*byte));
    if longer(hit.before.last()) || longer(hit.after.first()) {
        return Use::Mention;
    }
    let before = hit.before.trim_ascii_end();
    let after = hit.after.trim_ascii_start();
    let assigned = |after: &[u8]| after.starts_with(b"=") && !after.starts_with(b"==");
    match (before.last(), after.first()) {
        // `plugin.notifyAppReady`, called or passed as a function; but `x.notifyAppReady = ` defines it.
        (Some(b'.'), _) if assigned(after) => Use::Mention,
        (Some(b'.'), Some(b'(')) => Use::Call,
        (Some(b'.'), _) if after.starts_with(b"?.") => Use::Call,
        (Some(b'.'), _) if follows_typeof(before) => Use::Mention,
        (Some(b'.'), _) => Use::Call,
        (Some(quote @ (b'"' | b'\'' | b'`')), Some(other)) if quote == other => judge_name_in_string(
            before[..before.len() - 1].trim_ascii_end(),
            after[1..].trim_ascii_start(),
        ),
        // `notifyAppReady()` after destructuring; `notifyAppReady() {` and `function notifyAppReady(` define it.
        (_, Some(b'(')) if before.ends_with(b"function") || is_definition(after) => Use::Mention,
        (_, Some(b'(')) => Use::Call,
        _ if after.starts_with(b"?.(") => Use::Call,
        // `{notifyAppReady: t} = plugin`, and `then(notifyAppReady)`.
        (Some(b'{' | b','), Some(b':')) if is_renamed(&after[1..]) => Use::Indirect,
        (Some(b'{' | b','), Some(b'}' | b',')) | (Some(b'(' | b','), Some(b')')) => Use::Indirect,
        _ => Use::Mention,
    }
}

/// `plugin["notifyAppReady"]` and `call("CapacitorUpdater", "notifyAppReady")`, but not a list of names.
fn judge_name_in_string(before: &[u8], after: &[u8]) -> Use {
    if let (Some(object), Some(rest)) = (before.strip_suffix(b"["), after.strip_prefix(b"]")) {
        let (object, rest) = (object.trim_ascii_end(), rest.trim_ascii_start());
        let indexes = object
            .last()
            .is_some_and(|byte| is_name(*byte) || b")].".contains(byte));
        let defines = (rest.starts_with(b"=") && !rest.starts_with(b"==")) || is_definition(rest);
        return if indexes && !defines { Use::Call } else { Use::Mention };
    }
    let mut closed = 0;
    for (place, byte) in before.iter().enumerate().rev() {
        match byte {
            b')' | b']' | b'}' => closed += 1,
            b'(' | b'[' | b'{' if closed > 0 => closed -= 1,
            b'(' if before[..place]
                .trim_ascii_end()
                .last()
                .is_some_and(|byte| is_name(*byte) || b")]".contains(byte)) =>
            {
                return Use::Indirect;
            }
            b'(' | b'[' | b'{' => break,
            _ => {}
        }
    }
    Use::Mention
}

/// Whether `typeof a.b.` precedes the word.
fn follows_typeof(before: &[u8]) -> bool {
    let chain = before.iter().rposition(|byte| !is_name(*byte) && !b".?".contains(byte));
    let before = before[..chain.map_or(0, |place| place + 1)].trim_ascii_end();
    let before = before.strip_suffix(b"(").unwrap_or(before).trim_ascii_end();
    before.ends_with(b"typeof")
}

/// `t}`, `t,` or `t=` after the colon: a variable, not the definition of a function.
fn is_renamed(after: &[u8]) -> bool {
    let after = after.trim_ascii_start();
    let end = after.iter().position(|byte| !is_name(*byte)).unwrap_or(after.len());
    end > 0
        && after[end..]
            .trim_ascii_start()
            .first()
            .is_some_and(|byte| b"},=".contains(byte))
}

/// `(…) {` defines a method.
fn is_definition(after: &[u8]) -> bool {
    let mut open = 0_usize;
    for (place, byte) in after.iter().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' if open <= 1 => return open == 1 && after[place + 1..].trim_ascii_start().starts_with(b"{"),
            b')' => open -= 1,
            _ if open == 0 => return false,
            _ => {}
        }
    }
    false
}

fn find_in(folder: &Path, entry: &Entry, word: &str, visit: impl FnMut(Hit<'_>) -> ControlFlow<()>) -> Result<()> {
    let path = entry.path.resolve(folder);
    let mut file = File::open(&path).with_path("open", &path)?;
    search::find_each(&mut file, word, visit).with_path("read", &path)
}

#[cfg(test)]
mod tests;
