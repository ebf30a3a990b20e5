//! Damaged scripts: each gives a value or an error.

use super::exported;

const SAMPLES: [&str; 4] = [
    "import type { CapacitorConfig } from '@capacitor/cli';\nconst config: CapacitorConfig = {\n  appId: process.env.ID ?? 'com.example.app',\n  webDir: `www`,\n  plugins: { CapacitorUpdater: { publicKey: KEY, ...extra } },\n};\nexport default config;\n",
    "let c = { a: [1, -2.5, ...x], [k]: /re(g)/g, async *f<T>(a?: T) { return a! }, get g() { return 1 } } satisfies C;\nswitch (c.a) { case 1: c = { ...c }; break; default: delete c?.a }\nmodule.exports = c;",
    "function make({ id, ...rest }: { id: string }, [a = 1] = []) {\n  for (const x of [1]) { if (x) return { id, ...rest } as const }\n  return (({ a }) => a)({ a })\n}\nexport default Object.freeze(make({ id: '\\u{1F600}' }));",
    "enum E { A = 'a' }\nnamespace N { export const b = <string>E.A }\n@d class K { #p = 1; static { this.x = new K() } }\nlabel: for (;;) { try { throw `${1 + 2 ** 3}` } catch { break label } }\nexport = { a: N.b, b: K, c: import.meta, d: await import('x'), e: a ? b : c && d || e, f: 0x1fn, g: (1, 2) };",
];

const INSERTED: [&str; 24] = [
    "(", ")", "{", "}", "[", "]", "<", ">", "'", "`", "${", "/*", "//", "/", "\\", "=>", "...", ";", ":", "?.", "é",
    "\u{2028}", "\0", "await ",
];

/// A small generator: the same numbers on each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn is_read_or_refused(source: &str) {
    let value = exported(source);
    let _ = value.at(&["appId"]).text();
    // A panic of the parser, in its thread, is reported by this message.
    if let Err(unknown) = value.text() {
        assert!(!unknown.to_string().contains("the parser failed"), "{source}");
    }
}

#[test]
fn cut_scripts_give_a_value_or_an_error() {
    for sample in SAMPLES {
        for (end, _) in sample.char_indices().step_by(3) {
            is_read_or_refused(&sample[..end]);
            is_read_or_refused(&sample[end..]);
        }
    }
}

#[test]
fn mutated_scripts_give_a_value_or_an_error() {
    let mut numbers = Numbers(1);
    for round in 0..2_000 {
        let mut characters: Vec<char> = SAMPLES[round % SAMPLES.len()].chars().collect();
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(characters.len());
            match numbers.below(4) {
                0 => drop(characters.remove(at)),
                1 => drop(characters.splice(at..at, INSERTED[numbers.below(INSERTED.len())].chars())),
                2 => {
                    let other = numbers.below(characters.len());
                    characters.swap(at, other);
                }
                _ => {
                    let end = (at + numbers.below(40)).min(characters.len());
                    let piece: Vec<char> = characters[at..end].to_vec();
                    drop(characters.splice(at..at, piece));
                }
            }
        }
        is_read_or_refused(&characters.into_iter().collect::<String>());
    }
}

#[test]
fn every_form_of_deep_nesting_gives_a_value_or_an_error() {
    for form in [
        "!",
        "a=>",
        "a?",
        "if(x)",
        "new ",
        "a=",
        "keyof ",
        "type A=keyof ",
        "a:",
        "<a>",
        "typeof ",
        "a.",
        "a+",
        "a**",
        "a()",
        "-",
        "if(x);else ",
        "class A extends ",
        "type A=()=>",
        "a as ",
        "await ",
        "(",
        "[",
        "{",
        "`${",
        "f<",
        "(a=",
        "({a:(",
        "@(",
        "(a>",
        "a?(b)=>",
        "export default ",
        "...",
        "for(;;)",
        "(\")\"+",
    ] {
        is_read_or_refused(&form.repeat(3_000));
        is_read_or_refused(&format!("export default {}", form.repeat(20_000 / form.len())));
    }
}
