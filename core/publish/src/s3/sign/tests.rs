//! The examples of Amazon's documentation.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

fn signature(method: Method, url: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
    let credentials =
        Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None).unwrap();
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let signed = Signed {
        method,
        url: &Url::parse(url).unwrap(),
        headers: &headers,
        body: Sha256Digest::of(body),
        region: "us-east-1",
        time: Timestamp::from_second(1_369_353_600).unwrap(),
    };
    let headers = signed.headers(&credentials).unwrap();
    assert_eq!(headers.get("x-amz-date"), Some("20130524T000000Z"));
    headers.get("authorization").unwrap().to_owned()
}

#[test]
fn a_get_with_a_range_is_signed_as_amazon_does() {
    let found = signature(
        Method::Get,
        "https://examplebucket.s3.amazonaws.com/test.txt",
        &[("range", "bytes=0-9")],
        b"",
    );
    let expected = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                    SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
                    Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    assert_eq!(found, expected);
}

#[test]
fn a_put_with_a_body_is_signed_as_amazon_does() {
    let found = signature(
        Method::Put,
        "https://examplebucket.s3.amazonaws.com/test%24file.text",
        &[
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ],
        b"Welcome to Amazon S3.",
    );
    assert!(
        found.ends_with("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        "{found}"
    );
}

#[test]
fn queries_are_signed_as_amazon_does() {
    let url = "https://examplebucket.s3.amazonaws.com/?";
    let lifecycle = signature(Method::Get, &format!("{url}{}", query(&[("lifecycle", "")])), &[], b"");
    assert!(lifecycle.ends_with("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
    let list = query(&[("prefix", "J"), ("max-keys", "2")]);
    let list = signature(Method::Get, &format!("{url}{list}"), &[], b"");
    assert!(list.ends_with("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

#[test]
fn a_session_token_is_signed_and_secrets_are_not_printed() {
    let credentials = Credentials::new("KEY", "hidden", Some("token+/=")).unwrap();
    let signed = Signed {
        method: Method::Get,
        url: &Url::parse("http://127.0.0.1:9000/b/k").unwrap(),
        headers: &[],
        body: Sha256Digest::of(b""),
        region: "auto",
        time: Timestamp::from_second(0).unwrap(),
    };
    let headers = signed.headers(&credentials).unwrap();
    assert_eq!(headers.get("x-amz-security-token"), Some("token+/="));
    assert!(
        headers
            .get("authorization")
            .unwrap()
            .contains("host;x-amz-content-sha256;x-amz-date;x-amz-security-token")
    );
    assert_eq!(format!("{credentials:?}"), "Credentials { key: \"KEY\", .. }");
}

#[test]
fn all_reserved_characters_of_query_values_are_encoded() {
    assert_eq!(
        query(&[("prefix", "a b/ä+~*"), ("delimiter", "/")]),
        "delimiter=%2F&prefix=a%20b%2F%C3%A4%2B~%2A"
    );
}
