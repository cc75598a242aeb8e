//! A claim of a JSON Web Token (RFC 7519), for placement only: nothing is verified here, the application does that.
//!
//! Reads `Bearer` and the token's second part. Pure; what is no token has no claim.

/// A claim that is a text, an integer of 64 bits or a truth value, as text. A fraction is no name, and languages write it
/// differently.
pub(crate) fn of(authorization: &[u8], claim: &str) -> Option<String> {
    let text = std::str::from_utf8(authorization).ok()?;
    let (scheme, token) = text.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let payload = base64url(token.trim().split('.').nth(1)?)?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    match claims.get(claim)? {
        serde_json::Value::String(text) if !text.is_empty() => Some(text.clone()),
        serde_json::Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        serde_json::Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// RFC 4648, section 5, without padding as RFC 7515 has it.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0);
    for byte in text.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            octets.push((bits >> held) as u8);
        }
    }
    // A single letter left over holds no byte.
    (text.len() % 4 != 1).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_rfc_4648_lists() {
        for (text, expected) in [
            ("", Some("")),
            ("Zg", Some("f")),
            ("Zm8", Some("fo")),
            ("Zm9v", Some("foo")),
            ("Zm9vYg", Some("foob")),
            ("Zm9vYmFy", Some("foobar")),
            ("Z", None),
            ("Zg==", None),
            ("Zm9+", None),
        ] {
            assert_eq!(base64url(text).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn claims() {
        // {"sub":"alice","tid":42,"x":[1]} and {"tid":42.0}
        let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsInRpZCI6NDIsIngiOlsxXX0.sig";
        let of = |text: &str, claim| of(text.as_bytes(), claim);
        assert_eq!(of(&format!("Bearer {token}"), "sub").as_deref(), Some("alice"));
        assert_eq!(of(&format!("bearer  {token} "), "tid").as_deref(), Some("42"));
        for (text, claim) in [
            (format!("Bearer {token}"), "x"),
            ("Bearer e30.eyJ0aWQiOjQyLjB9.".to_owned(), "tid"),
            (format!("Bearer {token}"), "nobody"),
            (format!("Basic {token}"), "sub"),
            ("Bearer a.b.c".to_owned(), "sub"),
            ("Bearer".to_owned(), "sub"),
            (String::new(), "sub"),
        ] {
            assert_eq!(of(&text, claim), None, "{text} {claim}");
        }
    }
}
