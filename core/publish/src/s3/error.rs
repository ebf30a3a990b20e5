//! What a server's refusal means, and what to do about it.

use super::Bucket;
use super::xml::{self, XmlError};
use crate::error::Error;
use capbundle::http::Url;
use capbundle::http::client::Response;

/// The region comes in this header, also where there is no body.
const REGION: &str = "x-amz-bucket-region";
/// A message of a server is shown to this length.
const MAX_SHOWN: usize = 300;

/// Other bytes arrived than the checksum is of.
const MISMATCHES: [&str; 3] = ["BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"];
/// Codes of 400 and 403 whose cause is not a header that the server does not know. A wrong signature is one of them: a proxy that
/// drops the header has shown it with the `HEAD` before the upload.
const CAUSES: [&str; 29] = [
    "BadDigest",
    "InvalidDigest",
    "XAmzContentSHA256Mismatch",
    "IncompleteBody",
    "RequestTimeout",
    "AccessDenied",
    "AllAccessDisabled",
    "AccountProblem",
    "AuthorizationHeaderMalformed",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "XAdminUserNotFound",
    "NotSignedUp",
    "InvalidToken",
    "ExpiredToken",
    "TokenRefreshRequired",
    "RequestTimeTooSkewed",
    "IllegalLocationConstraintException",
    "InvalidBucketName",
    "KeyTooLongError",
    "MetadataTooLarge",
    "EntityTooSmall",
    "EntityTooLarge",
    "QuotaExceeded",
    "InvalidPart",
    "InvalidPartOrder",
    "InvalidObjectState",
    "NoSuchBucket",
    "NoSuchUpload",
];

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
    pub(super) fn is_transient(&self) -> bool {
        // A success that turned out to be none may be one the next time.
        (200..300).contains(&self.status)
            && matches!(self.code.as_str(), "InternalError" | "SlowDown" | "ServiceUnavailable")
            || self.status == 400 && matches!(self.code.as_str(), "RequestTimeout" | "BadDigest" | "IncompleteBody")
    }

    /// It says that the header of a checksum is what is wrong, and not the checksum in it.
    pub(super) fn names_checksums(&self) -> bool {
        self.status >= 400 && self.speaks_of_checksums && !MISMATCHES.contains(&self.code.as_str())
    }

    /// It may be about a header that the server does not know: nothing in it names another cause.
    pub(super) fn names_no_other_cause(&self) -> bool {
        matches!(self.status, 400 | 403 | 501) && !CAUSES.contains(&self.code.as_str())
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
        Error::Core(capbundle::Error::Server {
            url: self.url,
            status: self.status,
            problem: self.problem,
        })
    }
}

/// What is wrong with the answer; `None` if it is what was asked for.
pub(super) fn refused(context: &Context<'_>, reply: &Response) -> Option<Refused> {
    let status = reply.head.status;
    let is_page = is_web_page(reply);
    let is_success = (200..300).contains(&status);
    // S3 says 200 first when it has much to do, and how it went later.
    let failed_late = is_success && xml::root(&reply.body).is_some_and(|root| root == "Error");
    if is_success && !is_page && !failed_late {
        return None;
    }
    let refusal: XmlError = xml::parse(&reply.body).unwrap_or_default();
    let problem = match of_proxy(status) {
        // Proxies say it with a page of their own.
        Some(problem) if is_page || refusal.code.is_empty() => problem.to_owned(),
        _ if is_page => {
            "a web page came back, which no S3 server sends: is a proxy or login page in front of it, or the endpoint \
                         that of a website or console?"
                .to_owned()
        }
        _ => explain(context, reply, &refusal),
    };
    // Not every gateway speaks XML.
    let said = if refusal.code.is_empty() && !is_page {
        String::from_utf8_lossy(&reply.body)
    } else {
        refusal.message.as_str().into()
    };
    Some(Refused {
        status,
        speaks_of_checksums: said.to_ascii_lowercase().contains("checksum"),
        code: refusal.code,
        url: context.url.without_query().to_owned(),
        problem,
    })
}

/// What a status means that comes from a proxy in front of a store as often as from the store.
fn of_proxy(status: u16) -> Option<&'static str> {
    Some(match status {
        407 => "a proxy in between requires authentication: check its address and password (HTTPS_PROXY)",
        411 => "it found no length: a proxy in between may have removed it",
        413 => {
            "the request is too large for the store or for a proxy in front of it: raise its limit (nginx: \
             client_max_body_size); a larger file is sent in parts of 8 MiB, so 9 MiB are enough"
        }
        414 | 431 => "the address or the headers are too long for a proxy in front of the store: raise its limit",
        502 | 504 => "a proxy in front of the store gets no answer from it: check whether the store runs",
        507 => "the store has no space left",
        _ => return None,
    })
}

fn explain(context: &Context<'_>, reply: &Response, refusal: &XmlError) -> String {
    let bucket = context.bucket;
    let (name, region) = (bucket.place.name(), bucket.place.region());
    let said = said(refusal);
    let theirs = reply.head.headers.get(REGION).or(refusal.region.as_deref());
    let other_region = theirs.filter(|theirs| *theirs != region);
    let location = reply.head.headers.get("location");
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
        ("EntityTooLarge", _) => format!("the file or a part of it is larger than the store takes{said}"),
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

fn skewed(context: &Context<'_>, reply: &Response, refusal: &XmlError) -> String {
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
fn said(refusal: &XmlError) -> String {
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

fn is_web_page(reply: &Response) -> bool {
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
