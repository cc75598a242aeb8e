//! SHA-256 digests, in the form that registries and people write them.
//!
//! Owns the text form `sha256:` and 64 hex digits, and the computation. Identifies bytes; says nothing about who made
//! them.

use std::fmt;
use std::str::FromStr;

/// What a digest begins with.
const PREFIX: &str = "sha256:";

/// SHA-256 of some bytes, such as a component's file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// A text that is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not \"sha256:\" and 64 digits 0 to 9 and a to f")]
pub struct NotADigest;

impl Digest {
    /// Digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let mut value = [0; 32];
        value.copy_from_slice(digest.as_ref());
        Self(value)
    }

    /// Whether these bytes have it.
    ///
    /// # Errors
    /// The digest that they have.
    pub fn check(self, bytes: &[u8]) -> Result<(), Self> {
        let found = Self::of(bytes);
        if found == self { Ok(()) } else { Err(found) }
    }

    /// The 64 hex digits alone.
    pub fn hex(&self) -> String {
        self.to_string().split_off(PREFIX.len())
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let digits = text.strip_prefix(PREFIX).ok_or(NotADigest)?.as_bytes();
        let mut value = [0; 32];
        if digits.len() != 2 * value.len() {
            return Err(NotADigest);
        }
        for (byte, pair) in value.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(value))
    }
}

/// Upper case is refused, as registries do (OCI image specification, descriptor).
fn digit(byte: u8) -> Result<u8, NotADigest> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(NotADigest),
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let digest = Digest::of(b"");
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!((digest.to_string().as_str(), text.parse()), (text, Ok(digest)));
        assert_eq!(digest.hex(), text[7..]);
        let upper = text.replace("e3", "E3");
        for wrong in ["", "sha256:", &text[1..], &text[7..], &text[..70], &upper, &format!("{text}0")] {
            assert_eq!(wrong.parse::<Digest>(), Err(NotADigest), "{wrong}");
        }
    }
}
