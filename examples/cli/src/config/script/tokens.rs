//! Splits TypeScript or JavaScript into tokens: just enough to find an object literal and its constants.
//!
//! Comments are dropped; strings are decoded; templates and regular expressions are recognised so that what is
//! inside them is never taken for code.

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier or keyword.
    Word(String),
    /// A string, or a template without substitutions, decoded.
    Text(String),
    /// A template with `${…}`.
    Template,
    /// A number or regular expression: a value, but never a text.
    Other,
    /// An operator or bracket.
    Sign(&'static str),
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Counted from 1.
    pub(crate) line: u64,
    /// Whether it is the first token of its line: where a statement may end without `;`.
    pub(crate) starts_line: bool,
}

/// Longest first, so that `=>` is not read as `=`.
const SIGNS: [&str; 57] = [
    ">>>=", "...", "===", "!==", "**=", "<<=", ">>=", "&&=", "||=", "??=", "=>", "==", "!=", "<=", "++", "--", "**",
    "&&", "||", "??", "?.", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", "{", "}", "(", ")", "[", "]", ";",
    ",", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "!", "~", "?", ":", "=", ".", "@", "#", "\\",
];

/// Splits `source`, or says in which line it stops making sense.
pub(crate) fn tokenize(source: &str) -> Result<Vec<Token>, (u64, String)> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut scanner = Scanner {
        rest: source,
        line: 1,
        tokens: Vec::new(),
        last_line: 0,
    };
    while scanner.next()? {}
    Ok(scanner.tokens)
}

struct Scanner<'a> {
    rest: &'a str,
    line: u64,
    tokens: Vec<Token>,
    last_line: u64,
}

