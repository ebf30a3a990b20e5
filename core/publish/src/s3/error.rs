//! The meaning of an S3 error, and what to do about it.

use super::bucket::Bucket;
use super::response::Refused;
use super::xml::{self, XmlError};
use capbundle::http::Url;
use capbundle::http::client::Response;

/// The header with the region of the bucket, present even without a body.
const REGION: &str = "x-amz-bucket-region";
/// Messages of a server are cut to this length.
const MAX_SHOWN: usize = 300;

/// The request that failed.
pub(super) struct Context<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) url: &'a Url,
    pub(super) operation: &'static str,
}

/// The error in a response; `None` for a success.
pub(super) fn refused(context: &Context<'_>, reply: &Response) -> Option<Refused> {
    let status = reply.head.status;
    let is_page = is_web_page(reply);
    let is_success = (200..300).contains(&status);
    // For long operations S3 sends 200 first and the result in the body.
    let failed_late = is_success && xml::root(&reply.body).is_some_and(|root| root == "Error");
    if is_success && !is_page && !failed_late {
        return None;
    }
    let refusal: XmlError = xml::parse(&reply.body).unwrap_or_default();
    let problem = match of_proxy(status) {
        // Proxies send their own error pages.
        Some(problem) if is_page || refusal.code.is_empty() => problem.to_owned(),
        _ if is_page => {
            "expected an S3 response, found a web page: is there a proxy or login page in front of the store, or is the \
                         endpoint that of a website or console?"
                .to_owned()
        }
        _ => explain(context, reply, &refusal),
    };
    // Not every gateway sends XML.
    let said = if refusal.code.is_empty() && !is_page {
        String::from_utf8_lossy(&reply.body)
    } else {
        refusal.message.as_str().into()
    };
    Some(Refused {
        status,
        mentions_checksums: said.to_ascii_lowercase().contains("checksum"),
        code: refusal.code,
        url: context.url.without_query().to_owned(),
        problem,
    })
}

/// The meaning of a status that a proxy in front of a store sends as often as the store itself.
fn of_proxy(status: u16) -> Option<&'static str> {
    Some(match status {
        407 => "a proxy in between requires authentication: check its address and password (HTTPS_PROXY)",
        411 => "the request arrived without a length: a proxy may have removed it",
        413 => {
            "the request is too large for the store or for a proxy in front of it: raise its limit (nginx: \
             client_max_body_size); a larger file is sent in parts of 8 MiB, so 9 MiB are enough"
        }
        414 | 431 => "the URL or the headers are too long for a proxy in front of the store: raise its limit",
        502 | 504 => "a proxy in front of the store gets no response from it: check whether the store is running",
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
            format!("bucket {name} is in region {right}, not {region}: pass {right} as the region{said}")
        }
        ("AuthorizationHeaderMalformed", _) => format!("the server refuses the region {region}{said}"),
        ("SignatureDoesNotMatch", _) => format!(
            "the secret does not match the access key {}, or a proxy modifies requests{said}",
            bucket.credentials.key()
        ),
        ("InvalidAccessKeyId" | "NotSignedUp" | "XAdminUserNotFound", _) => {
            format!("unknown access key {}{said}", bucket.credentials.key())
        }
        ("InvalidToken" | "ExpiredToken" | "TokenRefreshRequired", _) => {
            format!("the session token is invalid or has expired: get new credentials{said}")
        }
        ("RequestTimeTooSkewed", _) => skewed(context, reply, refusal),
        ("NoSuchBucket", _) => format!("no such bucket {name}: check its name, the endpoint and the region{said}"),
        ("NoSuchKey", _) => format!("no such object{said}"),
        ("AccessDenied" | "AllAccessDisabled", _) => format!(
            "the access key {} may not {} here{said}",
            bucket.credentials.key(),
            context.operation
        ),
        ("EntityTooLarge", _) => format!("the file or a part of it is larger than the store allows{said}"),
        ("SlowDown" | "ServiceUnavailable" | "TooManyRequests", _) | (_, 429 | 503) => {
            format!("overloaded on every attempt: retry later{said}")
        }
        ("BadDigest" | "InvalidDigest" | "XAmzContentSHA256Mismatch" | "IncompleteBody", _) => {
            format!(
                "the received bytes differ from the sent ones: the file was modified meanwhile, or it was corrupted in transit{said}"
            )
        }
        (_, 300..=399) => match location.map(shortened) {
            Some(to) => {
                format!("redirects to {to}, which a signed request cannot follow: pass that as the endpoint{said}")
            }
            None => format!("redirects without a Location: check endpoint and region{said}"),
        },
        ("", 403) => {
            "access denied without a reason: check key, secret, permissions, and the clock of this machine".to_owned()
        }
        ("", _) => format!("the response contains no S3 error{}", excerpt(&reply.body)),
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

/// The server's own code and message, in parentheses.
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
    // The text after a question mark may be a signature.
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
    // The response to `HEAD` for a stored web page has no body.
    let says_so = says_so && !start.is_empty() && !start.starts_with("<?xml");
    start.starts_with("<!doctype html") || start.starts_with("<html") || says_so
}
