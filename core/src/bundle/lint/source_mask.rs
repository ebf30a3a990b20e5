//! Masks everything in a script or page that is not code: comments, page text and the contents of strings.

use std::io::{self, Read};

/// Longer than any keyword in [`REGEX_FOLLOWS`].
const WORD: usize = 10;
/// Replaces characters other than letters in strings, so that a sentence is not mistaken for code.
const MASK: u8 = 1;
/// Keywords after which a slash starts a regular expression.
const REGEX_FOLLOWS: [&[u8]; 11] = [
    b"return", b"typeof", b"case", b"in", b"of", b"delete", b"void", b"throw", b"else", b"await", b"yield",
];

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Page text. The numbers of the next two count the bytes of `<!--` and `-->` seen so far.
    Text,
    TextOpen(usize),
    PageComment(usize),
    Tag(Option<u8>),
    Code,
    Slash,
    LineComment,
    BlockComment {
        star: bool,
    },
    String {
        quote: u8,
        escaped: bool,
    },
    Regex {
        class: bool,
        escaped: bool,
    },
}

/// Reads a source and masks everything that is not code. Lengths and lines are unchanged. Constant memory, except one
/// number for each open template literal.
pub(in crate::bundle) struct CodeOnly<R> {
    source: R,
    page: bool,
    state: State,
    /// The last two bytes of code that are not whitespace, and the word that they end.
    last: [u8; 2],
    word: Vec<u8>,
    spaced: bool,
    /// The number of open braces in each open `${`.
    templates: Vec<usize>,
    tag: Vec<u8>,
    /// The number of bytes of `</script` seen.
    closing: usize,
    /// Whether a string or regular expression ended in an impossible place, so that the lexer must have misread the
    /// source.
    pub(in crate::bundle) is_confused: bool,
}

impl<R: Read> CodeOnly<R> {
    pub(in crate::bundle) fn new(source: R, page: bool) -> Self {
        Self {
            source,
            page,
            state: if page { State::Text } else { State::Code },
            last: [0; 2],
            word: Vec::new(),
            spaced: false,
            templates: Vec::new(),
            tag: Vec::new(),
            closing: 0,
            is_confused: false,
        }
    }

    fn mask(&mut self, byte: u8) -> u8 {
        let blank = if byte == b'\n' { byte } else { b' ' };
        if self.page && self.closes_script(byte) {
            self.is_confused |= matches!(self.state, State::String { .. } | State::Regex { .. });
            self.templates.clear();
            self.state = State::Tag(None);
            return blank;
        }
        match self.state {
            State::Text | State::TextOpen(_) | State::PageComment(_) => {
                self.text(byte);
                blank
            }
            State::Tag(quote) => {
                self.in_tag(quote, byte);
                byte
            }
            State::LineComment => {
                if byte == b'\n' {
                    self.state = State::Code;
                }
                blank
            }
            State::BlockComment { star } => {
                self.state = if star && byte == b'/' {
                    State::Code
                } else {
                    State::BlockComment { star: byte == b'*' }
                };
                blank
            }
            State::String { quote, escaped } => self.string(quote, escaped, byte),
            State::Regex { class, escaped } => {
                self.regex(class, escaped, byte);
                if byte == b'\n' { byte } else { MASK }
            }
            State::Slash => match byte {
                b'/' => self.enter(State::LineComment),
                b'*' => self.enter(State::BlockComment { star: false }),
                _ if self.regex_may_start() => {
                    self.remember(b'x');
                    self.last = [b'/', b')'];
                    self.regex(false, false, byte);
                    MASK
                }
                _ => {
                    self.remember(b'/');
                    self.code(byte)
                }
            },
            State::Code => self.code(byte),
        }
    }

    fn enter(&mut self, state: State) -> u8 {
        self.state = state;
        b' '
    }

