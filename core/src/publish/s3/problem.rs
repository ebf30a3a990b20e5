//! What a server's refusal means, and what to do about it.

use super::Bucket;
use super::ask::REDIRECTED_TO;
use super::xml::{self, Refusal};
use crate::error::Error;
use crate::transport::{Reply, Url};

/// The region comes in this header, also where there is no body.
const REGION: &str = "x-amz-bucket-region";
/// A message of a server is shown to this length.
const MAX_SHOWN: usize = 300;

/// Whom was asked what.
pub(super) struct Context<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) url: &'a Url,
    pub(super) operation: &'static str,
}

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    /// S3's word for it; empty where there was none.
    pub(super) code: String,
    url: String,
    problem: String,
    speaks_of_checksums: bool,
}

impl Refused {
    /// The bytes were damaged, or came too slowly: the same request may go through.
    pub(super) fn blames_the_way(&self) -> bool {
        // A success that turned out to be none may be one the next time.
        (200..300).contains(&self.status)
            && matches!(self.code.as_str(), "InternalError" | "SlowDown" | "ServiceUnavailable")
            || self.status == 400 && matches!(self.code.as_str(), "RequestTimeout" | "BadDigest" | "IncompleteBody")
    }

    /// The server does not know what checksums are.
    pub(super) fn knows_no_checksums(&self) -> bool {
        self.status == 501 || (self.status == 400 && self.code != "BadDigest" && self.speaks_of_checksums)
    }

    /// Somebody else writes the same object at this moment.
    pub(super) fn is_concurrent(&self) -> bool {
        self.status == 409 && self.code == "ConditionalRequestConflict"
    }

    /// The credentials may not do this, though they are good.
    pub(super) fn is_not_allowed(&self) -> bool {
        self.status == 403 && matches!(self.code.as_str(), "AccessDenied" | "AllAccessDisabled")
    }

    pub(super) fn into_error(self) -> Error {
        Error::Server {
            url: self.url,
            status: self.status,
            problem: self.problem,
        }
    }
}

/// What is wrong with the answer; `None` if it is what was asked for.
pub(super) fn refused(context: &Context<'_>, reply: &Reply) -> Option<Refused> {
    let status = reply.head.status;
    let is_page = is_web_page(reply);
    let is_success = (200..300).contains(&status);
    // S3 says 200 first when it has much to do, and how it went later.
    let failed_late = is_success && xml::root(&reply.body).is_some_and(|root| root == "Error");
    if is_success && !is_page && !failed_late {
        return None;
    }
    let refusal: Refusal = xml::parse(&reply.body).unwrap_or_default();
    let problem = if is_page {
        "a web page came back, which no S3 server sends: is a proxy or login page in front of it, or the endpoint that of a \
         website or console?"
            .to_owned()
    } else {
        explain(context, reply, &refusal)
    };
    Some(Refused {
        status,
        speaks_of_checksums: refusal.message.to_ascii_lowercase().contains("checksum"),
        code: refusal.code,
        url: context.url.without_query().to_owned(),
        problem,
    })
}

fn explain(context: &Context<'_>, reply: &Reply, refusal: &Refusal) -> String {
    let bucket = context.bucket;
    let (name, region) = (bucket.place.name(), bucket.place.region());
    let said = said(refusal);
    let theirs = reply.head.headers.get(REGION).or(refusal.region.as_deref());
    let other_region = theirs.filter(|theirs| *theirs != region);
    let location = reply.head.headers.get(REDIRECTED_TO);
    match (refusal.code.as_str(), reply.head.status) {
        ("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException", _)
        | ("", 301 | 400)
            if other_region.is_some() =>
        {
            let right = other_region.unwrap_or_default();
            format!("the bucket {name} is in the region {right}, not {region}: give that as the region{said}")
        }
        ("AuthorizationHeaderMalformed", _) => format!("it takes the region {region} for a wrong one{said}"),
        ("SignatureDoesNotMatch", _) => format!(
            "the secret does not belong to the access key {}, or something on the way changes requests{said}",
            bucket.credentials.key()
        ),
        ("InvalidAccessKeyId" | "NotSignedUp" | "XAdminUserNotFound", _) => {
            format!("it knows no access key {}{said}", bucket.credentials.key())
        }
        ("InvalidToken" | "ExpiredToken" | "TokenRefreshRequired", _) => {
            format!("the session token is not good or has expired: get new credentials{said}")
        }
        ("RequestTimeTooSkewed", _) => skewed(context, reply, refusal),
        ("NoSuchBucket", _) => format!("there is no bucket {name}: check its name, the endpoint and the region{said}"),
        ("NoSuchKey", _) => format!("there is no such object{said}"),
        ("AccessDenied" | "AllAccessDisabled", _) => format!(
            "the access key {} may not {} here{said}",
            bucket.credentials.key(),
            context.operation
        ),
        ("SlowDown" | "ServiceUnavailable" | "TooManyRequests", _) | (_, 429 | 503) => {
            format!("it is overloaded and was so at every try: come back later{said}")
        }
        ("BadDigest" | "InvalidDigest" | "XAmzContentSHA256Mismatch" | "IncompleteBody", _) => {
            format!("other bytes arrived than were sent: the file was changed meanwhile, or the way damages it{said}")
        }
        (_, 300..=399) => match location.map(shortened) {
            Some(to) => {
                format!("it redirects to {to}; a signed request cannot follow: give that as the endpoint{said}")
            }
            None => format!("it redirects elsewhere without saying where: check endpoint and region{said}"),
        },
        ("", 403) => {
            "it refuses without a reason: check key, secret and rights, and the clock of this machine".to_owned()
        }
        ("", _) => format!("no error of S3 came with it{}", excerpt(&reply.body)),
        _ => said.trim_start_matches(" (").trim_end_matches(')').to_owned(),
    }
}

fn skewed(context: &Context<'_>, reply: &Reply, refusal: &Refusal) -> String {
    let mine = refusal.request_time.clone();
    let mine = mine.or_else(|| Some(context.bucket.now().ok()?.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
    let theirs = refusal
        .server_time
        .as_deref()
        .or_else(|| reply.head.headers.get("date"));
    format!(
        "the clock of this machine is wrong: the request says {}, the server {}{}",
        mine.as_deref().unwrap_or("nothing"),
        theirs.unwrap_or("nothing"),
        said(refusal)
    )
}

/// What the server said itself, as an addition.
fn said(refusal: &Refusal) -> String {
    match (refusal.code.as_str(), refusal.message.as_str()) {
        ("", "") => String::new(),
        (code, "") => format!(" ({code})"),
        ("", message) => format!(" ({})", shortened(message)),
        (code, message) => format!(" ({code}: {})", shortened(message)),
    }
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    format!(", but: {}", shortened(text))
}

fn shortened(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(MAX_SHOWN)
        .collect();
    // What comes after a question mark may be a signature.
    clean.split('?').next().unwrap_or_default().trim_end().to_owned()
}

fn is_web_page(reply: &Reply) -> bool {
    let start = &reply.body[..reply.body.len().min(512)];
    let start = String::from_utf8_lossy(start).trim_start().to_ascii_lowercase();
    let says_so = reply
        .head
        .headers
        .get("content-type")
        .is_some_and(|found| found.starts_with("text/html"));
    // The head of an object that is a web page itself has no body.
    let says_so = says_so && !start.is_empty() && !start.starts_with("<?xml");
    start.starts_with("<!doctype html") || start.starts_with("<html") || says_so
}
