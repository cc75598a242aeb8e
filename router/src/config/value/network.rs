//! Strings of the configuration that name places in a network: addresses, networks, countries, hosts, paths, origins.
//!
//! Owns their syntax. Resolves no name and opens no socket.

use super::Text;
use crate::steer::route::HostPattern;
use http::uri::Authority;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address and port to listen on.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Address(pub(in crate::config) SocketAddr);

impl Text for Address {
    const TYPE: &'static str = "address";
    fn accepted() -> String {
        "an IP address and a port, such as \"0.0.0.0:8080\" or \"[::]:8443\"".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("{text:?} is not an address to listen on"))
    }
}

/// A network; a lone address is the network of that address only.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Network(pub(in crate::config) IpNet);

impl Text for Network {
    const TYPE: &'static str = "network";
    fn accepted() -> String {
        "a network or an address, such as \"10.0.0.0/8\", \"2001:db8::/32\" or \"192.0.2.7\"".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let lone = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let net: IpNet = text.parse().ok().or_else(lone).ok_or_else(|| format!("{text:?} is not a network"))?;
        if net.trunc() == net {
            return Ok(Self(net));
        }
        Err(format!("{text:?} has bits set beyond its prefix (the network is \"{}\")", net.trunc()))
    }
}

/// The officially assigned codes of ISO 3166-1 alpha-2, and XK, which geo databases use for Kosovo.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ \
FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE \
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU \
RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// A country.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct Country(pub(in crate::config) [u8; 2]);

impl Text for Country {
    const TYPE: &'static str = "country";
    fn accepted() -> String {
        "a country code of ISO 3166-1 alpha-2, such as \"DE\" (the United Kingdom is \"GB\")".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let upper = text.to_ascii_uppercase();
        let known = COUNTRIES.split(' ').find(|code| **code == upper);
        let code = known.and_then(|code| <[u8; 2]>::try_from(code.as_bytes()).ok());
        code.map(Self).ok_or_else(|| format!("{text:?} is not a country code"))
    }
}

/// A host name of letters, digits, `-` and `_` in labels of up to 63 (RFC 1123, with the underscore seen in practice).
fn is_host_name(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(inside) && !label.starts_with('-') && !label.ends_with('-')
    };
    // All digits and dots would be an address, and a bad one.
    text.len() <= 253 && text.split('.').all(label) && text.contains(|c: char| !c.is_ascii_digit() && c != '.')
}

/// The hosts of a route.
#[derive(Debug, Clone)]
pub(in crate::config) struct Host(pub(in crate::config) HostPattern);

impl Text for Host {
    const TYPE: &'static str = "host";
    fn accepted() -> String {
        "a host without port (\"shop.example\"), \"*.\" and a domain for all hosts below it, \"*\" for any".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let pattern = HostPattern::parse(text).filter(|pattern| match pattern {
            HostPattern::Any => true,
            HostPattern::Wildcard(domain) => is_host_name(domain),
            HostPattern::Exact(host) => match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
                None => is_host_name(host) || host.parse::<Ipv4Addr>().is_ok(),
            },
        });
        pattern.map(Self).ok_or_else(|| format!("{text:?} is not a host"))
    }
}

/// The path of a route.
#[derive(Debug, Clone)]
pub(in crate::config) struct RoutePath(pub(in crate::config) String);

impl Text for RoutePath {
    const TYPE: &'static str = "path";
    fn accepted() -> String {
        "a path that begins with \"/\", without query, fragment, spaces and \".\" or \"..\" segments".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let dots = text.split('/').any(|segment| matches!(segment, "." | ".."));
        let strange = text.contains(|c: char| matches!(c, '?' | '#' | '\\') || c.is_whitespace() || c.is_control());
        let valid = text.starts_with('/') && !dots && !strange && text.is_ascii() && text.len() <= 2048;
        if valid { Ok(Self(text.into())) } else { Err(format!("{text:?} is not a path that a request could have")) }
    }
}

/// The URL of an endpoint: where a connection goes, nothing more.
#[derive(Debug, Clone)]
pub(in crate::config) struct OriginUrl {
    /// As written.
    pub(in crate::config) text: String,
    /// Whether it speaks TLS.
    pub(in crate::config) tls: bool,
    /// Host name or address literal without brackets, lower case.
    pub(in crate::config) host: String,
    /// Port, also when it is the scheme's own.
    pub(in crate::config) port: u16,
}

impl Text for OriginUrl {
    const TYPE: &'static str = "origin URL";
    fn accepted() -> String {
        "\"http://\" or \"https://\", a host and, if need be, a port, such as \"http://10.0.1.10:8080\"".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{text:?} {why}");
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("is not an origin URL"))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(wrong("has a scheme that cannot be spoken to an endpoint")),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if !matches!(path, "" | "/") {
            return Err(wrong("has a path, query or fragment; the path of the request is passed on as it is"));
        }
        if authority.contains('@') {
            return Err(wrong("has user information"));
        }
        let parsed: Authority = authority.parse().map_err(|_| wrong("has no valid host"))?;
        let host = parsed.host().to_ascii_lowercase();
        let after_host = authority.get(parsed.host().len()..).unwrap_or_default();
        let own_port = if tls { 443 } else { 80 };
        let port = match after_host.strip_prefix(':') {
            None if !after_host.is_empty() => return Err(wrong("has no valid host")),
            None => own_port,
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong("has no valid port"))?,
        };
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(v6) => v6.parse::<Ipv6Addr>().is_ok().then(|| v6.to_owned()),
            None => (is_host_name(&host) || host.parse::<Ipv4Addr>().is_ok()).then_some(host),
        };
        let host = host.ok_or_else(|| wrong("has no valid host"))?;
        Ok(Self { text: text.into(), tls, host, port })
    }
}
