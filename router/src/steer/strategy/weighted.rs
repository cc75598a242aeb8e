//! Weighted choice among equals.
//!
//! Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): each takes its share, and when one leaves only the
//! choices that had fallen on it move. Called by `preference`.

use super::draw;
use crate::base::hash;

/// Tells this use of the seed from others.
const PURPOSE: u64 = 0x7765_6967_6874;

/// How well an item with `key` and `weight` does for this seed; the highest wins. A weight of 0 never wins against
/// one above 0.
pub fn score(seed: u64, key: u64, weight: u32) -> f64 {
    if weight == 0 {
        return f64::NEG_INFINITY;
    }
    // In (0, 1]: the logarithm of 0 would be a tie at minus infinity.
    let uniform = 1.0 - hash::unit(draw(seed ^ PURPOSE, key));
    uniform.ln() / f64::from(weight)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn winner(seed: u64, weights: &[u32]) -> usize {
        let best =
            |a: &usize, b: &usize| score(seed, *a as u64, weights[*a]).total_cmp(&score(seed, *b as u64, weights[*b]));
        (0..weights.len()).max_by(best).unwrap()
    }

    #[test]
    fn shares_follow_weights() {
        let weights = [100, 50, 0, 50];
        let mut counts = [0u32; 4];
        for seed in 0..20_000 {
            counts[winner(seed, &weights)] += 1;
        }
        for (count, expected) in counts.iter().zip([10_000i64, 5_000, 0, 5_000]) {
            assert!((i64::from(*count) - expected).abs() < 300, "{counts:?}");
        }
    }

    #[test]
    fn only_choices_of_the_one_that_left_move() {
        for seed in 0..2_000 {
            let before = winner(seed, &[10, 20, 30]);
            let after = winner(seed, &[10, 0, 30]);
            assert!(before == 1 || before == after, "seed {seed} moved from {before} to {after}");
        }
    }
}
