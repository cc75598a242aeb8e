//! The host against real components, each assembled from text with one peculiarity.
//!
//! `frame` and `world` build the components; `good` shows what reaches a guest and comes back, `load` what is refused before it
//! runs, `contain` what a guest may do without harm to the host. The guests of `tests/guests`, which need a Wasm
//! toolchain, are tried in `compiled` when they have been built.
#![allow(clippy::unwrap_used, clippy::disallowed_types, reason = "tests; the log is collected under a lock")]

mod compiled;
mod contain;
mod frame;
mod good;
mod load;
mod watching;
mod world;

/// A loaded policy that wants nothing and passes, for tests of the layers above.
pub(crate) fn passing() -> std::sync::Arc<super::Loaded> {
    world::PASS.load().unwrap()
}

/// One that also watches the regions and may ask a server.
fn watching() -> super::Loaded {
    let core = world::Core { hooks: &[frame::Hook::Route, frame::Hook::Health], ..world::PASS };
    std::sync::Arc::into_inner(watching::load(&core, Vec::new())).unwrap()
}

/// The same with a metric of each kind and a bucket.
pub(crate) fn measuring() -> super::Loaded {
    let mut loaded = watching();
    let kinds = [super::MeasureKind::Counter, super::MeasureKind::Gauge, super::MeasureKind::Histogram];
    let spec =
        |kind: super::MeasureKind| super::MeasureSpec { name: kind.as_str().to_owned(), kind, labels: Vec::new() };
    loaded.mould.measures = super::Measures::declare(kinds.map(spec).into(), &super::Measures::default());
    let grant = crate::config::Bucket {
        name: "a".into(),
        quota: crate::config::BucketQuota { entries: 1, bytes: 1, value: 1 },
    };
    loaded.mould.kv = super::Buckets::open(&["a".to_owned()], &[grant], &super::Buckets::default()).unwrap();
    loaded
}

/// A loaded policy that only hears answers, likewise.
pub(crate) fn listening() -> std::sync::Arc<super::Loaded> {
    world::Core { hooks: &[frame::Hook::Response], ..world::PASS }.load().unwrap()
}

/// A loaded policy that is only asked for keys, likewise.
pub(crate) fn keying() -> std::sync::Arc<super::Loaded> {
    world::Core { hooks: &[frame::Hook::Affinity], ..world::PASS }.load().unwrap()
}
