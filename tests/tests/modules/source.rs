//! The dependencies between the files of a package, from its sources.
//!
//! This is not a compiler: it reads `use` and paths that begin with `crate`, `super`, `self`, a module of the file or
//! an imported module. The use of a re-exported name counts for the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::graph::Graph;

static USE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^\s*(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);").unwrap());
static PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)+").unwrap());
static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Za-z_]\w*").unwrap());
/// Items that are compiled only for tests.
static TEST_ITEM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"#\[cfg\((?:test|doctest|all\((?:test|doctest)\b[^\]]*)\)\]").unwrap());
static MODULE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;").unwrap());
/// Comments and literals. One expression for both, so that a quote in a comment does not start a literal.
static NOT_CODE: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        r"//[^\n]*",
        r"(?s:/\*.*?\*/)",
        r##"(?s:r#+".*?"#+)"##,
        r#"(?s:"(?:\\.|[^"\\])*")"#,
        r"'(?:\\[^']+|[^'\\])'",
    ];
    Regex::new(&patterns.join("|")).unwrap()
});

/// A module: its path from the root of the package.
type ModulePath = Vec<String>;

/// The sources of a package, without tests.
pub(crate) struct Package {
    modules: BTreeMap<ModulePath, Module>,
}

struct Module {
    file: String,
    imports: Vec<Import>,
    /// Paths in the code, outside of `use`.
    paths: Vec<Vec<String>>,
    /// Every word in the code, outside of `use`.
    words: BTreeSet<String>,
    /// Modules that are compiled only for tests.
    of_tests: Vec<String>,
}

/// One imported name, or `*` for all.
#[derive(Debug, Clone)]
struct Import {
    name: String,
    path: Vec<String>,
    is_public: bool,
}

impl Package {
    pub(crate) fn read(folder: &Path) -> Self {
        let mut sources = Vec::new();
        collect(folder, "", &mut sources);
        let sources: Vec<(&str, &str)> = sources.iter().map(|(file, text)| (&**file, &**text)).collect();
        Self::of_sources(&sources)
    }

    pub(crate) fn of_sources(sources: &[(&str, &str)]) -> Self {
        let mut modules: BTreeMap<ModulePath, Module> = sources
            .iter()
            .map(|(file, text)| (module_of(file), Module::parse(file, text)))
            .collect();
        let of_tests: Vec<ModulePath> = modules
            .iter()
            .flat_map(|(path, module)| module.of_tests.iter().map(|name| child(path, name)))
            .collect();
        modules.retain(|path, _| !of_tests.iter().any(|tests| path.starts_with(tests)));
        Self { modules }
    }

    /// The graph of the files.
    pub(crate) fn files(&self) -> Graph {
        self.graph(|_, module| module.file.clone())
    }

    /// The graph of the modules at the root of the package.
    pub(crate) fn top_modules(&self) -> Graph {
        self.graph(|path, _| path.first().cloned().unwrap_or_default())
    }

    fn graph(&self, name: impl Fn(&ModulePath, &Module) -> String) -> Graph {
        let mut graph = Graph::default();
        for (path, module) in &self.modules {
            for used in self.used_by(path, module) {
                graph.add(&name(path, module), &name(&used, &self.modules[&used]));
            }
        }
        graph
    }

    fn used_by(&self, path: &ModulePath, module: &Module) -> BTreeSet<ModulePath> {
        let imports = module
            .imports
            .iter()
            // Only re-exported: the file does not depend on the module.
            .filter(|import| !import.is_public || module.words.contains(&import.name));
        let targets = imports
            .map(|import| &import.path)
            .chain(&module.paths)
            .filter_map(|used| self.resolve(path, used, 0));
        targets
            // An imported module is not yet a dependency; paths in the code show what is used of it.
            .filter_map(|target| target.has_item.then_some(target.module))
            .filter(|target| target != path)
            .collect()
    }

