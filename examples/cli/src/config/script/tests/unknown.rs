//! Values that only a run of the script gives: reported as unknown, never guessed.

use super::Expected::{self, Absent, Text};
use super::check;

#[test]
fn a_value_that_only_a_run_gives_is_unknown_and_has_a_place() {
    use Expected::Unknown as No;
    check(&[
        (
            "export default {\n  appId: process.env.APP_ID,\n  webDir: 'www' }",
            No(2, "environment"),
            Text("www"),
        ),
        (
            "export default {\n  appId: process.env.ID ?? getId(),\n webDir: 'www' }",
            No(2, "environment"),
            Text("www"),
        ),
        (
            "const dev = isDev();\nexport default { appId: dev ? 'a' : 'b', webDir: 'www' }",
            No(2, "one of several"),
            Text("www"),
        ),
        (
            "import { n } from './n';\nexport default { appId: `a.${n}`, webDir: 'www' }",
            No(2, "`n` is imported from './n'"),
            Text("www"),
        ),
        (
            "export default { webDir: 'www',\n appId: getId() }",
            No(2, "`getId()`"),
            Text("www"),
        ),
        (
            "import { appId } from './id';\nexport default { appId, webDir: 'www' }",
            No(2, "`appId`"),
            Text("www"),
        ),
        (
            "import pkg from './package.json';\nexport default { appId: pkg.name, webDir: 'www' }",
            No(2, "`pkg`"),
            Text("www"),
        ),
        (
            "export default { appId: 7, webDir: ['www'] }",
            No(1, "is not a string"),
            No(1, "is not a string"),
        ),
        (
            "export default { get appId() { return 'a' }, webDir: 'www' }",
            No(1, "function"),
            Text("www"),
        ),
        (
            "import base from './base';\nexport default {\n appId: 'a', ...base,\n webDir: 'www' }",
            No(3, "`base`"),
            Text("www"),
        ),
        (
            "const k = key();\nexport default { [k]: 'a', webDir: 'www' }",
            No(2, "may set any member"),
            Text("www"),
        ),
        (
            "export default { appId: 'a', x: a < b, c > d, webDir: 'www' }",
            No(1, "not valid TypeScript"),
            No(1, "not valid TypeScript"),
        ),
        (
            "export default () => ({ appId: 'a', webDir: 'www' })",
            No(1, "function"),
            No(1, "function"),
        ),
        (
            "export default async function config() { return {} }",
            No(1, "function"),
            No(1, "function"),
        ),
        (
            "export default ('a', { appId: 'a', webDir: 'www' })",
            No(1, "known only when the script runs"),
            No(1, "known only when the script runs"),
        ),
        (
            "export default makeConfig({ appId: 'a' })",
            No(1, "`makeConfig({ appId: 'a' })`"),
            No(1, "`makeConfig({ appId: 'a' })`"),
        ),
        (
            "import config from './other';\nexport default config",
            No(2, "`config`"),
            No(2, "`config`"),
        ),
        (
            "let config: CapacitorConfig;\nconfig = { appId: 'a' };\nexport default config",
            Text("a"),
            Absent,
        ),
        (
            "const config = { appId: 'a', webDir: 'www' }",
            No(1, "export default"),
            No(1, "export default"),
        ),
        (
            "const a = b;\nconst b = a;\nexport default { appId: a, webDir: 'www' }",
            No(2, "defined by itself"),
            Text("www"),
        ),
        (
            "export default { appId: 'a\n', webDir: 'www' }",
            No(1, "not valid TypeScript: Unterminated"),
            No(1, "not valid TypeScript: Unterminated"),
        ),
        (
            "export default { appId: `a",
            No(1, "not valid TypeScript: Unterminated"),
            No(1, "not valid TypeScript: Unterminated"),
        ),
        (
            "/* export default {}",
            No(1, "not valid TypeScript: Unterminated"),
            No(1, "not valid TypeScript: Unterminated"),
        ),
    ]);
}

