//! Tests of tokens: each way to be refused, then any bytes, any bit, any token.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const TERMS: Terms<'static> =
    Terms { service: "shop", idle: Duration::from_secs(1_800), lifetime: Duration::from_secs(28_800) };

fn keys(ids: &[&str]) -> Keys {
    // The secret follows from the id, so that a rotated set still knows the old one.
    let secrets: Vec<Vec<u8>> = ids.iter().map(|id| id.bytes().cycle().take(32).collect()).collect();
    Keys::new(ids.iter().copied().zip(secrets.iter().map(Vec::as_slice))).unwrap()
}

fn ago(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 - seconds * 1000)
}

fn token() -> Token {
    Token {
        region: "eu-west".into(),
        endpoint: Some(42),
        session_started: ago(7_200),
        pinned_at: ago(3_600),
        last_used: ago(60),
        ttl: None,
        payload: Bytes::from_static(b"tenant-7"),
        cohort: None,
    }
}

fn check(token: &Token, expected: Result<(), TokenError>) {
    let text = keys(&["k1"]).encode(token, "shop").unwrap();
    assert_eq!(keys(&["k1"]).decode(&text, &TERMS, NOW).map(|_| ()), expected, "{token:?}");
}

#[test]
fn times_are_kept() {
    use TokenError::{Expired, FromTheFuture, Idle};
    check(&token(), Ok(()));
    check(&Token { session_started: ago(28_800), ..token() }, Ok(()));
    check(&Token { session_started: ago(28_801), ..token() }, Err(Expired));
    check(&Token { last_used: ago(1_800), ..token() }, Ok(()));
    check(&Token { last_used: ago(1_801), ..token() }, Err(Idle));
    check(&Token { ttl: Some(Duration::from_secs(3_599)), ..token() }, Err(Expired));
    let long = Some(Duration::from_secs(86_400));
    check(&Token { ttl: long, session_started: ago(50_000), ..token() }, Ok(()));
    let ahead = |seconds: u64| Timestamp(NOW.0 + seconds * 1000);
    check(&Token { last_used: ahead(60), ..token() }, Ok(()));
    for token in [
        Token { last_used: ahead(61), ..token() },
        Token { pinned_at: ahead(61), ..token() },
        Token { session_started: ahead(61), ..token() },
        Token { last_used: Timestamp(u64::MAX), ttl: Some(Duration::MAX), ..token() },
    ] {
        check(&token, Err(FromTheFuture));
    }
}

#[test]
fn who_signed_what_for_whom() {
    let text = keys(&["k1"]).encode(&token(), "shop").unwrap();
    let other = Terms { service: "shop2", ..TERMS };
    assert_eq!(keys(&["k1"]).decode(&text, &other, NOW), Err(TokenError::OtherService));
    assert_eq!(keys(&["k2"]).decode(&text, &TERMS, NOW), Err(TokenError::UnknownKey));
    assert_eq!(keys(&["k2", "k1"]).decode(&text, &TERMS, NOW), Ok(token()), "an old key still verifies");
    let forged = Keys::new([("k1", [0u8; 32].as_slice())]).unwrap().encode(&token(), "shop").unwrap();
    assert_eq!(keys(&["k1"]).decode(&forged, &TERMS, NOW), Err(TokenError::BadSignature));
    let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
    bytes[0] = 9;
    let newer = URL_SAFE_NO_PAD.encode(&bytes);
    assert_eq!(keys(&["k1"]).decode(&newer, &TERMS, NOW), Err(TokenError::UnknownVersion(9)));
    for text in ["", "A", "not base64!", &"A".repeat(5_000), &text[..text.len() - 4], &format!("{text}=")] {
        let refused = keys(&["k1"]).decode(text, &TERMS, NOW);
        assert!(
            matches!(refused, Err(TokenError::Malformed | TokenError::BadSignature | TokenError::UnknownVersion(0))),
            "{text}: {refused:?}"
        );
    }
}

