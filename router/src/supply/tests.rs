//! Fetches from servers on loopback that answer as told, right and wrong.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::config::{Image, Url};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const BYTES: &[u8] = b"\0asm: taken for a component here";

/// What a request says: its target, and who asks.
struct Asked {
    target: String,
    authorization: Option<String>,
}

/// A server with one answer for each request; ends with the test process.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Server {
    /// Answers by the number of the request and what it asks for.
    fn start(answer: impl Fn(usize, &Asked) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
                let target = head[0].split(' ').nth(1).unwrap().to_owned();
                let authorization =
                    head.iter().find_map(|line| line.strip_prefix("authorization: ")).map(str::to_owned);
                let answer = answer(count.fetch_add(1, SeqCst), &Asked { target, authorization });
                // A client that has seen enough may be gone.
                let _ = stream.write_all(&answer);
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    fn url(&self, target: &str) -> Url {
        Url { tls: false, host: "127.0.0.1".to_owned(), port: self.address.port(), target: target.to_owned() }
    }

    fn file(&self) -> Component {
        Component { source: Source::Web(self.url("/a.wasm")), digest: Some(Digest::of(BYTES)), signature: None }
    }

    fn image(&self, manifest: &[u8]) -> Component {
        let (registry, manifest) = (self.url("/"), Digest::of(manifest));
        let text = format!("oci://{}/acme/pin@{manifest}", registry.authority());
        let repository = "acme/pin".to_owned();
        Component {
            source: Source::Registry(Image { text, registry, repository, manifest }),
            digest: None,
            signature: None,
        }
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn good(body: &[u8]) -> Vec<u8> {
    answer("200 OK", "", body)
}

fn settings() -> ComponentSettings {
    ComponentSettings {
        cache: None,
        cache_size: 1 << 20,
        size_max: 1 << 20,
        timeout: Duration::from_secs(20),
        plain_http: Vec::new(),
        keys: Vec::new(),
        credentials: None,
        ca: None,
    }
}

fn fetch_with(settings: &ComponentSettings, effort: Effort, component: &Component) -> Result<Vec<u8>, SupplyError> {
    let make_tls = || Err("no TLS here".to_owned());
    Supply::new(settings, effort, &make_tls, &Metrics::new()).component(component).map(|brought| brought.bytes)
}

fn fetch(component: &Component) -> Result<Vec<u8>, SupplyError> {
    fetch_with(&settings(), Effort::For(Duration::ZERO), component)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, SupplyError>, words: &[&str]) {
    let text = outcome.unwrap_err().to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in {text:?}");
    }
}

#[test]
fn what_servers_get_wrong_is_named() {
    let found = Digest::of(b"other").to_string();
    let wanted = Digest::of(BYTES).to_string();
    let cases: [(Vec<u8>, &[&str]); 8] = [
        (good(b"other"), &["/a.wasm: the server sent bytes with the digest", &found, &wanted]),
        (answer("404 Not Found", "", b""), &["answers 404 Not Found: there is no such file"]),
        (answer("500 Oops", "", b"why"), &["answers 500"]),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\nhalf".to_vec(), &["cut short: 4 of 90 bytes came"]),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n".to_vec(), &["larger than 1048576 bytes"]),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), &["the exchange broke"]),
        (answer("302 Found", "location: http://files.example/a\r\n", b""), &["redirects to", "without TLS"]),
        (answer("302 Found", "location: /a.wasm\r\n", b""), &["has redirected too often"]),
    ];
    for (bytes, words) in cases {
        let server = Server::start(move |_, _| bytes.clone());
        refused(fetch(&server.file()), words);
    }
    let tls = Url { tls: true, ..Server::start(|_, _| Vec::new()).url("/a.wasm") };
    refused(
        fetch(&Component { source: Source::Web(tls), digest: Some(Digest::of(BYTES)), signature: None }),
        &["https://", "no TLS here"],
    );
}

