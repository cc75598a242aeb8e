//! Tables and properties of the client's address behind proxies.
//! Owns nothing; never reads a network. Called by: `cargo test`.
#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn trusted() -> Vec<IpNet> {
    ["10.0.0.0/8", "127.0.0.0/8", "fd00::/8"].iter().map(|network| network.parse().unwrap()).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn check(peer: &str, forwarded: &[&str], x_forwarded_for: &[&str], client: &str) {
    let bytes = |lines: &[&str]| lines.iter().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>();
    let (a, b) = (bytes(forwarded), bytes(x_forwarded_for));
    let a: Vec<&[u8]> = a.iter().map(Vec::as_slice).collect();
    let b: Vec<&[u8]> = b.iter().map(Vec::as_slice).collect();
    let got = client_address(ip(peer), &trusted(), &a, &b);
    assert_eq!(got, ip(client), "peer {peer}, forwarded {forwarded:?}, x-forwarded-for {x_forwarded_for:?}");
}

#[test]
fn x_forwarded_for() {
    for (peer, lines, client) in [
        ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"), // an untrusted peer is not believed
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &[""], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"), // mapped on both sides
        ("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),      // what the client wrote is left of it
        ("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"), // all trusted: the farthest
        ("10.0.0.1", &["198.51.100.1,, ,10.2.2.2,"], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1, junk, 10.2.2.2"], "10.2.2.2"), // stops where it cannot read
        ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", &["[2001:db8::1]:443 , fd00::7"], "2001:db8::1"),
        ("fd00::1", &["\t198.51.100.1\t"], "198.51.100.1"),
        ("10.0.0.1", &["\"198.51.100.1"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1:port"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.256"], "10.0.0.1"),
        ("10.0.0.1", &["fe80::1%eth0"], "10.0.0.1"),
        ("10.0.0.1", &["[2001:db8::1"], "10.0.0.1"),
        ("10.0.0.1", &["[2001:db8::1]x"], "10.0.0.1"),
        ("10.0.0.1", &["[198.51.100.1]"], "10.0.0.1"),
    ] {
        check(peer, &[], lines, client);
    }
}

#[test]
fn forwarded() {
    for (lines, client) in [
        (&["for=192.0.2.60;proto=http;by=203.0.113.43"][..], "192.0.2.60"), // RFC 7239 section 4
        (&["for=192.0.2.43, for=198.51.100.17"], "198.51.100.17"),
        (&["for=192.0.2.43", "for=10.3.3.3"], "192.0.2.43"),
        (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
        (&["for=\"[2001:db8:cafe::17]\";proto=https"], "2001:db8:cafe::17"),
        (&["proto=https; FOR = 192.0.2.1"], "10.0.0.1"), // no blanks around "=" (RFC 7239 section 4)
        (&["for=\"192.0.2.1:_tail-1\""], "192.0.2.1"),
        (&["for=192.0.2.1:80"], "192.0.2.1"),
        (&["for=\"192.0.2.1:\\8\\0\""], "192.0.2.1"),
        (&["for=192.0.2.1, for=_hidden"], "10.0.0.1"),
        (&["for=192.0.2.1, for=unknown, for=10.4.4.4"], "10.4.4.4"),
        (&["for=192.0.2.1, by=10.4.4.4"], "10.0.0.1"), // no `for`: the hop hides its client
        (&["for=192.0.2.1;for=192.0.2.2"], "10.0.0.1"),
        (&["for=192.0.2.1;;proto=http;"], "192.0.2.1"),
        (&["for=192.0.2.1;nonsense"], "10.0.0.1"),
        (&["by=\"a,b;for=1.1.1.1\";for=192.0.2.1"], "192.0.2.1"), // separators inside a quoted string
        (&["by=\"a\\\",for=1.1.1.1\";for=192.0.2.1"], "192.0.2.1"),
        (&["for=192.0.2.1;by=\"open, for=10.5.5.5"], "10.5.5.5"), // an unended string spoils only what is left of its end
        (&["for=\"192.0.2.1"], "10.0.0.1"),
        (&[""], "10.0.0.1"),
    ] {
        check("10.0.0.1", lines, &[], client);
    }
    check("203.0.113.9", &["for=192.0.2.1"], &[], "203.0.113.9");
}

#[test]
fn forwarded_goes_before_x_forwarded_for() {
    check("10.0.0.1", &["for=192.0.2.1"], &["198.51.100.1"], "192.0.2.1");
    check("10.0.0.1", &["for=_hidden"], &["198.51.100.1"], "10.0.0.1");
}

#[test]
fn no_more_than_64_hops_are_looked_at() {
    let chain = |hops: usize| {
        let mut list = String::from("198.51.100.1");
        (0..hops).for_each(|_| list.push_str(", 10.0.0.2"));
        list
    };
    check("10.0.0.1", &[], &[&chain(HOPS_MAX - 1)], "198.51.100.1");
    check("10.0.0.1", &[], &[&chain(HOPS_MAX)], "10.0.0.2");
    check("10.0.0.1", &[], &["198.51.100.1", &",".repeat(HOPS_MAX)], "10.0.0.1");
}

/// Text that resembles the headers often enough to reach every branch.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "for=",
        "For=",
        "by=",
        ";",
        ",",
        "\"",
        "\\",
        "[",
        "]",
        ":",
        "80",
        "_x",
        "unknown",
        " ",
        "\t",
        "10.0.0.2",
        "192.0.2.1",
        "2001:db8::1",
        "::ffff:10.0.0.3",
        "=",
        "é",
    ]);
    prop_oneof![
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..80),
    ]
}

proptest! {
    #[test]
    fn never_panics_and_never_believes_an_untrusted_peer(
        peer in any::<u32>(), a in prop::collection::vec(line(), 0..4), b in prop::collection::vec(line(), 0..4)
    ) {
        let a: Vec<&[u8]> = a.iter().map(Vec::as_slice).collect();
        let b: Vec<&[u8]> = b.iter().map(Vec::as_slice).collect();
        let peer = IpAddr::V4(peer.into());
        let client = client_address(peer, &trusted(), &a, &b);
        if !trusted().iter().any(|network| network.contains(&peer)) {
            prop_assert_eq!(client, peer);
        }
        let _ = client_address(ip("10.0.0.1"), &trusted(), &a, &b);
    }

    /// Whatever a client puts in front, the address that the trusted proxy saw is the client's.
    #[test]
    fn a_client_cannot_choose_its_address(before in line()) {
        let list = [&before[..], b", 192.0.2.77"].concat();
        prop_assert_eq!(client_address(ip("10.0.0.1"), &trusted(), &[], &[&list]), ip("192.0.2.77"));
        let list = [&before[..], b", for=\"192.0.2.77:80\";by=\"a\\\\\\\",\""].concat();
        prop_assert_eq!(client_address(ip("10.0.0.1"), &trusted(), &[&list], &[]), ip("192.0.2.77"));
    }
}
