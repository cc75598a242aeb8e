//! From a folder to a bundle that serves: indexed whole, or not at all.
//! Owns: the wait until a build holds still, and what a new index takes over from the one before. Never: serves.
//! Called by: the control plane, on a thread that may block.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::{self, HeaderValue};

use super::index::Index;
use super::kept::Kept;
use super::tree::Tree;
use super::{Bundle, BundleError};
use crate::base::{Clock, Timestamp, clock};
use crate::config;
use crate::metrics::BundleMetrics;

/// A tree in which nothing changed for this long holds still; a younger one has to be the same twice, this far apart.
const STILL: Duration = Duration::from_millis(500);
/// Looks at a tree that does not hold still, at start. With an index in use it is looked at again later anyway.
const LOOKS_MAX: usize = 20;

/// What any page can bear, besides `nosniff`: what leaves as the referrer, and two switches of old browsers that are best off.
const SECURITY: [(&str, &str); 3] = [
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
];

impl Bundle {
    /// Indexes a folder. What did not change since the bundle `before` is taken over, and its assets are kept. A folder
    /// that does not hold still goes on as `before`. Blocks.
    ///
    /// # Errors
    /// When it cannot be served as configured; everything of `before` is as it was.
    pub fn load(
        settings: &Arc<config::Bundle>,
        before: Option<&Self>,
        meters: BundleMetrics,
        clock: Clock,
    ) -> Result<Self, BundleError> {
        Self::load_after(settings, before, meters, clock, &mut pass)
    }

    /// The same, with what lets time pass between two looks.
    pub(super) fn load_after(
        settings: &Arc<config::Bundle>,
        before: Option<&Self>,
        meters: BundleMetrics,
        clock: Clock,
        wait: &mut dyn FnMut(Duration),
    ) -> Result<Self, BundleError> {
        let same = before.filter(|before| before.settings == *settings);
        let mut tree = Tree::walk(&settings.root).inspect_err(|_| meters.refused())?;
        if let Some(same) = same.filter(|same| same.index.tree.digest == tree.digest) {
            return Ok(same.clone());
        }
        for look in 0..LOOKS_MAX {
            let is_young = tree.newest_ms.saturating_add(STILL.as_millis() as u64) > clock.now().0;
            match still(settings, tree, is_young, wait).and_then(|tree| indexed(settings, tree, before, clock.now())) {
                Ok(index) => return Ok(Self::of(settings, index, before, meters, clock.now())),
                Err(BundleError::Unsettled { .. }) => meters.unsettled(),
                Err(error) => {
                    meters.refused();
                    return Err(error);
                }
            }
            if let (Some(same), true) = (same, look > 0) {
                return Ok(same.clone());
            }
            tree = Tree::walk(&settings.root).inspect_err(|_| meters.refused())?;
        }
        Err(BundleError::Unsettled { path: settings.root.clone() })
    }

    fn of(
        settings: &Arc<config::Bundle>,
        index: Index,
        before: Option<&Self>,
        meters: BundleMetrics,
        now: Timestamp,
    ) -> Self {
        meters.indexed();
        if let outdated @ [first, ..] = &*index.outdated() {
            let (count, path) = (outdated.len(), first.path.display());
            tracing::warn!(count, %path, "precompressed files older than the files beside them are left out, the first of them");
        }
        let kept = before.map_or_else(Kept::default, |before| {
            Kept::after((&before.index, &before.kept), (&index, now), settings.keep_previous, settings.memory)
        });
        let fields = fields(settings).into();
        Self {
            settings: Arc::clone(settings),
            index: Arc::new(index),
            kept: Arc::new(kept),
            fields,
            meters: Arc::new(meters),
        }
    }

    /// The same bundle without assets of earlier builds whose time is over; none when there are none.
    pub fn without_gone(&self, now: Timestamp) -> Option<Self> {
        let kept = self.kept.without_gone(now)?;
        Some(Self { kept: Arc::new(kept), ..self.clone() })
    }
}

/// Lets time pass.
fn pass(time: Duration) {
    let started = clock::monotonic();
    while let Some(left) = time.checked_sub(started.elapsed()) {
        std::thread::park_timeout(left);
    }
}

/// The tree, once it is the same twice.
fn still(
    settings: &config::Bundle,
    tree: Tree,
    is_young: bool,
    wait: &mut dyn FnMut(Duration),
) -> Result<Tree, BundleError> {
    if !is_young {
        return Ok(tree);
    }
    wait(STILL);
    same(settings, &tree).map(|()| tree)
}

/// An index of a tree that did not change while it was read.
fn indexed(
    settings: &config::Bundle,
    tree: Tree,
    before: Option<&Bundle>,
    now: Timestamp,
) -> Result<Index, BundleError> {
    let index = Index::build(settings, tree, before.map(|before| &*before.index), now)?;
    same(settings, &index.tree).map(|()| index)
}

fn same(settings: &config::Bundle, tree: &Tree) -> Result<(), BundleError> {
    let same = Tree::walk(&settings.root)?.digest == tree.digest;
    if same { Ok(()) } else { Err(BundleError::Unsettled { path: settings.root.clone() }) }
}

/// The headers that every answer of the bundle carries: the operator's own stand in place of ours.
fn fields(settings: &config::Bundle) -> Vec<(HeaderName, HeaderValue)> {
    let ours = SECURITY.iter().filter(|_| settings.security_headers);
    let ours = ours.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let nosniff = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let own = |name: &HeaderName| settings.headers.iter().any(|(own, _)| own == name);
    let ours = std::iter::once(nosniff).chain(ours).filter(|(name, _)| !own(name));
    ours.chain(settings.headers.iter().cloned()).collect()
}