impl Scanner<'_> {
    fn next(&mut self) -> Result<bool, (u64, String)> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(false);
        };
        let line = self.line;
        let kind = if first.is_whitespace() {
            self.take(first.len_utf8());
            return Ok(true);
        } else if self.rest.starts_with("//") || (self.rest.starts_with("#!") && self.tokens.is_empty()) {
            let end = self
                .rest
                .find(['\n', '\r', '\u{2028}', '\u{2029}'])
                .unwrap_or(self.rest.len());
            self.take(end);
            return Ok(true);
        } else if self.rest.starts_with("/*") {
            let end = self.rest[2..]
                .find("*/")
                .ok_or((line, "a comment that does not end".to_owned()))?;
            self.take(end + 4);
            return Ok(true);
        } else if is_word_start(first) {
            let end = self.rest.find(|c| !is_word_part(c)).unwrap_or(self.rest.len());
            Kind::Word(self.take(end).to_owned())
        } else if first.is_ascii_digit() {
            let end = self
                .rest
                .find(|c| !is_word_part(c) && c != '.')
                .unwrap_or(self.rest.len());
            self.take(end);
            Kind::Other
        } else if first == '"' || first == '\'' {
            self.string(first)?
        } else if first == '`' {
            self.template()?
        } else if first == '/' && self.regex_may_start() {
            self.regex()?
        } else {
            let sign = SIGNS.iter().find(|sign| self.rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| (line, format!("an unexpected character {first:?}")))?;
            self.take(sign.len());
            Kind::Sign(sign)
        };
        self.tokens.push(Token {
            kind,
            line,
            starts_line: line != self.last_line,
        });
        self.last_line = self.line;
        Ok(true)
    }

    /// The next `length` bytes; counts their lines.
    fn take(&mut self, length: usize) -> &str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count() as u64;
        self.rest = rest;
        taken
    }

    fn string(&mut self, quote: char) -> Result<Kind, (u64, String)> {
        let line = self.line;
        let unclosed = || (line, "a string that does not end".to_owned());
        self.take(1);
        let mut text = String::new();
        loop {
            let character = self.rest.chars().next().ok_or_else(unclosed)?;
            match character {
                '\n' | '\r' => return Err(unclosed()),
                '\\' => self
                    .escape(&mut text)
                    .ok_or((line, "a string with a malformed escape".to_owned()))?,
                _ => {
                    self.take(character.len_utf8());
                    if character == quote {
                        return Ok(Kind::Text(text));
                    }
                    text.push(character);
                }
            }
        }
    }

    fn template(&mut self) -> Result<Kind, (u64, String)> {
        let line = self.line;
        let unclosed = || (line, "a template that does not end".to_owned());
        self.take(1);
        let (mut text, mut substituted) = (String::new(), false);
        loop {
            let character = self.rest.chars().next().ok_or_else(unclosed)?;
            if character == '\\' {
                self.escape(&mut text)
                    .ok_or((line, "a template with a malformed escape".to_owned()))?;
            } else if self.rest.starts_with("${") {
                substituted = true;
                self.take(2);
                self.substitution()?;
            } else {
                self.take(character.len_utf8());
                match character {
                    '`' => return Ok(if substituted { Kind::Template } else { Kind::Text(text) }),
                    // A template's line end is always one LF, whatever the file has.
                    '\r' => {
                        if !self.rest.starts_with('\n') {
                            text.push('\n');
                        }
                    }
                    _ => text.push(character),
                }
            }
        }
    }

    /// Skips the code inside `${…}`; it may hold braces, strings and templates of its own.
    fn substitution(&mut self) -> Result<(), (u64, String)> {
        let line = self.line;
        let outer = self.tokens.len();
        let mut depth = 1;
        while depth > 0 {
            let before = self.tokens.len();
            if !self.next()? {
                return Err((line, "a template that does not end".to_owned()));
            }
            if self.tokens.len() > before {
                match self.tokens.last().map(|token| &token.kind) {
                    Some(Kind::Sign("{")) => depth += 1,
                    Some(Kind::Sign("}")) => depth -= 1,
                    _ => {}
                }
            }
        }
        self.tokens.truncate(outer);
        Ok(())
    }

    /// Reads one escape sequence, which starts at the backslash.
    fn escape(&mut self, text: &mut String) -> Option<()> {
        let character = self.rest.chars().nth(1)?;
        self.take(1 + character.len_utf8());
        match character {
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'v' => text.push('\u{b}'),
            '0' => text.push('\0'),
            'x' => text.push(self.hex(2)?),
            'u' if self.rest.starts_with('{') => {
                let end = self.rest.find('}')?;
                let code = u32::from_str_radix(&self.rest[1..end], 16).ok()?;
                self.take(end + 1);
                text.push(char::from_u32(code)?);
            }
            'u' => text.push(self.hex(4)?),
            '\r' => {
                if self.rest.starts_with('\n') {
                    self.take(1);
                }
            }
            '\n' | '\u{2028}' | '\u{2029}' => {}
            other => text.push(other),
        }
        Some(())
    }

    fn hex(&mut self, digits: usize) -> Option<char> {
        let code = u32::from_str_radix(self.rest.get(..digits)?, 16).ok()?;
        self.take(digits);
        char::from_u32(code)
    }

    fn regex(&mut self) -> Result<Kind, (u64, String)> {
        let (line, mut in_class, mut escaped) = (self.line, false, false);
        for (at, character) in self.rest.char_indices().skip(1) {
            match character {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => in_class = true,
                ']' => in_class = false,
                '/' if !in_class => {
                    let flags = self.rest[at + 1..]
                        .find(|c| !is_word_part(c))
                        .unwrap_or(self.rest.len() - at - 1);
                    self.take(at + 1 + flags);
                    return Ok(Kind::Other);
                }
                _ => {}
            }
        }
        Err((line, "a regular expression that does not end".to_owned()))
    }

    /// A `/` after a value divides; anywhere else it starts a regular expression.
    fn regex_may_start(&self) -> bool {
        match self.tokens.last().map(|token| &token.kind) {
            None => true,
            Some(Kind::Word(word)) => matches!(word.as_str(), "return" | "typeof" | "case" | "in" | "of" | "default"),
            Some(Kind::Sign(sign)) => !matches!(*sign, ")" | "]" | "}" | "++" | "--"),
            Some(Kind::Text(_) | Kind::Template | Kind::Other) => false,
        }
    }
}

fn is_word_start(character: char) -> bool {
    character.is_alphabetic() || character == '_' || character == '$'
}

fn is_word_part(character: char) -> bool {
    is_word_start(character) || character.is_alphanumeric()
}
