//! The parameters in the query, which select the file and the faults.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

/// The parameters that select the file rather than a fault.
const FILE_PARAMETERS: [&str; 2] = ["path", "root"];

/// The faults of one request.
///
/// | parameter | effect |
/// |---|---|
/// | `size=N` | the file has N bytes |
/// | `base64=TEXT` | the file has this content, instead of bytes that depend on its name |
/// | `path=FILE` | the file is this file on disk |
/// | `root=FOLDER` | the file is the one in this folder at the path after the first `/` of its name; 404 if it does not exist |
/// | `only=TEXT` | all parameters except `root` and `path` apply only to names that contain this text |
/// | `cut=A.B.C` | the connection of the first request is closed after A body bytes, of the second after B, … |
/// | `cut-half=SEED` | about every second connection is closed at a position that depends on SEED |
/// | `stall=N` | like `cut`, but the connection stays open and silent |
/// | `drip=N` | the first request gets one byte every N ms |
/// | `status=S.T` | the first request gets status S, the second T, … |
/// | `retry-after=TEXT` | the `Retry-After` of such a response |
/// | `ranges=no` | a range request gets the whole file |
/// | `ranges=wrong-start`, `wrong-total`, `unsaid` | the `Content-Range` is wrong or missing |
/// | `early-416=1` | every range gets 416, instead of only those that start at the end of the file |
/// | `etag=weak`, `none`, `changing` | the kind of ETag, instead of a strong one |
/// | `length=no` | no `Content-Length`: the body ends with the connection |
/// | `chunked=1` | chunked transfer encoding |
/// | `endless=1` | the body never ends |
/// | `endless=PART` | another part never ends: `interim` responses before the head, a `header`, the size (`chunk-size`) or the `extension` of the chunk after the whole body, one `trailer`, or the number of `trailers` |
/// | `pace=N` | that part is sent one byte every N ms, instead of as fast as possible |
/// | `times=N` | that part is endless only for the first N requests |
/// | `encoding=gzip` | the response has this `Content-Encoding`, but the body is not encoded |
/// | `html=N` | the first N requests get a web page with status 200 |
/// | `redirect=URL` | the first request is redirected to this URL |
/// | `loop=1` | every request is redirected to itself |
/// | `redirect-status=N` | redirects have this status, instead of 302 |
pub(super) struct Plan {
    parameters: HashMap<String, String>,
    /// The number of the request, starting at 1.
    number: u64,
    /// The name that the content depends on.
    seed: String,
}

/// The part of a response that never ends, other than the body.
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
    /// Whether it follows the complete chunked body.
    pub(super) fn is_after_the_body(self) -> bool {
        !matches!(self, Self::Interim | Self::Header)
    }

    /// The text that is sent once, and the text that is repeated after it.
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
        let mut parameters: HashMap<_, _> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        if parameters.get("only").is_some_and(|text| !name.contains(text)) {
            parameters.retain(|name, _| FILE_PARAMETERS.contains(&name.as_str()));
        }
        Self {
            parameters,
            number,
            seed: name.to_owned(),
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.parameter(name) == Some(value)
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The file; `None` if it does not exist in `root`.
    pub(super) fn file(&self) -> Option<Vec<u8>> {
        match self.parameter("root") {
            Some(root) => {
                let (_, path) = self.seed.split_once('/')?;
                std::fs::read(Path::new(root).join(path)).ok()
            }
            None => Some(self.one_file()),
        }
    }

    fn one_file(&self) -> Vec<u8> {
        if let Some(text) = self.parameter("base64") {
            return BASE64.decode(text).expect("the parameter is base64");
        }
        if let Some(path) = self.parameter("path") {
            return std::fs::read(path).expect("the parameter is a file");
        }
        contents(&self.seed, self.numeric("size").unwrap_or(0))
    }

    /// The endless part, if it is not the body.
    pub(super) fn endless(&self) -> Option<Endless> {
        let happens = self.numeric("times").is_none_or(|times| self.number <= times as u64);
        match self.parameter("endless").filter(|_| happens)? {
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
        match self.parameter("etag") {
            None => Some("\"1\"".to_owned()),
            Some("weak") => Some("W/\"1\"".to_owned()),
            Some("changing") => Some(format!("\"{}\"", self.number)),
            Some(_) => None,
        }
    }

    /// The value of a list such as `100.200` for this request.
    pub(super) fn list_value(&self, name: &str) -> Option<usize> {
        let index = usize::try_from(self.number - 1).expect("few requests");
        self.parameter(name)?.split('.').nth(index)?.parse().ok()
    }

    /// After how many of `length` body bytes this connection is closed.
    pub(super) fn cut(&self, length: usize) -> Option<usize> {
        if let Some(cut) = self.list_value("cut") {
            return Some(cut);
        }
        let seed = self.parameter("cut-half")?;
        let bytes = Sha256::digest(format!("{seed} {}", self.number));
        let place = usize::from(bytes[1]) << 8 | usize::from(bytes[2]);
        (bytes[0] % 2 == 0).then_some(length * place / 65_536)
    }

    pub(super) fn numeric(&self, name: &str) -> Option<usize> {
        self.parameter(name)?.parse().ok()
    }
}

/// The content of a file, which depends only on its name and size.
#[must_use]
pub fn contents(name: &str, size: usize) -> Vec<u8> {
    let seed = Sha256::digest(name)
        .iter()
        .fold(1, |seed: u64, byte| seed.rotate_left(8) ^ u64::from(*byte));
    crate::peers::noise(size, seed | 1)
}
