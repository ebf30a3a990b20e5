#![allow(clippy::too_many_lines, reason = "the cases are a table")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod unknown;

use super::{Unknown, Value, exported};

/// What is expected of one member.
enum Told {
    Text(&'static str),
    Absent,
    /// The line, and a part of the reason.
    Unknown(u64, &'static str),
}
use Told::{Absent, Text};

fn told(source: &str, path: &[&str], expected: &Told) {
    match (exported(source).at(path), expected) {
        (Value::Text(found), Text(text)) => assert_eq!(found, *text, "{path:?} of\n{source}"),
        (Value::Absent, Absent) => {}
        (Value::Unknown(Unknown { line, why }), Told::Unknown(expected_line, part)) => {
            assert!(
                line == *expected_line && why.contains(part),
                "line {line}: {why}\n{path:?} of\n{source}"
            );
        }
        (found, _) => panic!("{found:?}\n{path:?} of\n{source}"),
    }
}

/// `appId` and `webDir` of a script.
fn check(cases: &[(&str, Told, Told)]) {
    for (source, app_id, web_dir) in cases {
        told(source, &["appId"], app_id);
        told(source, &["webDir"], web_dir);
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
fn what_stands_in_strings_comments_and_nested_objects_is_not_taken_for_the_config() {
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
    told(source, &path("appId"), &Text("c.d"));
    told(
        source,
        &path("publicKey"),
        &Text("-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----\n"),
    );
    told(source, &path("version"), &Absent);
    let changed =
        "const config = { appId: 'a.b' };\nconfig.plugins = { CapacitorUpdater: {} };\nexport default config;";
    told(changed, &path("appId"), &Told::Unknown(2, "config.plugins"));
}

#[test]
fn no_text_makes_the_reader_hang_or_panic() {
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
