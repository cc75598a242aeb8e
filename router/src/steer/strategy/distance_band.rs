//! Tie band: regions nearly as near as the nearest count as equal.
//!
//! Owns the limit of the band. Without it two regions at almost the same distance would swap all their traffic on the
//! smallest change of a measurement (the reason for Azure Front Door's additional latency). Called by `preference`.

/// The highest cost that still counts as equal to the `nearest`; a band below zero or not a number is no band.
pub fn limit(nearest: f64, band: f64) -> f64 {
    nearest + band.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn band_reaches_up_from_the_nearest() {
        for (nearest, band, cost, equal) in [
            (100.0, 50.0, 150.0, true),
            (100.0, 50.0, 150.1, false),
            (100.0, 0.0, 100.0, true),
            (100.0, -5.0, 100.0, true),
            (100.0, f64::NAN, 100.1, false),
        ] {
            assert_eq!(cost <= limit(nearest, band), equal, "{cost} with band {band} over {nearest}");
        }
    }
}
