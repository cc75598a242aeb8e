//! Several ranges in one answer: `multipart/byteranges` (RFC 9110 section 14.6).
//!
//! Owns the plan: what goes before each part, which bytes the part is, what ends it all, and how long it will be. Never
//! touches the content. The boundary is made of a seed that clients cannot guess, so content cannot fake it. Pure.

use std::ops::Range;

use http::HeaderValue;

use crate::base::hash;

/// One part of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Boundary and fields, to be sent before the bytes.
    pub head: Vec<u8>,
    /// The bytes of the representation.
    pub span: Range<u64>,
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multipart {
    /// `Content-Type` of the answer.
    pub content_type: HeaderValue,
    /// The parts in order.
    pub parts: Vec<Part>,
    /// What comes after the last.
    pub end: Vec<u8>,
    /// Bytes of the answer's body.
    pub length: u64,
}

/// Plans the answer with these spans of a representation of `total` bytes. None when the seed's boundary makes no header,
/// which does not happen.
pub fn plan(spans: &[Range<u64>], total: u64, media_type: Option<&HeaderValue>, seed: u64) -> Option<Multipart> {
    let boundary = format!("portolan-{:016x}{:016x}", hash::mix(seed ^ 1), hash::mix(seed ^ 2));
    let content_type = HeaderValue::from_str(&format!("multipart/byteranges; boundary={boundary}")).ok()?;
    let head = |(place, span): (usize, &Range<u64>)| {
        let mut head = Vec::with_capacity(160);
        head.extend_from_slice(if place == 0 { b"--" } else { b"\r\n--" });
        head.extend_from_slice(boundary.as_bytes());
        if let Some(media_type) = media_type {
            head.extend_from_slice(b"\r\nContent-Type: ");
            head.extend_from_slice(media_type.as_bytes());
        }
        head.extend_from_slice(b"\r\nContent-Range: ");
        head.extend_from_slice(content_range(span, total).as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        Part { head, span: span.clone() }
    };
    let parts: Vec<Part> = spans.iter().enumerate().map(head).collect();
    let end = format!("\r\n--{boundary}--\r\n").into_bytes();
    // Saturating: an origin may claim any length.
    let add = |sum: u64, part: &Part| {
        sum.saturating_add(part.head.len() as u64).saturating_add(part.span.end - part.span.start)
    };
    let length = parts.iter().fold(end.len() as u64, add);
    Some(Multipart { content_type, parts, end, length })
}

/// `Content-Range` of a part (RFC 9110 section 14.4). The span must not be empty.
pub fn content_range(span: &Range<u64>, total: u64) -> String {
    format!("bytes {}-{}/{total}", span.start, span.end.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_14_6_the_parts_of_an_answer() {
        let content = b"0123456789";
        let plain = HeaderValue::from_static("text/plain");
        let plan = plan(&[0..1, 5..7], 10, Some(&plain), 7).unwrap();
        let mut body = Vec::new();
        for part in &plan.parts {
            body.extend_from_slice(&part.head);
            body.extend_from_slice(&content[part.span.start as usize..part.span.end as usize]);
        }
        body.extend_from_slice(&plan.end);
        assert_eq!(body.len() as u64, plan.length);
        let boundary = plan.content_type.to_str().unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-0/10\r\n\r\n0\r\n\
             --{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-6/10\r\n\r\n56\r\n--{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
        assert!(boundary.len() <= 70, "RFC 2046 section 5.1.1");
    }
}
