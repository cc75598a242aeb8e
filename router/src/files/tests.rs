//! A bundle in a scratch folder, asked in every way that matters.
//! Owns nothing; needs no network. Called by: `cargo test`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use http::{Request, request};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::*;
use crate::base::Clock;
use crate::metrics::Metrics;

/// 2033: every file of the tests is older.
const NOW: Timestamp = Timestamp(2_000_000_000_000);
/// When the files of the bundle were written: Sun, 09 Sep 2001 01:46:40 GMT.
const WRITTEN_S: u64 = 1_000_000_000;

struct Site {
    folder: tempfile::TempDir,
    settings: config::Bundle,
    bundle: Bundle,
    metrics: Metrics,
}

/// A bundle without any option.
fn plain(root: &Path) -> config::Bundle {
    config::Bundle {
        root: root.to_owned(),
        fallback: None,
        not_found: None,
        immutable: None,
        keep_previous: Duration::from_secs(3600),
        memory: 1 << 20,
        compress: true,
        preload: false,
        security_headers: false,
        headers: Vec::new(),
    }
}

fn load(settings: &config::Bundle, before: Option<&Bundle>, metrics: &Metrics) -> Result<Bundle, BundleError> {
    Bundle::load(&Arc::new(settings.clone()), before, metrics.bundles.of("dist"), Clock::start())
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Site {
    fn new(fallback: Option<&str>) -> Self {
        Self::with(|settings| settings.fallback = fallback.map(str::to_owned))
    }

    fn with(change: impl FnOnce(&mut config::Bundle)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("dist");
        for name in ["assets", "docs", "empty", ".git", ".well-known"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for (name, content) in [
            ("index.html", "<h1>home</h1>"),
            ("docs/index.html", "<h1>docs</h1>"),
            ("assets/index-DiwrgTda.js", "plain script"),
            ("assets/index-DiwrgTda.js.br", "br"),
            ("assets/index-DiwrgTda.js.gz", "gz-gz"),
            ("digits.txt", "0123456789"),
            ("nothing.txt", ""),
            ("a b.txt", "blank"),
            ("%2e%2e", "percent"),
            (".env", "secret"),
            (".git/config", "secret"),
            (".well-known/security.txt", "contact"),
        ] {
            write(&root.join(name), content.as_bytes());
        }
        fs::write(folder.path().join("secret.txt"), "secret").unwrap();
        symlink("digits.txt", root.join("alias.txt")).unwrap();
        symlink("/", root.join(".hidden")).unwrap();
        let mut settings = plain(&root);
        change(&mut settings);
        let metrics = Metrics::new();
        let bundle = load(&settings, None, &metrics).unwrap();
        Self { folder, settings, bundle, metrics }
    }

    /// As after a change that was noticed.
    fn reload(&mut self) {
        self.bundle = load(&self.settings, Some(&self.bundle), &self.metrics).unwrap();
    }

    fn make_variants(&mut self) {
        let variants = self.bundle.make_variants(&AtomicBool::new(false)).unwrap();
        self.bundle = self.bundle.with_variants(&variants).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("dist").join(name)
    }

    async fn send(&self, request: request::Builder) -> Answer {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let response = self.bundle.respond(&head, head.uri.path(), NOW, 7).await;
        let (head, body) = response.into_parts();
        let declared = head.headers.get("content-length").map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
        let exact = http_body::Body::size_hint(&body).exact().unwrap();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        assert_eq!(body.len() as u64, exact);
        assert!(declared.is_none_or(|declared| declared == exact || exact == 0), "{declared:?} but {exact}");
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// The status at the time by which assets of earlier builds are kept.
    async fn status_now(&self, path: &str) -> u16 {
        let (head, ()) = Request::get(path).body(()).unwrap().into_parts();
        self.bundle.respond(&head, path, Clock::start().now(), 7).await.status().as_u16()
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
        self.send(request).await
    }
}

fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(WRITTEN_S)).unwrap();
}

#[tokio::test]
async fn files_and_folders() {
    let site = Site::new(None);
    for (path, status, body) in [
        ("/", 200, "<h1>home</h1>"),
        ("/index.html", 200, "<h1>home</h1>"),
        ("/docs/", 200, "<h1>docs</h1>"),
        ("/a%20b.txt", 200, "blank"),
        ("/%252e%252e", 200, "percent"),
        ("/nothing.txt", 200, ""),
        ("/alias.txt", 200, "0123456789"), // a link inside the root
        ("/.well-known/security.txt", 200, "contact"),
        ("/digits.txt?v=1", 200, "0123456789"),
        ("/empty", 404, "no such file\n"),
        ("/empty/", 404, "no such file\n"),
        ("/missing.txt", 404, "no such file\n"),
        ("/digits.txt/", 404, "no such file\n"),
        ("/digits.txt/x", 404, "no such file\n"),
        ("/cart", 404, "no such file\n"),
    ] {
        let answer = site.get(path, &[]).await;
        assert_eq!((answer.status, String::from_utf8(answer.body).unwrap().as_str()), (status, body), "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
    }
    let redirect = site.get("/docs?a=b", &[]).await;
    assert_eq!((redirect.status, redirect.header("location")), (301, "./docs/?a=b"));
}

#[tokio::test]
async fn nothing_leaves_the_root() {
    let site = Site::new(Some("index.html"));
    let long = format!("/{}", "a".repeat(5000));
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/docs/../../secret.txt",
        "/.env",
        "/.git/config",
        "/%2egit/config",
        "/.hidden/etc/hostname",
        "/assets%2findex-DiwrgTda.js",
        "/a%00.txt",
        "//etc/hostname",
    ] {
        let answer = site.get(path, &[("accept", "*/*")]).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    assert_eq!(site.get(&long, &[("accept", "*/*")]).await.status, 404);
}

#[tokio::test]
async fn a_file_that_became_a_link_is_not_followed() {
    let mut site = Site::with(|settings| settings.memory = 0);
    assert_eq!(site.get("/digits.txt", &[]).await.body, b"0123456789");
    site.settings.headers.push((header("x-build"), "2".parse().unwrap()));
    fs::remove_file(site.path("digits.txt")).unwrap();
    symlink("../secret.txt", site.path("digits.txt")).unwrap();
    assert_eq!(site.get("/digits.txt", &[]).await.body, b"0123456789", "the file that was opened");
    let error = load(&site.settings, Some(&site.bundle), &site.metrics).unwrap_err().to_string();
    assert!(error.contains("digits.txt") && error.contains("secret.txt") && error.contains("outside"), "{error}");
}

fn header(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

#[tokio::test]
async fn the_root_may_be_a_link_that_is_exchanged() {
    let mut site = Site::new(None);
    for release in ["one", "two"] {
        fs::create_dir(site.folder.path().join(release)).unwrap();
        fs::write(site.folder.path().join(release).join("index.html"), release).unwrap();
    }
    site.settings.root = site.folder.path().join("current");
    symlink("one", &site.settings.root).unwrap();
    site.reload();
    assert_eq!(site.get("/", &[]).await.body, b"one");
    assert_eq!(site.status_now("/assets/index-DiwrgTda.js").await, 200, "of the root before");
    fs::remove_file(&site.settings.root).unwrap();
    symlink("two", &site.settings.root).unwrap();
    site.reload();
    assert_eq!(site.get("/", &[]).await.body, b"two");
}

#[tokio::test]
async fn the_fallback_is_for_navigations_only() {
    let site = Site::new(Some("index.html"));
    for (path, accept, status) in [
        ("/cart", Some("text/html,application/xhtml+xml;q=0.9"), 200),
        ("/cart/42/", Some("text/html"), 200),
        ("/cart", None, 200),
        ("/empty/", Some("text/html"), 200),
        ("/cart", Some("*/*"), 404),
        ("/api/items", Some("application/json"), 404),
        ("/assets/gone-DiwrgTda.js", Some("text/html"), 404),
        ("/assets/gone-DiwrgTda.js", None, 404),
    ] {
        let accept: Vec<_> = accept.map(|accept| ("accept", accept)).into_iter().collect();
        let answer = site.get(path, &accept).await;
        assert_eq!(answer.status, status, "{path} {accept:?}");
        assert_eq!(answer.header("vary"), "accept", "{path}");
        if status == 200 {
            assert_eq!((answer.body.as_slice(), answer.header("cache-control")), (&b"<h1>home</h1>"[..], "no-cache"));
        }
    }
    assert_eq!(site.get("/digits.txt", &[]).await.header("vary"), "");
}

#[tokio::test]
async fn navigations_that_can_name_no_file() {
    let site = Site::new(Some("index.html"));
    let with_page = Site::with(|settings| settings.not_found = Some("docs/index.html".into()));
    for (path, is_page) in [
        ("/user/a%2Fb", true),
        ("/search//x", true),
        ("/u/.hidden/settings", true),
        ("/q/%E0%A4%A", true),
        ("/q/%", true),
        ("/a/%5C", true),
        ("/wiki/a%00", true),
        ("/../cart", true),
        ("/assets%2findex-DiwrgTda.js", false),
        ("/..%2fsecret.txt", false),
        ("/.env", false),
        ("/a/..", false),
    ] {
        for (accept, status) in [("text/html", if is_page { 200 } else { 404 }), ("*/*", 404)] {
            let answer = site.get(path, &[("accept", accept)]).await;
            let body: &[u8] = if status == 200 { b"<h1>home</h1>" } else { b"no such file\n" };
            assert_eq!((answer.status, answer.body.as_slice()), (status, body), "{path} {accept}");
            assert_eq!(answer.header("vary"), "accept", "{path} {accept}");
        }
        let answer = with_page.get(path, &[("accept", "text/html")]).await;
        assert_eq!((answer.status, answer.body.as_slice()), (404, &b"<h1>docs</h1>"[..]), "{path}");
    }
}

#[tokio::test]
async fn what_never_changes_may_be_said() {
    let mut site = Site::with(|settings| settings.immutable = Some(vec!["digits.txt".into()]));
    let kept = |answer: &Answer| answer.header("cache-control").contains("immutable");
    for (path, immutable) in [("/digits.txt", true), ("/alias.txt", false), ("/assets/index-DiwrgTda.js", false)] {
        assert_eq!(kept(&site.get(path, &[]).await), immutable, "{path}");
    }
    fs::remove_file(site.path("alias.txt")).unwrap();
    fs::remove_file(site.path("digits.txt")).unwrap();
    site.settings.immutable = Some(Vec::new());
    site.reload();
    assert_eq!(
        (site.status_now("/digits.txt").await, site.status_now("/alias.txt").await),
        (200, 404),
        "of the build before"
    );
}

#[tokio::test]
async fn methods() {
    let site = Site::new(None);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        let answer = site.send(Request::builder().method(method).uri("/index.html")).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method}");
    }
    for path in ["/digits.txt", "/missing.txt", "/docs", "/..", "/assets/index-DiwrgTda.js"] {
        let get = site.get(path, &[]).await;
        let head = site.send(Request::head(path)).await;
        assert_eq!((head.status, &head.headers, head.body.len()), (get.status, &get.headers, 0), "{path}");
        assert!(!head.header("content-length").is_empty(), "{path}");
    }
    let head = site.send(Request::head("/digits.txt").header("range", "bytes=0-1")).await;
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
}

#[tokio::test]
async fn validators_and_conditions() {
    let mut site = Site::new(None);
    let first = site.get("/digits.txt", &[]).await;
    let (tag, date) = (first.header("etag").to_owned(), first.header("last-modified").to_owned());
    assert!(tag.len() == 34 && tag.starts_with('"'), "strong: {tag}");
    assert_eq!(date, "Sun, 09 Sep 2001 01:46:40 GMT");
    for (headers, status) in [
        (&[("if-none-match", tag.as_str())][..], 304),
        (&[("if-none-match", "\"other\"")], 200),
        (&[("if-modified-since", date.as_str())], 304),
        (&[("if-match", "\"other\"")], 412),
        (&[("if-unmodified-since", "Sun, 09 Sep 2001 01:46:39 GMT")], 412),
        (&[("range", "bytes=0-1"), ("if-none-match", tag.as_str())], 304), // conditions before ranges
    ] {
        let answer = site.get("/digits.txt", headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
        if status == 304 {
            assert_eq!((answer.header("etag"), answer.header("cache-control")), (tag.as_str(), "public, max-age=300"));
            assert!(answer.body.is_empty() && answer.header("content-length").is_empty());
        }
    }
    // The tag follows the content: not the name, not the time.
    assert_eq!(site.get("/alias.txt", &[]).await.header("etag"), tag);
    fs::write(site.path("digits.txt"), "0123456789").unwrap();
    site.reload();
    assert_eq!(site.get("/digits.txt", &[]).await.header("etag"), tag);
    write(&site.path("digits.txt"), b"9876543210!");
    assert_eq!(site.get("/digits.txt", &[]).await.header("etag"), tag, "not before it is indexed");
    site.reload();
    assert_ne!(site.get("/digits.txt", &[]).await.header("etag"), tag);
    // A time that lies ahead is not told.
    let (head, ()) = Request::get("/docs/").body(()).unwrap().into_parts();
    let early = site.bundle.respond(&head, "/docs/", Timestamp(1), 7).await;
    assert!(!early.headers().contains_key("last-modified"));
}

#[tokio::test]
async fn ranges() {
    let site = Site::new(None);
    let tag = site.get("/digits.txt", &[]).await.header("etag").to_owned();
    for (headers, status, range, body) in [
        (&[("range", "bytes=2-4")][..], 206, "bytes 2-4/10", "234"),
        (&[("range", "bytes=-3")], 206, "bytes 7-9/10", "789"),
        (&[("range", "bytes=0-1,2-4")], 206, "bytes 0-4/10", "01234"),
        (&[("range", "bytes=0-1,20-")], 206, "bytes 0-1/10", "01"),
        (&[("range", "bytes=0-1,4-5"), ("if-range", "\"old\"")], 200, "", "0123456789"),
        (&[("range", "bytes=20-")], 416, "bytes */10", "the range lies beyond the file\n"),
        (&[("range", "bytes=2-4"), ("if-range", tag.as_str())], 206, "bytes 2-4/10", "234"),
        (&[("range", "bytes=2-4"), ("if-range", "\"old\"")], 200, "", "0123456789"),
        (&[("range", "bytes=20-"), ("if-range", "\"old\"")], 200, "", "0123456789"),
        (&[("range", "bytes=2-4"), ("if-range", "Sun, 09 Sep 2001 01:46:40 GMT")], 206, "bytes 2-4/10", "234"),
    ] {
        let answer = site.get("/digits.txt", headers).await;
        assert_eq!((answer.status, answer.header("content-range")), (status, range), "{headers:?}");
        assert_eq!(String::from_utf8(answer.body).unwrap(), body, "{headers:?}");
    }
    assert_eq!(site.get("/digits.txt", &[]).await.header("accept-ranges"), "bytes");
    assert_eq!(site.get("/nothing.txt", &[("range", "bytes=0-")]).await.status, 416);
    assert_eq!(site.get("/nothing.txt", &[("range", "bytes=-5")]).await.status, 200, "its last five are all of it");
}

#[tokio::test]
async fn precompressed_variants() {
    let site = Site::new(None);
    let path = "/assets/index-DiwrgTda.js";
    let mut tags = Vec::new();
    for (accepted, encoding, body) in [
        ("gzip, br", "br", "br"),
        ("zstd, gzip;q=0.5", "gzip", "gz-gz"),
        ("br;q=0.1, gzip", "gzip", "gz-gz"),
        ("zstd", "", "plain script"),
        ("", "", "plain script"),
    ] {
        let answer = site.get(path, &[("accept-encoding", accepted)]).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, encoding), "{accepted}");
        assert_eq!(String::from_utf8(answer.body.clone()).unwrap(), body, "{accepted}");
        assert_eq!(answer.header("vary"), "accept-encoding", "{accepted}");
        assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        tags.push(answer.header("etag").to_owned());
    }
    assert!(tags[0] != tags[1] && tags[1] == tags[2] && tags[2] != tags[3] && tags[3] == tags[4], "{tags:?}");
    let other = site.get(path, &[("accept-encoding", "br"), ("if-none-match", tags[1].as_str())]).await;
    assert_eq!(other.status, 200, "the tag of another variant");
    let same = site.get(path, &[("accept-encoding", "br"), ("if-none-match", tags[0].as_str())]).await;
    assert_eq!((same.status, same.header("vary")), (304, "accept-encoding"));
    let part = site.get(path, &[("accept-encoding", "br"), ("range", "bytes=0-4")]).await;
    assert_eq!((part.status, part.header("content-encoding"), part.body.as_slice()), (206, "", &b"plain"[..]));
    // All forms have one date.
    for (accepted, condition, status, body) in [
        ("br", "Sun, 09 Sep 2001 01:46:40 GMT", 200, "br"),
        ("", "Sun, 09 Sep 2001 01:46:40 GMT", 206, "plain"),
        ("br", tags[4].as_str(), 206, "plain"),
    ] {
        let fields = [("accept-encoding", accepted), ("range", "bytes=0-4"), ("if-range", condition)];
        let part = site.get(path, &fields).await;
        assert_eq!((part.status, part.body.as_slice()), (status, body.as_bytes()), "{accepted} {condition}");
    }
}

