//! Responses of several servers, and the documents that are sent.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

#[test]
fn an_error_may_lack_optional_elements() {
    let amazon = br#"<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message><RequestTime>20130524T000000Z</RequestTime><ServerTime>2026-11-22T20:00:00Z</ServerTime><MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds><RequestId>X</RequestId></Error>"#;
    let refusal: XmlError = parse(amazon).unwrap();
    assert_eq!(refusal.code, "RequestTimeTooSkewed");
    assert_eq!(refusal.server_time.as_deref(), Some("2026-11-22T20:00:00Z"));
    let small: XmlError = parse(b"<Error><Code>SlowDown</Code></Error>").unwrap();
    assert_eq!((small.code.as_str(), small.message.as_str()), ("SlowDown", ""));
    assert!(parse::<XmlError>(b"not xml").is_err() && parse::<XmlError>(b"\xff").is_err());
}

#[test]
fn a_list_may_lack_optional_elements() {
    let listing: Listing = parse(
        br#"<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/><KeyCount>2</KeyCount><IsTruncated>true</IsTruncated><NextContinuationToken>1ueGc=</NextContinuationToken><Contents><Key>a&amp;b.zip</Key><LastModified>2026-11-22T20:00:00Z</LastModified><ETag>&quot;9b&quot;</ETag><Size>5</Size></Contents><CommonPrefixes><Prefix>x/</Prefix></CommonPrefixes><Contents><Key>c</Key><Size>0</Size></Contents></ListBucketResult>"#,
    )
    .unwrap();
    assert!(listing.is_truncated && listing.next_continuation_token.as_deref() == Some("1ueGc="));
    let keys: Vec<_> = listing
        .contents
        .iter()
        .map(|listed| (listed.key.as_str(), listed.size))
        .collect();
    assert_eq!(keys, [("a&b.zip", 5), ("c", 0)]);
    let empty: Listing = parse(b"<ListBucketResult/>").unwrap();
    assert!(!empty.is_truncated && empty.contents.is_empty());
}

#[test]
fn parts_are_parsed_with_their_checksums() {
    let parts: Parts = parse(
        b"<ListPartsResult><PartNumberMarker>0</PartNumberMarker><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag><Size>8388608</Size><ChecksumSHA256>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ChecksumSHA256></Part><Part><PartNumber>2</PartNumber><ETag>\"b\"</ETag><Size>5</Size></Part></ListPartsResult>",
    )
    .unwrap();
    assert_eq!(
        parts.listed[0].checksum.as_deref(),
        Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    );
    assert_eq!((parts.listed[1].size, parts.listed[1].checksum.as_deref()), (5, None));
}

#[test]
fn an_error_in_a_successful_response_is_found_after_leading_whitespace() {
    assert_eq!(
        root(b"   \n<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>").as_deref(),
        Some("Error")
    );
    assert_eq!(
        root(b"<CompleteMultipartUploadResult xmlns=\"x\"/>").as_deref(),
        Some("CompleteMultipartUploadResult")
    );
    assert_eq!(root(b""), None);
}

#[test]
fn completing_an_upload_sends_the_confirmed_checksums() {
    let part = |part_number, etag, checksum| CompletePart {
        etag,
        checksum,
        part_number,
    };
    let complete = Complete {
        parts: vec![part(1, "\"a&b\"", Some("x+/=")), part(2, "\"c\"", None)],
    };
    let text = String::from_utf8(write(&complete).unwrap()).unwrap();
    let expected = "<CompleteMultipartUpload><Part><ETag>\"a&amp;b\"</ETag><ChecksumSHA256>x+/=</ChecksumSHA256>\
                    <PartNumber>1</PartNumber></Part><Part><ETag>\"c\"</ETag><PartNumber>2</PartNumber></Part>\
                    </CompleteMultipartUpload>";
    assert_eq!(text, expected);
}
