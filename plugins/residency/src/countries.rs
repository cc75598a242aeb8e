//! Countries by their ISO 3166-1 codes, and the groups that a rule may name.
//!
//! Pure tables and comparisons. Called by `rules.rs` for the config and by `lib.rs` for the client.

use std::fmt;

/// Members of the European Union (27).
const EU: &str = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK";

/// Members of the European Economic Area beyond the Union.
const EEA_BEYOND_EU: &str = "IS LI NO";

/// Codes with which databases say that they do not know.
const UNKNOWN: [&[u8; 2]; 3] = [b"XX", b"ZZ", b"EU"];

/// A country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Country([u8; 2]);

impl Country {
    /// The country of a two-letter code; none for what is no code, or says that the country is not known.
    pub(crate) fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 2] = code.as_bytes().try_into().ok()?;
        let bytes = bytes.map(|byte| byte.to_ascii_uppercase());
        (bytes.iter().all(u8::is_ascii_uppercase) && !UNKNOWN.contains(&&bytes)).then_some(Self(bytes))
    }

    /// The countries that a word of the config stands for: a code, `eu` or `eea`.
    pub(crate) fn named(word: &str) -> Option<Vec<Self>> {
        let list = |codes: &str| codes.split(' ').filter_map(Self::parse).collect::<Vec<_>>();
        match word.to_ascii_lowercase().as_str() {
            "eu" => Some(list(EU)),
            "eea" => Some([list(EU), list(EEA_BEYOND_EU)].concat()),
            code => Self::parse(code).map(|country| vec![country]),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_codes() {
        for (word, members) in [("eu", 27), ("EU", 27), ("eea", 30), ("DE", 1), ("us", 1)] {
            assert_eq!(Country::named(word).map(|countries| countries.len()), Some(members), "{word}");
        }
        for word in ["", "D", "DEU", "D1", "XX", "europe", "дд"] {
            assert_eq!(Country::named(word), None, "{word}");
        }
        assert_eq!(Country::parse("EU"), None, "a database that says only Europe does not know the country");
        assert_eq!(Country::parse("de").map(|country| country.to_string()).as_deref(), Some("DE"));
    }
}