#[tokio::test]
async fn a_variant_older_than_its_file_is_left_out() {
    let mut site = Site::new(None);
    let path = "/assets/index-DiwrgTda.js";
    fs::write(site.path("assets/index-DiwrgTda.js"), "a newer script").unwrap();
    fs::write(site.path("assets/index-DiwrgTda.js.gz"), "newer gz").unwrap();
    site.reload();
    for (accepted, body) in [("br", "a newer script"), ("br, gzip", "newer gz")] {
        let answer = site.get(path, &[("accept-encoding", accepted)]).await;
        assert_eq!(String::from_utf8(answer.body).unwrap(), body, "{accepted}");
    }
    let outdated: Vec<_> = site.bundle.index.outdated().iter().map(|found| found.name.as_slice()).collect();
    assert_eq!(outdated, [b"assets/index-DiwrgTda.js.br"], "and it is said");
    assert_eq!(site.get("/assets/index-DiwrgTda.js.br", &[]).await.body, b"br", "by its own name it is there");
}

#[tokio::test]
async fn rfc9110_15_3_7_2_several_ranges() {
    let mut site = Site::new(None);
    let digits = b"0123456789";
    let large: Vec<u8> = (0..2_000_003u32).map(|n| (n % 251) as u8).collect();
    write(&site.path("large.bin"), &large);
    site.reload();
    for (name, content, range, spans) in [
        ("digits.txt", &digits[..], "bytes=0-1,4-5,-1", &[0..2, 4..6, 9..10][..]),
        ("digits.txt", digits, "bytes=4-5,0-1", &[4..6, 0..2]),
        ("large.bin", &large, "bytes=0-0,1000000-1700000,-3", &[0..1, 1_000_000..1_700_001, 2_000_000..2_000_003]),
        ("large.bin", &large, "bytes=300000-1000000,2-3", &[300_000..1_000_001, 2..4]),
    ] {
        let answer = site.get(&format!("/{name}"), &[("range", range)]).await;
        assert_eq!((answer.status, answer.header("content-range")), (206, ""), "{range}");
        let boundary = answer.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();
        let media_type = if name == "large.bin" { "application/octet-stream" } else { "text/plain; charset=utf-8" };
        let mut expected = Vec::new();
        for span in spans {
            let total = content.len();
            let said = format!("Content-Range: bytes {}-{}/{total}", span.start, span.end - 1);
            expected.extend(format!("--{boundary}\r\nContent-Type: {media_type}\r\n{said}\r\n\r\n").bytes());
            expected.extend([&content[span.clone()], b"\r\n"].concat());
        }
        expected.extend(format!("--{boundary}--\r\n").bytes());
        assert_eq!(answer.header("content-length"), expected.len().to_string(), "{range}");
        assert!(answer.body == expected, "{range}");
    }
    let many = format!("bytes={}", (0..17).map(|n| format!("{}-{}", n * 2, n * 2)).collect::<Vec<_>>().join(","));
    assert_eq!(site.get("/large.bin", &[("range", &many)]).await.status, 200, "more parts than are sent");
}

