//! Places that the operator knows better: networks with a country, a location, or both.
//! Owns: longest-prefix match. Never: reads configuration, or fills what an override leaves out (that is `Geo`).
//! Called by: `Geo`; built by the snapshot from the resolved configuration.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::base::{CountryCode, Location};

/// What the operator says of a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Override {
    /// The clients are in this country, at its centre.
    Country(CountryCode),
    /// The clients are here; country and continent stay what the database says.
    Location(Location),
    /// The clients are here, in this country.
    Both(CountryCode, Location),
}

impl Override {
    /// The override of these parts, as the configuration has them; nothing when there is no part (or no country code).
    #[must_use]
    pub fn of(country: Option<[u8; 2]>, location: Option<Location>) -> Option<Self> {
        match (country.and_then(|code| CountryCode::from_bytes(&code)), location) {
            (Some(country), Some(location)) => Some(Self::Both(country, location)),
            (Some(country), None) => Some(Self::Country(country)),
            (None, Some(location)) => Some(Self::Location(location)),
            (None, None) => None,
        }
    }
}

/// Networks with what the operator says of them. The longest prefix wins.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    networks: HashMap<IpNet, Override>,
    /// Prefix lengths in use, longest first: a look-up is one hash per length, a handful in practice.
    lengths_v4: Vec<u8>,
    lengths_v6: Vec<u8>,
}

impl Overrides {
    /// The override of the longest prefix that holds the address. The address is in its plain form (not `::ffff:`).
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<&Override> {
        let lengths = if address.is_ipv4() { &self.lengths_v4 } else { &self.lengths_v6 };
        lengths.iter().find_map(|length| self.networks.get(&IpNet::new(address, *length).ok()?.trunc()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }
}

impl FromIterator<(IpNet, Override)> for Overrides {
    /// Host bits are dropped; of two entries for one network the later wins.
    fn from_iter<I: IntoIterator<Item = (IpNet, Override)>>(entries: I) -> Self {
        let networks: HashMap<_, _> = entries.into_iter().map(|(network, value)| (plain(network), value)).collect();
        let lengths = |v4: bool| {
            let of_family = networks.keys().filter(|network| network.addr().is_ipv4() == v4);
            let mut lengths: Vec<u8> = of_family.map(IpNet::prefix_len).collect();
            lengths.sort_unstable_by(|a, b| b.cmp(a));
            lengths.dedup();
            lengths
        };
        Self { lengths_v4: lengths(true), lengths_v6: lengths(false), networks }
    }
}

/// The network without host bits, and as IPv4 when it is written as IPv4-mapped IPv6.
fn plain(network: IpNet) -> IpNet {
    let mapped = |v6: Ipv6Addr| v6.to_ipv4_mapped();
    match network.trunc() {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => mapped(v6.addr())
            .and_then(|v4| Ipv4Net::new(v4, v6.prefix_len() - 96).ok())
            .map_or(IpNet::V6(v6), IpNet::V4),
        network => network,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn country(code: &str) -> Override {
        Override::Country(code.parse().unwrap())
    }

    fn overrides(entries: &[(&str, &str)]) -> Overrides {
        entries.iter().map(|(network, code)| (network.parse().unwrap(), country(code))).collect()
    }

    #[test]
    fn the_longest_prefix_wins() {
        let table = overrides(&[
            ("10.0.0.0/8", "DE"),
            ("10.1.0.0/16", "FR"),
            ("10.1.2.3/32", "NL"),
            ("10.9.255.1/16", "SE"),
            ("::ffff:192.0.2.0/120", "IT"),
            ("fd00::/8", "ES"),
            ("::/0", "PT"),
        ]);
        for (ip, code) in [
            ("10.200.0.1", Some("DE")),
            ("10.1.9.9", Some("FR")),
            ("10.1.2.3", Some("NL")),
            ("10.9.0.1", Some("SE")),
            ("192.0.2.77", Some("IT")),
            ("11.0.0.1", None),
            ("fd12::1", Some("ES")),
            ("2001:db8::1", Some("PT")),
        ] {
            assert_eq!(table.find(ip.parse().unwrap()), code.map(country).as_ref(), "{ip}");
        }
        assert!(Overrides::default().is_empty() && Overrides::default().find("10.0.0.1".parse().unwrap()).is_none());
    }

    proptest! {
        /// The same answer as looking through all networks for the longest that holds the address.
        #[test]
        fn agrees_with_a_linear_search(
            entries in prop::collection::vec((any::<u32>(), 0u8..=32, 0u8..26), 0..40), address in any::<u32>()
        ) {
            let entries: Vec<(IpNet, Override)> = entries.into_iter().map(|(bits, length, letter)| {
                // Few distinct high bits, so that prefixes do cover the address.
                let network = Ipv4Net::new((bits & 0x8080_0303).into(), length).unwrap();
                (IpNet::V4(network).trunc(), country(&format!("A{}", char::from(b'A' + letter))))
            }).collect();
            let address = IpAddr::V4((address & 0x8080_0303).into());
            let by_hand = entries.iter().enumerate().filter(|(_, (network, _))| network.contains(&address))
                .max_by_key(|(index, (network, _))| (network.prefix_len(), *index)).map(|(_, (_, value))| *value);
            let table: Overrides = entries.iter().copied().collect();
            prop_assert_eq!(table.find(address).copied(), by_hand);
        }
    }
}