    /// The module that defines the path `used` in `from`; `None` for another package.
    fn resolve(&self, from: &ModulePath, used: &[String], depth: usize) -> Option<Target> {
        // Stops at modules that re-export each other with `*`.
        if depth > 16 {
            return None;
        }
        let (first, mut rest) = used.split_first()?;
        let mut module = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => from[..from.len().checked_sub(1)?].to_vec(),
            name if self.is_module(from, name) => child(from, name),
            name => return self.imported(from, name, rest, depth),
        };
        while let Some((next, others)) = rest.split_first() {
            if next == "super" {
                module.pop()?;
            } else if self.is_module(&module, next) {
                module.push(next.clone());
            } else if next != "self" {
                return Some(
                    self.imported(&module, next, others, depth)
                        .unwrap_or(Target { module, has_item: true }),
                );
            }
            rest = others;
        }
        Some(Target {
            module,
            has_item: false,
        })
    }

    /// The module that `name` and the rest of its path refer to, through an import of `module`.
    fn imported(&self, module: &ModulePath, name: &str, rest: &[String], depth: usize) -> Option<Target> {
        for import in &self.modules.get(module)?.imports {
            if import.name == name && import.path != [name] {
                let path = [import.path.as_slice(), rest].concat();
                return self.resolve(module, &path, depth + 1);
            }
            if import.name == "*" {
                let all = self.resolve(module, &import.path, depth + 1)?.module;
                if all != *module && self.modules[&all].words.contains(name) {
                    return Some(Target {
                        module: all,
                        has_item: true,
                    });
                }
            }
        }
        None
    }

    fn is_module(&self, parent: &ModulePath, name: &str) -> bool {
        self.modules.contains_key(&child(parent, name))
    }
}

struct Target {
    module: ModulePath,
    /// Whether the path refers to an item of the module, not to the module itself.
    has_item: bool,
}

fn child(parent: &ModulePath, name: &str) -> ModulePath {
    [parent.as_slice(), &[name.to_owned()]].concat()
}

fn collect(folder: &Path, prefix: &str, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), sources);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            sources.push((name, fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

/// `store/mod.rs` and `store.rs` are the module `store`. `lib.rs` is the root.
fn module_of(file: &str) -> ModulePath {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    let path = if path == "lib" { "" } else { path };
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

impl Module {
    fn parse(file: &str, text: &str) -> Self {
        let text = without_comments_and_texts(text);
        let (text, of_tests) = without_tests(&text);
        let imports = USE.captures_iter(&text).flat_map(|found| {
            let is_public = found.get(1).is_some();
            let tree = found[2].split_whitespace().collect::<Vec<_>>().join(" ");
            names_of(&tree, &[])
                .into_iter()
                .map(move |(name, path)| Import { name, path, is_public })
        });
        let imports = imports.collect();
        let code = USE.replace_all(&text, "");
        let paths = PATH.find_iter(&code).map(|found| segments(found.as_str())).collect();
        let words = WORD.find_iter(&code).map(|found| found.as_str().to_owned()).collect();
        Self {
            file: file.to_owned(),
            imports,
            paths,
            words,
            of_tests,
        }
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").map(|segment| segment.trim().to_owned()).collect()
}

/// The names that a `use` tree imports, with their paths.
fn names_of(tree: &str, before: &[String]) -> Vec<(String, Vec<String>)> {
    let tree = tree.trim();
    if let Some((start, group)) = tree.split_once('{') {
        let before = [before, &segments(start.trim().trim_end_matches("::"))].concat();
        let before: Vec<String> = before.into_iter().filter(|segment| !segment.is_empty()).collect();
        let group = group.trim_end().trim_end_matches('}');
        return split_outside_braces(group)
            .into_iter()
            .flat_map(|part| names_of(part, &before))
            .collect();
    }
    if tree.is_empty() {
        return Vec::new();
    }
    let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
    let mut path = [before, &segments(path)].concat();
    if path.last().is_some_and(|last| last == "self" || last == "*") && path.len() > 1 {
        let last = path.pop().unwrap();
        if last == "*" {
            return vec![(last, path)];
        }
    }
    let name = if alias.is_empty() {
        path.last().unwrap().clone()
    } else {
        alias.trim().to_owned()
    };
    vec![(name, path)]
}

fn split_outside_braces(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Removes comments and literals, which contain no paths.
fn without_comments_and_texts(text: &str) -> String {
    NOT_CODE
        .replace_all(
            text,
            |found: &regex::Captures<'_>| if found[0].starts_with('/') { "" } else { "0" },
        )
        .into_owned()
}

/// Removes the items that are compiled only for tests. Returns the names of modules among them as well.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let (mut rest, mut kept, mut of_tests) = (text, String::new(), Vec::new());
    while let Some(found) = TEST_ITEM.find(rest) {
        kept.push_str(&rest[..found.start()]);
        rest = &rest[found.end()..];
        if let Some(name) = MODULE.captures(rest) {
            of_tests.push(name[1].to_owned());
        }
        rest = &rest[end_of_item(rest)..];
    }
    kept.push_str(rest);
    (kept, of_tests)
}

/// The end of the item at the start of `text`, after its `;` or closing brace.
fn end_of_item(text: &str) -> usize {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth -= 1;
                // `use a::{b};` ends at its semicolon.
                if letter == '}' && depth == 0 && !text[at + 1..].starts_with(';') {
                    return at + 1;
                }
            }
            // A comma ends a field or an enum variant.
            ';' | ',' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}
