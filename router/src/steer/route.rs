//! Which route an exchange takes: host and path to a route's index.
//!
//! Owns the precedence of hosts and paths. Exact host before wildcard (longest first) before any host; within a host an
//! exact path before the longest prefix. When no path under a host matches, the next less exact host is asked, so that
//! a route without a host really holds for any. Paths are compared byte for byte: normalising them is the caller's
//! part. Built by `snapshot`, asked by `decide`; knows nothing of what a route does.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;

/// Fixed seed: only the operator's own keys are stored, so a client cannot make chains longer.
type Map<V> = HashMap<Box<str>, V, BuildHasherDefault<DefaultHasher>>;

/// The hosts a route answers for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// Any host, also none.
    Any,
    /// One host, lower case, without port.
    Exact(String),
    /// Every host below a domain, at any depth; holds the domain, lower case: `example.com` of `*.example.com`.
    /// The domain itself does not match.
    Wildcard(String),
}

impl HostPattern {
    /// Reads `shop.example`, `*.example.com` or `*`; none when it is empty, has a port, a path or a star elsewhere.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let (wild, name) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let valid = !name.is_empty()
            && !name.contains(['*', '/', '@', ' '])
            && host_of(&name) == name
            && !name.split('.').any(str::is_empty);
        valid.then_some(if wild { Self::Wildcard(name) } else { Self::Exact(name) })
    }
}

/// The paths a route answers for; both forms begin with a slash, a path that does not never matches a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// Everything at or below a place, on segment borders: `/api` matches `/api`, `/api/` and `/api/x`, not `/apix`;
    /// `/api/` matches `/api/` and `/api/x`, not `/api`. The longest wins, so for `/api/x` the second goes first.
    Prefix(String),
    /// This path alone.
    Exact(String),
}

/// What makes a route different from any other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RouteKey {
    /// The hosts.
    pub host: HostPattern,
    /// The paths.
    pub path: PathPattern,
}

/// Two routes for exactly the same host and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("routes {first} and {second} have the same host and path; each pair may be used once")]
pub struct RouteConflict {
    /// Index of the route that came first.
    pub first: usize,
    /// Index of the one that repeats it.
    pub second: usize,
}

/// All routes, ready to be searched. A search costs one pass over the host and one over the path for each of the
/// at most `labels + 1` hosts that apply, however many routes there are.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    exact: Map<Paths>,
    /// By domain, without the `*.`.
    wild: Map<Paths>,
    /// Length of the longest wildcard domain: longer suffixes of a host need no look-up.
    wild_longest: usize,
    any: Paths,
}

impl RouteTable {
    /// A table in which each key leads to its position in `keys`.
    ///
    /// # Errors
    /// When two keys are the same.
    pub fn build(keys: Vec<RouteKey>) -> Result<Self, RouteConflict> {
        let mut table = Self::default();
        for (index, key) in keys.into_iter().enumerate() {
            let paths = match key.host {
                HostPattern::Any => &mut table.any,
                HostPattern::Exact(host) => table.exact.entry(host.into()).or_default(),
                HostPattern::Wildcard(domain) => {
                    table.wild_longest = table.wild_longest.max(domain.len());
                    table.wild.entry(domain.into()).or_default()
                }
            };
            match paths.slot(key.path) {
                Some(first) => return Err(RouteConflict { first: *first, second: index }),
                vacant => *vacant = Some(index),
            }
        }
        Ok(table)
    }

    /// The route for a request: `authority` as received (any case, with or without port, empty when there is none),
    /// `path` without query. None when no route matches.
    pub fn find(&self, authority: &str, path: &str) -> Option<usize> {
        let host = host_of(authority);
        let host: Cow<'_, str> = if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            host.to_ascii_lowercase().into()
        } else {
            host.into()
        };
        let exact = self.exact.get(&*host).and_then(|paths| paths.find(path));
        exact.or_else(|| self.find_wild(&host, path)).or_else(|| self.any.find(path))
    }

    fn find_wild(&self, host: &str, path: &str) -> Option<usize> {
        if self.wild.is_empty() {
            return None;
        }
        // Left to right: the longest domain first. A dot at the very start would leave an empty label before it.
        host.match_indices('.')
            .filter(|(at, _)| *at > 0 && host.len() - at - 1 <= self.wild_longest)
            .find_map(|(at, _)| self.wild.get(&host[at + 1..])?.find(path))
    }
}

/// The routes of one host pattern.
#[derive(Debug, Clone, Default)]
struct Paths {
    exact: Map<Option<usize>>,
    prefixes: Segment,
}

/// A node of the tree of prefixes: one path segment.
#[derive(Debug, Clone, Default)]
struct Segment {
    /// Route of the prefix that ends here without a slash.
    bare: Option<usize>,
    /// Route of the prefix that ends here with one.
    slashed: Option<usize>,
    below: Map<Segment>,
}

impl Paths {
    /// The place where a pattern's route is kept.
    fn slot(&mut self, pattern: PathPattern) -> &mut Option<usize> {
        match pattern {
            PathPattern::Exact(path) => self.exact.entry(path.into()).or_default(),
            PathPattern::Prefix(path) => {
                let rest = path.strip_prefix('/').unwrap_or(&path);
                if rest.is_empty() {
                    return &mut self.prefixes.slashed;
                }
                let (names, slashed) = rest.strip_suffix('/').map_or((rest, false), |names| (names, true));
                let node =
                    names.split('/').fold(&mut self.prefixes, |node, name| node.below.entry(name.into()).or_default());
                if slashed { &mut node.slashed } else { &mut node.bare }
            }
        }
    }

    fn find(&self, path: &str) -> Option<usize> {
        if !self.exact.is_empty()
            && let Some(route) = self.exact.get(path)
        {
            return *route;
        }
        let mut rest = path.strip_prefix('/')?;
        let mut node = &self.prefixes;
        let mut best = node.slashed;
        loop {
            let (name, more) = rest.split_once('/').map_or((rest, None), |(name, more)| (name, Some(more)));
            let Some(next) = node.below.get(name) else { return best };
            node = next;
            best = node.bare.or(best);
            match more {
                None => return best,
                Some(more) => {
                    best = node.slashed.or(best);
                    rest = more;
                }
            }
        }
    }
}

/// The host of an authority: without user information, port and a final dot. `[::1]:80` gives `[::1]`.
fn host_of(authority: &str) -> &str {
    // One look at what nearly all are: a name alone.
    if !authority.bytes().any(|byte| matches!(byte, b'@' | b':' | b']')) {
        return authority.strip_suffix('.').unwrap_or(authority);
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.find(']') {
        Some(end) if host.starts_with('[') => &host[..=end],
        _ => host.split_once(':').map_or(host, |(name, _)| name),
    };
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests;