#[test]
fn a_value_that_is_changed_later_is_unknown() {
    use Expected::Unknown as No;
    let config =
        "const config: CapacitorConfig = { appId: 'a.b', webDir: 'www', plugins: { CapacitorUpdater: {} } };\n";
    let with = |change: &str| format!("{config}{change}\nexport default config;");
    for (change, app_id, web_dir) in [
        (
            "if (process.env.DEV) config.webDir = 'dev'",
            Text("a.b"),
            No(2, "`config.webDir = 'dev'` changes the value later"),
        ),
        (
            "if (process.env.DEV) { config['appId'] = 'dev' }",
            No(2, "`config['appId'] = 'dev'` changes the value later"),
            Text("www"),
        ),
        ("config.server = { url: 'http://localhost' }", Text("a.b"), Text("www")),
        (
            "config.plugins!.CapacitorUpdater!.version = '1.0.0'",
            Text("a.b"),
            Text("www"),
        ),
        (
            "Object.assign(config, require('./local'))",
            No(2, "`Object.assign(config, require('./local'))` may change the value"),
            No(2, "`Object.assign(config, require('./local'))` may change the value"),
        ),
        (
            "patch(config)",
            No(2, "`patch(config)` may change the value"),
            No(2, "`patch(config)` may change the value"),
        ),
        (
            "console.log(config); console.log(JSON.stringify(config))",
            Text("a.b"),
            Text("www"),
        ),
        (
            "delete config.appId",
            No(2, "`delete config.appId` changes the value later"),
            Text("www"),
        ),
        ("config[name] = 'x'", No(2, "`config[name]"), No(2, "`config[name]")),
        (
            "const other = { config: 1, appId: config.appId }; if (config.appId === 'x') {}",
            Text("a.b"),
            Text("www"),
        ),
    ] {
        check(&[(&with(change), app_id, web_dir)]);
    }
    check(&[(
        "let id = 'a.b';\nid = 'c.d';\nexport default { appId: id, webDir: 'www' }",
        No(2, "one of several"),
        Text("www"),
    )]);
}

#[test]
fn what_all_branches_agree_on_is_known() {
    use Expected::Unknown as No;
    let base = "const base: CapacitorConfig = { appId: 'a.b', webDir: 'www' };\n";
    let with = |rest: &str| format!("{base}{rest}\nexport default config;");
    for (rest, app_id, web_dir) in [
        (
            // The pattern of Capacitor's own guide.
            "let config: CapacitorConfig;\nswitch (process.env.NODE_ENV as Mode) {\n  case 'qa':\n    config = { ...base, ios: { scheme: 'QA' } };\n    break;\n  default:\n    config = { ...base, ios: { scheme: 'App' } };\n    break;\n}",
            Text("a.b"),
            Text("www"),
        ),
        (
            "let config: C\nswitch (env) {\n case 'x':\n config = { ...base, appId: 'x' }\n break\n default:\n config = { ...base, appId: 'y' }\n}",
            No(8, "one of several"),
            Text("www"),
        ),
        (
            "let config = { ...base };\nif (process.env.DEV) {\n config = { ...config, server: {} };\n}",
            Text("a.b"),
            Text("www"),
        ),
        (
            "let config = { ...base };\nif (process.env.DEV) config = { ...config, webDir: 'dev' };",
            Text("a.b"),
            No(3, "one of several"),
        ),
        (
            "let config = base;\nconfig = load();",
            No(3, "`load()`"),
            No(3, "`load()`"),
        ),
        (
            "const config = { ...base, ...(process.env.DEV ? { server: { url: 'x' } } : {}) };",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const config = { ...base, ...(dev && { server: { url: 'x' } }) };",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const config = { ...base, ...(dev ? { webDir: 'dev' } : { server: {} }) };",
            Text("a.b"),
            No(2, "one of several"),
        ),
        (
            "const config = { ...base, ...(dev ? other() : {}) };",
            No(2, "`other()`"),
            No(2, "`other()`"),
        ),
        ("const config = dev ? { ...base } : base;", Text("a.b"), Text("www")),
        (
            "const config = { ...base, appId: dev ? 'a' : qa ? 'b' : 'c' };",
            No(2, "one of several"),
            Text("www"),
        ),
        (
            "const config = { ...base, appId: dev && 'a' };",
            No(2, "one of several"),
            Text("www"),
        ),
        (
            "const config = { appId: base.appId, webDir: base.webDir };",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const config = { appId: base.appId.trim(), webDir: base.none };",
            No(2, "`base.appId.trim()`"),
            Absent,
        ),
        (
            "const config = { ...base };\n(config as any).webDir = 'dev';",
            Text("a.b"),
            No(3, "`(config as any).webDir = 'dev'`"),
        ),
        (
            "const config = { ...base };\nfunction f(config = {}, g = 1) {}",
            Text("a.b"),
            Text("www"),
        ),
        (
            "const x = dev\nconst y = qa ? 'a' : 'a'\nconst config = { ...base, appId: x };",
            No(2, "`dev`"),
            Text("www"),
        ),
    ] {
        check(&[(&with(rest), app_id, web_dir)]);
    }
}
