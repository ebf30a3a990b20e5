//! Endpoints as users write them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

fn options(endpoint: Option<&str>, port: Option<u16>, ssl: Option<bool>) -> BucketOptions {
    let mut options = BucketOptions::new("eu-central-1", "my-bundles");
    options.endpoint = endpoint.map(str::to_owned);
    (options.port, options.ssl) = (port, ssl);
    options
}

fn url(options: &BucketOptions) -> String {
    place(options).unwrap().bucket.object_url("a b/c+1.zip").to_string()
}

fn problem(options: &BucketOptions) -> String {
    place(options).err().unwrap().to_string()
}

#[test]
fn amazon_is_the_default_with_the_bucket_in_the_host() {
    let amazon = options(None, None, None);
    assert_eq!(
        url(&amazon),
        "https://my-bundles.s3.eu-central-1.amazonaws.com/a%20b/c%2B1.zip"
    );
    let mut dotted = amazon.clone();
    dotted.bucket = "my.bundles".to_owned();
    assert_eq!(
        url(&dotted),
        "https://s3.eu-central-1.amazonaws.com/my.bundles/a%20b/c%2B1.zip"
    );
    let mut china = amazon;
    china.region = "cn-north-1".to_owned();
    assert!(url(&china).starts_with("https://my-bundles.s3.cn-north-1.amazonaws.com.cn/"));
}

#[test]
fn an_endpoint_may_have_a_scheme_a_port_and_a_path() {
    let cases = [
        ("s3.example.com", None, None, "https://s3.example.com/"),
        ("s3.example.com", None, Some(false), "http://s3.example.com/"),
        ("s3.example.com:9000", None, None, "https://s3.example.com:9000/"),
        ("s3.example.com", Some(9000), Some(false), "http://s3.example.com:9000/"),
        ("https://s3.example.com", Some(443), None, "https://s3.example.com/"),
        (
            "https://s3.example.com:443",
            Some(443),
            Some(true),
            "https://s3.example.com/",
        ),
        ("HTTP://s3.example.com/s3", None, None, "http://s3.example.com/s3/"),
        (" localhost:9000/ ", None, Some(false), "http://localhost:9000/"),
        ("[::1]:9000", None, Some(false), "http://[::1]:9000/"),
    ];
    for (endpoint, port, ssl, expected) in cases {
        let expected = format!("{expected}my-bundles/a%20b/c%2B1.zip");
        assert_eq!(url(&options(Some(endpoint), port, ssl)), expected, "{endpoint}");
    }
}

#[test]
fn contradictions_are_refused_with_the_reason() {
    let cases = [
        (
            "https://s3.example.com",
            None,
            Some(false),
            "scheme is https, but SSL is disabled",
        ),
        (
            "http://s3.example.com",
            None,
            Some(true),
            "scheme is http, but SSL is enabled",
        ),
        (
            "s3.example.com:9000",
            Some(9001),
            None,
            "port 9000 contradicts the port option 9001",
        ),
        (
            "https://s3.example.com:443",
            Some(80),
            None,
            "port 443 contradicts the port option 80",
        ),
        ("s3.example.com", Some(443), Some(false), "plain http on port 443"),
        ("s3.example.com", Some(80), None, "https on port 80"),
        ("s3.example.com", Some(0), None, "found 0"),
        ("ftp://s3.example.com", None, None, "expected http or https"),
        ("https://me:pass@s3.example.com", None, None, "user name or password"),
        ("https://s3.example.com?x=1", None, None, "query"),
        ("my-bundles.s3.example.com", None, None, "without it"),
        ("https://", None, None, "expected an address"),
    ];
    for (endpoint, port, ssl, expected) in cases {
        let problem = problem(&options(Some(endpoint), port, ssl));
        assert!(problem.contains(expected), "{endpoint}: {problem}");
        assert!(!problem.contains("pass@"), "{problem}");
    }
}

#[test]
fn an_endpoint_that_contains_the_bucket_is_refused_with_a_correction() {
    let account = "https://account.r2.example";
    let cases = [
        ("https://account.r2.example/my-bundles", account),
        ("https://account.r2.example/my-bundles/", account),
        ("https://my-bundles.account.r2.example", account),
        (
            "https://My-Bundles.account.r2.example:8443/s3",
            "https://account.r2.example:8443/s3",
        ),
        ("http://127.0.0.1:9000/s3/my-bundles", "http://127.0.0.1:9000/s3"),
    ];
    for style in [Style::Auto, Style::Path, Style::VirtualHost] {
        for (endpoint, right) in cases {
            let mut options = options(Some(endpoint), None, None);
            options.style = style;
            let problem = problem(&options);
            assert!(
                problem.contains(&format!("`--s3-endpoint {right}`")) && problem.contains("my-bundles as the bucket"),
                "{endpoint}: {problem}"
            );
        }
    }
    let below = problem(&options(
        Some("https://account.r2.example/my-bundles/team/a"),
        None,
        None,
    ));
    assert!(below.contains("`--s3-prefix team/a`"), "{below}");
    // The name of another bucket, or a part of this one's name, is allowed.
    url(&options(Some("https://s3.example.com/my-bundle"), None, None));
    url(&options(Some("https://bundles.example.com/bundles"), None, None));
}

#[test]
fn a_requested_style_is_used() {
    let mut path = options(None, None, None);
    path.style = Style::Path;
    assert_eq!(
        url(&path),
        "https://s3.eu-central-1.amazonaws.com/my-bundles/a%20b/c%2B1.zip"
    );
    let mut host = options(Some("s3.example.com"), None, None);
    host.style = Style::VirtualHost;
    assert_eq!(url(&host), "https://my-bundles.s3.example.com/a%20b/c%2B1.zip");
    host.endpoint = Some("127.0.0.1:9000".to_owned());
    assert!(problem(&host).contains("cannot be combined with bucket"));
}

#[test]
fn invalid_bucket_names_and_regions_are_refused() {
    for bucket in [
        "",
        "ab",
        "s3://my-bundles",
        "my/bundles",
        "my..bundles",
        ".bundles",
        "my bundles",
        "bündel",
    ] {
        let mut options = options(None, None, None);
        options.bucket = bucket.to_owned();
        assert!(problem(&options).starts_with("S3 bucket"), "{bucket}");
    }
    for region in ["", "eu central 1", "eu-central-1/", "ö"] {
        let mut options = options(None, None, None);
        options.region = region.to_owned();
        assert!(problem(&options).starts_with("S3 region"), "{region}");
    }
}

#[test]
fn plain_http_to_another_host_requires_an_explicit_option() {
    assert_eq!(
        place(&options(Some("s3.example.com"), None, None)).unwrap().cleartext,
        Cleartext::LoopbackOnly
    );
    assert_eq!(
        place(&options(Some("s3.example.com"), None, Some(false)))
            .unwrap()
            .cleartext,
        Cleartext::Allowed
    );
}