    fn text(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (State::TextOpen(1), b'!') => State::TextOpen(2),
            (State::TextOpen(2), b'-') => State::TextOpen(3),
            (State::TextOpen(1), b'/' | b'a'..=b'z' | b'A'..=b'Z') => {
                self.tag = vec![byte.to_ascii_lowercase()];
                State::Tag(None)
            }
            (State::PageComment(2..), b'>') => State::Text,
            (State::PageComment(dashes), b'-') => State::PageComment(dashes.saturating_add(1)),
            (State::TextOpen(3), b'-') | (State::PageComment(_), _) => State::PageComment(0),
            (_, b'<') => State::TextOpen(1),
            _ => State::Text,
        };
    }

    fn in_tag(&mut self, quote: Option<u8>, byte: u8) {
        if self.tag.len() <= b"script".len() {
            let ends = byte.is_ascii_whitespace() || byte == b'>' || byte == b'/';
            self.tag.push(if ends { b' ' } else { byte.to_ascii_lowercase() });
        }
        self.state = match (quote, byte) {
            (None, b'"' | b'\'') => State::Tag(Some(byte)),
            (Some(quote), _) if quote == byte => State::Tag(None),
            (None, b'>') if self.tag == b"script " => State::Code,
            (None, b'>') => State::Text,
            _ => self.state,
        };
    }

    fn string(&mut self, quote: u8, escaped: bool, byte: u8) -> u8 {
        let ends = !escaped && byte == quote;
        if ends {
            self.state = State::Code;
            self.remember(byte);
            return byte;
        }
        if byte == b'\n' && quote != b'`' && !escaped {
            self.is_confused = true;
            self.state = State::Code;
            return byte;
        }
        if quote == b'`' && byte == b'{' && !escaped && self.last[1] == b'$' {
            self.templates.push(0);
            self.remember(byte);
            self.state = State::Code;
            return byte;
        }
        self.last[1] = if escaped { 0 } else { byte };
        self.state = State::String {
            quote,
            escaped: !escaped && byte == b'\\',
        };
        if is_name(byte) || byte == b'\n' { byte } else { MASK }
    }

    fn regex(&mut self, class: bool, escaped: bool, byte: u8) {
        self.is_confused |= byte == b'\n';
        self.state = match byte {
            b'\n' => State::Code,
            _ if escaped => State::Regex { class, escaped: false },
            b'\\' => State::Regex { class, escaped: true },
            b'/' if !class => State::Code,
            _ => State::Regex {
                class: byte == b'[' || (class && byte != b']'),
                escaped: false,
            },
        };
    }

    fn code(&mut self, byte: u8) -> u8 {
        self.state = State::Code;
        match byte {
            b'/' => return self.enter(State::Slash),
            b'"' | b'\'' | b'`' => {
                self.state = State::String {
                    quote: byte,
                    escaped: false,
                }
            }
            b'{' => self.templates.iter_mut().last().into_iter().for_each(|open| *open += 1),
            b'}' => match self.templates.last_mut() {
                Some(0) => {
                    self.templates.pop();
                    self.state = State::String {
                        quote: b'`',
                        escaped: false,
                    };
                }
                Some(open) => *open -= 1,
                None => {}
            },
            _ => {}
        }
        self.remember(byte);
        byte
    }

    fn remember(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() {
            self.spaced = true;
            return;
        }
        if self.spaced || !is_name(byte) {
            self.word.clear();
        }
        if is_name(byte) && self.word.len() <= WORD {
            self.word.push(byte);
        }
        self.spaced = false;
        self.last = [self.last[1], byte];
    }

    /// A slash after a value is a division; elsewhere it starts a regular expression.
    fn regex_may_start(&self) -> bool {
        match self.last {
            [b'+', b'+'] | [b'-', b'-'] | [_, b')' | b']' | b'}' | b'"' | b'\'' | b'`'] => false,
            [_, last] if is_name(last) => REGEX_FOLLOWS.contains(&self.word.as_slice()),
            _ => true,
        }
    }

    fn closes_script(&mut self, byte: u8) -> bool {
        let in_page = matches!(
            self.state,
            State::Text | State::TextOpen(_) | State::PageComment(_) | State::Tag(_)
        );
        let end = b"</script";
        if in_page {
            self.closing = 0;
        } else if byte.to_ascii_lowercase() == end[self.closing] {
            self.closing += 1;
        } else {
            self.closing = usize::from(byte == b'<');
        }
        let closes = self.closing == end.len();
        if closes {
            self.closing = 0;
            self.tag = b"/script".to_vec();
        }
        closes
    }
}

impl<R: Read> Read for CodeOnly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        for byte in &mut buffer[..count] {
            *byte = self.mask(*byte);
        }
        if count == 0 && !buffer.is_empty() {
            let open = matches!(
                self.state,
                State::String { .. } | State::BlockComment { .. } | State::Regex { .. }
            );
            self.is_confused |= open || !self.templates.is_empty();
        }
        Ok(count)
    }
}

/// Whether a byte can be part of a JavaScript identifier.
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}
