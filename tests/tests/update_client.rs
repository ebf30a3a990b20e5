//! Requests to a misbehaving update server over real sockets. After each failure, the next request succeeds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use capbundle::http::{Http, RetryPolicy, Url};
use capbundle::progress::Control;
use capbundle::update::protocol::{ChannelResponse, StatsEvent, UpdateRequest, UpdateResponse};
use capbundle::update::{EventOutcome, UpdateClient};
use capbundle::{Error, ErrorKind, Result};
use capbundle_tests::rough_server::RoughServer;

const UP_TO_DATE: &str = r#"{"error":"no_new_version_available","message":"","kind":"up_to_date"}"#;
/// For servers that respond, on a busy machine.
const PATIENT: Duration = Duration::from_secs(10);
/// For servers that stall.
const SHORT: Duration = Duration::from_millis(300);
/// Well below the minute after which the server closes each connection.
const MAX_TIME: Duration = Duration::from_secs(20);
/// The most bytes that the server sends for one call: the limit of a response and the socket buffers.
const MAX_BYTES: u64 = 64 << 20;

struct Device {
    server: RoughServer,
    http: Http,
    control: Control,
}

impl Device {
    fn new() -> Self {
        Self {
            server: RoughServer::start(),
            http: Http::new(),
            control: Control::new(),
        }
    }

    fn client(&self, timeout: Duration) -> UpdateClient<'_> {
        UpdateClient::new(&self.http, &self.control)
            .with_timeout(timeout)
            .with_retry(RetryPolicy::new(3).with_first_wait(Duration::from_millis(2)))
    }

    fn url(&self, name: &str, body: &str, faults: &str) -> Url {
        let body = STANDARD.encode(body);
        let url = self.server.url(&format!("{name}?base64={body}&{faults}"));
        url.parse().unwrap()
    }

    fn ask(&self, name: &str, faults: &str) -> Result<UpdateResponse> {
        let is_stalled = ["stall", "drip"].iter().any(|fault| faults.starts_with(fault));
        let timeout = if is_stalled { SHORT } else { PATIENT };
        self.client(timeout)
            .ask(&self.url(name, UP_TO_DATE, faults), &request())
    }

    /// The error of a request, after which a request without faults succeeds.
    fn error_of(&self, name: &str, faults: &str) -> Error {
        let started = Instant::now();
        let error = self.ask(name, faults).expect_err(faults);
        assert!(started.elapsed() < MAX_TIME, "{faults}: {:?}", started.elapsed());
        assert!(self.server.sent() < MAX_BYTES, "{faults}: {} bytes", self.server.sent());
        self.expect_up_to_date(name, "");
        error
    }

    fn expect_up_to_date(&self, name: &str, faults: &str) {
        let answer = self
            .ask(name, faults)
            .unwrap_or_else(|error| panic!("{faults}: {error}"));
        assert!(matches!(answer, UpdateResponse::UpToDate(_)), "{faults}: {answer:?}");
    }
}

fn request() -> UpdateRequest {
    UpdateRequest::default()
        .with_platform("android")
        .with_device_id("0f4f5a3e-7c0a-4d3c-9d7e-2b1d6c6f0a11")
        .with_app_id("com.example.app")
}

#[test]
fn a_request_survives_every_temporary_fault() {
    let device = Device::new();
    let faults = [
        "",
        "cut=0",
        "cut=1.30",
        "cut=10&chunked=1",
        "status=500.502",
        "status=429&retry-after=0",
        "status=503&retry-after=Fri,%2013%20Nov%202020%2010:00:00%20GMT",
        "chunked=1",
        "length=no",
    ];
    for (number, faults) in faults.iter().enumerate() {
        device.expect_up_to_date(&format!("update{number}"), faults);
    }
}

#[test]
fn a_request_that_fails_ends_soon_and_the_next_one_succeeds() {
    let device = Device::new();
    let faults = [
        ("cut=10.10.10.10", ErrorKind::Network, "tried 3 times"),
        ("stall=10", ErrorKind::Network, "0.3 s"),
        ("drip=100", ErrorKind::Network, ""),
        ("endless=1", ErrorKind::Server, "at most 8388608 bytes"),
        ("endless=header", ErrorKind::Network, ""),
        ("endless=trailers", ErrorKind::Network, ""),
        ("loop=1&redirect-status=307", ErrorKind::Network, "redirected more than"),
        ("loop=1", ErrorKind::Server, "redirects to"),
        ("html=1", ErrorKind::Server, "captive portal"),
        ("status=404", ErrorKind::Server, "404"),
    ];
    for (number, (faults, kind, text)) in faults.into_iter().enumerate() {
        let error = device.error_of(&format!("update{number}"), faults);
        assert_eq!(error.kind(), kind, "{faults}: {error}");
        assert!(error.to_string().contains(text), "{faults}: {error}");
    }
}

#[test]
fn a_server_that_limits_requests_is_left_alone() {
    let device = Device::new();
    for (number, (faults, wait)) in [
        ("status=429", None),
        ("status=429&retry-after=60", Some(Duration::from_secs(60))),
        ("status=503&retry-after=60", Some(Duration::from_secs(60))),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("update{number}");
        let answer = device.ask(&name, faults).unwrap();
        assert!(
            matches!(answer, UpdateResponse::Limited { retry_after, .. } if retry_after == wait),
            "{answer:?}"
        );
        assert_eq!(device.server.requests(&name), 1);
        device.expect_up_to_date(&name, "");
    }
}

#[test]
fn a_redirected_request_arrives() {
    let device = Device::new();
    let target = format!("/target?base64={}", STANDARD.encode(UP_TO_DATE));
    device.expect_up_to_date("update", &format!("redirect={target}&redirect-status=308"));
    assert_eq!(device.server.requests("target"), 1);
}

#[test]
fn reports_and_channels_use_the_same_limits() {
    let device = Device::new();
    let event = StatsEvent::new(request(), "ping");
    let mut outcomes = Vec::new();
    for (faults, timeout) in [("stall=1", SHORT), ("", PATIENT)] {
        let url = device.url("stats", r#"{"status":"ok"}"#, faults);
        let client = device.client(timeout);
        outcomes.extend(client.report(&url, std::slice::from_ref(&event)).unwrap().events);
    }
    assert_eq!(outcomes, [EventOutcome::Later, EventOutcome::Accepted]);

    let stalling = device.url("channels", "[]", "stall=1");
    let failed = device.client(SHORT).channels(&stalling, &request());
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Network);
    let client = device.client(PATIENT);
    let listed = client.channels(&device.url("channels", "[]", ""), &request()).unwrap();
    assert_eq!(listed, ChannelResponse::Granted(Vec::new()));
    let unset = client.unset_channel(&device.url("channel", r#"{"status":"ok"}"#, ""), &request());
    assert!(matches!(unset.unwrap(), ChannelResponse::Granted(_)));
}

#[test]
fn an_unreachable_server_is_a_network_error() {
    let device = Device::new();
    let url = "http://127.0.0.1:1/updates".parse().unwrap();
    let error = device.client(PATIENT).ask(&url, &request()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
}
