//! What a page needs, named before the browser has read it: `Link: <...>; rel=modulepreload` (RFC 8288, HTML).
//! Owns: reading the scripts and styles that a page names, and what Vite's manifest says they import. Never: names what is
//! not in the bundle; runs for a request.
//! Called by: `index`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use http::HeaderValue;
use serde::Deserialize;

use super::entry::{Content, Form};
use super::path::name_of;
use super::tree::{MANIFEST, Tree};

/// Links of one page: beyond this they compete with the page itself. Our choice.
const LINKS_MAX: usize = 16;
/// Larger manifests are not read.
const MANIFEST_MAX: u64 = 4 << 20;

/// How a file is asked for; a preload that differs is fetched twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rel {
    Module,
    Script { cors: bool },
    Style { cors: bool },
}

/// One entry of Vite's manifest, as far as it matters here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Chunk {
    file: String,
    src: String,
    #[serde(rename = "isEntry")]
    is_entry: bool,
    imports: Vec<String>,
    css: Vec<String>,
}

type Manifest = BTreeMap<String, Chunk>;

/// The header for the page at this place of the tree; none when it names nothing of the bundle.
pub(super) fn link(tree: &Tree, at: usize, page: &Form) -> Option<HeaderValue> {
    let Content::Memory(html) = &page.content else { return None };
    let name = &tree.files[at].name;
    let html = std::str::from_utf8(html).ok()?;
    let path = tree.root.join(MANIFEST);
    let readable = std::fs::metadata(&path).is_ok_and(|state| state.is_file() && state.len() <= MANIFEST_MAX);
    let manifest = readable.then(|| std::fs::read(&path).ok()).flatten();
    let exists = |url: &str| name_of(url).is_some_and(|name| tree.position(&name).is_some());
    read(html, &manifest.unwrap_or_default(), name, exists)
}

/// The same of a page and a manifest that were read.
pub(crate) fn read(html: &str, manifest: &[u8], name: &[u8], exists: impl Fn(&str) -> bool) -> Option<HeaderValue> {
    // A manifest that cannot be read costs some links, not the bundle.
    let manifest: Manifest = serde_json::from_slice(manifest).unwrap_or_default();
    written(named(html, name).into_iter().chain(imported(&manifest, name)).filter(|(url, _)| exists(url)))
}

fn written(links: impl Iterator<Item = (String, Rel)>) -> Option<HeaderValue> {
    let (mut seen, mut text) = (BTreeSet::new(), String::new());
    for (url, rel) in links {
        if seen.len() == LINKS_MAX || !seen.insert(url.clone()) {
            continue;
        }
        let cors = |cors| if cors { "; crossorigin" } else { "" };
        let (rel, cors) = match rel {
            Rel::Module => ("modulepreload", ""),
            Rel::Script { cors: with } => ("preload; as=script", cors(with)),
            Rel::Style { cors: with } => ("preload; as=style", cors(with)),
        };
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}<{url}>; rel={rel}{cors}").expect("writing to a string cannot fail");
    }
    HeaderValue::try_from(text).ok().filter(|value| !value.is_empty())
}

/// The scripts and styles that a browser of today fetches for a page, by their paths.
fn named(html: &str, page: &[u8]) -> Vec<(String, Rel)> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end..]);
            continue;
        }
        let (tag, after) = tag(rest);
        rest = after;
        let is = |name: &str, value: &str| tag.get(name).is_some_and(|found| found.eq_ignore_ascii_case(value));
        let cors = tag.contains_key("crossorigin");
        let (source, rel) = match tag.get("").map(String::as_str) {
            Some("script") if is("type", "module") => ("src", Rel::Module),
            // What has modules passes over it: the two are made for each other.
            Some("script") if tag.contains_key("nomodule") => continue,
            Some("script") => ("src", Rel::Script { cors }),
            // Fetched last, if at all.
            Some("link") if !tag.get("media").is_none_or(|media| is_for_screens(media)) => continue,
            Some("link") if is("rel", "modulepreload") => ("href", Rel::Module),
            Some("link") if is("rel", "stylesheet") => ("href", Rel::Style { cors }),
            _ => continue,
        };
        found.extend(tag.get(source).and_then(|url| absolute(url, page)).map(|url| (url, rel)));
    }
    found
}

/// Whether a list of media holds every screen. Of some screens the browser alone knows whether it is one.
fn is_for_screens(media: &str) -> bool {
    let every = |medium: &str| ["all", "screen"].iter().any(|all| medium.trim().eq_ignore_ascii_case(all));
    media.trim().is_empty() || media.split(',').any(every)
}

/// A tag's attributes by name in lower case, its own name under "", and what follows it.
fn tag(text: &str) -> (BTreeMap<String, String>, &str) {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).unwrap_or(text.len());
    let mut attributes = BTreeMap::from([(String::new(), text[..end].to_ascii_lowercase())]);
    let mut rest = &text[end..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            return (attributes, rest);
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let inside = &after[quote.map_or(0, char::len_utf8)..];
            let ends = |c: char| quote.map_or(c.is_whitespace() || c == '>', |quote| c == quote);
            let length = inside.find(ends).unwrap_or(inside.len());
            value = &inside[..length];
            rest = &inside[length..];
            rest = rest.strip_prefix(['"', '\'']).filter(|_| quote.is_some()).unwrap_or(rest);
        } else if end == 0 {
            // A stray sign of equality or quote: nothing that a browser would take for a name either.
            rest = rest.get(1..).unwrap_or_default();
        }
        attributes.entry(name).or_insert_with(|| value.to_owned());
    }
}

