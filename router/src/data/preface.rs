//! The fields that this hop adds to a request, encoded once per connection.
//!
//! `Forwarded`, `X-Forwarded-*`, `Via` and most of ours are the same for all requests of a connection to one host, so
//! they are kept as bytes and copied into each head. Owns that copy and when it may be used: not for requests that
//! bring such fields themselves or speak for another client, and not where a policy edits one of them; those go through
//! `headers::add_forwarding` field by field. Never decides what the fields say.

use super::h1::encode::write_fields;
use super::headers::{self, Hop, Survey};
use crate::steer::verdict::Edit;
use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderValue};

/// What the fields were made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    /// Of the snapshot: the PoP's name, who is trusted.
    pub(super) generation: u64,
    /// Of geo data: the client's country.
    pub(super) geo: u64,
}

/// The encoded fields of one connection.
#[derive(Debug)]
pub(super) struct Preface {
    epoch: Epoch,
    version: http::Version,
    host: Option<HeaderValue>,
    fields: Bytes,
}

impl Preface {
    /// Encodes the fields for requests to `host`.
    pub(super) fn new(epoch: Epoch, version: http::Version, host: Option<&HeaderValue>, hop: &Hop<'_>) -> Self {
        let mut added: HeaderMap = host.map(|host| (HOST, host.clone())).into_iter().collect();
        headers::add_forwarding(&mut added, hop);
        let mut fields = Vec::with_capacity(512);
        write_fields(&mut fields, &added, |name| *name == HOST);
        Self { epoch, version, host: host.cloned(), fields: fields.into() }
    }

    /// The fields.
    pub(super) fn bytes(&self) -> Bytes {
        self.fields.clone()
    }

    /// The fields, if they are those of such a request.
    pub(super) fn fields(&self, epoch: Epoch, version: http::Version, host: Option<&HeaderValue>) -> Option<Bytes> {
        let same = self.epoch == epoch && self.version == version && self.host.as_ref() == host;
        same.then(|| self.bytes())
    }
}

/// Whether a request may take encoded fields.
pub(super) fn serves(survey: Survey, edits: &[Edit]) -> bool {
    let touches = |edit: &Edit| match edit {
        Edit::Set(name, _) | Edit::Add(name, _) | Edit::Remove(name) => Survey::of_name(name).told,
    };
    !survey.told && !edits.iter().any(touches)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{ACCEPT, FORWARDED, VIA};

    #[test]
    fn an_edit_of_what_this_hop_adds_goes_field_by_field() {
        let quiet = Survey::default();
        let told = Survey { told: true, ..quiet };
        assert!(serves(quiet, &[]) && !serves(told, &[]));
        let star = HeaderValue::from_static("*");
        assert!(serves(quiet, &[Edit::Set(ACCEPT, star.clone())]));
        for edit in [Edit::Remove(VIA), Edit::Add(FORWARDED, star.clone()), Edit::Set(headers::X_FORWARDED_HOST, star)]
        {
            assert!(!serves(quiet, &[edit]));
        }
    }
}
