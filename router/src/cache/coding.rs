//! The content codings that are made here, and which of them a client would rather have (RFC 9110 section 12.5.3).
//!
//! Owns the codings, and reading `Accept-Encoding`. Never compresses anything, or knows whether a variant exists. Used for
//! static files and for what the cache compresses. Pure.

use http::header::{ACCEPT_ENCODING, HeaderMap};

use super::weights;

/// A content coding that a build step may have left beside a file, or that is made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// RFC 1952.
    Gzip,
}

impl Encoding {
    /// In the order of our preference: what build tools make smallest comes first.
    pub const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// The content coding's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Whether a client means this coding; `gzip` has an old second name (RFC 9110 section 8.4.1.3).
    fn is_named(self, coding: &[u8]) -> bool {
        let old = self == Self::Gzip && coding.eq_ignore_ascii_case(b"x-gzip");
        old || coding.eq_ignore_ascii_case(self.name().as_bytes())
    }

    /// What is added to the file's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// The codings that the client takes and likes no less than the plain file, best first.
pub fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Encoding> + use<> {
    // What is said of each coding of ours, then of everything else; read once, as every request is.
    let mut said = [None; Encoding::ALL.len()];
    let (mut any, mut plain) = (None, None);
    for (coding, weight) in weights::of(headers, &ACCEPT_ENCODING) {
        let named = Encoding::ALL.into_iter().find(|encoding| encoding.is_named(coding));
        let place = match named {
            Some(encoding) => &mut said[encoding as usize],
            None if coding == b"*" => &mut any,
            None if coding.eq_ignore_ascii_case(b"identity") => &mut plain,
            None => continue,
        };
        *place = place.or(Some(weight));
    }
    // Plain is acceptable unless excluded; it is preferred over a coding only where the client says so.
    let plain = plain.unwrap_or(0);
    let mut wanted = Encoding::ALL.map(|encoding| (said[encoding as usize].or(any).unwrap_or(0), encoding));
    wanted.sort_by_key(|(weight, _)| u16::MAX - weight);
    wanted.into_iter().filter(move |(weight, _)| *weight > 0 && *weight >= plain).map(|(_, encoding)| encoding)
}

#[cfg(test)]
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
            ("gzip;q=0.1, x-gzip", &[Gzip]),
            ("*;q=0.1", &[Brotli, Zstd, Gzip]),
            ("*;q=0", &[]),
            ("identity, gzip;q=0.5", &[]), // plain is liked better
            ("identity;q=0.5, gzip;q=0.5", &[Gzip]),
            ("identity;q=0, gzip;q=0.001", &[Gzip]),
            ("gzip;q=2, br;q=0.1234, zstd;level=3", &[]), // malformed weights do not count
            ("br ; q = 0.3 , gzip;q=0.9", &[Gzip, Brotli]),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]);
            assert_eq!(accepted(&headers).collect::<Vec<_>>(), expected, "{value}");
        }
        assert_eq!(accepted(&HeaderMap::new()).count(), 0);
    }
}
