//! Which of the precompressed variants of a file a client would rather have (RFC 9110 section 12.5.3).
//! Owns: reading `Accept-Encoding`. Never: compresses anything, or knows whether a variant exists.
//! Called by: `files::find`. Pure.

use http::header::{ACCEPT_ENCODING, HeaderMap};

use crate::cache::weights;

/// A content coding that a build step may have left beside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Brotli,
    Zstd,
    Gzip,
}

impl Encoding {
    /// In the order of our preference: what build tools make smallest comes first.
    pub(super) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// The content coding's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What is added to the file's name.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// The codings that the client takes and likes no less than the plain file, best first.
pub(super) fn accepted(headers: &HeaderMap) -> Vec<Encoding> {
    let weight = |name: &str| {
        let (mut named, mut any) = (None, None);
        for (coding, weight) in weights::of(headers, &ACCEPT_ENCODING) {
            if coding.eq_ignore_ascii_case(name.as_bytes())
                || (name == "gzip" && coding.eq_ignore_ascii_case(b"x-gzip"))
            {
                named = named.or(Some(weight));
            } else if coding == b"*" {
                any = any.or(Some(weight));
            }
        }
        (named, any)
    };
    // Plain is acceptable unless excluded; it is preferred over a coding only where the client says so.
    let plain = weight("identity").0.unwrap_or(0);
    let mut wanted: Vec<(u16, Encoding)> = Encoding::ALL
        .into_iter()
        .filter_map(|encoding| {
            let (named, any) = weight(encoding.name());
            named.or(any).filter(|weight| *weight > 0 && *weight >= plain).map(|weight| (weight, encoding))
        })
        .collect();
    wanted.sort_by_key(|(weight, _)| u16::MAX - weight);
    wanted.into_iter().map(|(_, encoding)| encoding).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::Encoding::{Brotli, Gzip, Zstd};
    use super::*;

    #[test]
    fn by_weight_then_by_our_preference() {
        for (value, expected) in [
            ("", &[][..]),
            ("gzip, deflate, br, zstd", &[Brotli, Zstd, Gzip]),
            ("gzip", &[Gzip]),
            ("x-gzip", &[Gzip]),
            ("GZIP;q=1.0, br;q=0.5", &[Gzip, Brotli]),
            ("br;q=0", &[]),
            ("br;q=0, *", &[Zstd, Gzip]),
            ("*;q=0.1", &[Brotli, Zstd, Gzip]),
            ("*;q=0", &[]),
            ("identity, gzip;q=0.5", &[]), // plain is liked better
            ("identity;q=0.5, gzip;q=0.5", &[Gzip]),
            ("identity;q=0, gzip;q=0.001", &[Gzip]),
            ("gzip;q=2, br;q=0.1234, zstd;level=3", &[]), // malformed weights do not count
            ("br ; q = 0.3 , gzip;q=0.9", &[Gzip, Brotli]),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]);
            assert_eq!(accepted(&headers), expected, "{value}");
        }
        assert!(accepted(&HeaderMap::new()).is_empty());
    }
}