/// A path of this site, from the page on; none for other sites, queries and what would have to be escaped.
fn absolute(url: &str, page: &[u8]) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~%@+!$()=".contains(&byte);
    if url.is_empty() || url.starts_with("//") || !url.bytes().all(plain) {
        return None;
    }
    if url.starts_with('/') {
        return Some(url.to_owned());
    }
    let folder = std::str::from_utf8(page).ok()?.rsplit_once('/').map_or("", |(folder, _)| folder);
    let below = url.strip_prefix("./").unwrap_or(url);
    Some(if folder.is_empty() { format!("/{below}") } else { format!("/{folder}/{below}") })
}

/// What the page's entry in the manifest loads, imports of imports too.
fn imported(manifest: &Manifest, page: &[u8]) -> Vec<(String, Rel)> {
    let is_page =
        |(key, chunk): &(&String, &Chunk)| chunk.is_entry && (key.as_bytes() == page || chunk.src.as_bytes() == page);
    let Some((key, _)) = manifest.iter().find(is_page) else { return Vec::new() };
    let mut found = Vec::new();
    let (mut seen, mut open) = (BTreeSet::from([key]), vec![key]);
    while let Some(chunk) = open.pop().and_then(|key| manifest.get(key)) {
        let url = |file: &String| absolute(&format!("/{file}"), b"");
        found.extend(url(&chunk.file).map(|url| (url, Rel::Module)));
        // Vite writes its styles with `crossorigin`, in the page and where it loads them itself.
        found.extend(chunk.css.iter().filter_map(url).map(|url| (url, Rel::Style { cors: true })));
        open.extend(chunk.imports.iter().filter(|key| seen.insert(key)));
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_names() {
        let html = r#"<!doctype html><head><!-- <script src="/no.js"></script> -->
            <script type="module" crossorigin src="/assets/index-DiwrgTda.js"></script>
            <LINK rel=modulepreload href='./assets/vendor.js'><link rel="stylesheet" crossorigin href="/assets/a.css">
            <link rel="stylesheet" href="b.css" /><link rel="icon" href="/icon.svg"><script src=/old.js></script>
            <script src="https://elsewhere.example/x.js"></script><script src="//cdn/x.js"></script>
            <script>inline()</script><script src="/with?query"></script>< = "><a title="<script src='/x.js'>">"#;
        let found = named(html, b"index.html");
        let expected = [
            ("/assets/index-DiwrgTda.js", Rel::Module),
            ("/assets/vendor.js", Rel::Module),
            ("/assets/a.css", Rel::Style { cors: true }),
            ("/b.css", Rel::Style { cors: false }),
            ("/old.js", Rel::Script { cors: false }),
        ];
        assert_eq!(found, expected.map(|(url, rel)| (url.to_owned(), rel)));
        assert_eq!(named("<script src=a.js", b"docs/index.html")[0].0, "/docs/a.js");
    }

    #[test]
    fn what_a_browser_would_not_fetch() {
        let module = Some(Rel::Module);
        let (script, style) = (Some(Rel::Script { cors: true }), Some(Rel::Style { cors: false }));
        for (html, expected) in [
            ("<script nomodule crossorigin src=/a>", None),
            ("<script NOMODULE='' src=/a>", None),
            ("<script type=module nomodule src=/a>", module), // modules do not ask for it
            ("<script crossorigin src=/a>", script),
            ("<link rel=stylesheet href=/a>", style),
            ("<link rel=stylesheet media='' href=/a>", style),
            ("<link rel=stylesheet media=all href=/a>", style),
            ("<link rel=stylesheet media=' Screen ' href=/a>", style),
            ("<link rel=stylesheet media='print, screen' href=/a>", style),
            ("<link rel=stylesheet media=print href=/a>", None),
            ("<link rel=stylesheet media='(min-width: 60em)' href=/a>", None),
            ("<link rel=stylesheet media='screen and (min-width: 60em)' href=/a>", None),
            ("<link rel=modulepreload media=print href=/a>", None),
        ] {
            let expected: Vec<_> = expected.map(|rel| ("/a".to_owned(), rel)).into_iter().collect();
            assert_eq!(named(html, b"index.html"), expected, "{html}");
        }
    }

    #[test]
    fn what_the_manifest_adds() {
        let manifest = r#"{
            "index.html": {"file": "assets/index-1.js", "src": "index.html", "isEntry": true,
                "imports": ["_vendor.js"], "css": ["assets/index-1.css"], "dynamicImports": ["later.tsx"]},
            "_vendor.js": {"file": "assets/vendor-2.js", "imports": ["index.html"]},
            "later.tsx": {"file": "assets/later-3.js"}}"#;
        let manifest: Manifest = serde_json::from_str(manifest).unwrap();
        let links = imported(&manifest, b"index.html");
        let expected = "</assets/index-1.js>; rel=modulepreload, </assets/index-1.css>; rel=preload; as=style; crossorigin, \
                        </assets/vendor-2.js>; rel=modulepreload";
        assert_eq!(written(links.into_iter()).unwrap(), expected);
        assert_eq!(imported(&manifest, b"other.html"), []);
        assert_eq!(written(std::iter::empty()), None);
        let many = (0..40).map(|number| (format!("/{number}.js"), Rel::Module));
        assert_eq!(written(many).unwrap().to_str().unwrap().matches("rel=").count(), LINKS_MAX);
    }

    #[test]
    fn no_page_is_too_broken_to_read() {
        for html in
            ["", "<", "<script", "<script src", "<script src=", "<script src='", "<!--", "<é é=é>", "<a =\"'>'<b"]
        {
            named(html, b"index.html");
        }
    }
}
