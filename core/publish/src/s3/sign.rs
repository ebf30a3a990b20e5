//! AWS Signature Version 4 in the header `Authorization`.
//!
//! `rusty-s3` signs presigned URLs. They do not cover the body, and some stores accept them only for reading and plain `PUT`s, so
//! our own requests are signed here. <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use url::Url;

use super::Credentials;
use crate::error::{Error, Result};
use crate::percent::percent_encode;
use capbundle::digest::Sha256Digest;
use capbundle::http::{Headers, Method};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The signed parts of a request.
pub(super) struct Signed<'a> {
    pub(super) method: Method,
    /// With an encoded path and a query from [`query`].
    pub(super) url: &'a Url,
    /// All are signed and sent. Names in lower case, values with normalized whitespace.
    pub(super) headers: &'a [(String, String)],
    /// The digest of the body, which may be empty.
    pub(super) body: Sha256Digest,
    pub(super) region: &'a str,
    pub(super) time: Timestamp,
}

impl Signed<'_> {
    /// All headers of the request, including `Authorization`. The transport adds `Host`.
    pub(super) fn headers(&self, credentials: &Credentials) -> Result<Headers> {
        let time = self.time.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut fields = self.headers.to_vec();
        fields.push(("x-amz-content-sha256".to_owned(), self.body.to_string()));
        fields.push(("x-amz-date".to_owned(), time.clone()));
        if let Some(token) = credentials.token() {
            fields.push(("x-amz-security-token".to_owned(), token.to_owned()));
        }
        let authorization = self.authorization(credentials, &fields, &time)?;
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.add(name, value)?;
        }
        headers.add("authorization", authorization)?;
        Ok(headers)
    }

    fn authorization(&self, credentials: &Credentials, fields: &[(String, String)], time: &str) -> Result<String> {
        let host = host(self.url);
        let mut signed: Vec<(&str, &str)> = vec![("host", &host)];
        signed.extend(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        signed.sort_unstable();
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let mut canonical = format!(
            "{}\n{}\n{}\n",
            self.method.as_str(),
            self.url.path(),
            self.url.query().unwrap_or_default()
        );
        for (name, value) in &signed {
            // Writing to a string does not fail.
            let _ = writeln!(canonical, "{name}:{value}");
        }
        let _ = write!(canonical, "\n{names}\n{}", self.body);

        let day = &time[..8];
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let to_sign = format!(
            "{ALGORITHM}\n{time}\n{scope}\n{}",
            Sha256Digest::of(canonical.as_bytes())
        );
        let first = zeroize::Zeroizing::new(format!("AWS4{}", credentials.secret()));
        let mut key = hmac(first.as_bytes(), day)?;
        for step in [self.region, "s3", "aws4_request", &to_sign] {
            key = hmac(&key, step)?;
        }
        let signature = Sha256Digest::from_bytes(key);
        Ok(format!(
            "{ALGORITHM} Credential={}/{scope},SignedHeaders={names},Signature={signature}",
            credentials.key()
        ))
    }
}

/// The `Host` header: with the port unless it is the default.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Encodes and sorts a query as the signature requires.
pub(super) fn query(parameters: &[(&str, &str)]) -> String {
    let mut encoded: Vec<(String, String)> = parameters
        .iter()
        .map(|(name, value)| (percent_encode(name).to_string(), percent_encode(value).to_string()))
        .collect();
    encoded.sort_unstable();
    let pairs: Vec<String> = encoded.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn hmac(key: &[u8], message: &str) -> Result<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|error| Error::invalid_input("S3 credentials", error.to_string()))?;
    mac.update(message.as_bytes());
    Ok(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests;
