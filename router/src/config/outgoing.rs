//! What a policy may ask of HTTP servers.
//!
//! Owns the rule by which a URL is inside a grant. Pure; addresses behind names are `policy::outgoing`'s concern, for only a
//! look-up tells them.

use super::Url;
use std::path::PathBuf;
use std::time::Duration;

/// What a policy may ask of HTTP servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Places that may be asked; their targets are paths without a query.
    pub allow: Vec<Url>,
    /// Time for one request.
    pub timeout: Duration,
    /// Body of an answer, bytes.
    pub size: usize,
    /// Requests in a second.
    pub rate: u32,
    /// File with the authorities that servers are verified by; none is the system's.
    pub ca: Option<PathBuf>,
}

impl Outgoing {
    /// Whether this may be asked: the same server, and a granted path or one below it, with any query.
    pub fn allows(&self, url: &Url) -> bool {
        let path = url.target.split('?').next().unwrap_or_default();
        !is_ambiguous(path) && self.allow.iter().any(|granted| granted.same_server(url) && below(path, &granted.target))
    }

    /// Whether TLS is spoken to any of the places.
    pub fn speaks_tls(&self) -> bool {
        self.allow.iter().any(|granted| granted.tls)
    }
}

fn below(path: &str, granted: &str) -> bool {
    let Some(rest) = path.strip_prefix(granted) else { return false };
    rest.is_empty() || granted.ends_with('/') || rest.starts_with('/')
}

/// Whether servers could take a path for another one: with dot segments, a backslash, or one of those and a slash in disguise.
pub(in crate::config) fn is_ambiguous(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let disguised = ["%2e", "%2f", "%5c", "\\"].iter().any(|part| lower.contains(part));
    disguised || lower.split('/').any(|segment| segment == "." || segment == "..")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_grant_is_a_server_and_a_path_with_all_below_it() {
        let allow = ["http://10.0.1.10:8080/status", "https://status.example/", "http://[2001:db8::1]/a/"];
        let allow = allow.map(|url| Url::asked(url).unwrap()).into();
        let granted = Outgoing { allow, timeout: Duration::ZERO, size: 0, rate: 0, ca: None };
        for (url, allowed) in [
            ("http://10.0.1.10:8080/status", true),
            ("http://10.0.1.10:8080/status?region=a", true),
            ("http://10.0.1.10:8080/status/a", true),
            ("http://10.0.1.10:8080/status-of-others", false),
            ("http://10.0.1.10:8080/", false),
            ("http://10.0.1.10:8080/status/../admin", false),
            ("http://10.0.1.10:8080/status/%2E%2e/admin", false),
            ("http://10.0.1.10:8080/status/..%2fadmin", false),
            ("http://10.0.1.10:8080/status/..\\admin", false),
            ("http://10.0.1.10:8081/status", false),
            ("http://10.0.1.10/status", false),
            ("https://10.0.1.10:8080/status", false),
            ("https://status.example", true),
            ("https://STATUS.example:443/any?thing", true),
            ("https://status.example.evil.example/", false),
            ("http://status.example/", false),
            ("http://[2001:DB8::1]/a/b", true),
            ("http://[2001:db8::1]/a", false),
        ] {
            assert_eq!(Url::asked(url).is_some_and(|url| granted.allows(&url)), allowed, "{url}");
        }
        for url in
            ["ftp://status.example/", "https://u:p@status.example/", "https://status.example/#a", "status.example"]
        {
            assert_eq!(Url::asked(url), None, "{url}");
        }
    }
}
