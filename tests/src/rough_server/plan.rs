//! What is asked of the server, in the words of a query.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

/// Words that say which file is sent, and not what happens to it.
const WHICH_FILE: [&str; 2] = ["path", "root"];

/// What happens to one request.
///
/// | word | what it does |
/// |---|---|
/// | `size=N` | the file has N bytes |
/// | `base64=TEXT` | the file is this, instead of bytes that follow from its name |
/// | `path=FILE` | the file is that on disk |
/// | `root=FOLDER` | the file is that on disk with the path that follows the first `/` of its name; 404 if there is none |
/// | `only=TEXT` | all words but this, `root` and `path` count for names that contain this alone |
/// | `cut=A.B.C` | the connection of the first request breaks after A bytes of its body, of the second after B, … |
/// | `cut-half=SEED` | every second connection breaks somewhere, as SEED has it |
/// | `stall=N` | as `cut`, but the connection stays open and nothing comes |
/// | `drip=N` | the first request gets one byte each N ms |
/// | `status=S.T` | the first request is answered with status S, the second with T, … |
/// | `retry-after=TEXT` | what such an answer says |
/// | `ranges=no` | a range is answered with the whole file |
/// | `ranges=wrong-start`, `wrong-total`, `unsaid` | a range is answered with a `Content-Range` that is wrong, or none |
/// | `early-416=1` | every range is refused; without this, the one that begins at the end of the file is |
/// | `etag=weak`, `none`, `changing` | instead of a strong one |
/// | `length=no` | ends with the connection |
/// | `chunked=1` | without length, in chunks |
/// | `endless=1` | never ends |
/// | `endless=PLACE` | what never ends is not the body: `interim` answers before the head, a `header`, the size (`chunk-size`) or the `extension` of the chunk after the whole body, one `trailer` line, or lines of it (`trailers`) |
/// | `pace=N` | that comes byte by byte, one each N ms, instead of as fast as it can |
/// | `times=N` | that happens to the first N requests only |
/// | `encoding=gzip` | says that it is encoded |
/// | `html=N` | the first N requests get a web page, with status 200 |
/// | `redirect=URL` | the first request leads there |
/// | `loop=1` | every request leads to itself |
pub(super) struct Plan {
    words: HashMap<String, String>,
    /// From 1.
    number: u64,
    /// What the file is made from.
    seed: String,
}

/// Where an answer never ends, beside its body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Endless {
    Interim,
    Header,
    ChunkSize,
    Extension,
    Trailer,
    Trailers,
}

impl Endless {
    /// Whether the body comes whole, in chunks, before it.
    pub(super) fn is_after_the_body(self) -> bool {
        !matches!(self, Self::Interim | Self::Header)
    }

    /// What comes once, and what comes again and again after it.
    pub(super) fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Interim => ("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
            Self::Header => ("X-Long: ", "a"),
            Self::ChunkSize => ("", "0"),
            Self::Extension => ("1;", "a"),
            Self::Trailer => ("0\r\nX-Long: ", "a"),
            Self::Trailers => ("0\r\n", "X-Many: a\r\n"),
        }
    }
}

impl Plan {
    pub(super) fn new(name: &str, query: &str, number: u64) -> Self {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut words: HashMap<_, _> = pairs.map(|(word, value)| (word.to_owned(), value.to_owned())).collect();
        if words.get("only").is_some_and(|text| !name.contains(text)) {
            words.retain(|word, _| WHICH_FILE.contains(&word.as_str()));
        }
        Self {
            words,
            number,
            seed: name.to_owned(),
        }
    }

    pub(super) fn word(&self, word: &str) -> Option<&str> {
        self.words.get(word).map(String::as_str)
    }

    pub(super) fn is(&self, word: &str, value: &str) -> bool {
        self.word(word) == Some(value)
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// `None` if there is no such file below `root`.
    pub(super) fn file(&self) -> Option<Vec<u8>> {
        match self.word("root") {
            Some(root) => {
                let (_, path) = self.seed.split_once('/')?;
                std::fs::read(Path::new(root).join(path)).ok()
            }
            None => Some(self.one_file()),
        }
    }

    fn one_file(&self) -> Vec<u8> {
        if let Some(text) = self.word("base64") {
            return BASE64.decode(text).expect("the word is base64");
        }
        if let Some(path) = self.word("path") {
            return std::fs::read(path).expect("the word is a file");
        }
        contents(&self.seed, self.numeric("size").unwrap_or(0))
    }

    /// What never ends, if it is not the body.
    pub(super) fn endless(&self) -> Option<Endless> {
        let happens = self.numeric("times").is_none_or(|times| self.number <= times as u64);
        match self.word("endless").filter(|_| happens)? {
            "interim" => Some(Endless::Interim),
            "header" => Some(Endless::Header),
            "chunk-size" => Some(Endless::ChunkSize),
            "extension" => Some(Endless::Extension),
            "trailer" => Some(Endless::Trailer),
            "trailers" => Some(Endless::Trailers),
            _ => None,
        }
    }

    pub(super) fn etag(&self) -> Option<String> {
        match self.word("etag") {
            None => Some("\"1\"".to_owned()),
            Some("weak") => Some("W/\"1\"".to_owned()),
            Some("changing") => Some(format!("\"{}\"", self.number)),
            Some(_) => None,
        }
    }

    /// The value that a list such as `100.200` has for this request.
    pub(super) fn turn(&self, word: &str) -> Option<usize> {
        let index = usize::try_from(self.number - 1).expect("few requests");
        self.word(word)?.split('.').nth(index)?.parse().ok()
    }

    /// Where this connection breaks, of so many bytes.
    pub(super) fn cut(&self, length: usize) -> Option<usize> {
        if let Some(cut) = self.turn("cut") {
            return Some(cut);
        }
        let seed = self.word("cut-half")?;
        let bytes = Sha256::digest(format!("{seed} {}", self.number));
        let place = usize::from(bytes[1]) << 8 | usize::from(bytes[2]);
        (bytes[0] % 2 == 0).then_some(length * place / 65_536)
    }

    pub(super) fn numeric(&self, word: &str) -> Option<usize> {
        self.word(word)?.parse().ok()
    }
}

/// The file of a name: the same wherever it is asked for.
#[must_use]
pub fn contents(name: &str, size: usize) -> Vec<u8> {
    let seed = Sha256::digest(name)
        .iter()
        .fold(1, |seed: u64, byte| seed.rotate_left(8) ^ u64::from(*byte));
    crate::peers::noise(size, seed | 1)
}
