//! Links and challenges: what pages, stored answers and registries name.

use http::header::HeaderValue;

use super::values;
use crate::cache::hints;
use crate::files::preload;
use crate::supply::registry;

/// `Link` of a stored page: what is told of it is a value by itself, says the same when it is read again, and tells nothing that
/// the page does not.
pub(super) fn hints(input: &[u8]) {
    let lines = values(input);
    let bytes = || lines.iter().map(HeaderValue::as_bytes);
    let Some(told) = hints::told(bytes()) else { return };
    assert_eq!(hints::told(std::iter::once(told.as_bytes())), Some(told.clone()));
    let next = b"</next>; rel=preload";
    let both = hints::told([told.as_bytes(), next].into_iter()).expect("there is one at least");
    assert!(both == told || both.as_bytes() == [told.as_bytes(), b", ", next].concat(), "no link takes in another");
}

/// A page of a bundle, a byte of zero, a manifest: every link is one that a browser would be told of.
pub(super) fn page(input: &[u8]) {
    let mut halves = input.splitn(2, |byte| *byte == 0);
    let (html, manifest) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    let Ok(html) = std::str::from_utf8(html) else { return };
    let Some(links) = preload::read(html, manifest, b"pages/index.html", |_| true) else { return };
    let told = hints::told(std::iter::once(links.as_bytes()));
    assert!(links.len() > 4096 || told.as_ref() == Some(&links));
    assert_eq!(preload::read(html, manifest, b"pages/index.html", |_| false), None, "only what is there");
}

/// The parameters of a registry's challenge: a value is found as it was written, whatever stands before it.
pub(super) fn challenge(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let found = registry::parameter(text, "realm");
    let written = |value: &str| {
        let escaped: String =
            value.chars().flat_map(|c| ['\\', c].into_iter().skip(usize::from(!"\\\"".contains(c)))).collect();
        format!("service=\"a, realm=b\",realm=\"{escaped}\"")
    };
    assert_eq!(registry::parameter(&written(text), "realm").as_deref(), Some(text));
    if let Some(found) = found {
        assert!(found.len() <= text.len());
        assert_eq!(registry::parameter(&format!("{text}, realm=\"other\""), "realm"), Some(found), "the first counts");
    }
}
