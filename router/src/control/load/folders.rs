//! What a process writes, before it does: the folder of the cache on disk, and that no bundle publishes any of it.
//!
//! Owns the look at folders that only a start opens, so that `portolan check` and a reload refuse what the next start would
//! refuse. Makes and takes nothing. Part of `load`.

use super::{Collected, Loader};
use crate::config::{self, Boot, Diagnostic, Live};
use crate::store::disk::folder;
use std::path::{Path, PathBuf};

impl Loader {
    pub(super) fn folders(&self, boot: &Boot, live: &Live, collected: &mut Collected) {
        // The one in use is not looked at again: what becomes of it while it serves costs the cache, and no reload.
        let is_in_use = self.serving && boot.cache_disk == self.boot.cache_disk;
        if let Some(disk) = boot.cache_disk.as_ref().filter(|_| !is_in_use) {
            collected.keep(folder::examine(&disk.path).map_err(|error| refusal(&error.to_string())));
        }
        let written = [
            ("process.cache_disk.path", boot.cache_disk.as_ref().map(|disk| &disk.path)),
            ("process.policy_cache", boot.policy_cache.as_ref()),
            ("components.cache", live.components.cache.as_ref()),
            ("record.file", boot.record.as_ref().map(|record| &record.file)),
        ];
        let written = written.into_iter().filter_map(|(key, path)| Some((key, path?)));
        let written: Vec<_> = written.map(|(key, path)| (key, path, real(path))).collect();
        for route in &live.routes {
            let config::Action::Static(bundle) = &route.action else { continue };
            let root = real(&bundle.root);
            for (key, path, _) in
                written.iter().filter(|(_, _, real)| real.starts_with(&root) || root.starts_with(real))
            {
                let [path, root] = [path, &bundle.root].map(|path| path.display());
                let problem =
                    Diagnostic::new(format!("`{key}`, {path}, and the static root {root} lie in one another"));
                let help =
                    "what the router writes is nobody else's, and a bundle is published: give it a place outside";
                collected.problems.push(problem.at(route.at.clone()).help(help));
            }
        }
    }
}

/// The words of a start, which come with their help.
fn refusal(words: &str) -> Diagnostic {
    match words.split_once("\n  help: ") {
        Some((wrong, help)) => Diagnostic::new(wrong).help(help),
        None => Diagnostic::new(words),
    }
}

/// Where a path leads, as far as there is anything.
fn real(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|one| {
        let one_or_here = if one.as_os_str().is_empty() { Path::new(".") } else { one };
        Some((one, one_or_here.canonicalize().ok()?))
    });
    let Some((start, found)) = there else { return path.to_owned() };
    path.strip_prefix(start).map_or(found.clone(), |rest| found.join(rest))
}