#[tokio::test]
async fn large_files_come_in_pieces() {
    let mut site = Site::new(None);
    let content: Vec<u8> = (0..2_000_003u32).map(|n| (n % 251) as u8).collect();
    write(&site.path("large.bin"), &content);
    site.reload();
    assert!(site.get("/large.bin", &[]).await.body == content);
    assert_eq!(site.send(Request::head("/large.bin")).await.header("content-length"), "2000003");
    let part = site.get("/large.bin", &[("range", "bytes=100000-1899999")]).await;
    assert!(part.status == 206 && part.body == content[100_000..1_900_000]);

    let (head, ()) = Request::get("/large.bin").body(()).unwrap().into_parts();
    let mut body = site.bundle.respond(&head, "/large.bin", NOW, 7).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.len() <= 128 * 1024 && !body.is_end_stream());
    // Written over under the reader: an error, never a body that begins in one build and ends in the next.
    fs::write(site.path("large.bin"), vec![b'x'; content.len()]).unwrap();
    assert!(body.collect().await.is_err());
    let meanwhile = site.get("/large.bin", &[]).await;
    assert_eq!((meanwhile.status, meanwhile.header("retry-after")), (503, "1"));
}

#[tokio::test]
async fn previous_assets_stay_for_their_time() {
    let mut site = Site::new(Some("index.html"));
    let old = "/assets/index-DiwrgTda.js";
    let large = vec![7; 1_500_000];
    write(&site.path("assets/film-Aa1Bb2Cc.mp4"), &large);
    site.reload();
    for name in ["assets", "docs", "digits.txt"] {
        let path = site.path(name);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    fs::remove_file(site.path("alias.txt")).unwrap();
    write(&site.path("index.html"), b"<h1>second</h1>");
    site.reload();
    let now = Clock::start().now();
    let at = async |path: &str, now: Timestamp| {
        let (head, ()) = Request::get(path).header("accept", "*/*").body(()).unwrap().into_parts();
        site.bundle.respond(&head, path, now, 7).await
    };
    let kept = at(old, now).await;
    assert_eq!(
        (kept.status(), kept.headers()["cache-control"].to_str().unwrap()),
        (200.try_into().unwrap(), IMMUTABLE)
    );
    let film = at("/assets/film-Aa1Bb2Cc.mp4", now).await;
    assert!(film.into_body().collect().await.unwrap().to_bytes() == large, "it was open");
    assert_eq!(at("/digits.txt", now).await.status(), 404, "no hash in its name");
    assert_eq!(at("/docs/index.html", now).await.status(), 404, "no asset");
    assert_eq!(site.get("/", &[]).await.body, b"<h1>second</h1>");
    let later = now.plus(Duration::from_secs(3601));
    assert_eq!(at(old, later).await.status(), 404);
    assert!(site.bundle.without_gone(now).is_none());
    let emptied = site.bundle.without_gone(later).unwrap();
    assert_eq!((site.bundle.sizes().previous, emptied.sizes().previous), (4, 0));
    assert!(site.metrics.text().contains("portolan_bundle_previous_total{bundle=\"dist\"} 2"));
}

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

#[tokio::test]
async fn an_asset_keeps_its_first_end_and_none_is_kept_beyond_the_bound() {
    let mut site = Site::with(|settings| settings.memory = 3000);
    write(&site.path("assets/one-Aa1Bb2Cc.png"), &[1; 1500]);
    site.reload();
    fs::rename(site.path("assets/one-Aa1Bb2Cc.png"), site.path("assets/two-Aa1Bb2Cc.png")).unwrap();
    site.reload();
    assert_eq!((site.bundle.sizes().previous, site.bundle.sizes().previous_memory), (1, 1500));
    fs::rename(site.path("assets/two-Aa1Bb2Cc.png"), site.path("assets/three-Aa1Bb2Cc.png")).unwrap();
    site.reload();
    assert_eq!(site.bundle.sizes().previous_memory, 3000);
    fs::rename(site.path("assets/three-Aa1Bb2Cc.png"), site.path("assets/four-Aa1Bb2Cc.png")).unwrap();
    site.reload();
    assert_eq!(site.bundle.sizes().previous_memory, 3000, "the newest two");
    for (name, status) in [("one", 404), ("two", 200), ("three", 200), ("four", 200)] {
        assert_eq!(site.status_now(&format!("/assets/{name}-Aa1Bb2Cc.png")).await, status, "{name}");
    }
}

#[tokio::test]
async fn variants_that_are_made() {
    let mut site = Site::new(None);
    let script = "export const answer = 42;\n".repeat(200);
    write(&site.path("app.js"), script.as_bytes());
    write(&site.path("noise.js"), &noise(4000));
    write(&site.path("photo.png"), &[0; 4000]);
    site.reload();
    let before = site.get("/app.js", &[("accept-encoding", "br")]).await;
    assert_eq!((before.header("content-encoding"), before.header("vary")), ("", "accept-encoding"), "not yet");
    assert!(site.bundle.wants_variants());
    site.make_variants();
    assert!(!site.bundle.wants_variants());
    let mut tags = vec![before.header("etag").to_owned()];
    for encoding in ["br", "zstd", "gzip"] {
        let answer = site.get("/app.js", &[("accept-encoding", encoding)]).await;
        assert_eq!((answer.header("content-encoding"), answer.header("vary")), (encoding, "accept-encoding"));
        assert!(answer.body.len() < 300, "{encoding}: {}", answer.body.len());
        assert_eq!(decoded(encoding, &answer.body), script.as_bytes(), "{encoding}");
        assert!(!tags.contains(&answer.header("etag").to_owned()));
        tags.push(answer.header("etag").to_owned());
    }
    for path in ["/noise.js", "/photo.png", "/digits.txt"] {
        assert_eq!(site.get(path, &[("accept-encoding", "br")]).await.header("content-encoding"), "", "{path}");
    }
    assert_eq!(site.get("/photo.png", &[]).await.header("vary"), "", "a picture has none");
    // A new index of the same bytes takes them over.
    write(&site.path("digits.txt"), b"9876543210");
    site.reload();
    assert_eq!(site.get("/app.js", &[("accept-encoding", "br")]).await.header("etag"), tags[1]);
    let sizes = site.bundle.sizes();
    assert!(sizes.variants == 5 && sizes.variants_memory > 0, "three made and two found: {sizes:?}");
    let stopped = AtomicBool::new(true);
    assert!(site.bundle.make_variants(&stopped).is_none());
}

#[tokio::test]
async fn variants_stay_within_memory() {
    let mut site = Site::with(|settings| settings.memory = 150);
    write(&site.path("app.js"), "export const answer = 42;\n".repeat(230).as_bytes());
    site.reload();
    site.make_variants();
    let sizes = site.bundle.sizes();
    assert!(sizes.files_memory + sizes.variants_memory <= 150, "{sizes:?}");
    assert_eq!(sizes.variants, 3, "two found, and one of three made: {sizes:?}");
    write(&site.path("docs/more.txt"), &[b'x'; 60]);
    site.reload();
    let sizes = site.bundle.sizes();
    assert!(sizes.files_memory + sizes.variants_memory <= 150, "taken over with what is new: {sizes:?}");
}

fn noise(length: u32) -> Vec<u8> {
    (0..length).map(|n| (crate::base::hash::mix(u64::from(n) + 1) & 0xff) as u8).collect()
}

fn decoded(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "br" => brotli::BrotliDecompress(&mut &bytes[..], &mut plain).unwrap(),
        "zstd" => plain = zstd::stream::decode_all(bytes).unwrap(),
        _ => drop(io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut plain).unwrap()),
    }
    plain
}