#[test]
fn the_first_valid_cookie_counts() {
    let keys = keys(&["k1"]);
    let good = keys.encode(&token(), "shop").unwrap();
    let bad = keys.encode(&Token { last_used: ago(9_999), ..token() }, "shop").unwrap();
    let first = |values: &[&str]| keys.first_valid(values.iter().copied(), &TERMS, NOW, None);
    assert_eq!(first(&[]), Ok(None));
    assert_eq!(first(&["junk!", &bad, &good]), Ok(Some(token())));
    assert_eq!(first(&[&bad, "junk!"]), Err(TokenError::Idle));
    assert_eq!(first(&["junk!", "junk!", "junk!", "junk!", &good]), Err(TokenError::Malformed), "work is bounded");
}

#[test]
fn what_was_proven_is_proven_for_the_same_keys_and_service_and_not_for_longer() {
    let good = keys(&["k1"]).encode(&token(), "shop").unwrap();
    let mut forged = good.clone().into_bytes();
    forged[20] ^= 1;
    let forged = String::from_utf8(forged).unwrap();
    let proven = Proven::default();
    let first = |keys: &Keys, text: &str, terms: &Terms<'_>, now| keys.first_valid([text], terms, now, Some(&proven));
    assert_eq!(first(&keys(&["k1"]), &good, &TERMS, NOW), Ok(Some(token())));
    assert_eq!(first(&keys(&["k1"]), &good, &TERMS, NOW), Ok(Some(token())), "remembered");
    assert_eq!(first(&keys(&["k1"]), &good, &TERMS, NOW.plus(TERMS.idle)), Err(TokenError::Idle), "its age counts");
    assert_eq!(first(&keys(&["k2"]), &good, &TERMS, NOW), Err(TokenError::UnknownKey), "the key was taken away");
    let other = Terms { service: "shop2", ..TERMS };
    assert_eq!(first(&keys(&["k1"]), &good, &other, NOW), Err(TokenError::OtherService));
    assert!(first(&keys(&["k1"]), &forged, &TERMS, NOW).is_err(), "another text");
    assert_eq!(first(&keys(&["k1"]), &good, &TERMS, NOW), Ok(Some(token())));
}

