#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
use super::*;

fn parse(name: &str) -> Result<Option<String>, PathProblem> {
    SafePath::parse(name.as_bytes(), &Limits::default()).map(|path| path.map(|path| path.as_str().to_owned()))
}

#[test]
fn ordinary_names_pass_unchanged() {
    for name in [
        "index.html",
        "assets/app.js",
        "ünï/日本/😀.txt",
        "..hidden",
        "a..b",
        "...",
        "%2e%2e/x",
        "~/.x",
        "ab:c",
    ] {
        assert_eq!(parse(name), Ok(Some(name.to_owned())), "{name}");
    }
}

#[test]
fn unambiguous_names_are_normalized() {
    for (name, expected) in [
        ("./a", "a"),
        ("a//b", "a/b"),
        ("a/./b", "a/b"),
        ("a/", "a"),
        ("./a/./", "a"),
    ] {
        assert_eq!(parse(name), Ok(Some(expected.to_owned())), "{name}");
    }
    assert_eq!(parse("./"), Ok(None));
}

#[test]
fn names_that_leave_the_folder_or_are_ambiguous_are_refused() {
    for (name, problem) in [
        ("../a", PathProblem::ParentFolder),
        ("a/../../b", PathProblem::ParentFolder),
        ("a/..", PathProblem::ParentFolder),
        ("/etc/passwd", PathProblem::Absolute),
        ("//server/share", PathProblem::Absolute),
        ("\\\\server\\share", PathProblem::Backslash),
        ("a\\b", PathProblem::Backslash),
        ("C:/x", PathProblem::Drive),
        ("c:x", PathProblem::Drive),
        ("a\0.html", PathProblem::Nul),
        ("", PathProblem::Empty),
        (".", PathProblem::Empty),
        ("a/.", PathProblem::Empty),
    ] {
        assert_eq!(parse(name), Err(problem), "{name:?}");
    }
    assert_eq!(
        SafePath::parse(b"caf\xe9.txt", &Limits::default()),
        Err(PathProblem::NotUtf8)
    );
}

#[test]
fn limits_are_exact_to_the_byte() {
    let limits = Limits {
        path_length: 20,
        component_length: 10,
        depth: 3,
        ..Limits::default()
    };
    let parse = |name: &str| SafePath::parse(name.as_bytes(), &limits).map(|_| ());
    assert_eq!(parse("abcdefghij"), Ok(()));
    assert_eq!(parse("abcdefghijk"), Err(PathProblem::ComponentTooLong));
    assert_eq!(parse("a/b/c"), Ok(()));
    assert_eq!(parse("a/b/c/d"), Err(PathProblem::TooDeep));
    assert_eq!(parse("abcdefghi/abcdefghij"), Ok(()));
    assert_eq!(parse("abcdefghij/abcdefghij"), Err(PathProblem::TooLong));
}

#[test]
fn names_that_windows_cannot_store_are_recognized() {
    let problem = |name: &str| {
        SafePath::parse(name.as_bytes(), &Limits::default())
            .unwrap()
            .unwrap()
            .portability_problem()
    };
    for name in [
        "aux.js", "a/CON", "com1.txt", "x/name.", "space ", "ab:c", "q?.html", "tab\t",
    ] {
        assert!(problem(name).is_some(), "{name:?}");
    }
    for name in [
        "auxiliary.js",
        "com.js",
        "com0",
        "console/log.js",
        "日本1",
        ".well-known/x",
    ] {
        assert_eq!(problem(name), None, "{name:?}");
    }
}

#[test]
fn printed_names_have_no_control_characters() {
    assert_eq!(printable(b"a\x1b[31m\n"), "\"a\\u{1b}[31m\\n\"");
}
