//! A bundle in a scratch folder, asked in every way that matters.
//! Owns nothing; needs no network. Called by: `cargo test`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use http::Request;
use http_body::Body as _;
use http_body_util::BodyExt;

use super::*;

/// 2033: every file of the tests is older, and old enough to be remembered.
const NOW: Timestamp = Timestamp(2_000_000_000_000);
/// When the files of the bundle were written: Sun, 09 Sep 2001 01:46:40 GMT.
const WRITTEN_S: u64 = 1_000_000_000;

struct Site {
    folder: tempfile::TempDir,
    bundle: Bundle,
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
        symlink("../secret.txt", root.join("leak.txt")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("/", root.join("slash")).unwrap();
        symlink("digits.txt", root.join("alias.txt")).unwrap();
        symlink("nowhere", root.join("dangling.txt")).unwrap();
        symlink("loop.txt", root.join("loop.txt")).unwrap();
        let bundle = Bundle::open(&root, fallback).unwrap();
        Self { folder, bundle }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("dist").join(name)
    }

    async fn send(&self, request: request::Builder) -> Answer {
        let (head, ()) = request.body(()).unwrap().into_parts();
        let response = self.bundle.respond(&head, head.uri.path(), NOW).await;
        let (head, body) = response.into_parts();
        let declared = head.headers.get("content-length").map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
        let exact = http_body::Body::size_hint(&body).exact().unwrap();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        assert_eq!(body.len() as u64, exact);
        assert!(declared.is_none_or(|declared| declared == exact || exact == 0), "{declared:?} but {exact}");
        Answer { status: head.status.as_u16(), headers: head.headers, body }
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
        "/leak.txt",
        "/up/secret.txt",
        "/slash/etc/hostname",
        "/dangling.txt",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/docs/../../secret.txt",
        "/.env",
        "/.git/config",
        "/%2egit/config",
        "/a%00.txt",
        "//etc/hostname",
    ] {
        let answer = site.get(path, &[("accept", "*/*")]).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
    }
    assert_eq!(site.get(&long, &[("accept", "*/*")]).await.status, 404);
    // A link to itself is the operator's mistake: logged, and no panic.
    assert_eq!(site.get("/loop.txt", &[]).await.status, 500);
}

#[tokio::test]
async fn the_root_may_be_a_link_that_is_exchanged() {
    let folder = tempfile::tempdir().unwrap();
    for release in ["one", "two"] {
        fs::create_dir(folder.path().join(release)).unwrap();
        fs::write(folder.path().join(release).join("index.html"), release).unwrap();
    }
    let current = folder.path().join("current");
    symlink("one", &current).unwrap();
    let bundle = Bundle::open(&current, Some("index.html")).unwrap();
    let site = Site { folder, bundle };
    assert_eq!(site.get("/", &[]).await.body, b"one");
    fs::remove_file(&current).unwrap();
    symlink("two", &current).unwrap();
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
    let site = Site::new(None);
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
    assert_eq!(site.get("/digits.txt", &[]).await.header("etag"), tag);
    write(&site.path("digits.txt"), b"9876543210!");
    assert_ne!(site.get("/digits.txt", &[]).await.header("etag"), tag);
}

#[tokio::test]
async fn a_file_just_written_is_hashed_again() {
    let site = Site::new(None);
    let path = site.path("digits.txt");
    let (head, ()) = Request::get("/digits.txt").body(()).unwrap().into_parts();
    let now = Timestamp(WRITTEN_S * 1000 + 500);
    let mut tags = Vec::new();
    for content in ["0123456789", "abcdefghij"] {
        write(&path, content.as_bytes()); // same length, time and inode
        let response = site.bundle.respond(&head, "/digits.txt", now).await;
        tags.push(response.headers()["etag"].clone());
    }
    assert_ne!(tags[0], tags[1]);
    assert_eq!(site.bundle.shared.tags.remembered(), 0);
    site.get("/digits.txt", &[]).await;
    assert_eq!(site.bundle.shared.tags.remembered(), 1);
    // A time that lies ahead is not told.
    let early = site.bundle.respond(&head, "/digits.txt", Timestamp(1)).await;
    assert!(!early.headers().contains_key("last-modified"));
}

#[tokio::test]
async fn ranges() {
    let site = Site::new(None);
    let tag = site.get("/digits.txt", &[]).await.header("etag").to_owned();
    for (headers, status, range, body) in [
        (&[("range", "bytes=2-4")][..], 206, "bytes 2-4/10", "234"),
        (&[("range", "bytes=-3")], 206, "bytes 7-9/10", "789"),
        (&[("range", "bytes=0-1,4-5")], 200, "", "0123456789"),
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
}

#[tokio::test]
async fn large_files_come_in_pieces() {
    let site = Site::new(None);
    let content: Vec<u8> = (0..1_000_003u32).map(|n| (n % 251) as u8).collect();
    write(&site.path("large.bin"), &content);
    assert!(site.get("/large.bin", &[]).await.body == content);
    let part = site.get("/large.bin", &[("range", "bytes=100000-899999")]).await;
    assert!(part.status == 206 && part.body == content[100_000..900_000]);

    let (head, ()) = Request::get("/large.bin").body(()).unwrap().into_parts();
    let mut body = site.bundle.respond(&head, "/large.bin", NOW).await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.len() <= 128 * 1024 && !body.is_end_stream());
    // Cut short under the reader: an error, never a body that looks complete.
    File::options().write(true).open(site.path("large.bin")).unwrap().set_len(200_000).unwrap();
    let Err(error) = body.collect().await else { panic!("a shortened file") };
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_fifo_does_not_hold_up_a_request() {
    let site = Site::new(None);
    let made = std::process::Command::new("mkfifo").arg(site.path("pipe.txt")).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    assert_eq!(site.get("/pipe.txt", &[]).await.status, 404);
}

#[tokio::test]
async fn an_unreadable_file_is_an_answer() {
    let site = Site::new(None);
    let path = site.path("digits.txt");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&path).is_ok() {
        println!("skipped: this user reads everything");
        return;
    }
    assert_eq!(site.get("/digits.txt", &[]).await.status, 500);
}

#[test]
fn a_bundle_that_cannot_serve_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("dist");
    fs::create_dir(&root).unwrap();
    fs::write(folder.path().join("secret.html"), "").unwrap();
    symlink("../secret.html", root.join("link.html")).unwrap();
    fs::write(root.join("index.html"), "").unwrap();
    assert!(Bundle::open(&root, Some("index.html")).is_ok());
    let message = |root: &Path, fallback| Bundle::open(root, fallback).unwrap_err().to_string();
    for (root, fallback, says) in [
        (folder.path().join("gone"), None, "gone"),
        (root.join("index.html"), None, "index.html"),
        (root.clone(), Some("app.html"), "app.html"),
        (root.clone(), Some(""), "below the root"),
        (root.clone(), Some("../secret.html"), "below the root"),
        (root.clone(), Some("/etc/hostname"), "below the root"),
        (root.clone(), Some("link.html"), "below the root"),
        (folder.path().to_owned(), Some("dist"), "not a regular file"),
    ] {
        let got = message(&root, fallback);
        assert!(got.contains(says) && got.contains("accepted"), "{got}");
    }
}
