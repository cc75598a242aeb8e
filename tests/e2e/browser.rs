//! The demo's React page in a headless Chromium: what a visitor's browser makes of what the router serves.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use portolan_tests::binaries::root;
use portolan_tests::browser::{Browser, Loaded};
use portolan_tests::site::{FRANKFURT, Service, pop};
use portolan_tests::{Ask, DemoOrigin, Origin, Pop, scripts, wait_until};

/// React has drawn the page.
const DRAWN: &str =
    "document.querySelector('h1')?.textContent === 'Portolan demo' && !!document.querySelector('.grid')";
/// What the page needs and no more; its styles are set on elements.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'";

/// A copy of the built page without regions of its own to ask; none, and a word why, where it was not built.
fn bundle(folder: &Path) -> Option<PathBuf> {
    let built = root().join("examples/demo/site/dist");
    if !built.join("index.html").is_file() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: the demo's page is not built; cargo xtask test builds it where there is npm\n",
        );
        return None;
    }
    let dist = folder.join("dist");
    copy(&built, &dist);
    let nobody = r#"{"pop":{"name":"test","title":"Test","location":{"latitude":50,"longitude":8}},"regions":[]}"#;
    fs::write(dist.join("demo.json"), nobody).unwrap();
    Some(dist)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The name of the page's only file with this ending.
fn asset(dist: &Path, ending: &str) -> String {
    let mut names =
        fs::read_dir(dist.join("assets")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.find(|name| name.ends_with(ending)).unwrap()
}

/// A PoP that serves the page from its folder, and the application behind it.
struct Site {
    pop: Pop,
    dist: PathBuf,
    _application: DemoOrigin,
}

impl Site {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let dist = bundle(folder.path())?;
        let application = DemoOrigin::start("eu-frankfurt", "fra-a", &folder.path().join("sessions"));
        let config = format!(
            "{}{}[[routes]]\npath = \"/api/\"\nservice = \"shop\"\n[[routes]]\npath = \"/\"\n\
             static = {{ root = \"dist\", fallback = \"index.html\", immutable = [\"assets/*\"], security_headers = true, \
             headers = {{ content-security-policy = {POLICY:?} }} }}\n",
            pop(),
            Service::new("shop").region(FRANKFURT, &[application.url()]).text(),
        );
        Some(Self { pop: Pop::start_in(folder, &config), dist, _application: application })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.pop.address())
    }

    /// Waits until a name is served in a coding.
    fn wait_coded(&self, path: &str, coding: &str) {
        let ask = Ask::get(path).field("accept-encoding", coding);
        wait_until(&format!("{path} in {coding}"), || self.pop.ask(&ask).field("content-encoding") == Some(coding));
    }
}

/// A script that says whether the page shows these words for its files: what the PoP did for each.
fn shown(words: &[&str]) -> String {
    let found = "[...document.querySelectorAll('[data-testid=assets] .badge')].map(badge => badge.textContent)";
    format!("JSON.stringify({found}) === '{}'", serde_json::json!(words))
}

/// Every answer of the page itself, without the application's and without those that the page looks at again to show them.
fn of_the_page(browser: &Browser) -> Vec<Loaded> {
    let mut seen = HashSet::new();
    let own = browser.loaded().into_iter().filter(|loaded| !loaded.url.contains("/api/"));
    own.filter(|loaded| seen.insert(loaded.url.clone())).collect()
}

#[test]
fn a_page_is_drawn_and_its_second_visit_comes_from_caches() {
    let Some(mut browser) = Browser::start() else { return };
    let Some(site) = Site::start() else { return };
    let (script, style) = (asset(&site.dist, ".js"), asset(&site.dist, ".css"));
    site.wait_coded(&format!("/assets/{script}"), "br");
    site.wait_coded(&format!("/assets/{style}"), "br");
    browser.visit(&site.url("/cart"));
    browser.wait_for(DRAWN);
    browser.wait_for("document.body.textContent.includes('fra-a')");
    browser.wait_for(&shown(&["bundle", "bundle", "bundle"]));
    assert_eq!(browser.problems(), [""; 0], "nothing is blocked, refused or missing");
    let page = browser.loaded_from("/cart");
    assert_eq!((page.status, page.field("cache-control")), (200, Some("no-cache")));
    assert_eq!(page.field("content-security-policy"), Some(POLICY));
    assert_eq!(page.field("referrer-policy"), Some("strict-origin-when-cross-origin"));
    for name in [&script, &style] {
        let found = browser.loaded_from(name);
        assert_eq!((found.status, found.field("content-encoding")), (200, Some("br")), "{name}");
        assert!(found.field("cache-control").is_some_and(|value| value.contains("immutable")), "{name}: {found:?}");
    }
    for loaded in of_the_page(&browser) {
        assert_eq!(loaded.field("x-content-type-options"), Some("nosniff"), "{loaded:?}");
        assert!(loaded.field("etag").is_some() && loaded.field("content-type").is_some(), "{loaded:?}");
        assert!(!loaded.from_cache, "the profile is new: {loaded:?}");
    }
    browser.visit(&site.url("/cart"));
    browser.wait_for(DRAWN);
    assert_eq!(browser.problems(), [""; 0]);
    assert_eq!(browser.loaded_from("/cart").status, 304, "the page is asked for, and was not sent again");
    for name in [&script, &style] {
        assert!(browser.loaded_from(name).from_cache, "{name} is not even asked for");
    }
}

