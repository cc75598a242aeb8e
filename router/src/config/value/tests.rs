//! Tables of single values: what is accepted and what it means.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::config::component::Source;
use crate::steer::route::HostPattern;
use std::time::Duration;

fn refused<T: Text + fmt::Debug>(texts: &[&str]) {
    for text in texts {
        let read = T::read(text);
        assert!(read.is_err(), "{text:?} was read as {read:?}");
    }
}

const HASH: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn components() {
    let image = |text: &str| match ComponentSource::read(&format!("{text}@{HASH}")).unwrap().0 {
        Source::Registry(image) => (image.registry.to_string(), image.repository),
        other => panic!("{other:?}"),
    };
    let cases = [
        ("oci://ghcr.io/acme/residency", ("https://ghcr.io/", "acme/residency")),
        ("OCI://Registry.Example:5000/a/b-c_d.e:1.2", ("https://registry.example:5000/", "a/b-c_d.e")),
        ("oci://127.0.0.1:5000/a", ("http://127.0.0.1:5000/", "a")),
        ("oci://localhost/a", ("http://localhost/", "a")),
        ("oci://[::1]:5000/a", ("http://[::1]:5000/", "a")),
    ];
    for (text, (registry, repository)) in cases {
        assert_eq!(image(text), (registry.to_owned(), repository.to_owned()), "{text}");
    }
    let url = |text| match ComponentSource::read(text).unwrap().0 {
        Source::Web(url) => url.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(url("HTTPS://Files.Example:443/a/b.wasm?c=1"), "https://files.example/a/b.wasm?c=1");
    assert_eq!(url("http://[::1]:81/a"), "http://[::1]:81/a");
    let file = ComponentSource::read("policies/a@b:c.wasm").unwrap().0;
    assert_eq!(file, Source::File("policies/a@b:c.wasm".into()));
    let digest = |name: &str| format!("oci://r.example/{name}@{HASH}");
    let images = ["", "A", "a/", "a//b", "a b", "-a", "a$"].map(digest);
    refused::<ComponentSource>(&images.each_ref().map(String::as_str));
    refused::<ComponentSource>(&[
        "",
        "ftp://a/b",
        "file:///a",
        "https://a",
        "https://a/",
        "https://a/b#c",
        "https:///b",
    ]);
    refused::<ComponentSource>(&["oci://r.example/a", "oci://r.example/a:1", "oci://r.example/a@sha256:00", "oci://a"]);
    assert_eq!(PlainHost::read("Registry.Internal:5000").unwrap().0, "registry.internal:5000");
    assert_eq!(PlainHost::read("registry.internal").unwrap().0, "registry.internal");
    refused::<PlainHost>(&["", "a/b", "http://a", "a:b", "a:0"]);
}

#[test]
fn keys_and_signatures() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    let key = PublicKey::read(pem).unwrap().0;
    assert_eq!(PublicKey::read("Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=").unwrap().0, key);
    assert_eq!(key[..2], [0x19, 0xbf]);
    refused::<PublicKey>(&["", "Gb9E", &pem.replace("MCow", "MCox")]);
    assert_eq!(SignatureText::read(&format!("{}==", "A".repeat(86))).unwrap().0, [0; 64]);
    refused::<SignatureText>(&["", "AAAA", "no base64"]);
}

#[test]
fn origins() {
    let cases = [
        ("http://10.0.1.10:8080", (false, "10.0.1.10", 8080)),
        ("https://Shop.Example/", (true, "shop.example", 443)),
        ("HTTP://a", (false, "a", 80)),
        ("http://[2001:db8::1]:81", (false, "2001:db8::1", 81)),
        ("https://[::1]", (true, "::1", 443)),
        ("http://eu_west-1.internal:65535", (false, "eu_west-1.internal", 65535)),
    ];
    for (text, (tls, host, port)) in cases {
        let origin = OriginUrl::read(text).unwrap();
        assert_eq!((origin.tls, origin.host.as_str(), origin.port, origin.text.as_str()), (tls, host, port, text));
    }
    refused::<OriginUrl>(&[
        "",
        "shop",
        "ftp://a",
        "unix:/run/a.sock",
        "http://",
        "http:///",
        "http://a/x",
        "http://a?x",
    ]);
    refused::<OriginUrl>(&["http://a#x", "http://u:p@a", "http://a:", "http://a:0", "http://a:65536", "http://a:x"]);
    refused::<OriginUrl>(&[
        "http://[::1",
        "http://[::g]",
        "http://1.2.3",
        "http://1.2.3.256",
        "http://-a",
        "http://a b",
    ]);
    refused::<OriginUrl>(&[
        "http://a..b",
        "http://ä",
        "http://a:80:80",
        "http://[::1]x:80",
        "http://::1",
        "http://a\n",
    ]);
}

