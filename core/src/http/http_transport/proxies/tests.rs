#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::HashMap;

use super::*;
use crate::error::ErrorKind;

fn proxies(variables: &[(&str, &str)]) -> Proxies {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Proxies::from_variables(&|name| variables.get(name).map(|value| (*value).to_owned()))
}

/// The address of the selected proxy, and the variable that names it.
fn chosen(variables: &[(&str, &str)], url: &str) -> Option<String> {
    let proxies = proxies(variables);
    let named = proxies.of(&url.parse().unwrap())?;
    Some(named.describe(&named.proxy().unwrap()))
}

fn is_direct(no_proxy: &str, url: &str) -> bool {
    chosen(&[("all_proxy", "http://proxy:3128"), ("no_proxy", no_proxy)], url).is_none()
}

#[test]
fn each_scheme_has_its_own_proxy() {
    let both = [("HTTPS_PROXY", "http://secure:1"), ("HTTP_PROXY", "http://plain:2")];
    assert_eq!(
        chosen(&both, "https://a.example").unwrap(),
        "the proxy http://secure:1 (from HTTPS_PROXY)"
    );
    assert_eq!(
        chosen(&both, "http://a.example").unwrap(),
        "the proxy http://plain:2 (from HTTP_PROXY)"
    );
    assert_eq!(chosen(&[("HTTPS_PROXY", "http://secure:1")], "http://a.example"), None);
    assert_eq!(chosen(&[("HTTP_PROXY", "http://plain:2")], "https://a.example"), None);
    let all = [("ALL_PROXY", "http://any:3"), ("HTTP_PROXY", "http://plain:2")];
    assert!(chosen(&all, "https://a.example").unwrap().contains("any:3"));
    assert!(chosen(&all, "http://a.example").unwrap().contains("plain:2"));
}

#[test]
fn lower_case_takes_precedence_and_an_empty_variable_means_no_proxy() {
    let cases = [("https_proxy", "http://lower:1"), ("HTTPS_PROXY", "http://upper:2")];
    assert!(chosen(&cases, "https://a.example").unwrap().contains("lower:1"));
    let emptied = [("https_proxy", ""), ("ALL_PROXY", "http://any:3")];
    assert_eq!(chosen(&emptied, "https://a.example"), None);
}

#[test]
fn http_proxy_is_ignored_in_a_cgi_program() {
    let cgi = [("HTTP_PROXY", "http://evil:1"), ("REQUEST_METHOD", "GET")];
    assert_eq!(chosen(&cgi, "http://a.example"), None);
}

#[test]
fn spaces_and_commas_separate_hosts_without_a_proxy() {
    for list in [
        "localhost, 127.0.0.1",
        "localhost 127.0.0.1",
        " localhost ,\t127.0.0.1 ,",
    ] {
        assert!(
            is_direct(list, "http://localhost:8080/a") && is_direct(list, "http://127.0.0.1/"),
            "{list}"
        );
        assert!(!is_direct(list, "https://a.example"), "{list}");
    }
}

#[test]
fn a_domain_includes_all_names_below_it() {
    for list in ["internal.corp", ".internal.corp", "*.internal.corp", "INTERNAL.corp."] {
        for host in [
            "internal.corp",
            "s3.internal.corp",
            "a.b.internal.corp",
            "S3.Internal.Corp",
        ] {
            assert!(is_direct(list, &format!("https://{host}/key")), "{list} {host}");
        }
        for host in ["notinternal.corp", "internal.corp.example", "corp"] {
            assert!(!is_direct(list, &format!("https://{host}/key")), "{list} {host}");
        }
    }
    assert!(is_direct("*", "https://any.example"));
    assert!(!is_direct("", "https://any.example"));
}

#[test]
fn ip_addresses_and_networks_match_only_ip_addresses() {
    assert!(is_direct("10.0.0.0/8", "http://10.1.2.3/"));
    assert!(!is_direct("10.0.0.0/8", "http://11.1.2.3/"));
    assert!(is_direct("0.0.0.0/0", "http://11.1.2.3/"));
    assert!(!is_direct("10.0.0.0/33", "http://10.1.2.3/"));
    assert!(
        !is_direct("0.0.1", "http://127.0.0.1/"),
        "a suffix of an IP address is not a domain"
    );
    for list in ["::1", "[::1]", "::/64"] {
        assert!(is_direct(list, "http://[::1]:80/"), "{list}");
    }
    assert!(!is_direct("fe80::/10", "http://[::1]/"));
}

#[test]
fn an_entry_with_a_port_matches_only_that_port() {
    for (list, url, direct) in [
        ("a.example:8080", "http://a.example:8080/", true),
        ("a.example:8080", "http://a.example/", false),
        ("a.example:443", "https://b.a.example/", true),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/", true),
        ("127.0.0.1:9000", "http://127.0.0.1:9001/", false),
        ("[::1]:9000", "http://[::1]:9000/", true),
    ] {
        assert_eq!(is_direct(list, url), direct, "{list} {url}");
    }
}

#[test]
fn an_unsupported_proxy_is_refused_and_its_variable_named() {
    for value in ["socks5://127.0.0.1:1080", "ftp://user:secret@proxy", "http://"] {
        let proxies = proxies(&[("HTTPS_PROXY", value)]);
        let error = proxies
            .of(&"https://a.example".parse().unwrap())
            .unwrap()
            .proxy()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{value}");
        let text = error.to_string();
        assert!(text.contains("HTTPS_PROXY") && !text.contains("secret"), "{text}");
    }
}

#[test]
fn messages_do_not_contain_the_password() {
    let variables = [("HTTPS_PROXY", "http://user:secret@proxy.example:3128")];
    let described = chosen(&variables, "https://a.example").unwrap();
    assert_eq!(described, "the proxy http://proxy.example:3128 (from HTTPS_PROXY)");
    assert!(!format!("{:?}", proxies(&variables)).contains("secret"));
}
