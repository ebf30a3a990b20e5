//! Requests that a server refuses, and the reported errors.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use capbundle::ErrorKind;
use capbundle::http::Http;
use capbundle::progress::Control;
use capbundle_publish::Error;
use capbundle_publish::s3::{Bucket, Credentials, UploadOptions};

use super::proxy::{Fault, Proxy, Rule};
use super::servers::{KEY, SECRET, Server, all, bucket, file, options_at};

const SMALL: usize = 1000;
const LARGE: usize = 17 << 20;

fn refused(bucket: &Bucket, size: usize) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path(), size);
    let error = bucket
        .upload(&path, "app.zip", &UploadOptions::default(), &Control::new())
        .unwrap_err();
    let listed: Vec<_> = bucket.list("", &Control::new()).collect();
    assert!(listed.iter().all(Result::is_err), "something was stored: {listed:?}");
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(!text.contains(SECRET) && !text.contains("Signature="), "{text}");
    }
    error
}

fn assert_contains(error: &Error, words: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{word:?} is not in: {error}");
    }
}

#[test]
fn a_wrong_secret_or_access_key_is_reported_without_a_retry() {
    for server in all() {
        let proxy = Proxy::start(server.address, Vec::new());
        let with = |key: &str, secret: &str| {
            let credentials = Credentials::new(key, secret, None).unwrap();
            Bucket::new(&options_at(proxy.address), credentials, Arc::new(Http::new())).unwrap()
        };
        for size in [SMALL, LARGE] {
            let error = refused(&with(KEY, "another"), size);
            assert_contains(
                &error,
                &[
                    "403",
                    "the secret does not match the access key AKIDTESTS",
                    "SignatureDoesNotMatch",
                ],
            );
            assert_eq!(proxy.count("P", ""), 0, "nothing is sent after a refused HEAD");
        }
        let error = refused(&with("AKIDOTHER", SECRET), SMALL);
        assert_contains(&error, &["unknown access key AKIDOTHER"]);
    }
}

#[test]
fn a_wrong_region_is_reported_with_the_right_one() {
    let Some(server) = Server::versity() else { return };
    let mut options = server.options();
    options.region = "us-west-2".to_owned();
    for size in [SMALL, LARGE] {
        assert_contains(&refused(&bucket(&options), size), &["eu-test-1", "us-west-2"]);
    }
}

#[test]
fn a_missing_bucket_is_reported() {
    // `s3s-fs` creates the bucket.
    if let Some(server) = Server::versity() {
        let mut options = server.options();
        options.bucket = "elsewhere".to_owned();
        for size in [SMALL, LARGE] {
            assert_contains(&refused(&bucket(&options), size), &["404", "no such bucket elsewhere"]);
        }
    }
}

#[test]
fn a_wrong_clock_is_reported_with_both_times() {
    for server in all() {
        let ahead = server
            .bucket()
            .with_clock(|| SystemTime::now() + Duration::from_secs(3600));
        let error = refused(&ahead, SMALL);
        assert_contains(
            &error,
            &[
                "the clock of this machine is wrong: the request says 20",
                ", the server ",
            ],
        );
        assert!(!error.to_string().contains("the server nothing"), "{error}");
    }
}

#[test]
fn a_web_page_instead_of_an_s3_response_is_reported() {
    let page = "200 OK\nContent-Type: text/html\nETag: \"1\"\n\n<!DOCTYPE html><h1>Login</h1>";
    let server = Server::s3s();
    for method in ["PUT", "GET", "HEAD"] {
        let rule = Rule {
            method,
            target: "",
            times: 99,
            fault: Fault::Answer(page),
        };
        let proxy = Proxy::start(server.address, vec![rule]);
        let bucket = bucket(&options_at(proxy.address));
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = file(folder.path(), SMALL);
        let error = bucket.upload(&path, "app.zip", &UploadOptions::default(), &Control::new());
        let error = match method {
            "GET" => bucket.list("", &Control::new()).next().unwrap().unwrap_err(),
            _ => error.unwrap_err(),
        };
        if method != "HEAD" {
            assert_contains(&error, &["found a web page"]);
        }
    }
}

