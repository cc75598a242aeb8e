//! Bringing a body into the store while others read it.
//!
//! Owns the task that reads the origin to the end, whoever of the clients stays. What is broken off is kept in part or not
//! at all, never as a whole.

use crate::base::clock;
use crate::cache::key::Key;
use crate::cache::partial;
use crate::cache::stored::Extent;
use crate::data::body::Body;
use crate::metrics::Histogram;
use crate::store::Store;
use crate::store::entry::Held;
use crate::store::filling::Filling;
use crate::store::flights::Lead;
use http_body_util::BodyExt;
use std::sync::Arc;

/// A body on its way. Whoever waits for it may look into the store when this is dropped.
pub(super) struct Fill {
    pub(super) store: Arc<Store>,
    pub(super) key: Key,
    pub(super) filling: Arc<Filling>,
    pub(super) body: Body,
    pub(super) lead: Option<Lead>,
    /// The most that is stored of one object, bytes.
    pub(super) object_max: u64,
    /// What the time until its end is counted with.
    pub(super) seconds: Histogram,
}

impl Fill {
    /// Reads the body to its end, and keeps it.
    pub(super) async fn run(mut self) {
        let began = clock::monotonic();
        let mut room = self.store.room();
        let mut keeps = true;
        let ended = loop {
            match self.body.frame().await {
                None => break Ok(()),
                Some(Err(error)) => break Err(error.to_string().into()),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let more = data.len() as u64;
                    let held = self.filling.append(data);
                    if keeps && (held > self.object_max || !room.take(more)) {
                        keeps = false;
                        self.filling.let_go();
                        room.give_back();
                        // Nobody who comes now can have it from the beginning.
                        if let Some(lead) = self.lead.take() {
                            lead.apart();
                        }
                    }
                }
            }
            if !self.filling.room().await {
                break Err("nobody reads it any more".into());
            }
        };
        let is_broken = ended.is_err();
        let (body, bytes) = self.filling.finish(ended);
        let whole_of_unknown_length = self.filling.stored.extent == Extent::Whole(None);
        if let Some(body) = body
            && !(is_broken && whole_of_unknown_length)
            && let Some(stored) = partial::arrived(self.filling.stored.clone(), bytes)
        {
            self.store.keep(&self.key, Arc::new(Held::new(stored, body, self.filling.era)));
            self.seconds.observe(began.elapsed());
        }
    }
}
