//! The fields that a policy declared, taken from the facts.
//!
//! Owns the mapping from a declared field to its bytes. Borrows wherever it can; only a header that stands several times
//! is joined. What was not declared is never touched.

use super::facts::Facts;
use crate::policy::Field;
use smallvec::SmallVec;
use std::borrow::Cow;

/// Values in the order of the manifest.
pub type Values<'a> = SmallVec<[Option<Cow<'a, [u8]>>; 8]>;

/// The declared fields' values.
pub fn values<'a>(fields: &[Field], facts: &Facts<'a>, pop: &'a str) -> Values<'a> {
    fields.iter().map(|field| value(field, facts, pop)).collect()
}

fn value<'a>(field: &Field, facts: &Facts<'a>, pop: &'a str) -> Option<Cow<'a, [u8]>> {
    let client = facts.client;
    let text = match field {
        Field::Method => Some(facts.method.as_str()),
        Field::Host => Some(facts.host),
        Field::Path => Some(facts.path),
        Field::Query => facts.query,
        Field::Scheme => Some(facts.scheme.as_str()),
        Field::Part(part) => return part.find(facts.headers, facts.query),
        // Looked up when the policy asks for it: `view`.
        Field::Lazy(_) => None,
        Field::ClientIp => Some(&*client.ip_text),
        Field::ClientCountry => client.texts.country.as_deref(),
        Field::ClientContinent => client.texts.continent.as_deref(),
        Field::ClientRegion => client.place.region.as_deref(),
        Field::ClientCity => client.place.city.as_deref(),
        Field::ClientAsn => client.texts.asn.as_deref(),
        Field::Pop => Some(pop),
    };
    text.map(|text| Cow::Borrowed(text.as_bytes()))
}

/// What of the request a policy may look up, by the place in the manifest; none where it may not, or there is no such part.
pub fn looked_up(fields: &[Field], facts: &Facts<'_>) -> impl Iterator<Item = Option<Vec<u8>>> {
    fields.iter().map(|field| match field {
        Field::Lazy(part) => part.find(facts.headers, facts.query).map(Into::into),
        _ => None,
    })
}

/// The names under which declared fields are recorded; what may be looked up is, whether it was or not.
pub fn recorded(fields: &[Field]) -> impl Iterator<Item = String> {
    fields.iter().map(|field| match field {
        Field::Lazy(part) => part.to_string(),
        field => field.to_string(),
    })
}

/// The values to record, in the same order.
pub fn recorded_values<'a>(fields: &[Field], facts: &Facts<'a>, pop: &'a str) -> Values<'a> {
    let one = |field: &Field| match field {
        Field::Lazy(part) => part.find(facts.headers, facts.query),
        field => value(field, facts, pop),
    };
    fields.iter().map(one).collect()
}
