#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

#[test]
fn a_path_goes_below_the_address_and_before_its_query() {
    for (base, expected) in [
        ("https://example.com", "https://example.com/keys/2.json"),
        ("https://example.com/", "https://example.com/keys/2.json"),
        ("https://example.com/a/b", "https://example.com/a/b/keys/2.json"),
        (
            "https://example.com/a/?token=1/2",
            "https://example.com/a/keys/2.json?token=1/2",
        ),
    ] {
        assert_eq!(Site::new(url(base)).url("keys/2.json").unwrap(), url(expected));
    }
}

#[test]
fn the_address_of_a_channel_contains_its_site() {
    for text in [
        "https://example.com/channels/beta-1.json",
        "https://example.com/a/channels/beta-1.json?token=1",
    ] {
        let (site, channel) = Site::from_channel_url(&url(text)).unwrap();
        assert_eq!(channel.as_str(), "beta-1");
        assert_eq!(site.channel_url(&channel).unwrap(), url(text));
    }
    for text in [
        "https://example.com/beta.json",
        "https://example.com/channels/beta",
        "https://example.com/channels/.json",
        "https://example.com/channels/a%2Fb.json",
        "https://example.com/archannels/beta.json",
    ] {
        assert!(Site::from_channel_url(&url(text)).is_err(), "{text}");
    }
}