#[test]
fn a_new_build_rolls_over_under_an_open_page() {
    let Some(mut browser) = Browser::start() else { return };
    let Some(site) = Site::start() else { return };
    let (script, style) = (asset(&site.dist, ".js"), asset(&site.dist, ".css"));
    browser.visit(&site.url("/"));
    browser.wait_for(DRAWN);
    // The next build has other names for what it changed, and the old files are gone.
    let (next_script, next_style) = ("index-Bx7kQ2mN.js", "index-Ck93ZpLw.css");
    let page = fs::read_to_string(site.dist.join("index.html")).unwrap();
    for (old, new) in [(&script, next_script), (&style, next_style)] {
        fs::rename(site.dist.join("assets").join(old), site.dist.join("assets").join(new)).unwrap();
    }
    let page = page.replace(&script, next_script).replace(&style, next_style).replace("<title>", "<title>Next ");
    fs::write(site.dist.join("index.html"), page).unwrap();
    wait_until("the new build serves", || site.pop.get("/").text().contains("<title>Next "));
    // What the open page may still ask for: its own parts, as a router of pages or an error report would.
    for (name, kind) in [(&script, "text/javascript"), (&style, "text/css")] {
        let again = format!(
            "fetch('/assets/{name}', {{ cache: 'no-store' }}).then(r => r.status + ' ' + r.headers.get('content-type'))"
        );
        assert_eq!(browser.evaluate(&again), format!("200 {kind}; charset=utf-8").as_str());
    }
    let module = format!("import('/assets/{script}?again').then(() => 'runs')");
    assert_eq!(browser.evaluate(&module), "runs", "a part that is loaded late still runs");
    browser.wait_for(DRAWN);
    assert_eq!(browser.problems(), [""; 0], "the open page is whole");
    browser.visit(&site.url("/"));
    browser.wait_for(DRAWN);
    assert_eq!(browser.evaluate("document.title"), "Next Portolan demo");
    assert_eq!((browser.loaded_from(next_script).status, browser.loaded_from(next_style).status), (200, 200));
    assert_eq!(browser.problems(), [""; 0]);
}

/// An origin that serves a folder: the page with a short life, its assets with a long one.
fn origin_of(dist: PathBuf) -> Origin {
    Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let name = if seen.target == "/" { "index.html" } else { seen.target.trim_start_matches('/') };
            let kind = match name.rsplit('.').next() {
                Some("js") => "text/javascript",
                Some("css") => "text/css",
                Some("json") => "application/json",
                _ => "text/html",
            };
            let life =
                if name.contains("assets/") { "max-age=31536000, immutable" } else { "max-age=1, stale-if-error=600" };
            let fields = format!("content-type: {kind}\r\ncache-control: {life}\r\netag: \"{name}\"\r\n");
            match fs::read(dist.join(name)) {
                Ok(body) => speaker.say(scripts::response("200 OK", &fields, body))?,
                Err(_) => speaker.say(scripts::response("404 Not Found", "", ""))?,
            }
        }
        Ok(())
    })
}

#[test]
fn a_page_from_an_origin_is_served_from_the_cache_and_stale_once_the_origin_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut first) = Browser::start() else { return };
    let Some(dist) = bundle(folder.path()) else { return };
    let (script, style) = (asset(&dist, ".js"), asset(&dist, ".css"));
    let application = DemoOrigin::start("eu-frankfurt", "fra-a", &folder.path().join("sessions"));
    let origin = origin_of(dist);
    let config = format!(
        "{}{}{}[[routes]]\npath = \"/api/\"\nservice = \"shop\"\n[[routes]]\npath = \"/\"\nservice = \"page\"\n",
        pop(),
        Service::new("shop").region(FRANKFURT, &[application.url()]).text(),
        Service::new("page").with("cache = {}").with("ejection = false").region(FRANKFURT, &[origin.url()]).text(),
    );
    let pop = Pop::start(&config);
    let url = format!("http://{}/", pop.address());
    first.visit(&url);
    first.wait_for(DRAWN);
    assert_eq!(first.problems(), [""; 0]);
    let asked = |name: &str| origin.seen().iter().filter(|seen| seen.target.ends_with(name)).count();
    assert_eq!((asked(&script), asked(&style)), (1, 1));
    // Another visitor, with nothing in a cache of its own: the assets come from the router's.
    let Some(mut second) = Browser::start() else { return };
    second.visit(&url);
    second.wait_for(DRAWN);
    assert_eq!((asked(&script), asked(&style)), (1, 1), "the origin is not asked for them again");
    for name in [&script, &style] {
        let found = second.loaded_from(name);
        assert!(found.field("cache-status").is_some_and(|said| said.contains(";hit")), "{found:?}");
    }
    second.wait_for(&format!("({}) || ({})", shown(&["hit", "hit", "hit"]), shown(&["asked again", "hit", "hit"])));
    drop(origin);
    wait_until("the page has become stale, and is served all the same", || {
        let answer = pop.ask(&Ask::get("/").host(&pop.address().to_string()));
        answer.status == 200 && answer.field("cache-status").is_some_and(|said| said.contains("detail=origin-failed"))
    });
    let Some(mut third) = Browser::start() else { return };
    third.visit(&url);
    third.wait_for(DRAWN);
    let page = third.loaded_from("/");
    assert_eq!(page.status, 200);
    assert!(page.field("cache-status").is_some_and(|said| said.contains("detail=origin-failed")), "{page:?}");
    assert_eq!(third.problems(), [""; 0], "the visitor notices nothing");
}
