//! Virtual-hosted buckets, as at Amazon, and lists of several pages.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capbundle::digest::Sha256Digest;
use capbundle::http::download::{Download, DownloadOptions, Remote, download};
use capbundle::http::{Http, Receiver, Request, Transport, TransportError, Url};
use capbundle::progress::Control;
use capbundle_publish::s3::{Bucket, Credentials, Style, UploadOptions};

use super::servers::{BUCKET, DOMAIN, KEY, SECRET, Server, all, file, head};

/// Replaces DNS: sends every request to one address, with the signed `Host` header.
#[derive(Debug)]
struct FixedAddress {
    to: SocketAddr,
    hosts: Mutex<Vec<String>>,
}

impl FixedAddress {
    fn new(to: SocketAddr) -> Self {
        Self {
            to,
            hosts: Mutex::default(),
        }
    }
}

impl Transport for FixedAddress {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let (_, rest) = request.url.as_str().split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let mut request = request.clone();
        request.url = format!("http://{}/{path}", self.to).parse().unwrap();
        request.headers.add("host", host).map_err(TransportError::Receiver)?;
        self.hosts.lock().unwrap().push(host.to_owned());
        Http::new().send(&request, receiver)
    }
}

/// A virtual-hosted bucket of a server, and the transport that resolves its name.
fn virtual_hosted(server: &Server) -> (Bucket, Arc<FixedAddress>) {
    let mut options = server.options();
    options.endpoint = Some(format!("http://{DOMAIN}:{}", server.address.port()));
    options.style = Style::VirtualHost;
    let resolved = Arc::new(FixedAddress::new(server.address));
    let transport = Arc::clone(&resolved) as Arc<dyn Transport>;
    let credentials = Credentials::new(KEY, SECRET, None).unwrap();
    (Bucket::new(&options, credentials, transport).unwrap(), resolved)
}

#[test]
fn virtual_hosted_buckets_support_every_operation() {
    let folder = tempfile::tempdir().unwrap();
    for server in all() {
        let (bucket, resolved) = virtual_hosted(&server);
        let control = Control::new();
        for size in [1000, 9 << 20] {
            let (path, bytes) = file(folder.path(), size);
            let key = format!("app/{size} ä+1.zip");
            let uploaded = bucket.upload(&path, &key, &UploadOptions::default(), &control).unwrap();
            assert!(uploaded.confirmed);
            assert!(server.stored(&key) == bytes);
            assert_eq!(head(&bucket, &key).unwrap().size, size as u64);

            let address = bucket.presigned_get(&key, Duration::from_secs(60)).unwrap();
            assert!(address.as_str().contains(&format!("//{BUCKET}.{DOMAIN}:")), "{address}");
            fetch(&*resolved, address, &bytes);
        }
        let listed: Vec<_> = bucket
            .list("app/", &control)
            .map(|object| object.unwrap().key)
            .collect();
        assert_eq!(listed, ["app/1000 ä+1.zip", "app/9437184 ä+1.zip"]);
        bucket.delete("app/1000 ä+1.zip", &control).unwrap();
        assert_eq!(bucket.list("app/", &control).count(), 1);

        let host = format!("{BUCKET}.{DOMAIN}:{}", server.address.port());
        assert!(resolved.hosts.lock().unwrap().iter().all(|used| *used == host));
    }
}

fn fetch(transport: &dyn Transport, url: Url, bytes: &[u8]) {
    let into = tempfile::tempdir().unwrap();
    let mut remote = Remote::new(url);
    remote.digest = Some(Sha256Digest::of(bytes));
    let mut options = DownloadOptions::default();
    options.cleartext = capbundle::http::Cleartext::Allowed;
    let wanted = Download {
        remote: &remote,
        folder: into.path(),
        options: &options,
    };
    download(transport, &wanted, &Control::new()).unwrap();
}

#[test]
fn a_list_of_several_pages_is_complete_and_in_order() {
    for server in all() {
        // Written directly to the server's folder, since 2,500 uploads take a while.
        let names: Vec<String> = (0..2500).map(|number| format!("1.0.{number:04} +ä.zip")).collect();
        fs::create_dir(server.object("app")).unwrap();
        for name in &names {
            fs::write(server.object(&format!("app/{name}")), b"archive").unwrap();
        }
        fs::write(server.object("other.zip"), b"archive").unwrap();
        let (bucket, control) = (server.bucket(), Control::new());

        let listed: Vec<String> = bucket
            .list("app/", &control)
            .map(|object| object.unwrap().key)
            .collect();

        let expected: Vec<String> = names.iter().map(|name| format!("app/{name}")).collect();
        assert!(
            listed == expected,
            "{} keys, the last one is {:?}",
            listed.len(),
            listed.last()
        );
        assert_eq!(bucket.list("", &control).count(), 2501);
    }
}
