//! Medians and quartiles of repeated measurements.
//!
//! Pure. Used by every bench that repeats.

/// Repeated measurements of one thing, sorted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    /// Takes measurements in any order.
    pub(super) fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The middle.
    pub(super) fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// First and third quartile.
    pub(super) fn quartiles(&self) -> (f64, f64) {
        (self.at(0.25), self.at(0.75))
    }

    /// The largest.
    pub(super) fn max(&self) -> f64 {
        self.at(1.0)
    }

    /// The value that this part of them is below, between neighbours; no measurements give not-a-number.
    pub(super) fn at(&self, part: f64) -> f64 {
        let Some(last) = self.0.len().checked_sub(1) else { return f64::NAN };
        let place = part * last as f64;
        let (below, above) = (self.0[place.floor() as usize], self.0[place.ceil() as usize]);
        below + (above - below) * place.fract()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_neighbours() {
        let samples = Samples::new([4.0, 1.0, 3.0, 2.0]);
        assert_eq!((samples.median(), samples.quartiles(), samples.max()), (2.5, (1.75, 3.25), 4.0));
        assert_eq!(Samples::new([7.0]).quartiles(), (7.0, 7.0));
        assert!(Samples::new([]).median().is_nan());
    }
}
