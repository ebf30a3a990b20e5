//! Expressions whose value follows from the script itself.

use super::super::exported_with;
use super::Expected::{self, Absent, Text};
use super::{check, exported};

#[test]
fn constants_conditions_and_templates_are_evaluated() {
    check(&[
        (
            "const n = 'b', id = `a.${n}`;\nexport default { appId: id, webDir: `www-${2}` }",
            Text("a.b"),
            Text("www-2"),
        ),
        (
            "const dev = true;\nexport default { appId: dev ? 'a' : 'b', webDir: !dev && 'x' || 'www' }",
            Text("a"),
            Text("www"),
        ),
        (
            "const mode: string = 'qa';\nexport default { appId: mode === 'qa' ? 'a.qa' : 'a', webDir: mode != 'qa' ? 'x' : 'www' }",
            Text("a.qa"),
            Text("www"),
        ),
        (
            "const k = 'appId';\nexport default { [k]: 'a', [`web${'Dir'}`]: 'www' }",
            Text("a"),
            Text("www"),
        ),
        (
            "const dirs = ['dist', 'www'] as const;\nexport default { appId: null ?? 'a', webDir: dirs[1] }",
            Text("a"),
            Text("www"),
        ),
        (
            "const app = { ids: { prod: 'a' } };\nconst { ids: { prod: id }, webDir } = { ...app, webDir: 'www' };\nexport default { appId: id, webDir }",
            Text("a"),
            Text("www"),
        ),
        (
            "const app = { ids: { prod: 'a' } };\nexport default { appId: app?.ids?.prod, webDir: app['none']?.x }",
            Text("a"),
            Absent,
        ),
        (
            "const c = { appId: 'a', webDir: 'www' } satisfies Partial<CapacitorConfig> as CapacitorConfig;\nexport { c as default };",
            Text("a"),
            Text("www"),
        ),
        (
            "module.exports = exports = { appId: 'a', webDir: 'www' };",
            Text("a"),
            Text("www"),
        ),
        (
            "exports = module.exports = { appId: 'a', webDir: 'www' };",
            Text("a"),
            Text("www"),
        ),
    ]);
}

#[test]
fn functions_of_the_file_that_return_a_value_are_followed() {
    check(&[
        (
            "const config = (): CapacitorConfig => ({ appId: 'a', webDir: 'www' });\nexport default config();",
            Text("a"),
            Text("www"),
        ),
        (
            "export default makeConfig('a');\nfunction makeConfig(appId: string, webDir = 'www') {\n  const config = { appId, webDir };\n  return config;\n}",
            Text("a"),
            Text("www"),
        ),
        (
            "const make = function ({ id }) { return { appId: id, webDir: 'www' } }\nexport default make({ id: 'a' })",
            Text("a"),
            Text("www"),
        ),
        (
            "export default (() => { return { appId: 'a', webDir: 'www' } })();",
            Text("a"),
            Text("www"),
        ),
        (
            "function make() {\n if (process.env.DEV) return { appId: 'a', webDir: 'dev' };\n return { appId: 'a', webDir: 'www' };\n}\nexport default make();",
            Text("a"),
            Expected::Unknown(5, "one of several"),
        ),
        (
            "function make() {\n const c = { appId: 'a', webDir: 'www' };\n if (process.env.DEV) c.webDir = 'dev';\n return c;\n}\nexport default make();",
            Text("a"),
            Expected::Unknown(3, "`c.webDir = 'dev'` changes the value later"),
        ),
        (
            "async function make() { return { appId: 'a' } }\nexport default { appId: make(), webDir: 'www' };",
            Expected::Unknown(2, "`make()`"),
            Text("www"),
        ),
        (
            "const f = () => f();\nexport default { appId: f(), webDir: 'www' };",
            Expected::Unknown(1, "nested too deeply"),
            Text("www"),
        ),
    ]);
}

#[test]
fn imports_hinder_only_the_values_that_depend_on_them() {
    check(&[
        (
            "import type { CapacitorConfig } from '@capacitor/cli';\nimport { KeyboardResize } from '@capacitor/keyboard';\nimport splash from './splash';\nexport default {\n appId: 'a', webDir: 'www',\n plugins: { Keyboard: { resize: KeyboardResize.Body }, SplashScreen: { ...splash } },\n} satisfies CapacitorConfig;",
            Text("a"),
            Text("www"),
        ),
        (
            "export { default } from './other';",
            Expected::Unknown(1, "another file"),
            Expected::Unknown(1, "another file"),
        ),
        (
            "const { name } = require('./package.json');\nexport default { appId: name, webDir: 'www' }",
            Expected::Unknown(1, "`require('./package.json')`"),
            Text("www"),
        ),
    ]);
}

