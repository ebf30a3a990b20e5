//! Parses options into the URL of a bucket.

use rusty_s3::UrlStyle;
use url::Url;

use super::{BucketOptions, Style};
use crate::error::{Error, Result};
use capbundle::http::Cleartext;

/// The location of a bucket.
pub(super) struct Place {
    /// The URL of the bucket.
    pub(super) bucket: rusty_s3::Bucket,
    /// The URL of the store, without the bucket.
    pub(super) endpoint: String,
    /// Whether requests without TLS are allowed.
    pub(super) cleartext: Cleartext,
}

/// Validates the options.
pub(super) fn place(options: &BucketOptions) -> Result<Place> {
    check_name(&options.bucket)?;
    check_region(&options.region)?;
    let written = options.endpoint.as_deref().map(str::trim);
    let endpoint = match written {
        Some(written) if !written.is_empty() => endpoint(written, options)?,
        _ => amazon(options)?,
    };
    check_names_no_bucket(&endpoint, &options.bucket)?;
    let host = endpoint.host_str().unwrap_or_default().to_owned();
    let style = match options.style {
        Style::VirtualHost => UrlStyle::VirtualHost,
        Style::Auto if is_amazon(&host) && is_one_label(&options.bucket) => UrlStyle::VirtualHost,
        Style::Path | Style::Auto => UrlStyle::Path,
    };
    // The user wrote it explicitly, as the scheme or as an option.
    let cleartext = match endpoint.scheme() {
        "http" => Cleartext::Allowed,
        _ => Cleartext::LoopbackOnly,
    };
    let shown = endpoint.as_str().trim_end_matches('/').to_owned();
    let bucket =
        rusty_s3::Bucket::new(endpoint, style, options.bucket.clone(), options.region.clone()).map_err(|error| {
            let problem = format!("cannot be combined with bucket {}: {error}", options.bucket);
            Error::invalid_input("S3 endpoint", problem)
        })?;
    Ok(Place {
        bucket,
        endpoint: shown,
        cleartext,
    })
}

/// Refuses an endpoint that contains the bucket, as consoles show it. The bucket would appear twice: the object would be named
/// `bucket/key`, and its URL would not work.
fn check_names_no_bucket(endpoint: &Url, bucket: &str) -> Result<()> {
    let host = endpoint.host_str().unwrap_or_default();
    let segments = || endpoint.path_segments().into_iter().flatten();
    let mut without = Some(endpoint.clone());
    let mut folder = String::new();
    // `Url` stores the host in lower case.
    let place = if let Some(rest) = host.strip_prefix(&format!("{}.", bucket.to_ascii_lowercase())) {
        without = without
            .filter(|_| !rest.is_empty())
            .and_then(|mut url| url.set_host(Some(rest)).ok().map(|()| url));
        format!("{host} starts with the bucket name")
    } else if let Some(at) = segments().position(|segment| segment == bucket) {
        let before: Vec<&str> = segments().take(at).collect();
        let after: Vec<&str> = segments().skip(at + 1).filter(|segment| !segment.is_empty()).collect();
        if let Some(url) = &mut without {
            url.set_path(&before.join("/"));
        }
        if !after.is_empty() {
            folder = format!(
                "; the folder {0} belongs in the key (`--s3-prefix {0}`)",
                after.join("/")
            );
        }
        format!("the path {} contains the bucket name", endpoint.path())
    } else {
        return Ok(());
    };
    let shown = without.map_or(String::new(), |url| {
        format!(" (`--s3-endpoint {}`)", url.as_str().trim_end_matches('/'))
    });
    let problem = format!(
        "{place}, which is a separate option: pass the endpoint without it{shown}, and {bucket} as the bucket{folder}"
    );
    Err(Error::invalid_input("S3 endpoint", problem))
}

fn amazon(options: &BucketOptions) -> Result<Url> {
    let region = &options.region;
    // The partition for China has its own domain.
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    endpoint(&format!("s3.{region}.{domain}"), options)
}