#[test]
fn keys_that_protect_nothing_are_refused() {
    let new = |keys: &[(&str, usize)]| {
        let secret = [1u8; 64];
        Keys::new(keys.iter().map(|(id, len)| (*id, &secret[..*len]))).err()
    };
    assert_eq!(new(&[]), Some(KeyError::None));
    assert_eq!(new(&[("a", 31)]), Some(KeyError::Short { id: "a".into(), len: 31 }));
    assert_eq!(new(&[("", 32)]), Some(KeyError::Id(String::new())));
    assert_eq!(new(&[("12345678901234567", 32)]), Some(KeyError::Id("12345678901234567".into())));
    assert_eq!(new(&[("a", 32), ("b", 32), ("a", 32)]), Some(KeyError::Twice("a".into())));
    assert_eq!(new(&[("1234567890123456", 32), ("b", 64)]), None);
    let shown = format!("{:?}", keys(&["k1", "k2"]));
    assert_eq!(shown, r#"Keys(["k1", "k2"])"#, "no secret is printed");
}

#[test]
fn a_rebound_session_keeps_its_start() {
    let table_pin = Pin {
        region_name: "eu-west".into(),
        region: Some(0),
        endpoint: None,
        session_started: ago(500),
        pinned_at: ago(100),
        ttl: None,
        payload: Bytes::new(),
        cohort: None,
    };
    let bind = |pin: Option<&Pin>, region: &str| Token::bind(pin, &region.into(), Some(1), Bytes::new(), None, NOW);
    let times = |token: &Token| (token.session_started, token.pinned_at, token.last_used);
    assert_eq!(times(&bind(None, "eu-west")), (NOW, NOW, NOW));
    assert_eq!(times(&bind(Some(&table_pin), "eu-west")), (ago(500), ago(100), NOW));
    assert_eq!(times(&bind(Some(&table_pin), "us-east")), (ago(500), NOW, NOW));
    let grouped = Pin { cohort: Some(7), ..table_pin };
    assert_eq!(bind(Some(&grouped), "us-east").cohort, Some(7), "its side of rollouts too");
    assert!(token().is_refresh_due(NOW, Duration::from_secs(600)));
    assert!(!token().is_refresh_due(NOW, Duration::from_secs(601)));
    assert_eq!(token().refreshed(NOW).last_used, NOW);
}

#[test]
fn too_long_is_an_error_not_a_cut() {
    let encode = |region: usize, payload: usize| {
        let token = Token { region: "r".repeat(region).into(), payload: vec![0; payload].into(), ..token() };
        keys(&["1234567890123456"]).encode(&Token { ttl: Some(Duration::MAX), cohort: Some(1), ..token }, "shop")
    };
    assert_eq!(encode(256, 0), Err(TokenError::TooLong));
    assert_eq!(encode(1, 257), Err(TokenError::TooLong));
    let longest = encode(255, 256).unwrap();
    assert_eq!(longest.len(), TOKEN_MAX);
    assert!(keys(&["1234567890123456"]).decode(&longest, &TERMS, NOW).is_ok());
}

prop_compose! {
    fn any_token()(
        region in "\\PC{0,60}",
        endpoint in prop::option::of(any::<u64>()),
        (started, pinned, used) in (0u64..20_000, 0u64..1_000, 0u64..1_800),
        ttl in prop::option::of(1_000u64..1_000_000),
        payload in prop::collection::vec(any::<u8>(), 0..=PAYLOAD_MAX),
        cohort in prop::option::of(any::<u32>()),
    ) -> Token {
        Token {
            region: region.into(),
            endpoint,
            session_started: ago(started),
            pinned_at: ago(pinned),
            last_used: ago(used),
            ttl: ttl.map(Duration::from_secs),
            payload: payload.into(),
            cohort,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(token in any_token()) {
        let text = keys(&["k1"]).encode(&token, "shop").unwrap();
        prop_assert!(text.len() <= TOKEN_MAX);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        prop_assert_eq!(keys(&["k1"]).decode(&text, &TERMS, NOW), Ok(token));
    }

    #[test]
    fn any_flipped_bit_is_refused(token in any_token(), at in any::<prop::sample::Index>(), bit in 0u32..8) {
        let text = keys(&["k1", "k0"]).encode(&token, "shop").unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
        let flipped = at.index(bytes.len());
        bytes[flipped] ^= 1 << bit;
        let changed = URL_SAFE_NO_PAD.encode(&bytes);
        prop_assert!(keys(&["k1", "k0"]).decode(&changed, &TERMS, NOW).is_err());
        // In the text too: no two texts stand for one token.
        let mut letters = text.into_bytes();
        let flipped = at.index(letters.len());
        letters[flipped] ^= 1 << (bit % 7);
        let changed = String::from_utf8(letters).unwrap();
        prop_assert!(keys(&["k1", "k0"]).decode(&changed, &TERMS, NOW).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..900), text in "\\PC{0,60}") {
        prop_assert!(keys(&["k1"]).decode(&URL_SAFE_NO_PAD.encode(&bytes), &TERMS, NOW).is_err());
        prop_assert!(keys(&["k1"]).decode(&text, &TERMS, NOW).is_err());
        // Signed nonsense: only we could write it, and it must still be no panic.
        let message = [codec::CONTEXT, &bytes].concat();
        let _ = codec::key_id(&message);
        let _ = codec::read(&message, "shop");
        let mut plausible = codec::write(&token(), "shop", "k1").unwrap();
        plausible.truncate(codec::CONTEXT.len() + bytes.len() % 63);
        prop_assert!(codec::read(&plausible, "shop").is_err());
    }
}
