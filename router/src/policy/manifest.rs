//! What a policy wants to see.
//!
//! Owns the closed list of request fields and reads a guest's manifest into it, so that a misspelt field is an error
//! at load and not a `none` at run time. Resolving a field from a request is `decide`'s work.

use super::contract::ManifestRecord;
use super::kv::BUCKETS_MAX;
use super::measures::{MeasureError, MeasureSpec};
use super::part::Part;
use http::HeaderName;
use std::fmt;
use std::sync::Arc;

/// Most fields that a policy may ask for.
pub const FIELDS_MAX: usize = 64;

/// One field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// Method.
    Method,
    /// Host without port, lower case.
    Host,
    /// Path without query.
    Path,
    /// Query without the question mark.
    Query,
    /// `http` or `https`.
    Scheme,
    /// A header, a cookie or a parameter of the query.
    Part(Part),
    /// The same, looked up when the policy asks for it: `lazy:` before its name.
    Lazy(Part),
    /// The client's address.
    ClientIp,
    /// The client's country, ISO 3166-1 alpha-2.
    ClientCountry,
    /// The client's continent, two letters.
    ClientContinent,
    /// The client's first subdivision, ISO 3166-2 without the country.
    ClientRegion,
    /// The client's city, English name.
    ClientCity,
    /// The client's autonomous system, decimal.
    ClientAsn,
    /// Name of this PoP.
    Pop,
}

/// What a policy wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Fields in the order in which `route` gets them; one that is looked up is absent there, and keeps its place.
    pub fields: Vec<Field>,
    /// Headers of responses in the order in which `response` gets them.
    pub response_fields: Vec<HeaderName>,
    /// Metrics, by the numbers with which guests write to them.
    pub metrics: Vec<MeasureSpec>,
    /// Buckets, by the numbers with which guests name them.
    pub buckets: Vec<String>,
}

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A field that does not exist.
    #[error(
        "wants the field {0:?}, which does not exist; accepted: method, host, path, query, scheme, header:NAME, \
         cookie:NAME, query:NAME, client.ip, client.country, client.continent, client.region, client.city, \
         client.asn, pop, and `lazy:` before a header, a cookie or a query parameter"
    )]
    UnknownField(String),
    /// More fields than [`FIELDS_MAX`].
    #[error("wants {0} fields; at most {FIELDS_MAX} are accepted")]
    TooManyFields(usize),
    /// More buckets than [`BUCKETS_MAX`].
    #[error("wants {0} buckets; at most {BUCKETS_MAX} are accepted")]
    TooManyBuckets(usize),
    /// A metric that there cannot be.
    #[error(transparent)]
    Metric(Box<MeasureError>),
    /// A field of the response that does not exist.
    #[error("wants the response field {0:?}, which does not exist; accepted: header:NAME")]
    UnknownResponseField(String),
}

impl Field {
    /// The field of a name in a manifest.
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "method" => Self::Method,
            "host" => Self::Host,
            "path" => Self::Path,
            "query" => Self::Query,
            "scheme" => Self::Scheme,
            "client.ip" => Self::ClientIp,
            "client.country" => Self::ClientCountry,
            "client.continent" => Self::ClientContinent,
            "client.region" => Self::ClientRegion,
            "client.city" => Self::ClientCity,
            "client.asn" => Self::ClientAsn,
            "pop" => Self::Pop,
            _ => match name.strip_prefix("lazy:") {
                Some(part) => Self::Lazy(Part::parse(part)?),
                None => Self::Part(Part::parse(name)?),
            },
        })
    }
}

/// As a manifest names it.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Part(part) => return part.fmt(f),
            Self::Lazy(part) => return write!(f, "lazy:{part}"),
            Self::Method => "method",
            Self::Host => "host",
            Self::Path => "path",
            Self::Query => "query",
            Self::Scheme => "scheme",
            Self::ClientIp => "client.ip",
            Self::ClientCountry => "client.country",
            Self::ClientContinent => "client.continent",
            Self::ClientRegion => "client.region",
            Self::ClientCity => "client.city",
            Self::ClientAsn => "client.asn",
            Self::Pop => "pop",
        })
    }
}