#[test]
fn redirects_are_followed_and_chunks_are_joined() {
    let server = Server::start(|_, asked| match asked.target.as_str() {
        "/a.wasm" => answer("307 Temporary Redirect", "location: /b?c=1\r\n", b""),
        "/b?c=1" => {
            let [one, two] = [&BYTES[..9], &BYTES[9..]];
            let chunk = |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            [head, chunk(one), chunk(two), b"0\r\n\r\n".to_vec()].concat()
        }
        other => panic!("{other}"),
    });
    assert_eq!(fetch(&server.file()).unwrap(), BYTES);
}

#[test]
fn what_may_pass_is_tried_again_and_the_rest_is_not() {
    let patient = Effort::For(Duration::from_secs(60));
    let server = Server::start(|number, _| match number {
        0 => answer("503 Service Unavailable", "", b""),
        1 => Vec::new(),
        2 => b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\nhalf".to_vec(),
        _ => good(BYTES),
    });
    assert_eq!(fetch_with(&settings(), patient, &server.file()).unwrap(), BYTES);
    assert_eq!(server.asked(), 4);
    let server = Server::start(|_, _| answer("404 Not Found", "", b""));
    refused(fetch_with(&settings(), patient, &server.file()), &["404"]);
    assert_eq!(server.asked(), 1);
}

#[test]
fn a_dead_server_costs_its_time_once() {
    // The port of a listener that is gone.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = Url { tls: false, host: "127.0.0.1".to_owned(), port, target: "/a".to_owned() };
    let component = Component { source: Source::Web(url), digest: Some(Digest::of(BYTES)), signature: None };
    let (settings, make_tls, metrics) = (settings(), || Err(String::new()), Metrics::new());
    let mut supply = Supply::new(&settings, Effort::For(Duration::ZERO), &make_tls, &metrics);
    refused(supply.component(&component), &["no connection"]);
    refused(supply.component(&component), &["did not answer a moment ago"]);
}

fn manifest(layers: &str) -> Vec<u8> {
    let head = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{}"#;
    format!("{head},\"layers\":[{layers}]}}").into_bytes()
}

