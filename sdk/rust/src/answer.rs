//! An origin's answer as a policy hears of it, and what a policy makes of it.
//!
//! A view of what the host passed, like `request`. Made by `guest.rs` for each call and by `testing`.

use std::time::Duration;

use crate::bindings::response::exports::portolan::policy::response::Outcome;
use crate::request::Fields;
use crate::{Amendment, Binding, Edit, PinAction, Reaction, RegionId, Regions};

/// How an origin answered.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    raw: Outcome,
    names: &'a [String],
    fields: Fields<'a>,
    regions: &'a Regions,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(raw: Outcome, names: &'a [String], fields: &'a [u8], regions: &'a Regions) -> Self {
        Self { raw, names, fields: Fields::of(fields, names.len()), regions }
    }

    /// The region that answered.
    pub fn region(&self) -> RegionId {
        self.raw.region
    }

    /// Its name.
    pub fn region_name(&self) -> &'a str {
        self.regions.by_id(self.raw.region).map_or("", |region| &region.name)
    }

    /// Its status.
    pub fn status(&self) -> u16 {
        self.raw.status
    }

    /// Which attempt it was, from 1.
    pub fn attempt(&self) -> u32 {
        self.raw.attempt
    }

    /// From the begin of the attempt to the head of the answer.
    pub fn ttfb(&self) -> Duration {
        Duration::from_micros(self.raw.ttfb_us.into())
    }

    /// Whether [`Reaction::Next`] can be heeded.
    pub fn may_retry(&self) -> bool {
        self.raw.may_retry
    }

    /// A response field at this place in the manifest; none when the response has no such field.
    pub fn field_at(&self, place: usize) -> Option<&'a [u8]> {
        self.fields.at(place)
    }

    /// A declared response header as text, `header:NAME`; none when it is not UTF-8.
    ///
    /// Panics in a native build when the policy did not declare it.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let is = |declared: &String| {
            declared.strip_prefix("header:").is_some_and(|declared| declared.eq_ignore_ascii_case(name))
        };
        let place = self.names.iter().position(is);
        if cfg!(not(target_arch = "wasm32")) && place.is_none() {
            panic!("the response header `{name}` was not declared in describe; declared are {:?}", self.names);
        }
        std::str::from_utf8(self.field_at(place?)?).ok()
    }
}

impl Amendment {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { edits: Vec::new(), pin: PinAction::Keep }
    }

    /// Sets a header of the response.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.edits.push(Edit::set(name, value));
        self
    }

    /// Removes a header of the response.
    #[must_use]
    pub fn without_header(mut self, name: impl Into<String>) -> Self {
        self.edits.push(Edit::remove(name));
        self
    }

    /// Pins the session to the region that answered.
    #[must_use]
    pub fn bind(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.pin = PinAction::Bind(Binding { payload: payload.into(), ttl_s: 0 });
        self
    }

    /// Ends the session's pin.
    #[must_use]
    pub fn clear_pin(mut self) -> Self {
        self.pin = PinAction::Clear;
        self
    }
}

impl Default for Amendment {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Amendment> for Reaction {
    fn from(amendment: Amendment) -> Self {
        Self::Amend(amendment)
    }
}
