//! A single-page application from a folder, and nothing else of the disk.

use std::path::Path;

use portolan_tests::site::pop;
use portolan_tests::{Ask, Client, Pop, wait_until};

const PAGE: &str = "<!doctype html><title>shop</title>";

fn start() -> Pop {
    let folder = tempfile::tempdir().unwrap();
    let dist = folder.path().join("dist");
    std::fs::create_dir_all(dist.join("assets")).unwrap();
    let put = |name: &str, text: &str| std::fs::write(dist.join(name), text).unwrap();
    put("index.html", PAGE);
    put("assets/index-DkX3f9Qz.js", "console.log('shop')");
    put("assets/style.css", "body{}");
    put("big.bin", &"0123456789".repeat(10_000));
    put(".secret", "hidden");
    std::fs::write(folder.path().join("outside.txt"), "outside").unwrap();
    std::os::unix::fs::symlink(folder.path().join("outside.txt"), dist.join(".escape")).unwrap();
    let route = "[[routes]]\npath = \"/\"\nstatic = { root = \"dist\", fallback = \"index.html\" }\n";
    Pop::start_in(folder, &(pop() + route))
}

#[test]
fn navigations_fall_back_to_the_page_and_assets_do_not() {
    let pop = start();
    let html = |path: &str| pop.ask(&Ask::get(path).field("accept", "text/html,*/*;q=0.8"));
    for path in ["/", "/index.html", "/cart", "/orders/17"] {
        let answer = html(path);
        assert_eq!((answer.status, answer.text().as_str()), (200, PAGE), "{path}");
        assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(
            answer.field("cache-control").is_some_and(|value| value.contains("no-cache")),
            "{path}: {:?}",
            answer.fields
        );
    }
    let script = pop.get("/assets/index-DkX3f9Qz.js");
    assert_eq!(script.text(), "console.log('shop')");
    assert!(script.field("cache-control").is_some_and(|value| value.contains("immutable")), "{:?}", script.fields);
    assert!(script.field("content-type").is_some_and(|value| value.contains("javascript")));
    assert_eq!(script.field("x-content-type-options"), Some("nosniff"));
    let plain = pop.get("/assets/style.css");
    assert!(!plain.field("cache-control").is_some_and(|value| value.contains("immutable")), "{:?}", plain.fields);
    // HTML in place of an asset is how single-page applications break after a deployment.
    assert_eq!(html("/assets/index-OLD.js").status, 404);
    assert_eq!(pop.ask(&Ask::get("/api/data").field("accept", "application/json")).status, 404);
}

#[test]
fn conditions_ranges_and_methods() {
    let pop = start();
    let mut client = Client::to(pop.address());
    let whole = client.ask(&Ask::get("/big.bin")).unwrap();
    assert!(whole.field("etag").is_some_and(|tag| tag.starts_with('"')), "{:?}", whole.fields);
    assert_eq!(whole.body.len(), 100_000);
    let tag = whole.field("etag").unwrap().to_owned();
    let same = client.ask(&Ask::get("/big.bin").field("if-none-match", &tag)).unwrap();
    assert_eq!((same.status, same.body.len(), same.field("etag")), (304, 0, Some(tag.as_str())));
    assert_eq!(client.ask(&Ask::get("/big.bin").field("if-none-match", "\"other\"")).unwrap().status, 200);
    assert_eq!(client.ask(&Ask::get("/big.bin").field("if-match", "\"other\"")).unwrap().status, 412);
    for (range, status, content_range, body) in [
        ("bytes=0-9", 206, "bytes 0-9/100000", "0123456789"),
        ("bytes=99995-", 206, "bytes 99995-99999/100000", "56789"),
        ("bytes=-3", 206, "bytes 99997-99999/100000", "789"),
    ] {
        let part = client.ask(&Ask::get("/big.bin").field("range", range)).unwrap();
        assert_eq!(
            (part.status, part.field("content-range"), part.text().as_str()),
            (status, Some(content_range), body)
        );
    }
    let beyond = client.ask(&Ask::get("/big.bin").field("range", "bytes=100000-")).unwrap();
    assert_eq!((beyond.status, beyond.field("content-range")), (416, Some("bytes */100000")));
    let changed = client.ask(&Ask::get("/big.bin").field("range", "bytes=0-9").field("if-range", "\"other\"")).unwrap();
    assert_eq!((changed.status, changed.body.len()), (200, 100_000), "a part of another state is of no use");
    let head = client.ask(&Ask::new("HEAD", "/big.bin")).unwrap();
    assert_eq!((head.status, head.field("content-length"), head.body.len()), (200, Some("100000"), 0));
    let post = client.ask(&Ask::post("/big.bin", "x")).unwrap();
    assert_eq!(post.status, 405);
    assert!(post.field("allow").is_some_and(|allow| allow.contains("GET")));
}