#[test]
fn an_error_page_of_a_proxy_is_not_reported_as_a_login_page() {
    let page =
        "413 Request Entity Too Large\nContent-Type: text/html\n\n<html><h1>413 Request Entity Too Large</h1></html>";
    let broken = "502 Bad Gateway\nContent-Type: text/html\n\n<html><h1>502 Bad Gateway</h1></html>";
    let server = Server::s3s();
    for (answer, says) in [(page, ["413", "too large"]), (broken, ["502", "gets no response"])] {
        let rule = Rule {
            method: "PUT",
            target: "",
            times: 99,
            fault: Fault::Answer(answer),
        };
        let proxy = Proxy::start(server.address, vec![rule]);
        let error = refused(&bucket(&options_at(proxy.address)), SMALL);
        assert_contains(&error, &says);
        assert!(!error.to_string().contains("login"), "{error}");
    }
}

#[test]
fn a_redirect_is_reported_and_not_followed() {
    let server = Server::s3s();
    let moved = "307 Temporary Redirect\nLocation: http://127.0.0.1:9/elsewhere?X-Amz-Signature=secret\n\n";
    for method in ["HEAD", "PUT"] {
        let mut rules = vec![Rule {
            method,
            target: "",
            times: 99,
            fault: Fault::Answer(moved),
        }];
        if method == "HEAD" {
            rules.push(Rule {
                method: "GET",
                target: "",
                times: 99,
                fault: Fault::Answer(moved),
            });
        }
        let proxy = Proxy::start(server.address, rules);
        let error = refused(&bucket(&options_at(proxy.address)), SMALL);
        assert_contains(&error, &["307", "redirects to http://127.0.0.1:9/elsewhere"]);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn the_region_in_a_redirect_header_is_reported() {
    let server = Server::s3s();
    let wrong = "301 Moved Permanently\nx-amz-bucket-region: ap-south-1\n\n";
    let rules = ["HEAD", "GET"].map(|method| Rule {
        method,
        target: "",
        times: 99,
        fault: Fault::Answer(wrong),
    });
    let proxy = Proxy::start(server.address, rules.into());
    assert_contains(
        &refused(&bucket(&options_at(proxy.address)), SMALL),
        &["is in region ap-south-1, not eu-test-1"],
    );
}

#[test]
fn servers_refuse_a_body_that_differs_from_the_signed_one() {
    for server in all() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = file(folder.path(), SMALL);
        let rule = Rule {
            method: "PUT",
            target: "",
            times: 99,
            fault: Fault::Damage,
        };
        let proxy = Proxy::start(server.address, vec![rule]);
        let damaged = bucket(&options_at(proxy.address));
        let error = damaged
            .upload(&path, "app.zip", &UploadOptions::default(), &Control::new())
            .unwrap_err();
        let word = if server.knows_checksums {
            "the received bytes differ from the sent ones"
        } else {
            "500"
        };
        assert_contains(&error, &[word]);
        assert_eq!(super::servers::head(&server.bucket(), "app.zip"), None);
    }
}

#[test]
fn servers_refuse_a_header_that_differs_from_the_signed_one() {
    let forged = [
        ("application/zip", "text/javascript"),
        ("x-amz-checksum-sha256: ", "x-amz-checksum-sha256: A"),
        ("x-amz-meta-sha256: ", "x-amz-meta-sha256: 0"),
    ];
    for server in all() {
        for (from, to) in forged {
            let rule = Rule {
                method: "PUT",
                target: "",
                times: 99,
                fault: Fault::ReplaceInHead(from, to),
            };
            let proxy = Proxy::start(server.address, vec![rule]);
            let folder = tempfile::tempdir().unwrap();
            let (path, _) = file(folder.path(), SMALL);
            let through = bucket(&options_at(proxy.address));
            let error = through
                .upload(&path, "app.zip", &UploadOptions::default(), &Control::new())
                .unwrap_err();
            assert_contains(&error, &["403", "SignatureDoesNotMatch"]);
            assert_eq!(super::servers::head(&server.bucket(), "app.zip"), None);
        }
    }
}
