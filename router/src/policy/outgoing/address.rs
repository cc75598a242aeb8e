//! Which addresses a name may lead to.
//!
//! Owns the list of those that only a literal grant opens: this machine, where operators and neighbours trust whoever asks; the
//! link; and the metadata services of clouds, which hand out a machine's credentials. Whoever controls a name must not reach
//! them through a policy. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Metadata services outside the link-local networks: Alibaba Cloud's, Oracle Cloud's, and that of AWS over IPv6.
const METADATA: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
];

/// Whether only a grant that names this very address opens it.
pub(super) fn is_guarded(address: IpAddr) -> bool {
    let address = embedded(address);
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast() || v4.octets()[0] == 0,
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let here = address.is_loopback() || address.is_unspecified();
    here || link_local || address.is_multicast() || METADATA.contains(&address)
}

/// The IPv4 address that an IPv6 one stands for: mapped (RFC 4291, section 2.5.5.2), or by NAT64 (RFC 6052, section 2.1).
fn embedded(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names_lead_neither_here_nor_to_metadata() {
        for (text, guarded) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("0.0.0.0", true),
            ("0.1.2.3", true),
            ("169.254.169.254", true),
            ("100.100.100.200", true),
            ("192.0.0.192", true),
            ("224.0.0.1", true),
            ("255.255.255.255", true),
            ("::1", true),
            ("::", true),
            ("fe80::1", true),
            ("ff02::1", true),
            ("fd00:ec2::254", true),
            ("::ffff:127.0.0.1", true),
            ("::ffff:169.254.169.254", true),
            ("64:ff9b::a9fe:a9fe", true),
            ("10.0.1.10", false),
            ("192.168.1.1", false),
            ("203.0.113.9", false),
            ("fd00::1", false),
            ("2001:db8::1", false),
            ("64:ff9b::cb00:7109", false),
        ] {
            assert_eq!(is_guarded(text.parse().unwrap()), guarded, "{text}");
        }
    }
}