impl Manifest {
    /// What may be looked up during a call, by the place in `fields`; empty when nothing may.
    pub(super) fn lazy(&self) -> Arc<[Option<Part>]> {
        let part = |field: &Field| match field {
            Field::Lazy(part) => Some(part.clone()),
            _ => None,
        };
        if self.looks() { self.fields.iter().map(part).collect() } else { Arc::default() }
    }

    /// Whether anything may be looked up during a call.
    pub fn looks(&self) -> bool {
        self.fields.iter().any(|field| matches!(field, Field::Lazy(_)))
    }

    /// Reads a guest's manifest.
    pub(super) fn parse(record: &ManifestRecord) -> Result<Self, ManifestError> {
        let wanted = record.fields.len().max(record.response_fields.len());
        if wanted > FIELDS_MAX {
            return Err(ManifestError::TooManyFields(wanted));
        }
        if record.buckets.len() > BUCKETS_MAX {
            return Err(ManifestError::TooManyBuckets(record.buckets.len()));
        }
        let response_field = |name: &String| {
            let header = name.strip_prefix("header:").and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
            header.ok_or_else(|| ManifestError::UnknownResponseField(name.clone()))
        };
        let response_fields = record.response_fields.iter().map(response_field).collect::<Result<_, _>>()?;
        let unknown = |name: &String| ManifestError::UnknownField(name.clone());
        let metrics = MeasureSpec::parse(&record.metrics).map_err(|error| ManifestError::Metric(Box::new(error)))?;
        let fields = record.fields.iter().map(|name| Field::parse(name).ok_or_else(|| unknown(name)));
        let fields = fields.collect::<Result<_, _>>()?;
        Ok(Self { fields, response_fields, metrics, buckets: record.buckets.clone() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn manifest(fields: &[&str]) -> ManifestRecord {
        ManifestRecord {
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            response_fields: Vec::new(),
            buckets: Vec::new(),
            metrics: Vec::new(),
            ext: Vec::new(),
        }
    }

    #[test]
    fn every_field_of_the_contract_is_known() {
        let wit = include_str!("../../../wit/policy.wit");
        let list = wit.split_once("handed to `route` in this order.").unwrap().1;
        let list = list.split_once("An unknown field").unwrap().0.replace("NAME", "x-y");
        let names: Vec<_> = list.split('`').skip(1).step_by(2).collect();
        assert_eq!(names.len(), 15, "{names:?}");
        assert_eq!(Manifest::parse(&manifest(&names)).unwrap().fields.len(), 15);
    }

    #[test]
    fn header_names_are_lower_case_and_others_are_kept() {
        let names = ["header:X-Tenant", "cookie:Sid", "query:Lang", "lazy:header:X-Tenant"];
        let fields = Manifest::parse(&manifest(&names)).unwrap().fields;
        let tenant = Part::Header(HeaderName::from_static("x-tenant"));
        let expected = [
            Field::Part(tenant.clone()),
            Field::Part(Part::Cookie("Sid".into())),
            Field::Part(Part::QueryParameter("Lang".into())),
            Field::Lazy(tenant),
        ];
        assert_eq!(fields, expected);
        assert_eq!(fields.iter().map(Field::to_string).collect::<Vec<_>>()[3], "lazy:header:x-tenant");
    }

    #[test]
    fn what_is_not_offered_is_refused_by_name() {
        for name in [
            "",
            "Method",
            "header:",
            "header:a b",
            "cookie:",
            "client",
            "client.zip",
            "body",
            "x:y",
            "lazy:path",
            "lazy:",
        ] {
            let error = Manifest::parse(&manifest(&[name])).unwrap_err();
            assert_eq!(error, ManifestError::UnknownField(name.to_owned()));
            assert!(error.to_string().contains("client.country"), "{error}");
        }
        let error = Manifest::parse(&manifest(&["path"; 65])).unwrap_err();
        assert_eq!(error.to_string(), "wants 65 fields; at most 64 are accepted");
        for name in ["status", "header:", "header:a b", "x-a"] {
            let record = ManifestRecord { response_fields: vec![name.to_owned()], ..manifest(&[]) };
            assert_eq!(Manifest::parse(&record), Err(ManifestError::UnknownResponseField(name.to_owned())));
        }
        let record = ManifestRecord { buckets: vec!["carts".to_owned(); 17], ..manifest(&[]) };
        let error = Manifest::parse(&record).unwrap_err().to_string();
        assert_eq!(error, "wants 17 buckets; at most 16 are accepted");
    }
}
