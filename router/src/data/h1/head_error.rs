//! Every way in which a message head can be refused, with the status that a client gets for it.
//! Owns the words and the status mapping; never detects anything itself. Raised by the two head parsers and by trailers.

use http::StatusCode;

/// Why a head was refused. Nothing of such a message is forwarded, and the connection closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// A line that ends in LF alone (RFC 9112 section 2.2 lets us refuse it; half of all smuggling starts with it).
    #[error("a line ends in a bare LF; CRLF is required")]
    BareLineFeed,
    /// CR that is not followed by LF.
    #[error("a bare CR inside the head")]
    BareCarriageReturn,
    /// NUL anywhere in the head.
    #[error("a NUL byte inside the head")]
    NulByte,
    /// Line folding (RFC 9112 section 5.2).
    #[error("a folded header line; each field must be on one line")]
    FoldedLine,
    /// White space between a field name and its colon (RFC 9112 section 5.1).
    #[error("white space before the colon of a header field")]
    SpaceBeforeColon,
    /// A field name that is not a token.
    #[error("an invalid header field name")]
    FieldName,
    /// A control byte in a field value.
    #[error("an invalid byte in a header field value")]
    FieldValue,
    /// A method that is not a token.
    #[error("an invalid method")]
    Method,
    /// A request target with bytes that no URI has.
    #[error("an invalid request target")]
    Target,
    /// A target form that the method may not have (RFC 9112 section 3.2).
    #[error("this form of request target is not allowed for the method")]
    TargetForm,
    /// A request target beyond the limit.
    #[error("the request target is too long")]
    TargetTooLong,
    /// The version is not of the form `HTTP/d.d`.
    #[error("an invalid HTTP version")]
    Version,
    /// An HTTP version other than 1.0 and 1.1.
    #[error("this HTTP version is not supported here; HTTP/1.0 and HTTP/1.1 are")]
    UnsupportedVersion,
    /// A malformed status line (responses).
    #[error("a malformed status line")]
    Status,
    /// Both `content-length` and `transfer-encoding` (RFC 9112 section 6.1).
    #[error("both content-length and transfer-encoding")]
    LengthAndCoding,
    /// `content-length` more than once.
    #[error("more than one content-length")]
    RepeatedLength,
    /// `content-length` that is not one decimal number below 2^63.
    #[error("an invalid content-length; one decimal number is required")]
    Length,
    /// `transfer-encoding` more than once, empty, or with `chunked` not last and alone.
    #[error("an invalid transfer-encoding; only a single final `chunked` is accepted")]
    Coding,
    /// A transfer coding that we do not have.
    #[error("an unknown transfer coding; only `chunked` is accepted")]
    UnknownCoding,
    /// `transfer-encoding` in an HTTP/1.0 message (RFC 9112 section 6.1).
    #[error("transfer-encoding in an HTTP/1.0 message")]
    CodingOnHttp10,
    /// No `host` in an HTTP/1.1 request.
    #[error("the host header is missing")]
    MissingHost,
    /// `host` more than once.
    #[error("more than one host header")]
    RepeatedHost,
    /// A `host` that is not `host[:port]`.
    #[error("an invalid host header")]
    Host,
    /// The head is beyond its limit.
    #[error("the message head is too large")]
    TooLarge,
    /// More header fields than the limit.
    #[error("too many header fields")]
    TooManyFields,
    /// A framing or routing field among the trailers (RFC 9110 section 6.5.1).
    #[error("a field that trailers may not have")]
    ForbiddenTrailer,
}

impl HeadError {
    /// The status that a client is answered with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::TooLarge | Self::TooManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UnsupportedVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// Finds the first fault of a head that the tokeniser refused, or that ends its lines wrongly.
    pub(crate) fn diagnose(head: &[u8], error: httparse::Error) -> Self {
        match error {
            httparse::Error::TooManyHeaders => return Self::TooManyFields,
            httparse::Error::Version => return version_fault(head),
            httparse::Error::Status => return Self::Status,
            _ => {}
        }
        if let Some(fault) = line_fault(head) {
            return fault;
        }
        match error {
            httparse::Error::Token if !head.contains(&b' ') => Self::Method,
            httparse::Error::Token => token_fault(head),
            httparse::Error::HeaderName => Self::FieldName,
            httparse::Error::HeaderValue | httparse::Error::NewLine => Self::FieldValue,
            _ => Self::Target,
        }
    }
}

fn version_fault(head: &[u8]) -> HeadError {
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if !line.starts_with(b"HTTP/") && line.iter().filter(|&&byte| byte == b' ').count() > 2 {
        return HeadError::Target;
    }
    let version = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default().trim_ascii_end();
    match version {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            HeadError::UnsupportedVersion
        }
        _ => HeadError::Version,
    }
}

fn token_fault(head: &[u8]) -> HeadError {
    let method = head.split(|&byte| byte == b' ').next().unwrap_or_default();
    if http::Method::from_bytes(method).is_err() { HeadError::Method } else { HeadError::Target }
}

/// Faults of line structure, in the order in which they appear.
fn line_fault(head: &[u8]) -> Option<HeadError> {
    let mut line_start = 0;
    for (at, &byte) in head.iter().enumerate() {
        match byte {
            0 => return Some(HeadError::NulByte),
            b'\r' if head.get(at + 1).is_some_and(|&next| next != b'\n') => return Some(HeadError::BareCarriageReturn),
            b'\n' if at == 0 || head[at - 1] != b'\r' => return Some(HeadError::BareLineFeed),
            b'\n' => line_start = at + 1,
            b' ' | b'\t' if at == line_start && at > 0 => return Some(HeadError::FoldedLine),
            b':' if line_start > 0 && at > line_start => {
                let name = &head[line_start..at];
                let spaced = name.ends_with(b" ") || name.ends_with(b"\t");
                if spaced && !name.trim_ascii_end().contains(&b' ') && !name.contains(&b':') {
                    return Some(HeadError::SpaceBeforeColon);
                }
            }
            _ => {}
        }
    }
    None
}