#[tokio::test]
async fn options() {
    let mut site = Site::with(|settings| {
        settings.not_found = Some("404.html".into());
        settings.security_headers = true;
        settings.preload = true;
        settings.headers = vec![
            (header("x-build"), "7".parse().unwrap()),
            (header("referrer-policy"), "same-origin".parse().unwrap()),
        ];
        let root = settings.root.clone();
        write(&root.join("404.html"), b"<h1>gone</h1>");
        write(
            &root.join("index.html"),
            b"<script type=module src=/assets/index-DiwrgTda.js></script><link rel=stylesheet href=/no.css>",
        );
    });
    let home = site.get("/", &[]).await;
    assert_eq!(home.header("link"), "</assets/index-DiwrgTda.js>; rel=modulepreload");
    assert_eq!(site.get("/docs/", &[]).await.header("link"), "");
    for (name, value) in [
        ("x-build", "7"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-xss-protection", "0"),
    ] {
        assert_eq!(home.header(name), value, "{name}");
        assert_eq!(site.get("/gone", &[]).await.header(name), value, "{name}");
    }
    for (path, accept, body) in [
        ("/cart", "text/html", "<h1>gone</h1>"),
        ("/gone.js", "text/html", "<h1>gone</h1>"),
        ("/gone.js", "*/*", "no such file\n"),
    ] {
        let answer = site.get(path, &[("accept", accept), ("range", "bytes=0-1"), ("if-none-match", "*")]).await;
        assert_eq!(
            (answer.status, String::from_utf8(answer.body.clone()).unwrap().as_str()),
            (404, body),
            "{path} {accept}"
        );
        assert_eq!(
            (answer.header("vary"), answer.header("cache-control"), answer.header("etag")),
            ("accept", "no-store", "")
        );
    }
    site.settings.preload = false;
    site.reload();
    assert_eq!(site.get("/", &[]).await.header("link"), "", "a changed option is a new index");
}

#[test]
fn a_build_in_progress_is_not_indexed() {
    let site = Site::new(None);
    let path = site.path("assets/growing-Aa1Bb2Cc.js");
    let length = std::cell::Cell::new(0);
    // Writes between any two looks, whatever else the machine does meanwhile: a writer of its own may come too late.
    let mut grow = |_| {
        length.set(length.get() + 1);
        fs::write(&path, vec![b'x'; length.get()]).unwrap();
    };
    grow(Duration::ZERO);
    // Whatever is written now is new by this clock.
    let clock = Clock::starting_at(Timestamp(0));
    let settings = Arc::new(site.settings.clone());
    // It goes on as it was, also when the tree is told to have changed.
    let meters = site.metrics.bundles.of("dist");
    let during = Bundle::load_after(&settings, Some(&site.bundle), meters, clock, &mut grow).unwrap();
    assert_eq!((during.digest(), during.sizes().files), (site.bundle.digest(), site.bundle.sizes().files));
    assert!(length.get() > 2, "the tree was looked at twice at least");
    let after = load(&site.settings, Some(&site.bundle), &site.metrics).unwrap();
    assert_eq!(after.sizes().files, site.bundle.sizes().files + 1);
    let unsettled = "portolan_bundle_indexes_total{bundle=\"dist\",result=\"unsettled\"}";
    assert!(site.metrics.text().contains(unsettled));
    // Without a bundle to go on with, nothing is served of it.
    let meters = site.metrics.bundles.of("dist");
    let first = Bundle::load_after(&settings, None, meters, clock, &mut grow);
    assert!(matches!(first, Err(BundleError::Unsettled { .. })), "{first:?}");
}

#[tokio::test]
async fn a_fifo_is_no_file() {
    let mut site = Site::new(None);
    let made = std::process::Command::new("mkfifo").arg(site.path("pipe.txt")).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    site.reload();
    assert_eq!(site.get("/pipe.txt", &[]).await.status, 404);
}

#[test]
fn a_bundle_that_cannot_serve_is_refused() {
    let site = Site::new(None);
    let root = site.path("");
    let message = |change: &dyn Fn(&mut config::Bundle)| {
        let mut settings = plain(&root);
        change(&mut settings);
        load(&settings, None, &site.metrics).unwrap_err().to_string()
    };
    let says =
        |got: String, what: &str| assert!(got.contains(what) && got.contains("accepted"), "{what} is not in: {got}");
    says(message(&|settings| settings.root = root.join("gone")), "gone");
    says(message(&|settings| settings.root = root.join("index.html")), "index.html");
    says(message(&|settings| settings.fallback = Some("app.html".into())), "fallback");
    says(message(&|settings| settings.fallback = Some(".env".into())), ".env");
    says(message(&|settings| settings.not_found = Some("docs".into())), "docs");
    for (target, name, what) in [
        ("../secret.txt", "leak.txt", "outside of the root"),
        ("/", "slash", "outside of the root"),
        ("nowhere", "dangling.txt", "dangling.txt"),
        ("loop.txt", "loop.txt", "loop.txt"),
        ("..", "docs/up", "a folder that it lies in"),
    ] {
        symlink(target, root.join(name)).unwrap();
        says(message(&|_| ()), what);
        fs::remove_file(root.join(name)).unwrap();
    }
    let path = root.join("digits.txt");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&path).is_err() {
        says(message(&|_| ()), "digits.txt");
    }
}
