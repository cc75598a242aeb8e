//! Request ids: 128 random bits as 32 hexadecimal digits.
//!
//! Owns one worker's supply. Ids are made a block at a time, so that one is a slice of shared bytes and costs no
//! allocation of its own. Called once per exchange whose client brought no id that is believed.

use bytes::Bytes;
use http::HeaderValue;

/// Length of one id, bytes.
const LEN: usize = 32;
/// Ids of one block: 2 KiB, kept for as long as one of its ids lives.
const BLOCK: usize = 64;

/// A supply of ids.
#[derive(Debug, Default)]
pub(super) struct RequestIds {
    /// Those that were not given out yet.
    left: Bytes,
}

impl RequestIds {
    /// A fresh id.
    pub(super) fn next(&mut self, entropy: &mut fastrand::Rng) -> HeaderValue {
        if self.left.is_empty() {
            self.left = block(entropy);
        }
        let id = self.left.split_to(LEN);
        HeaderValue::from_maybe_shared(id).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

fn block(entropy: &mut fastrand::Rng) -> Bytes {
    // Arithmetic in place of a table: the compiler makes it a few instructions for a whole id.
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    let mut digits = vec![0; BLOCK * LEN];
    for id in digits.chunks_exact_mut(LEN) {
        for (pair, byte) in id.chunks_exact_mut(2).zip(entropy.u128(..).to_be_bytes()) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    digits.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_distinct_digits_of_one_length() {
        let (mut ids, mut entropy) = (RequestIds::default(), fastrand::Rng::with_seed(7));
        let all: HashSet<HeaderValue> = (0..BLOCK * 3).map(|_| ids.next(&mut entropy)).collect();
        assert_eq!(all.len(), BLOCK * 3);
        assert!(all.iter().all(|id| id.len() == LEN && id.as_bytes().iter().all(u8::is_ascii_hexdigit)));
    }
}