#[test]
fn changes_by_other_names_are_noticed() {
    use Expected::Unknown as No;
    check(&[
        (
            "const config = { appId: 'a', webDir: 'www' };\nconst same = config;\nsame.webDir = 'dev';\nexport default config;",
            Text("a"),
            No(3, "`same.webDir = 'dev'`"),
        ),
        (
            "module.exports = { appId: 'a', webDir: 'www' };\nmodule.exports.webDir = 'dev';",
            Text("a"),
            No(2, "`module.exports.webDir = 'dev'`"),
        ),
        (
            "let id = 'a';\nfunction set() { id = 'b' }\nset();\nexport default { appId: id, webDir: 'www' }",
            No(2, "`id = 'b'`"),
            Text("www"),
        ),
        (
            "let id = 'a';\n({ id } = load());\nexport default { appId: id, webDir: 'www' }",
            No(2, "`id`"),
            Text("www"),
        ),
        (
            "const id = 'a';\nlet config;\nif (dev) { const id = 'b'; config = { appId: id, webDir: 'www' } }\nexport default config",
            No(3, "`id`"),
            Text("www"),
        ),
    ]);
}

/// The result of reading `source` where `set` are the environment variables that are set.
fn app_id_with(source: &str, set: &[&str]) -> Result<(String, Vec<String>), String> {
    let value = exported_with(source, &|variable| set.contains(&variable));
    let text = value.at(&["appId"]).text().map_err(|unknown| unknown.to_string())?;
    let text = text.unwrap();
    let used = text.defaults.iter().map(|used| used.variables.join(" "));
    Ok((text.value, used.collect()))
}

#[test]
fn the_default_of_an_environment_variable_is_used_and_named() {
    for (source, value, variables) in [
        ("export default { appId: process.env.ID ?? 'a.b' }", "a.b", &["ID"][..]),
        ("export default { appId: process.env['ID'] || 'a.b' }", "a.b", &["ID"]),
        (
            "export default { appId: process.env.A || process.env.B || 'a.b' }",
            "a.b",
            &["A B"],
        ),
        (
            "const id = process.env.ID as string;\nexport default { appId: `${id ?? 'a.b'}.${process.env.F ?? 'c'}` }",
            "a.b.c",
            &["ID", "F"],
        ),
    ] {
        let (found, used) = app_id_with(source, &[]).unwrap();
        assert_eq!(found, value, "{source}");
        assert_eq!(used, variables, "{source}");
    }
}

#[test]
fn a_default_is_not_used_where_another_value_is_likely() {
    let source = "export default { appId: process.env.ID ?? 'a.b' }";
    let message = app_id_with(source, &["ID"]).unwrap_err();
    assert!(
        message.contains("`process.env.ID ?? 'a.b'` comes from the environment, where ID is set"),
        "{message}"
    );
    let message = app_id_with(&format!("import 'dotenv/config';\n{source}"), &[]).unwrap_err();
    assert!(message.contains("dotenv"), "{message}");
    // A default decides no condition: the other branch may be the one that apps are built with.
    let source = "const env = process.env.ENV ?? 'dev';\nexport default { appId: env === 'dev' ? 'a' : 'b' }";
    let message = app_id_with(source, &[]).unwrap_err();
    assert!(message.contains("one of several"), "{message}");
}

#[test]
fn a_file_that_is_too_large_or_nested_too_deeply_is_not_parsed() {
    for (source, part) in [
        (
            format!("export default {{}}{}", " ".repeat(64 * 1024)),
            "larger than 65536 bytes",
        ),
        ("(".repeat(201), "nested more than 200 deep"),
    ] {
        let message = exported(&source).text().unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_place_counts_characters_and_a_long_expression_is_cut() {
    let source = "export default { name: 'ü', appId: getTheIdOfTheAppThatIsBuiltHere('with', 'a', 'long', 'list', 'of', 'arguments') }";
    let unknown = exported(source).at(&["appId"]).text().unwrap_err();
    assert_eq!((unknown.place.line, unknown.place.column), (1, 36));
    assert_eq!(
        unknown.place.source,
        "getTheIdOfTheAppThatIsBuiltHere('with', 'a', 'long', 'list',…"
    );
}
