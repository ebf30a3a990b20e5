//! From what somebody wrote to the address of a bucket.

use rusty_s3::UrlStyle;
use url::Url;

use super::{BucketOptions, Style};
use crate::error::{Error, Result};
use capbundle::http::Cleartext;

/// Where a bucket is.
pub(super) struct Place {
    /// The bucket's address.
    pub(super) bucket: rusty_s3::Bucket,
    /// The store's, without the bucket.
    pub(super) endpoint: String,
    /// Whether it may be asked without TLS.
    pub(super) cleartext: Cleartext,
}

/// From the options to the address.
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
    // Written down by somebody, either as the scheme or as an option, so it is wanted.
    let cleartext = match endpoint.scheme() {
        "http" => Cleartext::Allowed,
        _ => Cleartext::LoopbackOnly,
    };
    let shown = endpoint.as_str().trim_end_matches('/').to_owned();
    let bucket =
        rusty_s3::Bucket::new(endpoint, style, options.bucket.clone(), options.region.clone()).map_err(|error| {
            let problem = format!("it does not go with the bucket {}: {error}", options.bucket);
            Error::invalid_input("S3 endpoint", problem)
        })?;
    Ok(Place {
        bucket,
        endpoint: shown,
        cleartext,
    })
}

/// Consoles show the address of a bucket where its endpoint is wanted. Taken as an endpoint, the bucket would come twice: the
/// object would be called `bucket/key`, and its address would lead nowhere.
fn check_names_no_bucket(endpoint: &Url, bucket: &str) -> Result<()> {
    let host = endpoint.host_str().unwrap_or_default();
    let segments = || endpoint.path_segments().into_iter().flatten();
    let mut without = Some(endpoint.clone());
    let mut folder = String::new();
    // A `Url` has its host in lower case.
    let place = if let Some(rest) = host.strip_prefix(&format!("{}.", bucket.to_ascii_lowercase())) {
        without = without
            .filter(|_| !rest.is_empty())
            .and_then(|mut url| url.set_host(Some(rest)).ok().map(|()| url));
        format!("{host} begins with the name of the bucket")
    } else if let Some(at) = segments().position(|segment| segment == bucket) {
        let before: Vec<&str> = segments().take(at).collect();
        let after: Vec<&str> = segments().skip(at + 1).filter(|segment| !segment.is_empty()).collect();
        if let Some(url) = &mut without {
            url.set_path(&before.join("/"));
        }
        if !after.is_empty() {
            folder = format!(
                "; the folder {0} belongs into the key (`--s3-prefix {0}`)",
                after.join("/")
            );
        }
        format!("its path {} holds the name of the bucket", endpoint.path())
    } else {
        return Ok(());
    };
    let shown = without.map_or(String::new(), |url| {
        format!(" (`--s3-endpoint {}`)", url.as_str().trim_end_matches('/'))
    });
    let problem = format!(
        "{place}, which is given on its own: give the endpoint without it{shown}, and {bucket} as the bucket{folder}"
    );
    Err(Error::invalid_input("S3 endpoint", problem))
}

fn amazon(options: &BucketOptions) -> Result<Url> {
    let region = &options.region;
    // The partition for China has a domain of its own.
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
            let problem = "it begins with https, but SSL is switched off: write http, or leave SSL on";
            return Err(refuse(problem.to_owned()));
        }
        (Some("http"), Some(true)) => {
            let problem = "it begins with http, but SSL is asked for: write https, or switch SSL off";
            return Err(refuse(problem.to_owned()));
        }
        (Some("https"), _) => true,
        (Some("http"), _) => false,
        (Some(other), _) => return Err(refuse(format!("expected http or https, found {other}"))),
        (None, ssl) => ssl.unwrap_or(true),
    };
    let scheme = if secure { "https" } else { "http" };
    let mut url = Url::parse(&format!("{scheme}://{rest}")).map_err(|error| {
        refuse(format!(
            "expected an address such as s3.example.com, found another text: {error}"
        ))
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(
            "it holds a user name or password; key and secret have options of their own".to_owned(),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it has a query or a fragment, which no endpoint has".to_owned()));
    }
    // `Url` forgets a port that is the usual one, but somebody wrote it.
    match (written_port(rest), options.port) {
        (Some(written), Some(port)) if written != port => {
            return Err(refuse(format!(
                "it has port {written}, and the option says {port}: give one of them"
            )));
        }
        (_, Some(0)) => return Err(Error::invalid_input("S3 port", "0 is no port")),
        (_, Some(port)) => {
            let set = url.set_port(Some(port));
            set.map_err(|()| refuse("it cannot have a port".to_owned()))?;
        }
        (_, None) => {}
    }
    match (url.port(), secure) {
        (Some(443), false) => Err(refuse(
            "plain http at port 443, where servers speak TLS: leave SSL on".to_owned(),
        )),
        (Some(80), true) => Err(refuse(
            "https at port 80, where servers speak plain http: switch SSL off".to_owned(),
        )),
        _ => Ok(url),
    }
}

fn written_port(rest: &str) -> Option<u16> {
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = authority.rsplit_once(':')?;
    // The last colon of a bare IPv6 address is none before a port.
    let is_port = !host.starts_with('[') || host.ends_with(']');
    is_port.then(|| port.parse().ok()).flatten()
}

/// As Amazon has it, with the larger bounds of old buckets and other stores: whatever cannot be mistaken for something else.
fn check_name(name: &str) -> Result<()> {
    let refuse = |problem: &str| Err(Error::invalid_input("S3 bucket", format!("{name:?}: {problem}")));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.is_empty() {
        return Err(Error::invalid_input("S3 bucket", "its name is missing"));
    }
    if name.contains('/') || name.contains(':') {
        return refuse("expected the name alone, without s3:// and path; a folder belongs into the key");
    }
    if name.len() < 3 || name.len() > 255 {
        return refuse("a name has 3 to 63 characters");
    }
    if !name.bytes().all(allowed) || name.starts_with('.') || name.contains("..") {
        return refuse("a name has lower-case letters, digits, dots and hyphens");
    }
    Ok(())
}

fn check_region(region: &str) -> Result<()> {
    if region.is_empty() {
        let problem = "it is missing: give it, or set AWS_REGION; stores without regions mostly want us-east-1";
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

/// A wildcard certificate covers one label, and capitals are lost in host names.
fn is_one_label(bucket: &str) -> bool {
    bucket
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests;
