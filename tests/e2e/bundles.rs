//! Builds that come and go under a static route: nobody sees half of one, and open pages keep what they need.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portolan_tests::pop::run;
use portolan_tests::site::pop;
use portolan_tests::{Ask, Client, Pop, wait_until};

/// Names of a script by build, as a bundler hashes them.
const HASHES: [&str; 4] = ["DiwrgTda", "Bx7kQ2mN", "Ck93ZpLw", "Dq5TfR8s"];

fn script(build: usize) -> String {
    format!("assets/app-{}.js", HASHES[build])
}

fn content(build: usize) -> String {
    format!("console.log('build {build}');\n").repeat(100)
}

/// Writes a build into a folder, assets first, as bundlers do.
fn build(folder: &Path, build: usize) {
    fs::create_dir_all(folder.join("assets")).unwrap();
    fs::write(folder.join(script(build)), content(build)).unwrap();
    let page =
        format!("<!doctype html><title>{build}</title><script type=\"module\" src=\"/{}\"></script>", script(build));
    fs::write(folder.join("index.html.new"), page).unwrap();
    fs::rename(folder.join("index.html.new"), folder.join("index.html")).unwrap();
}

fn site(options: &str) -> String {
    pop() + &format!("[[routes]]\npath = \"/\"\nstatic = {{ root = \"dist\", fallback = \"index.html\"{options} }}\n")
}

fn start(options: &str) -> Pop {
    let folder = tempfile::tempdir().unwrap();
    build(&folder.path().join("dist"), 0);
    Pop::start_in(folder, &site(options))
}

fn page(build: usize) -> String {
    format!("<title>{build}</title>")
}

/// Opens the page and loads what it names, as browsers do; what was broken, in words.
fn visit(client: &mut Client) -> Option<String> {
    let page = client.ask(&Ask::get("/cart").field("accept", "text/html")).map_err(|error| error.to_string());
    let page = match page {
        Ok(page) if page.status == 200 => page.text(),
        other => return Some(format!("the page: {other:?}")),
    };
    let number = HASHES.iter().position(|hash| page.contains(hash))?;
    match client.ask(&Ask::get(&format!("/{}", script(number)))) {
        Ok(answer) if answer.status == 200 && answer.text() == content(number) => None,
        other => Some(format!("the script of build {number}: {other:?}")),
    }
}

#[test]
fn a_new_build_rolls_over_without_a_broken_page() {
    let pop = start("");
    let (folder, dist) = (pop.folder(), pop.folder().join("dist"));
    let stop = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = (0..3)
        .map(|_| {
            let (stop, address) = (Arc::clone(&stop), pop.address());
            std::thread::spawn(move || {
                let mut client = Client::to(address);
                let (mut visits, mut broken) = (0, Vec::new());
                while !stop.load(Ordering::Relaxed) {
                    visits += 1;
                    broken.extend(visit(&mut client));
                }
                (visits, broken)
            })
        })
        .collect();
    let serves = |number: usize| {
        wait_until(&format!("build {number} serves"), || pop.get("/").text().contains(&page(number)));
    };
    // In place: new files beside the old ones, which go afterwards.
    build(&dist, 1);
    fs::remove_file(dist.join(script(0))).unwrap();
    serves(1);
    // The folder is exchanged for another one.
    build(&folder.join("next"), 2);
    fs::rename(&dist, folder.join("old")).unwrap();
    fs::rename(folder.join("next"), &dist).unwrap();
    serves(2);
    // The folder is exchanged for a link, as releases are.
    build(&folder.join("releases/3"), 3);
    fs::rename(&dist, folder.join("older")).unwrap();
    symlink("releases/3", &dist).unwrap();
    serves(3);
    fs::remove_dir_all(folder.join("old")).unwrap();
    fs::remove_dir_all(folder.join("older")).unwrap();
    for number in 0..4 {
        let kept = pop.get(&format!("/{}", script(number)));
        assert_eq!((kept.status, kept.text()), (200, content(number)), "build {number}");
    }
    stop.store(true, Ordering::Relaxed);
    for visitor in visitors {
        let (visits, broken) = visitor.join().unwrap();
        assert!(visits > 10 && broken.is_empty(), "{visits} visits, broken: {broken:?}");
    }
    let bundle = &pop.status()["bundles"][dist.to_str().unwrap()];
    assert_eq!((&bundle["files"], &bundle["previous"]), (&2.into(), &3.into()), "{bundle:#}");
}

#[test]
fn old_assets_go_when_their_time_is_over() {
    let pop = start(", keep_previous = \"1s\"");
    let dist = pop.folder().join("dist");
    build(&dist, 1);
    fs::remove_file(dist.join(script(0))).unwrap();
    wait_until("the new build serves", || pop.get("/").text().contains(&page(1)));
    wait_until("the old script is gone", || pop.get(&format!("/{}", script(0))).status == 404);
    let previous = format!("/bundles/{}/previous", dist.display().to_string().replace('/', "~1"));
    wait_until("its memory is free", || pop.status_of(&previous) == 0);
}

