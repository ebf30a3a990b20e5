//! A server in the process of the test, and a client that sends requests byte for byte.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

pub(crate) mod https;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use capbundle::digest::Sha256Digest;
use capbundle_update_server::{Access, ApiShape, Config, Keys, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const APP: &str = "com.example.app";
pub(crate) const DEVICE: &str = "0f4f5a3e-7c0a-4d3c-9d7e-2b1d6c6f0a11";
/// A checksum in a valid form.
pub(crate) const CHECKSUM: &str = "a1b2c3d4e5f6789abcdef123456789abcdef123456789abcdef123456789abcd";
/// A server that takes longer hangs.
const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct TestServer {
    pub(crate) folder: TempDir,
    pub(crate) server: Option<Server>,
    pub(crate) key: String,
    pub(crate) address: SocketAddr,
    shape: ApiShape,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| ())
    }

    /// Starts a server whose `/bundle` has the shape of Capgo's backend.
    pub(crate) fn start_as_backend() -> Self {
        Self::start_with(|config| config.api_shape = ApiShape::Backend)
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = create_key(folder.path(), &Access::Everything);
        let mut shape = ApiShape::default();
        let server = serve(folder.path(), |config| {
            change(config);
            shape = config.api_shape;
        });
        Self {
            shape,
            address: server.address(),
            server: Some(server),
            key,
            folder,
        }
    }

    /// Stops it and starts it again with the same data on another port.
    pub(crate) fn restart(&mut self) {
        self.server.take().unwrap().stop().unwrap();
        self.start_again();
    }

    /// Starts it again after a stop.
    pub(crate) fn start_again(&mut self) {
        let server = serve(self.folder.path(), |config| config.api_shape = self.shape);
        self.address = server.address();
        self.server = Some(server);
    }

    pub(crate) fn url(&self) -> String {
        self.server.as_ref().unwrap().url().to_owned()
    }

    pub(crate) fn limited_key(&self, apps: &[&str], writes: bool) -> String {
        let apps = apps.iter().map(|app| (*app).to_owned()).collect();
        create_key(self.folder.path(), &Access::Limited { apps, writes })
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        send(self.address, method, path, headers, body)
    }

    /// Sends a request of a publisher.
    pub(crate) fn api(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.api_as(&self.key, method, path, body)
    }

    pub(crate) fn api_as(&self, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let response = self.send(
            method,
            path,
            &[("authorization", key), ("content-type", "application/json")],
            &body,
        );
        (response.status, response.json())
    }

    /// The error code of a publisher's request.
    pub(crate) fn error_code(&self, method: &str, path: &str, body: &Value) -> String {
        let (status, answer) = self.api(method, path, body);
        assert_eq!(status, 400, "{answer}");
        assert!(
            answer["message"].is_string() && answer["moreInfo"].is_object(),
            "{answer}"
        );
        // In the documented shape the code has its own member.
        let code = answer.get("code").unwrap_or(&answer["error"]);
        code.as_str().unwrap().to_owned()
    }

    /// Sends a request of a device.
    pub(crate) fn device(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let response = self.send(
            method,
            path,
            &[("content-type", "application/json")],
            body.to_string().as_bytes(),
        );
        (response.status, response.json())
    }

    /// The response to an update request of a device.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mut request = request();
        change(&mut request);
        let (status, answer) = self.device("POST", "/updates", &request);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(crate) fn upload(&self, bytes: &[u8]) -> Value {
        let response = self.send(
            "PUT",
            &format!("/upload/{APP}/app.zip"),
            &[("authorization", &self.key)],
            bytes,
        );
        // 200 if it already existed.
        assert!(matches!(response.status, 200 | 201), "{response:?}");
        response.json()
    }

    /// Uploads and registers a bundle. Returns its id.
    pub(crate) fn publish(&self, version: &str) -> i64 {
        self.publish_with(version, &json!({}))
    }

    pub(crate) fn publish_with(&self, version: &str, more: &Value) -> i64 {
        let bytes = format!("the archive of {version}").into_bytes();
        let url = self.upload(&bytes)["url"].clone();
        let checksum = Sha256Digest::of(&bytes).to_string();
        let mut body = json!({"app_id": APP, "version": version, "external_url": url, "checksum": checksum});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, answer) = self.api("POST", "/bundle", &body);
        assert_eq!(status, 200, "{answer}");
        answer["bundle"]["id"].as_i64().unwrap()
    }

    pub(crate) fn channel_id(&self, name: &str) -> i64 {
        let (status, answer) = self.api("GET", &format!("/channel?app_id={APP}&channel={name}"), &Value::Null);
        assert_eq!(status, 200, "{answer}");
        answer["id"].as_i64().unwrap()
    }

    pub(crate) fn promote(&self, version_id: i64) {
        let body = json!({"app_id": APP, "version_id": version_id, "channel_id": self.channel_id("production")});
        let (status, answer) = self.api("PUT", "/bundle", &body);
        assert_eq!(status, 200, "{answer}");
    }

    pub(crate) fn set_channel(&self, name: &str, settings: &Value) {
        let mut body = json!({"app_id": APP, "channel": name});
        body.as_object_mut()
            .unwrap()
            .extend(settings.as_object().unwrap().clone());
        let (status, answer) = self.api("POST", "/channel", &body);
        assert_eq!((status, answer), (200, json!({"status": "ok"})));
    }
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("invalid JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// An update request with all members that Capgo's plugin sends.
pub(crate) fn request() -> Value {
    json!({
        "platform": "android", "device_id": DEVICE, "app_id": APP, "custom_id": "", "version_build": "1.0.0", "version_code": "12",
        "version_os": "14", "version_name": "builtin", "plugin_version": "8.51.14", "is_emulator": false, "is_prod": true,
        "install_source": "com.android.vending", "defaultChannel": ""
    })
}

pub(crate) fn create_key(data: &Path, access: &Access) -> String {
    Keys::open(data)
        .unwrap()
        .create("test", access)
        .unwrap()
        .text()
        .to_owned()
}

fn serve(data: &Path, change: impl FnOnce(&mut Config)) -> Server {
    let mut config = Config::loopback(data);
    // Tests send requests faster than the default limits.
    (config.limits.per_address, config.limits.per_key) = (1_000_000, 1_000_000);
    change(&mut config);
    Server::start(config).unwrap()
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream
}

pub(crate) fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let mut stream = connect(address);
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head = format!("{head}{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // A server that rejects the request early does not read the rest.
    let _ = stream.write_all(body);
    receive(&mut stream)
}

pub(crate) fn receive(stream: &mut TcpStream) -> Response {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no response"));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Response {
        status,
        head,
        body: bytes[end + 4..].to_vec(),
    }
}
