//! Stable hashes.
//!
//! Owns the hash that picks endpoints and names them in tokens. Seeds are constants on purpose: every worker, every
//! PoP and every restart must come to the same answer. Not for secrets and not against chosen collisions.

/// FNV-1a's 64-bit offset basis and prime (draft-eastlake-fnv).
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Spreads the bits of a number: the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
pub fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Hash of several parts; parts do not run into each other ("ab","c" differs from "a","bc").
pub fn of(parts: &[&[u8]]) -> u64 {
    let mut hash = FNV_OFFSET;
    for part in parts {
        for byte in *part {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
        }
        hash = mix(hash ^ part.len() as u64);
    }
    mix(hash)
}

/// A number in [0, 1) from a hash or seed.
pub fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_same_in_every_build() {
        // Tokens and endpoint choice of a running fleet depend on these values: they must never change.
        assert_eq!(
            of(&[b"shop", b"eu-west", b"http://10.0.1.10:8080"]),
            of(&[b"shop", b"eu-west", b"http://10.0.1.10:8080"])
        );
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_eq!(mix(0), 0);
        assert_eq!(mix(1), 0x5692_161d_100b_05e5);
    }

    #[test]
    fn unit_is_uniform_enough() {
        let low = (0..10_000u64).filter(|n| unit(mix(*n + 1)) < 0.25).count();
        assert!((2_300..2_700).contains(&low), "{low} of 10000 below 0.25");
    }
}
