#![allow(clippy::too_many_lines, reason = "the cases are a table")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod forms;
mod mutations;
mod unknown;

use super::{Value, exported};

/// What is expected of one member.
enum Expected {
    Text(&'static str),
    Absent,
    /// The line, and a part of the message.
    Unknown(u64, &'static str),
}
use Expected::{Absent, Text};

fn check_member(value: &Value, source: &str, path: &[&str], expected: &Expected) {
    match (value.at(path).text(), expected) {
        (Ok(Some(found)), Text(text)) => assert_eq!(found.value, *text, "{path:?} of\n{source}"),
        (Ok(None), Absent) => {}
        (Err(unknown), Expected::Unknown(line, part)) => {
            let message = unknown.to_string();
            assert!(
                unknown.place.line == *line && message.contains(part),
                "line {}: {message}\n{path:?} of\n{source}",
                unknown.place.line
            );
        }
        (found, _) => panic!("{found:?}\n{path:?} of\n{source}"),
    }
}

/// `appId` and `webDir` of a script.
fn check(cases: &[(&str, Expected, Expected)]) {
    for (source, app_id, web_dir) in cases {
        let value = exported(source);
        check_member(&value, source, &["appId"], app_id);
        check_member(&value, source, &["webDir"], web_dir);
    }
}

#[test]
fn configs_as_people_write_them_are_read() {
    check(&[
        (
            "import type { CapacitorConfig } from '@capacitor/cli';\n\nconst config: CapacitorConfig = {\n  appId: \
             'com.example.app',\n  appName: \"It's\",\n  webDir: 'dist',\n};\n\nexport default config;\n",
            Text("com.example.app"),
            Text("dist"),
        ),
        (
            "export default { appId: 'a.b', webDir: \"www\" }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default { appId: 'a.b', webDir: 'www' } satisfies CapacitorConfig;",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default { appId: 'a.b' as const, webDir: 'www' as string, } as CapacitorConfig",
            Text("a.b"),
            Text("www"),
        ),
        (
            "module.exports = { appId: 'a.b', webDir: 'www' };",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const config = { 'appId': 'a.b', \"webDir\": `www` };\nmodule.exports = config;",
            Text("a.b"),
            Text("www"),
        ),
        (
            "/// <reference types=\"@capacitor/cli\" />\n/** @type {import('@capacitor/cli').CapacitorConfig} */\nconst \
             config = { appId: 'a.b', webDir: 'www' };\nexports.default = void 0;\nexports.default = config;",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default defineConfig({ appId: 'a.b', webDir: 'www' });",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default (({ appId: 'a.b', webDir: 'www' }));",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default <CapacitorConfig>{ appId: 'a.b', webDir: 'www' };",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default Object.freeze({ appId: 'a.b', webDir: 'www' });",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const c = { appId: 'a.b', webDir: 'www' };\nexport { c as default };",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const c = { appId: 'a.b', webDir: 'www' };\nexport = c;",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const appId = 'a.b', webDir = 'www'\nexport default { appId, webDir }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export const ID: string = 'a.b';\nexport default { appId: ID!, webDir: ('www') };",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const ID = 'a.' + 'b'\nconst DIR = ID\nexport default { appId: ID, webDir: DIR }",
            Text("a.b"),
            Text("a.b"),
        ),
        (
            "const base = { appId: 'a.b', webDir: 'x' };\nexport default { ...base, webDir: 'www' };",
            Text("a.b"),
            Text("www"),
        ),
        ("export default { appName: 'x' }", Absent, Absent),
        ("export default { appId: undefined, webDir: null }", Absent, Absent),
        (
            "export default { appId: 'first', appId: 'a.b', webDir: 'www' }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default { ['appId']: 'a.b', webDir: 'w\\u0077\\x77\\\n' }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "\u{feff}export default {\r\n\tappId: 'a.b', // appId: 'no'\r\n\twebDir: 'www' /* webDir: 'no' */\r\n}\r\n",
            Text("a.b"),
            Text("www"),
        ),
    ]);
}

#[test]
fn strings_comments_and_nested_objects_are_not_taken_for_the_config() {
    check(&[
        (
            "const s = `export default { appId: '${'no'}' }`;\nexport default { appId: 'a.b', webDir: 'www' }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const r = /export default {/;\nexport default { appId: 'a.b', webDir: 'www' }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const x = 6 / 2; const y = 'a' /* } */;\nexport default { appId: 'a.b', webDir: 'www' }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default { ios: { appId: 'no', webDir: 'no' }, appId: 'a.b', webDir: 'www' }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default { list: [{ appId: 'no' }], run() { return { webDir: 'no' } }, appId: 'a.b', webDir: 'www' }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default { hook: async (a, b) => { appId: 1 }, appId: 'a.b', webDir: 'www' }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default { m: new Map<string, Array<number>>(), appId: 'a.b', webDir: 'www' }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "export default { *g() {}, async *h() {}, async get<T>() {}, get: 1, m: f<A, B>(1), appId: 'a.b', webDir: 'www' }",
            Text("a.b"),
            Text("www"),
        ),
        (
            "function f() { const c = { appId: 'no' }; return c }\nconst c = { appId: 'a.b', webDir: 'www' }\nexport default c",
            Text("a.b"),
            Text("www"),
        ),
        (
            "interface C { appId: string; webDir: string }\nconst c: C = { appId: 'a.b', webDir: 'www' }\nexport default c",
            Text("a.b"),
            Text("www"),
        ),
    ]);
}

#[test]
fn the_updaters_own_members_are_found() {
    let path = |name| ["plugins", "CapacitorUpdater", name];
    let source = "const KEY = '-----BEGIN RSA PUBLIC KEY-----\\nMIIB\\n-----END RSA PUBLIC KEY-----\\n';\nconst config = { \
                  appId: 'a.b', plugins: { SplashScreen: {}, CapacitorUpdater: { appId: 'c.d', publicKey: KEY } } };\nexport \
                  default config;";
    check_member(&exported(source), source, &path("appId"), &Text("c.d"));
    check_member(
        &exported(source),
        source,
        &path("publicKey"),
        &Text("-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----\n"),
    );
    check_member(&exported(source), source, &path("version"), &Absent);
    let changed =
        "const config = { appId: 'a.b' };\nconfig.plugins = { CapacitorUpdater: {} };\nexport default config;";
    check_member(
        &exported(changed),
        changed,
        &path("appId"),
        &Expected::Unknown(2, "config.plugins"),
    );
}

#[test]
fn deep_nesting_and_cut_scripts_neither_hang_nor_panic() {
    let source = "const c: A<B> = { appId: 'a', ...x, [k]: `b${{}}`, f() {}, get g() {} } as T;\nc.x!['y'] = /[/]/g;\nexport \
                  default define(c)";
    for (end, _) in source.char_indices() {
        exported(&source[..end]);
        exported(&source[end..]);
        exported(&source[..end].chars().rev().collect::<String>());
    }
    exported("const a = { x: b, y: b + b + b }; const b = { x: a, y: a + a + a }; export default a");
    exported(&"{".repeat(10_000));
    exported(&format!("export default {}", "(".repeat(100_000)));
    exported(&format!("export default {}'a'", "{a:".repeat(10_000)));
    exported(&format!("export default {}", "<".repeat(100_000)));
}