fn endpoint(written: &str, options: &BucketOptions) -> Result<Url> {
    let refuse = |problem: String| Error::invalid_input("S3 endpoint", problem);
    let (scheme, rest) = match written.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, written),
    };
    let secure = match (scheme.as_deref(), options.ssl) {
        (Some("https"), Some(false)) => {
            let problem = "scheme is https, but SSL is disabled: use http, or enable SSL";
            return Err(refuse(problem.to_owned()));
        }
        (Some("http"), Some(true)) => {
            let problem = "scheme is http, but SSL is enabled: use https, or disable SSL";
            return Err(refuse(problem.to_owned()));
        }
        (Some("https"), _) => true,
        (Some("http"), _) => false,
        (Some(other), _) => return Err(refuse(format!("expected http or https, found {other}"))),
        (None, ssl) => ssl.unwrap_or(true),
    };
    let scheme = if secure { "https" } else { "http" };
    let mut url = Url::parse(&format!("{scheme}://{rest}"))
        .map_err(|error| refuse(format!("expected an address such as s3.example.com: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(
            "contains a user name or password: pass key and secret as separate options".to_owned(),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("contains a query or a fragment: remove it".to_owned()));
    }
    // `Url` drops a default port, so the written one is parsed here.
    match (written_port(rest), options.port) {
        (Some(written), Some(port)) if written != port => {
            return Err(refuse(format!(
                "port {written} contradicts the port option {port}: pass only one"
            )));
        }
        (_, Some(0)) => return Err(Error::invalid_input("S3 port", "expected 1 to 65535, found 0")),
        (_, Some(port)) => {
            let set = url.set_port(Some(port));
            set.map_err(|()| refuse("this endpoint cannot have a port".to_owned()))?;
        }
        (_, None) => {}
    }
    match (url.port(), secure) {
        (Some(443), false) => Err(refuse(
            "plain http on port 443, which serves TLS: enable SSL".to_owned(),
        )),
        (Some(80), true) => Err(refuse(
            "https on port 80, which serves plain http: disable SSL".to_owned(),
        )),
        _ => Ok(url),
    }
}

fn written_port(rest: &str) -> Option<u16> {
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = authority.rsplit_once(':')?;
    // The last colon of a bare IPv6 address does not separate a port.
    let is_port = !host.starts_with('[') || host.ends_with(']');
    is_port.then(|| port.parse().ok()).flatten()
}

/// Amazon's rules, relaxed for old buckets and other stores to any unambiguous name.
fn check_name(name: &str) -> Result<()> {
    let refuse = |problem: &str| Err(Error::invalid_input("S3 bucket", format!("{name:?}: {problem}")));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.is_empty() {
        return Err(Error::invalid_input("S3 bucket", "the name is missing"));
    }
    if name.contains('/') || name.contains(':') {
        return refuse("expected the name alone, without s3:// and path; a folder belongs in the key");
    }
    if name.len() < 3 || name.len() > 255 {
        return refuse("expected 3 to 63 characters");
    }
    if !name.bytes().all(allowed) || name.starts_with('.') || name.contains("..") {
        return refuse("expected lower-case letters, digits, dots and hyphens");
    }
    Ok(())
}

fn check_region(region: &str) -> Result<()> {
    if region.is_empty() {
        let problem = "the region is missing: pass it, or set AWS_REGION; most stores without regions expect us-east-1";
        return Err(Error::invalid_input("S3 region", problem));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if region.len() > 64 || !region.bytes().all(allowed) {
        let problem = format!("expected a name such as eu-central-1, found {region:?}");
        return Err(Error::invalid_input("S3 region", problem));
    }
    Ok(())
}

fn is_amazon(host: &str) -> bool {
    host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")
}

/// A wildcard certificate covers one label, and host names ignore case.
fn is_one_label(bucket: &str) -> bool {
    bucket
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests;
