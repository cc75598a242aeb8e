//! A place on the map and the distance between two of them.
//!
//! Owns the coordinate type that configuration, geo look-ups and steering share. Never looks anything up.

/// Mean radius of the Earth, km (IUGG R1).
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// A point in degrees, always within ±90 and ±180.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Location {
    latitude: f64,
    longitude: f64,
    /// The place on the unit sphere: worked out once, so that a distance costs no sine.
    unit: [f64; 3],
}

impl Location {
    /// A location, or none when either coordinate is out of range or not a number.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let valid = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        valid.then(|| {
            let ((sin_lat, cos_lat), (sin_lon, cos_lon)) =
                (latitude.to_radians().sin_cos(), longitude.to_radians().sin_cos());
            Self { latitude, longitude, unit: [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat] }
        })
    }

    /// Degrees north, -90 to 90.
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east, -180 to 180.
    pub fn longitude(self) -> f64 {
        self.longitude
    }

    /// Great-circle distance in km, from the chord between the two places: as exact as the haversine formula.
    pub fn distance_km(self, other: Self) -> f64 {
        let squared: f64 = self.unit.iter().zip(other.unit).map(|(a, b)| (a - b) * (a - b)).sum();
        2.0 * EARTH_RADIUS_KM * (squared.sqrt() / 2.0).min(1.0).asin()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn distances_between_known_cities() {
        let place = |lat, lon| Location::new(lat, lon).unwrap();
        let cases = [
            ("Frankfurt-Tokyo", place(50.11, 8.68), place(35.68, 139.69), 9_340.0),
            ("London-New York", place(51.5074, -0.1278), place(40.7128, -74.006), 5_570.0),
            ("across the date line", place(0.0, 179.5), place(0.0, -179.5), 111.2),
            ("same place", place(-33.87, 151.21), place(-33.87, 151.21), 0.0),
            ("antipodes", place(0.0, 0.0), place(0.0, 180.0), 20_015.1),
        ];
        for (name, a, b, expected) in cases {
            let got = a.distance_km(b);
            assert!((got - expected).abs() <= expected * 0.005 + 0.1, "{name}: {got} km, expected {expected}");
            assert!((got - b.distance_km(a)).abs() < 1e-9, "{name} is not symmetric");
        }
    }

    #[test]
    fn refuses_what_is_not_on_the_map() {
        for (latitude, longitude) in [(90.1, 0.0), (-91.0, 0.0), (0.0, 180.5), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Location::new(latitude, longitude), None);
        }
    }
}
