//! Static bundles.
//!
//! Owns that pages are named inside the directory, and what holds where a `static` table is silent.

use super::{Resolver, or};
use crate::config::raw::RawStatic;
use crate::config::value::{At, FileName, TextField};
use crate::config::{Bundle, defaults};
use std::path::Component;

impl Resolver<'_> {
    pub(super) fn bundle(&mut self, files: &At<RawStatic>) -> Option<Bundle> {
        let raw = &files.value;
        self.need(&raw.root, &files.span, "root", "the directory to serve");
        let fallback = self.page(&raw.fallback, "fallback");
        let not_found = self.page(&raw.not_found, "not-found page");
        self.named_once("immutable", raw.immutable.as_ref(), |pattern| pattern.0.as_str());
        let immutable =
            raw.immutable.as_ref().map(|list| list.value.iter().map(|path| path.value.0.0.clone()).collect());
        let headers = raw.headers.iter().flat_map(|headers| &headers.value.0);
        Some(Bundle {
            root: self.path(&raw.root)?,
            fallback: fallback?,
            not_found: not_found?,
            immutable,
            keep_previous: or(&raw.keep_previous, |time| time.0.0, defaults::KEEP_PREVIOUS),
            memory: or(&raw.memory, |size| size.0.0, defaults::BUNDLE_MEMORY),
            compress: or(&raw.compress, |on| *on, true),
            preload: or(&raw.preload, |on| *on, false),
            security_headers: or(&raw.security_headers, |on| *on, false),
            headers: headers.map(|(name, value)| (name.value.0.0.clone(), value.value.0.0.clone())).collect(),
        })
    }

    /// A file inside the directory; none inside when the key was left out.
    #[allow(clippy::option_option, reason = "wrong, left out, and given are three things")]
    fn page(&mut self, page: &TextField<FileName>, what: &str) -> Option<Option<String>> {
        let Some(page) = page else { return Some(None) };
        let name = &page.value.0.0;
        if !name.components().all(|part| matches!(part, Component::Normal(_))) {
            let error = self.error(&page.span, format!("the {what} is not inside the directory"));
            error.help.push("accepted: a file name relative to `root`, such as \"index.html\"".into());
            return None;
        }
        // It was read from text, so nothing is lost; written anew, so that "a//b" is the "a/b" of the index.
        let parts: Vec<_> = name.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        Some(Some(parts.join("/")))
    }
}
