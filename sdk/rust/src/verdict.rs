//! Ways to say a verdict: plans, replies and manifests built in one expression.
//!
//! The types are the contract's own (`wit/policy.wit` documents every field), with methods added here; a verdict can
//! also be written out as a plain record. Nothing is checked here: the host checks every verdict.

use std::time::Duration;

use crate::{
    Binding, CacheAction, CacheTerms, Edit, EditOp, Manifest, Metric, PinAction, Plan, RegionId, Reply, Verdict,
};

impl Plan {
    /// A plan without opinions.
    pub fn new() -> Self {
        Self {
            order: Vec::new(),
            fence: None,
            strict: false,
            pin: PinAction::Keep,
            cache: CacheAction::Keep,
            edits: Vec::new(),
            timeout_ms: 0,
            ext: Vec::new(),
        }
    }

    /// These regions, best first.
    pub fn to(order: impl IntoIterator<Item = RegionId>) -> Self {
        Self { order: order.into_iter().collect(), ..Self::new() }
    }

    /// This request must not leave these regions.
    #[must_use]
    pub fn fence(mut self, regions: impl IntoIterator<Item = RegionId>) -> Self {
        self.fence = Some(regions.into_iter().collect());
        self
    }

    /// The endpoint of this URL, as the router's configuration has it, is tried first when it lies in the region that comes first and
    /// serves, whatever the pin says of endpoints.
    #[must_use]
    pub fn endpoint(mut self, url: &str) -> Self {
        self.ext.push(("endpoint".to_owned(), url.as_bytes().to_vec()));
        self
    }

    /// Only the regions in the order may serve.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Serves by the order, and pins the session to the region that serves, with this payload (at most 256 bytes) and
    /// the service's own lifetime.
    #[must_use]
    pub fn bind(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.pin = PinAction::Bind(Binding { payload: payload.into(), ttl_s: 0 });
        self
    }

    /// Serves by the order, and leaves the pin as it is.
    #[must_use]
    pub fn hold(mut self) -> Self {
        self.pin = PinAction::Hold;
        self
    }

    /// Serves by the order, and ends the pin.
    #[must_use]
    pub fn clear(mut self) -> Self {
        self.pin = PinAction::Clear;
        self
    }

    /// Adds this to the key under which the cache keeps the answer (at most 256 printable ASCII characters): requests for
    /// which the policy says something else do not get it. Said again, it stands in place of what was said.
    #[must_use]
    pub fn cache_key(mut self, part: impl Into<String>) -> Self {
        if let Some(terms) = self.cache_terms() {
            terms.key = Some(part.into());
        }
        self
    }

    /// An answer that this request brings into the cache is fresh for this long, whatever the origin says; rounded up to
    /// whole seconds.
    #[must_use]
    pub fn cache_ttl(mut self, lifetime: Duration) -> Self {
        let seconds = lifetime.as_secs().saturating_add(u64::from(lifetime.subsec_nanos() > 0));
        if let Some(terms) = self.cache_terms() {
            terms.ttl_s = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
        self
    }

    /// The answer is neither taken from the cache nor kept in it, whatever else is said of the cache.
    #[must_use]
    pub fn bypass_cache(mut self) -> Self {
        self.cache = CacheAction::Bypass;
        self
    }

    /// The terms, begun if there are none yet; none when the cache is passed by.
    fn cache_terms(&mut self) -> Option<&mut CacheTerms> {
        if self.cache == CacheAction::Keep {
            self.cache = CacheAction::Terms(CacheTerms { key: None, ttl_s: None });
        }
        match &mut self.cache {
            CacheAction::Terms(terms) => Some(terms),
            CacheAction::Keep | CacheAction::Bypass => None,
        }
    }

    /// Sets a header of the request to the origin.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.edits.push(Edit::set(name, value));
        self
    }

    /// Removes a header of the request to the origin.
    #[must_use]
    pub fn without_header(mut self, name: impl Into<String>) -> Self {
        self.edits.push(Edit::remove(name));
        self
    }

    /// Shortens the limit for the whole exchange; rounded up to whole milliseconds.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout_ms = u32::try_from(limit.as_micros().div_ceil(1000)).unwrap_or(u32::MAX);
        self
    }
}

impl Edit {
    pub(crate) fn set(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self { op: EditOp::Set, name: name.into(), value: value.into() }
    }