#[test]
fn hosts_and_paths() {
    let exact = |name: &str| HostPattern::Exact(name.into());
    let cases = [
        ("Shop.Example", exact("shop.example")),
        ("shop.example.", exact("shop.example")),
        ("10.0.0.1", exact("10.0.0.1")),
        ("[::1]", exact("[::1]")),
        ("*.Example", HostPattern::Wildcard("example".into())),
        ("*", HostPattern::Any),
    ];
    for (text, pattern) in cases {
        assert_eq!(Host::read(text).unwrap().0, pattern, "{text}");
    }
    refused::<Host>(&[
        "",
        "*.",
        "*.*.a",
        "a.*",
        "a:80",
        "a/b",
        "[::g]",
        "10.0.0.256",
        "-a",
        "a b",
        "ä.example",
        "a\r\nb",
    ]);

    assert!(["/", "/api/", "/a.b/..c/%20"].iter().all(|path| RoutePath::read(path).is_ok()));
    refused::<RoutePath>(&["", "api", "/a?b", "/a#b", "/a b", "/./a", "/a/..", "/ä", "/a\\b", "/a\0"]);
    assert!(["/", "/healthz?full=1"].iter().all(|path| ProbePath::read(path).is_ok()));
    refused::<ProbePath>(&["", "healthz", "/a b", "/a#b", "/\n", "*"]);
}

#[test]
fn names_and_networks() {
    assert!(["a", "eu-west-1", "A.b_c", &"x".repeat(64)].iter().all(|name| Name::read(name).is_ok()));
    refused::<Name>(&["", "-a", ".a", "a b", "a;b", "ä", "a\n", &"x".repeat(65)]);
    assert!(["__Host-portolan", "a", "a!b"].iter().all(|name| CookieName::read(name).is_ok()));
    refused::<CookieName>(&["", "a b", "a=b", "a;b", "ä", "a\"b", &"x".repeat(129)]);
    assert_eq!(Network::read("192.0.2.7").unwrap().0.to_string(), "192.0.2.7/32");
    assert_eq!(Network::read("2001:db8::/32").unwrap().0.to_string(), "2001:db8::/32");
    refused::<Network>(&["", "10.0.0.1/8", "10.0.0.0/33", "10/8", "host", "::1/129"]);
    assert_eq!(Country::read("de").unwrap().0, *b"DE");
    refused::<Country>(&["", "UK", "EU", "DEU", "D", "D E", "E ", "ß"]);
    refused::<Address>(&["", "8080", ":8080", "localhost:80", "0.0.0.0", "::1:80", "0.0.0.0:65536"]);
}

#[test]
fn units_and_ranges() {
    type Limits = Time<100, 1_000_000>;
    assert_eq!(Limits::read("100us").unwrap().0, Duration::from_micros(100));
    assert_eq!(Limits::read("1s").unwrap().0, Duration::from_secs(1));
    refused::<Limits>(&["99us", "1001ms", "0s", "", "5", "-1s"]);
    refused::<Size<1, 1024>>(&["0", "1025", "2KiB", "x"]);
    assert_eq!(Size::<1, 1024>::read("1KiB").unwrap().0, 1024);
    assert_eq!(Distance::read("300km").unwrap().0, 300.0);
    assert_eq!(Distance::read("1.5 km").unwrap().0, 1.5);
    refused::<Distance>(&["", "km", "300", "300mi", "-1km", "nankm", "infkm", "1e3km", "20041km"]);

    let shown =
        [(0, "0s"), (1, "1us"), (1_500, "1500us"), (250_000, "250ms"), (90_000_000, "90s"), (7_200_000_000, "2h")];
    for (us, text) in shown {
        assert_eq!(shown_time(Duration::from_micros(us)), text);
    }
    for (bytes, text) in [(0, "0B"), (1000, "1000B"), (65_536, "64KiB"), (1 << 30, "1GiB")] {
        assert_eq!(shown_bytes(bytes), text);
    }
}

#[test]
fn json_of_any_value_is_stable() {
    let toml = "z = 1\na = [1.5, true, 1979-05-27T07:32:00Z]\nm = { y = \"\\u00e4\", b = {} }\n";
    let json = toml::from_str::<AnyValue>(toml).unwrap().0.to_string();
    assert_eq!(json, r#"{"a":[1.5,true,"1979-05-27T07:32:00Z"],"m":{"b":{},"y":"ä"},"z":1}"#);
}
