//! Which running PoP a command means.
//!
//! Owns the order: `--admin`, then the configuration file, then the default file. Used by every command that talks to
//! a running PoP.

use super::{CONFIG_DEFAULT, TargetArgs};
use crate::config;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The admin address of a running PoP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Host and port.
    pub(super) authority: String,
    /// Bearer token.
    pub(super) token: Option<String>,
}

/// Finds the PoP.
///
/// # Errors
/// What is wrong with URL or file, for people.
pub(super) fn find(args: &TargetArgs) -> Result<Target, String> {
    if let Some(url) = &args.admin {
        return Ok(Target { authority: authority(url)?, token: args.token.clone() });
    }
    let path = args.config.as_deref().unwrap_or(Path::new(CONFIG_DEFAULT));
    if args.config.is_none() && !path.exists() {
        return Err(format!(
            "which PoP? name it with --admin URL, or with -c FILE (there is no {CONFIG_DEFAULT} here)"
        ));
    }
    let config = config::load(path).map_err(|diagnostics| diagnostics.to_string())?;
    let admin = config.boot.admin.ok_or_else(|| format!("{} has no [admin] section", path.display()))?;
    if admin.address.port() == 0 {
        return Err("the admin port is chosen at start (0); use --admin with the port that the log tells".to_owned());
    }
    Ok(Target { authority: reachable(admin.address).to_string(), token: args.token.clone().or(admin.token) })
}

/// Host and port of an admin URL.
fn authority(url: &str) -> Result<String, String> {
    let wrong = || format!("{url:?} is no admin address; accepted: http://HOST:PORT");
    let uri: http::Uri = url.parse().map_err(|_| wrong())?;
    let plain =
        uri.scheme_str().is_none_or(|scheme| scheme == "http") && uri.path().len() <= 1 && uri.query().is_none();
    let authority = uri.authority().filter(|_| plain).ok_or_else(wrong)?;
    Ok(if authority.port().is_some() { authority.to_string() } else { format!("{authority}:80") })
}

/// An address to connect to: one that stands for all interfaces is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, expected) in [
            ("http://127.0.0.1:9900", Some("127.0.0.1:9900")),
            ("http://[::1]:9900/", Some("[::1]:9900")),
            ("127.0.0.1:9900", Some("127.0.0.1:9900")),
            ("http://edge.example", Some("edge.example:80")),
            ("https://edge.example", None),
            ("http://edge.example/status", None),
            ("", None),
        ] {
            assert_eq!(authority(url).ok().as_deref(), expected, "{url}");
        }
    }
}