    pub(crate) fn remove(name: impl Into<String>) -> Self {
        Self { op: EditOp::Remove, name: name.into(), value: Vec::new() }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Plan> for Verdict {
    fn from(plan: Plan) -> Self {
        Self::Route(plan)
    }
}

impl Reply {
    /// An answer with this status and nothing else.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// An answer in plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        let body = text.into().into_bytes();
        Self { body, ..Self::new(status) }.header("content-type", "text/plain; charset=utf-8")
    }

    /// A redirect to this place.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::new(status).header("location", location.into())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl From<Reply> for Verdict {
    fn from(reply: Reply) -> Self {
        Self::Respond(reply)
    }
}

impl Manifest {
    /// Wants nothing but the candidates.
    pub fn new() -> Self {
        Self {
            fields: Vec::new(),
            response_fields: Vec::new(),
            buckets: Vec::new(),
            metrics: Vec::new(),
            ext: Vec::new(),
        }
    }

    /// Wants these fields of the request.
    pub fn fields<T: Into<String>>(fields: impl IntoIterator<Item = T>) -> Self {
        Self { fields: fields.into_iter().map(Into::into).collect(), ..Self::new() }
    }

    /// Wants one more field of the request.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.fields.push(field.into());
        self
    }

    /// Wants to look up these fields of the request when it needs them: headers, cookies and query parameters. See
    /// [`crate::Request::lookup`].
    #[must_use]
    pub fn lookups<T: AsRef<str>>(mut self, fields: impl IntoIterator<Item = T>) -> Self {
        self.fields.extend(fields.into_iter().map(|field| format!("lazy:{}", field.as_ref())));
        self
    }

    /// Wants this bucket, which the operator must grant. See [`crate::Bucket`].
    #[must_use]
    pub fn bucket(mut self, name: impl Into<String>) -> Self {
        self.buckets.push(name.into());
        self
    }

    /// Wants this field of responses, `header:NAME`, for the hook `response`.
    #[must_use]
    pub fn response_field(mut self, field: impl Into<String>) -> Self {
        self.response_fields.push(field.into());
        self
    }

    /// Declares a counter with these values of its label; none is no label. See [`crate::Counter`].
    #[must_use]
    pub fn counter<T: Into<String>>(self, name: &str, labels: impl IntoIterator<Item = T>) -> Self {
        self.of_kind("counter", name, labels)
    }

    /// Declares a gauge. See [`crate::Gauge`].
    #[must_use]
    pub fn gauge<T: Into<String>>(self, name: &str, labels: impl IntoIterator<Item = T>) -> Self {
        self.of_kind("gauge", name, labels)
    }

    /// Declares a histogram. See [`crate::Histogram`].
    #[must_use]
    pub fn histogram<T: Into<String>>(self, name: &str, labels: impl IntoIterator<Item = T>) -> Self {
        self.of_kind("histogram", name, labels)
    }

    fn of_kind<T: Into<String>>(self, kind: &str, name: &str, labels: impl IntoIterator<Item = T>) -> Self {
        let labels = labels.into_iter().map(Into::into).collect();
        self.metric(Metric { name: name.to_owned(), kind: kind.to_owned(), labels })
    }

    /// Declares a metric.
    #[must_use]
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metrics.push(metric);
        self
    }
}

impl Default for Manifest {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_was_asked_of_it() {
        let plan = Plan::to([2, 1]).fence([1, 2, 3]).strict().bind("x").header("a", "b").without_header("c");
        assert_eq!((&plan.order[..], plan.fence.as_deref(), plan.strict), (&[2, 1][..], Some(&[1, 2, 3][..]), true));
        assert_eq!(plan.pin, PinAction::Bind(Binding { payload: b"x".to_vec(), ttl_s: 0 }));
        assert_eq!(plan.edits.iter().map(|edit| edit.op).collect::<Vec<_>>(), [EditOp::Set, EditOp::Remove]);
    }

    #[test]
    fn what_is_said_of_the_cache_adds_up_and_a_bypass_stays() {
        let plan = Plan::new().cache_ttl(Duration::from_millis(1500)).cache_key("gold");
        assert_eq!(plan.cache, CacheAction::Terms(CacheTerms { key: Some("gold".to_owned()), ttl_s: Some(2) }));
        assert_eq!(plan.bypass_cache().cache_key("x").cache_ttl(Duration::MAX).cache, CacheAction::Bypass);
    }

    #[test]
    fn a_timeout_is_never_rounded_down_to_no_opinion() {
        for (limit, expected) in
            [(Duration::from_micros(1), 1), (Duration::from_millis(1500), 1500), (Duration::MAX, u32::MAX)]
        {
            assert_eq!(Plan::new().timeout(limit).timeout_ms, expected, "{limit:?}");
        }
    }
}
