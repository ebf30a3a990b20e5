//! Names that leave the folder, in every spelling, and similar names that do not.

use super::{CONTENT, Vector, accepted, bundle_with, limit_exceeded, unsafe_archive};
use crate::forge::{Archive, Entry};

/// The name of the vector, the name of the entry, and the reason.
type Case = (&'static str, &'static [u8], &'static str);

const HOSTILE: &[Case] = &[
    (
        "parent",
        b"../evil.txt",
        "Zip Slip in its plainest form: plexus-archiver (CVE-2018-1002200), adm-zip (CVE-2018-1002204)",
    ),
    (
        "parent-after-folder",
        b"assets/../../evil.txt",
        "leaves the folder after entering one, past a check of the start only",
    ),
    (
        "parent-many",
        b"../../../../../../../../tmp/capbundle-evil.txt",
        "climbs to the root from any depth",
    ),
    (
        "parent-inside",
        b"assets/../app.js",
        "stays inside, but only if every reader resolves `..` alike",
    ),
    ("parent-last", b"assets/..", "a file that is the folder it lies in"),
    ("parent-alone", b"..", "a file that is the parent folder"),
    ("parent-folder", b"../", "a folder entry that is the parent folder"),
    (
        "parent-after-dot",
        b"./../evil.txt",
        "`./` hides the `..` from a check of the first component",
    ),
    (
        "parent-doubled-slash",
        b"assets//..//../evil.txt",
        "doubled separators hide the `..` from a check for `/../`",
    ),
    (
        "parent-backslash",
        b"..\\evil.txt",
        "a separator on Windows, a plain character elsewhere: readers disagree",
    ),
    (
        "parent-backslash-inside",
        b"assets\\..\\..\\evil.txt",
        "the same, past a check of the start",
    ),
    (
        "parent-mixed-slashes",
        b"assets/..\\../evil.txt",
        "both separators in one name",
    ),
    (
        "backslash-separator",
        b"assets\\app.js",
        "Windows tools write it; Capgo's Android plugin refuses it (windows_path_fail)",
    ),
    (
        "absolute",
        b"/tmp/capbundle-evil.txt",
        "an absolute path: a join with it throws the folder away",
    ),
    (
        "absolute-double",
        b"//host/share/evil.txt",
        "a network path on Windows, absolute elsewhere",
    ),
    (
        "absolute-folder",
        b"/",
        "the root folder itself; crashed Go's zip reader (CVE-2021-41772)",
    ),
    ("network-path", b"\\\\host\\share\\evil.txt", "a UNC path"),
    (
        "device-path",
        b"\\\\?\\C:\\evil.txt",
        "a Windows device path, which no check for drives sees",
    ),
    ("drive-slash", b"C:/evil.txt", "a Windows drive"),
    ("drive-backslash", b"C:\\evil.txt", "a Windows drive"),
    (
        "drive-relative",
        b"C:evil.txt",
        "relative to a drive's own folder: a join with it throws the folder away",
    ),
    (
        "drive-after-dot",
        b"./C:/evil.txt",
        "`./` hides the drive from a check of the start, and is then dropped",
    ),
    (
        "drive-relative-after-dot",
        b".//./C:evil.txt",
        "the same with more of what is dropped",
    ),
    (
        "nul-inside",
        b"index.html\0.png",
        "the operating system ends the name at the NUL, a check of the suffix does not",
    ),
    (
        "nul-after-parent",
        b"..\0/evil.txt",
        "the component is `..` for C and something else for the check",
    ),
    ("nul-last", b"index.html\0", "equal to another name for C only"),
    (
        "utf8-overlong",
        b"\xc0\xae\xc0\xae/evil.txt",
        "`..` in overlong UTF-8, which lax decoders accept",
    ),
    ("utf8-overlong-slash", b"..\xc0\xafevil.txt", "`/` in overlong UTF-8"),
    ("utf8-invalid", b"\xff\xfe.txt", "flagged as UTF-8 and none"),
    (
        "utf8-surrogate",
        b"\xed\xa0\x80.txt",
        "half a surrogate pair: valid for lax decoders only",
    ),
    ("utf8-cut", b"caf\xc3", "ends inside a character"),
    (
        "empty",
        b"",
        "no name; crashed Go's zip reader (CVE-2021-41772) and ZipArchive for iOS (CVE-2023-39136)",
    ),
    ("dot", b".", "a file that is the folder itself"),
    ("dot-last", b"assets/.", "a file that is the folder it lies in"),
    ("slashes", b"///", "nothing but separators"),
];

const HARMLESS: &[Case] = &[
    (
        "percent-encoded",
        b"%2e%2e/evil.txt",
        "names are not URLs: it stays literal",
    ),
    (
        "percent-encoded-slash",
        b"..%2fevil.txt",
        "names are not URLs: it stays literal",
    ),
    (
        "fullwidth-dots",
        "\u{ff0e}\u{ff0e}/a.txt".as_bytes(),
        "looks like `..`; no file system folds it",
    ),
    (
        "fullwidth-slash",
        "..\u{ff0f}a.txt".as_bytes(),
        "looks like `../`; no file system folds it",
    ),
    (
        "division-slash",
        "..\u{2215}a.txt".as_bytes(),
        "looks like `../`; no file system folds it",
    ),
    ("three-dots", b".../a.txt", "an ordinary name"),
    ("two-dots-first", b"..a/b.txt", "an ordinary name"),
    ("two-dots-last", b"a../b..", "an ordinary name outside Windows"),
    (
        "hidden",
        b".well-known/assetlinks.json",
        "a hidden folder that web apps really have",
    ),
    (
        "colon",
        b"img:large.png",
        "legal on phones: only one letter before the colon is a drive",
    ),
    ("home", b"~/a.txt", "only shells expand it"),
    ("option", b"-rf", "only commands take it for an option"),
    ("shell", b"$(reboot)`reboot`;a.txt", "only shells take it for a command"),
    ("spaces", b" a b .txt", "legal on phones"),
    (
        "line-break",
        b"a\nb.txt",
        "legal on phones; must not break a line of output",
    ),
    (
        "terminal-escape",
        b"\x1b[31mred.txt",
        "legal on phones; must not colour a terminal",
    ),
    (
        "right-to-left",
        "\u{202e}txt.exe".as_bytes(),
        "shows in another order; names no other file",
    ),
    (
        "emoji",
        "\u{1f469}\u{200d}\u{1f680}.png".as_bytes(),
        "several code points, joined",
    ),
    (
        "reserved-on-windows",
        b"assets/aux.js",
        "legal on phones: a bundle that works today",
    ),
    ("trailing-dot", b"assets/readme.", "legal on phones"),
    (
        "doubled-slash",
        b"assets//app.js",
        "written by scripts that join paths by hand; phones read it as one separator",
    ),
    (
        "dot-first",
        b"./app.js",
        "bsdtar writes such names; phones drop the dot",
    ),
    ("dot-inside", b"assets/./app.js", "phones drop the dot"),
];

pub(super) fn hostile() -> Vec<Vector> {
    let named = HOSTILE.iter().map(|(name, entry, why)| {
        unsafe_archive(&format!("name-{name}"), why, &bundle_with(Entry::file(entry, CONTENT)))
    });
    named
        .chain(unflagged())
        .chain(behind_top_folder())
        .chain(too_long())
        .collect()
}

pub(super) fn harmless() -> Vec<Vector> {
    let named = HARMLESS.iter().map(|(name, entry, why)| {
        let path = String::from_utf8_lossy(entry).replace("//", "/").replace("/./", "/");
        let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
        accepted(
            &format!("ok-name-{name}"),
            why,
            &bundle_with(Entry::file(entry, CONTENT)),
            &[(&path, CONTENT)],
        )
        .with("needs", "any_name")
    });
    named
        .chain(differing_only_in_spelling())
        .chain(just_short_enough())
        .collect()
}

/// Without the UTF-8 flag, a name is in a DOS code page by the specification, and in any encoding in practice.
fn unflagged() -> Vec<Vector> {
    let entry = Entry::file(b"caf\x82.txt", CONTENT).both(|header| header.flags = 0);
    let why = "a DOS code page; Java refuses such names, so no Android device takes them today";
    vec![unsafe_archive("name-code-page", why, &bundle_with(entry))]
}

/// Valid until the single top folder is stripped.
fn behind_top_folder() -> Vec<Vector> {
    let archive = Archive::of([
        Entry::file("dist/index.html", CONTENT),
        Entry::file("dist/C:evil.txt", CONTENT),
    ]);
    let why = "becomes a Windows drive when the single top folder is taken off";
    vec![unsafe_archive("name-drive-behind-top-folder", why, &archive)]
}

fn too_long() -> Vec<Vector> {
    let case = |name: &str, limits: &str, why: &str, entry: String| {
        limit_exceeded(
            &format!("name-{name}"),
            limits,
            why,
            &bundle_with(Entry::file(entry, CONTENT)),
        )
    };
    vec![
        case("long-path", "", "1,025 bytes: more than iOS can open", path_of(1_025)),
        case(
            "long-component",
            "",
            "256 bytes: more than the file systems of phones hold",
            "a".repeat(256),
        ),
        case(
            "long-component-folder",
            "",
            "the same in a folder's name",
            format!("{}/a.txt", "a".repeat(256)),
        ),
        case("deep", "", "65 levels", "a/".repeat(64) + "a.txt"),
        case(
            "longest",
            "",
            "65,535 bytes, the longest name the format can state",
            "a/".repeat(32_767) + "a",
        ),
        case(
            "long-in-bytes",
            "component_length=10",
            "counted in bytes, not characters",
            "\u{e9}".repeat(6),
        ),
        case(
            "deeper-than-set",
            "depth=3",
            "the host set a tighter limit",
            "a/b/c/d.txt".to_owned(),
        ),
    ]
}

fn just_short_enough() -> Vec<Vector> {
    let case = |name: &str, path: String| {
        let archive = bundle_with(Entry::file(&path, CONTENT));
        accepted(
            &format!("ok-name-{name}"),
            "just within the default limit",
            &archive,
            &[(&path, CONTENT)],
        )
    };
    vec![
        case("longest-path", path_of(1_024)),
        case("longest-component", "a".repeat(255)),
        case("deepest", "a/".repeat(63) + "a.txt"),
    ]
}

fn differing_only_in_spelling() -> Vec<Vector> {
    let case = |name: &str, why: &str, first: &str, second: &str| {
        let archive = Archive::bundle([Entry::file(first, b"1"), Entry::file(second, b"2")]);
        accepted(
            &format!("ok-name-{name}"),
            why,
            &archive,
            &[(first, b"1"), (second, b"2")],
        )
        .with("needs", "case_sensitive")
    };
    vec![
        case(
            "case-differs",
            "two files on Android, one on Windows",
            "App.js",
            "app.js",
        ),
        case(
            "composition-differs",
            "the same letter composed and decomposed",
            "\u{e9}.txt",
            "e\u{301}.txt",
        ),
    ]
}

/// A path of `length` bytes whose components are short.
fn path_of(length: usize) -> String {
    let folders = format!("{}/", "a".repeat(99)).repeat(10);
    let rest = "b".repeat(length - folders.len());
    folders + &rest
}
