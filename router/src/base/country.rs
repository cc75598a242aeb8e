//! The two-letter code of a country (ISO 3166-1 alpha-2).
//! Owns: its spelling. Never: knows which codes exist, or where they are (that is `geo`).
//! Called by: config (overrides), geo, and the policy host.

use std::fmt;
use std::str::FromStr;

/// A country code: two upper-case ASCII letters. User-assigned codes such as `XK` are valid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CountryCode([u8; 2]);

/// The text is not two ASCII letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a country code: accepted are two letters of ISO 3166-1, such as \"DE\"")]
pub struct CountryCodeError(String);

impl CountryCode {
    /// The code in these bytes, in either case; `None` when they are not two ASCII letters.
    #[must_use]
    pub fn from_bytes(text: &[u8]) -> Option<Self> {
        match text {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Some(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }

    /// The two upper-case letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters by construction")
    }

    /// The two upper-case letters as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> [u8; 2] {
        self.0
    }
}

impl FromStr for CountryCode {
    type Err = CountryCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_bytes(text.as_bytes()).ok_or_else(|| CountryCodeError(text.to_owned()))
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn two_letters_and_nothing_else() {
        assert_eq!("de".parse::<CountryCode>().unwrap().as_str(), "DE");
        assert_eq!(format!("{0} {0:?}", "XK".parse::<CountryCode>().unwrap()), "XK XK");
        for text in ["", "D", "DEU", "D1", "ß", "d "] {
            assert!(text.parse::<CountryCode>().unwrap_err().to_string().contains("ISO 3166-1"), "{text}");
        }
    }
}