/// Breaks a bundle that serves: named in `/status`, and the last good one goes on; mended, it is taken.
#[track_caller]
fn break_and_mend(pop: &Pop, named: &str, broken: impl FnOnce(&Path), mend: impl FnOnce(&Path)) {
    let dist = pop.folder().join("dist");
    let refused = || pop.status_of("/config/refused_files").to_string();
    broken(&dist);
    wait_until("it is refused", || refused().contains(named));
    assert!(refused().contains("static"), "{}", refused());
    assert!(visit(&mut Client::to(pop.address())).is_none());
    assert!(pop.metrics().count("portolan_bundle_indexes_total", &[("result", "refused")]) > 0);
    mend(&dist);
    wait_until("it is taken again", || refused() == "[]");
    assert!(visit(&mut Client::to(pop.address())).is_none());
}

#[test]
fn a_link_that_leads_out_is_refused_by_name() {
    let pop = start("");
    let (outside, link) = (pop.folder().join("outside.txt"), "assets/escape.txt");
    fs::write(&outside, "outside").unwrap();
    let broken = |dist: &Path| symlink(&outside, dist.join(link)).unwrap();
    break_and_mend(&pop, "escape.txt", broken, |dist| fs::remove_file(dist.join(link)).unwrap());
    assert_eq!(pop.get("/assets/escape.txt").status, 404);
}

#[test]
fn a_missing_fallback_or_root_is_refused_by_name() {
    let pop = start("");
    let (dist, aside) = (pop.folder().join("dist"), pop.folder().join("aside"));
    let fallback = |dist: &Path| fs::rename(dist.join("index.html"), dist.join("home.html")).unwrap();
    break_and_mend(&pop, "fallback", fallback, |dist| {
        fs::rename(dist.join("home.html"), dist.join("index.html")).unwrap();
    });
    let root = |dist: &Path| fs::rename(dist, &aside).unwrap();
    break_and_mend(&pop, "static root", root, |dist| fs::rename(&aside, dist).unwrap());
    assert!(pop.get("/").text().contains(&page(0)), "{}", dist.display());
    for (options, named) in [("", "dist"), (", not_found = \"404.html\"", "dist")] {
        let refused = run(&site(options), &["check"]);
        assert!(refused.code == 2 && refused.err.contains(named), "{refused:?}");
    }
}

#[test]
fn variants_are_negotiated() {
    let pop = start("");
    let path = format!("/{}", script(0));
    let mut client = Client::to(pop.address());
    let mut with = |accepted: &str| client.ask(&Ask::get(&path).field("accept-encoding", accepted)).unwrap();
    wait_until("variants are made", || with("gzip").field("content-encoding") == Some("gzip"));
    let mut tags = Vec::new();
    for (accepted, encoding) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip;q=0.5, zstd", Some("zstd")),
        ("br;q=0, gzip", Some("gzip")),
        ("identity", None),
        ("", None),
    ] {
        let answer = with(accepted);
        assert_eq!((answer.status, answer.field("content-encoding")), (200, encoding), "{accepted}");
        assert_eq!(answer.field("vary"), Some("accept-encoding"), "{accepted}");
        assert_eq!(answer.body.len() < content(0).len() / 2, encoding.is_some(), "{accepted}");
        tags.push(answer.field("etag").unwrap().to_owned());
    }
    tags.dedup();
    assert_eq!(tags.len(), 4, "one tag for each form: {tags:?}");
    let same = Ask::get(&path).field("accept-encoding", "br").field("if-none-match", &tags[0]);
    assert_eq!(pop.ask(&same).status, 304);
    let part = pop.ask(&Ask::get(&path).field("accept-encoding", "br").field("range", "bytes=0-10"));
    assert_eq!((part.status, part.field("content-encoding"), part.text().as_str()), (206, None, "console.log"));
    let made = pop.metrics().count("portolan_bundle_variants_made_total", &[]);
    assert_eq!(made, 3, "of the script; the page is too short");
    assert!(pop.metrics().count("portolan_bundle_bytes_total", &[]) > 0);
}

#[test]
fn options_of_a_bundle() {
    let options = ", not_found = \"404.html\", preload = true, security_headers = true, headers = { x-build = \"7\" }";
    let folder = tempfile::tempdir().unwrap();
    build(&folder.path().join("dist"), 0);
    fs::write(folder.path().join("dist/404.html"), "<h1>not here</h1>").unwrap();
    let pop = Pop::start_in(folder, &site(options));
    let home = pop.ask(&Ask::get("/cart").field("accept", "text/html"));
    let link = format!("</{}>; rel=modulepreload", script(0));
    assert_eq!((home.status, home.field("link")), (200, Some(link.as_str())));
    assert_eq!(
        (home.field("x-build"), home.field("referrer-policy")),
        (Some("7"), Some("strict-origin-when-cross-origin"))
    );
    let gone = pop.ask(&Ask::get("/old.pdf").field("accept", "text/html"));
    assert_eq!((gone.status, gone.text().as_str()), (404, "<h1>not here</h1>"));
    assert_ne!(pop.ask(&Ask::get("/old.js").field("accept", "*/*")).text(), "<h1>not here</h1>");
    let refused = run(&site(", headers = { etag = \"x\" }"), &["check"]);
    assert!(refused.code == 2 && refused.err.contains("`etag`"), "{refused:?}");
}