#[test]
fn nothing_outside_the_folder_is_served() {
    let pop = start();
    let mut leaks = Vec::new();
    for path in [
        "/../outside.txt",
        "/assets/../../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/%2e%2e%2foutside.txt",
        "/..%5coutside.txt",
        "/..\\outside.txt",
        "//outside.txt",
        "/.%2e/outside.txt",
        "/%252e%252e/outside.txt",
        "/assets/..;/outside.txt",
        "/.escape",
        "/etc/passwd",
        "/etc/hostname",
        "/.secret",
        "/%2esecret",
        "/index.html%00.txt",
        "/index.html/",
        "/index.html/../../outside.txt",
    ] {
        for accept in ["text/html", "*/*"] {
            let mut client = Client::to(pop.address());
            let answer = client.ask(&Ask::get(path).field("accept", accept)).unwrap();
            let text = answer.text();
            if text.contains("outside") || text.contains("hidden") || text.contains("root:") || answer.status >= 500 {
                leaks.push(format!("{path}: {} {text}", answer.status));
            }
            let is_page = answer.status == 200 && text == PAGE;
            assert!(
                (400..500).contains(&answer.status) || is_page || (300..400).contains(&answer.status),
                "{path}: {}",
                answer.status
            );
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

#[test]
fn a_changed_page_is_served_once_it_holds_still() {
    let pop = start();
    let dist = pop.folder().join("dist");
    let put = |path: &Path, text: &str| {
        std::fs::write(path.with_extension("new"), text).unwrap();
        std::fs::rename(path.with_extension("new"), path).unwrap();
    };
    let tag = pop.get("/index.html").field("etag").unwrap().to_owned();
    put(&dist.join("index.html"), "<!doctype html><title>shop, second edition</title>");
    let again = Ask::get("/").field("accept", "text/html").field("if-none-match", &tag);
    let mut answer = pop.ask(&again);
    wait_until("it is indexed", || {
        answer = pop.ask(&again);
        answer.status != 304
    });
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("second edition"));
}

#[test]
fn a_file_in_several_codings_is_one_state() {
    let folder = tempfile::tempdir().unwrap();
    let dist = folder.path().join("dist");
    std::fs::create_dir_all(&dist).unwrap();
    let date = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let put = |name: &str, text: &str, is_old: bool| {
        std::fs::write(dist.join(name), text).unwrap();
        if is_old {
            std::fs::File::options().write(true).open(dist.join(name)).unwrap().set_modified(date).unwrap();
        }
    };
    put("same.js", "plain", true);
    put("same.js.gz", "coded", true);
    put("rewritten.js", "newer", false);
    put("rewritten.js.gz", "older", true);
    let route = "[[routes]]\npath = \"/\"\nstatic = { root = \"dist\" }\n";
    let pop = Pop::start_in(folder, &(pop() + route));
    let gzip = |path: &str| Ask::get(path).field("accept-encoding", "gzip");
    // Both forms have the date.
    let goes_on = |ask: Ask| ask.field("range", "bytes=0-1").field("if-range", "Sun, 09 Sep 2001 01:46:40 GMT");
    let answer = pop.ask(&goes_on(gzip("/same.js")));
    assert_eq!((answer.status, answer.text().as_str(), answer.field("content-encoding")), (200, "coded", Some("gzip")));
    let answer = pop.ask(&goes_on(Ask::get("/same.js")));
    assert_eq!((answer.status, answer.text().as_str()), (206, "pl"), "it has the plain one");
    let answer = pop.ask(&gzip("/rewritten.js"));
    assert_eq!((answer.text().as_str(), answer.field("content-encoding")), ("newer", None));
}
