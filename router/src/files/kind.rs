//! What a file's name says of it: its media type, for how long it may be kept, whether it is worth compressing.
//! Owns: the three tables. Never: looks into the file (and tells browsers not to either: nosniff).
//! Called by: `files::index`. Pure.

use std::path::Path;

use super::hashed;
use crate::cache::compress;

/// A name that changes whenever the content does: kept for ever.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// A page names the assets of its build: asked for again each time, cheaply by its entity tag.
const REVALIDATED: &str = "no-cache";
/// Anything else: short, so that a deployment shows within minutes.
const SHORT: &str = "public, max-age=300";

/// The media type, with the character set where it is text.
pub(super) fn media_type(path: &Path) -> String {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_ascii_lowercase();
    // What browsers and players would refuse, or take for something else, by the name that the table below has for it.
    let essence = match &*extension {
        "js" | "mjs" | "cjs" => "text/javascript", // RFC 9239
        "map" => "application/json",               // source maps
        "webmanifest" => "application/manifest+json",
        "woff" => "font/woff",                     // RFC 8081
        "m3u8" => "application/vnd.apple.mpegurl", // RFC 8216
        "ts" => "video/mp2t",                      // its segments
        "m4a" => "audio/mp4",                      // RFC 4337
        "yaml" | "yml" => "application/yaml",      // RFC 9512
        "toml" => "application/toml",
        _ => mime_guess::from_ext(&extension).first_raw().unwrap_or("application/octet-stream"),
    };
    if essence.starts_with("text/") { format!("{essence}; charset=utf-8") } else { essence.to_owned() }
}

/// The `Cache-Control` of a file, by the patterns of what never changes, or by its name.
pub(super) fn cache_control(path: &Path, immutable: Option<&[String]>) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => REVALIDATED,
        _ if immutable.map_or_else(|| hashed::carries(name(path)), |patterns| is_among(path, patterns)) => IMMUTABLE,
        _ => SHORT,
    }
}

/// Whether pages of the build before may ask for a file by a name that its successor does not have. A page's name never changes:
/// people keep its address.
pub(super) fn is_kept(path: &Path, immutable: Option<&[String]>) -> bool {
    match cache_control(path, immutable) {
        REVALIDATED => false,
        IMMUTABLE => true,
        _ => hashed::may_carry(name(path)),
    }
}

fn is_among(path: &Path, patterns: &[String]) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => path.starts_with(start.as_bytes()),
        None => path == pattern.as_bytes(),
    })
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Whether a file of this type and length becomes smaller by compression.
pub(super) fn is_compressible(media_type: &str, length: u64) -> bool {
    let essence = media_type.split(';').next().unwrap_or(media_type);
    length > compress::LENGTH_MIN && compress::is_compressible(essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("app.js", "text/javascript; charset=utf-8"),
            ("app.mjs", "text/javascript; charset=utf-8"),
            ("app.css", "text/css; charset=utf-8"),
            ("robots.txt", "text/plain; charset=utf-8"),
            ("data.json", "application/json"),
            ("app.js.map", "application/json"),
            ("site.webmanifest", "application/manifest+json"),
            ("logo.svg", "image/svg+xml"),
            ("a.wasm", "application/wasm"),
            ("font.woff2", "font/woff2"),
            ("photo.JPG", "image/jpeg"),
            ("APP.MJS", "text/javascript; charset=utf-8"),
            ("lib.cjs", "text/javascript; charset=utf-8"),
            ("font.woff", "font/woff"),
            ("live.m3u8", "application/vnd.apple.mpegurl"),
            ("live-1.ts", "video/mp2t"),
            ("song.m4a", "audio/mp4"),
            ("openapi.yaml", "application/yaml"),
            ("LICENSE", "application/octet-stream"),
            ("x.unheard-of", "application/octet-stream"),
        ] {
            assert_eq!(media_type(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn what_is_worth_compressing() {
        for (name, length, expected) in [
            ("app.js", 5000, true),
            ("app.js", 1024, false),
            ("logo.svg", 5000, true),
            ("a.wasm", 5000, true),
            ("site.webmanifest", 5000, true),
            ("photo.jpg", 5000, false),
            ("font.woff2", 5000, false),
            ("app.js.br", 5000, false),
            ("LICENSE", 5000, false),
        ] {
            assert_eq!(is_compressible(&media_type(Path::new(name)), length), expected, "{name} {length}");
        }
    }

    #[test]
    fn how_long_a_file_is_kept() {
        for (name, expected) in [
            ("index.html", REVALIDATED),
            ("about-DiwrgTda.html", REVALIDATED),
            ("assets/index-DiwrgTda.js", IMMUTABLE),
            ("assets/index-BxY1_-3a.css", IMMUTABLE),
            ("assets/index-DiwrgTda.js.map", IMMUTABLE),
            ("main.1a2b3c4d.chunk.js", IMMUTABLE),
            ("chunk-5MFK4XKZ.js", IMMUTABLE),
            ("my-document.pdf", SHORT),
            ("my-Document.pdf", SHORT),
            ("LISEZ-MOIAUSSI.txt", SHORT),
            ("photo-20240131.jpg", SHORT),
            ("jquery-3.7.1.min.js", SHORT),
            ("DiwrgTda.js", SHORT), // no name before it
            ("app.js", SHORT),
            ("robots.txt", SHORT),
            ("index-DiwrgTda", SHORT),
            ("日本語-DiwrgTda.js", IMMUTABLE),
            ("fonts/Inter-SemiBold.woff2", SHORT),
            ("img/og-1200x630.png", SHORT),
            ("img/photo-1024x768.jpg", SHORT),
            ("img/logo-small-2x.png", SHORT),
            ("dl/report-version2.pdf", SHORT),
            ("_next/static/css/fd770f0d86163c29.css", IMMUTABLE),
            ("_next/static/media/4473ecc91f70f139-s.p.woff2", IMMUTABLE),
        ] {
            assert_eq!(cache_control(Path::new(name), None), expected, "{name}");
        }
    }

    #[test]
    fn what_the_operator_says_never_changes() {
        let said = ["assets/*".to_owned(), "_app/immutable/entry".to_owned(), "fonts/Inter*".to_owned()];
        for (name, said, expected, is_kept_on) in [
            ("assets/app.js", &said[..], IMMUTABLE, true),
            ("assets/deep/app.js", &said, IMMUTABLE, true),
            ("assets/about.html", &said, REVALIDATED, false),
            ("old/assets/app.js", &said, SHORT, false),
            ("assets", &said, SHORT, false),
            ("_app/immutable/entry", &said, IMMUTABLE, true),
            ("_app/immutable/entry.js", &said, SHORT, false),
            ("fonts/Inter-Bold.woff2", &said, IMMUTABLE, true),
            ("index-DiwrgTda.js", &said, SHORT, true),
            ("index-DiwrgTda.js", &[], SHORT, true),
            ("index.html", &["*".to_owned()], REVALIDATED, false),
            ("app.js", &["*".to_owned()], IMMUTABLE, true),
        ] {
            let (path, said) = (Path::new(name), Some(said));
            assert_eq!((cache_control(path, said), is_kept(path, said)), (expected, is_kept_on), "{name} {said:?}");
        }
    }
}