fn component_layer() -> String {
    let (digest, size) = (Digest::of(BYTES), BYTES.len());
    format!(r#"{{"mediaType":"application/wasm","digest":"{digest}","size":{size}}}"#)
}

#[test]
fn a_manifest_is_one_layer_of_wasm() {
    let layer = component_layer();
    assert_eq!(registry::layer(&manifest(&layer)).unwrap().digest, Digest::of(BYTES));
    let tar = layer.replace("application/wasm", "application/vnd.oci.image.layer.v1.tar+gzip");
    let sha512 = layer.replace("sha256:", "sha512:");
    let cases = [
        (manifest(""), "has 0 layers"),
        (manifest(&format!("{layer},{layer}")), "has 2 layers; a component is one layer"),
        (manifest(&tar), "a layer of the type \"application/vnd.oci.image.layer.v1.tar+gzip\""),
        (manifest(&sha512), "the layer's digest is not"),
        (br#"{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#.to_vec(), "is an index"),
        (br#"{"mediaType":"text/plain","layers":[]}"#.to_vec(), "it has the type \"text/plain\""),
        (b"{}".to_vec(), "it has no layers"),
        (b"<html>".to_vec(), "is no image manifest"),
    ];
    for (bytes, words) in cases {
        let text = registry::layer(&bytes).unwrap_err().to_string();
        assert!(text.contains(words), "{words:?} is missing in {text:?}");
    }
}

/// A registry that wants a token for everything, and a password for the token when there is one.
fn guarded(password: Option<&'static str>) -> Server {
    let bytes = manifest(&component_layer());
    let realm = Arc::new(std::sync::OnceLock::<u16>::new());
    let port = Arc::clone(&realm);
    let server = Server::start(move |_, asked| {
        if let Some(query) = asked.target.strip_prefix("/token?") {
            assert_eq!(query, "service=a+registry&scope=repository%3Aacme%2Fpin%3Apull");
            let allowed = password.is_none() || asked.authorization.as_deref() == password;
            return if allowed { good(br#"{"token":"t0ken"}"#) } else { answer("401 Unauthorized", "", b"") };
        }
        if asked.authorization.as_deref() != Some("Bearer t0ken") {
            let realm = format!("http://127.0.0.1:{}/token", port.get().unwrap());
            let scope = "scope=\"repository:acme/pin:pull\"";
            let challenge = format!("www-authenticate: Bearer realm=\"{realm}\",service=\"a registry\",{scope}\r\n");
            return answer("401 Unauthorized", &challenge, b"");
        }
        match asked.target.strip_prefix("/v2/acme/pin/") {
            Some(path) if path.starts_with("manifests/") => good(&bytes),
            Some(path) if path == format!("blobs/{}", Digest::of(BYTES)) => good(BYTES),
            _ => answer("404 Not Found", "", b""),
        }
    });
    realm.set(server.address.port()).unwrap();
    server
}

#[test]
fn a_token_is_fetched_once_and_with_the_password_of_the_registry() {
    let server = guarded(None);
    assert_eq!(fetch(&server.image(&manifest(&component_layer()))).unwrap(), BYTES);
    assert_eq!(server.asked(), 4, "refused, token, manifest, blob");
    let server = guarded(Some("Basic dTpw"));
    let image = server.image(&manifest(&component_layer()));
    refused(fetch(&image), &["refuses access", "gives no token without a password (`components.credentials`)"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let with = ComponentSettings { credentials: Some(file.clone()), ..settings() };
    refused(fetch_with(&with, Effort::For(Duration::ZERO), &image), &["the credentials cannot be used", "config.json"]);
    for (auth, fine) in [("dTpw", true), ("dTpx", false)] {
        let text = format!(r#"{{"auths":{{"http://{}/v1/":{{"auth":"{auth}"}}}}}}"#, server.address);
        std::fs::write(&file, text).unwrap();
        let fetched = fetch_with(&with, Effort::For(Duration::ZERO), &image);
        if fine { assert_eq!(fetched.unwrap(), BYTES) } else { refused(fetched, &["no token with this password"]) }
    }
    std::fs::write(&file, "{\"auths\": \"geheim\"").unwrap();
    let text = fetch_with(&with, Effort::For(Duration::ZERO), &image).unwrap_err().to_string();
    assert!(text.contains("is not as `docker login` writes it (line 1,") && !text.contains("geheim"), "{text}");
}

#[test]
fn a_layer_must_be_what_the_configuration_and_the_manifest_say() {
    let server = guarded(None);
    let mut image = server.image(&manifest(&component_layer()));
    image.digest = Some(Digest::of(b"other"));
    refused(fetch(&image), &["has the digest", "is configured"]);
    let short = component_layer().replace(&format!("\"size\":{}", BYTES.len()), "\"size\":3");
    let bytes = manifest(&short);
    let named = bytes.clone();
    let server = Server::start(move |_, asked| good(if asked.target.contains("/manifests/") { &bytes } else { BYTES }));
    refused(fetch(&server.image(&named)), &["larger than 3 bytes"]);
    refused(fetch(&server.image(b"another manifest")), &["/manifests/", "the server sent bytes with the digest"]);
}

#[test]
fn what_is_kept_needs_no_server_and_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let with = ComponentSettings { cache: Some(folder.path().join("made")), ..settings() };
    let server = guarded(None);
    let image = server.image(&manifest(&component_layer()));
    refused(
        fetch_with(&with, Effort::Offline, &image),
        &["is not kept on this machine, and was not fetched from http"],
    );
    assert_eq!(server.asked(), 0);
    assert_eq!(fetch_with(&with, Effort::For(Duration::ZERO), &image).unwrap(), BYTES);
    let asked = server.asked();
    assert_eq!(fetch_with(&with, Effort::Offline, &image).unwrap(), BYTES);
    assert_eq!(server.asked(), asked);
    let kept = folder.path().join("made/sha256").join(Digest::of(BYTES).hex());
    std::fs::write(&kept, b"\0asm: something else").unwrap();
    refused(fetch_with(&with, Effort::Offline, &image), &["was not fetched from", "/blobs/sha256:"]);
    assert!(!kept.exists(), "a file that is not what its name says is removed");
    assert_eq!(fetch_with(&with, Effort::For(Duration::ZERO), &image).unwrap(), BYTES);
    assert_eq!(std::fs::read(&kept).unwrap(), BYTES);
}

#[test]
fn the_folder_is_bounded_and_keeps_what_was_used_last() {
    let path = tempfile::tempdir().unwrap();
    let folder = Folder::new(path.path(), 250, Metrics::new());
    let blobs = [1u8, 2, 3].map(|fill| vec![fill; 100]);
    let digests = blobs.each_ref().map(|blob| Digest::of(blob));
    for (age, (blob, digest)) in [300, 200, 100].into_iter().zip(blobs.iter().zip(digests)) {
        if age == 100 {
            assert!(folder.get(digests[0]).is_some(), "used just now");
        }
        folder.keep(digest, blob);
        let file = std::fs::File::options().append(true).open(path.path().join("sha256").join(digest.hex())).unwrap();
        if age > 100 {
            file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_000_000 - age)).unwrap();
        }
    }
    assert_eq!(digests.map(|digest| folder.get(digest).is_some()), [true, false, true]);
    let used = std::fs::File::options().append(true).open(path.path().join("sha256").join(digests[0].hex())).unwrap();
    used.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1 << 33)).unwrap();
    folder.keep(Digest::of(&[4; 999]), &[4; 999]);
    assert!(folder.get(Digest::of(&[4; 999])).is_some(), "what was kept last stays, whatever its size and its time");
}

#[test]
fn files_are_bounded_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.wasm");
    let component = |digest| Component { source: Source::File(file.clone()), digest, signature: None };
    refused(fetch(&component(None)), &["cannot be read: No such file"]);
    std::fs::write(&file, BYTES).unwrap();
    assert_eq!(fetch(&component(Some(Digest::of(BYTES)))).unwrap(), BYTES);
    let other = Digest::of(b"other");
    refused(fetch(&component(Some(other))), &["has the digest", &other.to_string(), &Digest::of(BYTES).to_string()]);
    let small = ComponentSettings { size_max: 8, ..settings() };
    refused(fetch_with(&small, Effort::Offline, &component(None)), &["is larger than 8 bytes"]);
}

#[test]
fn challenges_are_read_by_their_parameters() {
    let text = r#"realm="https://auth.example/token",service="a \"b\", c" , scope=x,error="insufficient_scope""#;
    let parameter = |name| registry::parameter(text, name);
    assert_eq!(parameter("realm").as_deref(), Some("https://auth.example/token"));
    assert_eq!(parameter("SERVICE").as_deref(), Some("a \"b\", c"));
    assert_eq!(parameter("scope").as_deref(), Some("x"));
    assert_eq!((parameter("nonce"), registry::parameter("realm=\"open", "realm")), (None, None));
}

/// A key pair, and settings that trust it.
fn author() -> (aws_lc_rs::signature::Ed25519KeyPair, ComponentSettings) {
    use aws_lc_rs::signature::KeyPair;
    let pair = aws_lc_rs::signature::Ed25519KeyPair::generate().unwrap();
    let key = pair.public_key().as_ref().try_into().unwrap();
    (pair, ComponentSettings { keys: vec![[7; 32], key], ..settings() })
}

fn signed(pair: &aws_lc_rs::signature::Ed25519KeyPair, bytes: &[u8]) -> Vec<u8> {
    pair.sign(Digest::of(bytes).to_string().as_bytes()).as_ref().to_vec()
}

#[test]
fn who_is_not_trusted_is_told_apart_from_who_did_not_sign() {
    let once = Effort::For(Duration::ZERO);
    let (pair, trusting) = author();
    let folder = tempfile::tempdir().unwrap();
    let (file, beside) = (folder.path().join("a.wasm"), folder.path().join("a.wasm.sig"));
    std::fs::write(&file, BYTES).unwrap();
    let mut component = Component { source: Source::File(file), digest: None, signature: None };
    refused(fetch_with(&trusting, once, &component), &["is not signed, and `components.keys`", "or ", "a.wasm.sig"]);
    std::fs::write(&beside, "later").unwrap();
    refused(fetch_with(&trusting, once, &component), &["a.wasm.sig is not 64 bytes or their base64"]);
    std::fs::write(&beside, signed(&pair, b"other")).unwrap();
    let digest = Digest::of(BYTES).to_string();
    refused(fetch_with(&trusting, once, &component), &["a signature that none of the 2 `components.keys`", &digest]);
    use base64::Engine;
    let base64 = base64::engine::general_purpose::STANDARD.encode(signed(&pair, BYTES)) + "\n";
    for good in [signed(&pair, BYTES), base64.clone().into_bytes()] {
        std::fs::write(&beside, good).unwrap();
        assert_eq!(fetch_with(&trusting, once, &component).unwrap(), BYTES);
    }
    std::fs::remove_file(&beside).unwrap();
    component.signature = Some(signed(&pair, BYTES).try_into().unwrap());
    assert_eq!(fetch_with(&trusting, once, &component).unwrap(), BYTES);

    let layers = manifest(&component_layer());
    let annotation = format!(",\"annotations\":{{\"portolan.signature\":{:?}}}}}", base64.trim());
    let annotated = [&layers[..layers.len() - 1], annotation.as_bytes()].concat();
    for (bytes, fine) in [(annotated, true), (layers, false)] {
        let named = bytes.clone();
        let answer = move |_, asked: &Asked| good(if asked.target.contains("/manifests/") { &bytes } else { BYTES });
        let fetched = fetch_with(&trusting, once, &Server::start(answer).image(&named));
        match fine {
            true => assert_eq!(fetched.unwrap(), BYTES),
            false => refused(fetched, &["is not signed", "or the annotation portolan.signature of sha256:"]),
        }
    }
}

#[test]
fn a_signature_beside_a_web_file_is_kept_with_it() {
    let once = Effort::For(Duration::ZERO);
    let (pair, mut trusting) = author();
    let folder = tempfile::tempdir().unwrap();
    let by_hand = signed(&pair, BYTES);
    let server = Server::start(move |number, asked| match (asked.target.as_str(), number) {
        ("/a.wasm", _) => good(BYTES),
        ("/a.wasm.sig", 0..4) => answer("404 Not Found", "", b""),
        ("/a.wasm.sig", _) => good(&by_hand),
        (other, _) => panic!("{other}"),
    });
    refused(fetch_with(&trusting, once, &server.file()), &["is not signed", "/a.wasm.sig"]);
    trusting.cache = Some(folder.path().to_owned());
    refused(fetch_with(&trusting, Effort::Offline, &server.file()), &["was not fetched from http://", "/a.wasm"]);
    assert!(fetch_with(&trusting, once, &server.file()).is_err_and(|error| error.to_string().contains("not signed")));
    assert_eq!(fetch_with(&trusting, once, &server.file()).unwrap(), BYTES);
    let asked = server.asked();
    assert_eq!(fetch_with(&trusting, Effort::Offline, &server.file()).unwrap(), BYTES);
    assert_eq!(server.asked(), asked, "signature and component are kept");
    trusting.keys = vec![[7; 32]];
    refused(fetch_with(&trusting, once, &server.file()), &["none of the 1 `components.keys`"]);
}
