//! A raw HTTP/1.1 client: exact bytes out, every byte of the answer looked at.
//!
//! Owns the reading of answers and the names of the ways in which one can fail: a test must tell a clean end from a cut.
//! Blocking sockets with timeouts; no pooling, no retry, no redirects, nothing repaired.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Why there is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerError {
    /// The connection could not be opened.
    Refused(String),
    /// The connection ended before a byte of an answer.
    Closed,
    /// The connection ended inside the head or the body.
    Truncated(String),
    /// Nothing came for the whole of the patience.
    Timeout,
    /// The bytes are no HTTP.
    Malformed(String),
}

impl AnswerError {
    /// One word, to count by.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Closed => "closed",
            Self::Truncated(_) => "truncated",
            Self::Timeout => "timeout",
            Self::Malformed(_) => "malformed",
        }
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// One whole answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Fields in order, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// Trailer fields.
    pub trailers: Vec<(String, String)>,
    /// Interim answers (1xx) that came before: status and fields.
    pub interim: Vec<(u16, Vec<(String, String)>)>,
}

impl Answer {
    /// The first field of a name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// All fields of a name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {} {}", self.status, self.text()))
    }

    /// The value that a `Set-Cookie` gives to a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.all("set-cookie").into_iter().find_map(|line| {
            let (found, value) = line.split(';').next()?.split_once('=')?;
            (found == name).then_some(value)
        })
    }

    /// The pin that it gives to the session, in the cookie of the default name.
    #[track_caller]
    pub fn pin(&self) -> String {
        self.cookie("portolan").unwrap_or_else(|| panic!("no pin in {:?}", self.fields)).to_owned()
    }
}

/// A request to be.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Method.
    pub method: String,
    target: String,
    host: String,
    fields: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Ask {
    /// A request.
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, host: "shop.example".to_owned(), fields: Vec::new(), body: None }
    }

    /// A GET.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A POST with a body and its length.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).body(body)
    }

    /// With another host.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// With one more field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As if it came from this address through a proxy.
    #[must_use]
    pub fn from(self, address: &str) -> Self {
        self.field("x-forwarded-for", address)
    }

    /// With a cookie.
    #[must_use]
    pub fn cookie(self, name: &str, value: &str) -> Self {
        self.field("cookie", &format!("{name}={value}"))
    }

    /// With a body and its length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The bytes of it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", self.method, self.target, self.host);
        for (name, value) in &self.fields {
            text += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = &self.body {
            text += &format!("content-length: {}\r\n", body.len());
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// `Refused` when nobody listens.
    pub fn connect(address: SocketAddr) -> Result<Self, AnswerError> {
        let stream =
            TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| AnswerError::Refused(error.to_string()))?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Connects to what must be there.
    ///
    /// # Panics
    /// When nobody listens.
    #[track_caller]
    pub fn to(address: SocketAddr) -> Self {
        Self::connect(address).unwrap()
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes as they are; a connection that is closed meanwhile shows in the answer.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub fn ask(&mut self, ask: &Ask) -> Result<Answer, AnswerError> {
        self.send(&ask.bytes());
        self.answer(&ask.method)
    }

    /// Reads one answer, interim ones included.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub fn answer(&mut self, method: &str) -> Result<Answer, AnswerError> {
        let mut interim = Vec::new();
        loop {
            let (status, fields) = self.head()?;
            if (100..200).contains(&status) && status != 101 {
                interim.push((status, fields));
                continue;
            }
            let mut answer = Answer { status, fields, interim, ..Answer::default() };
            return match self.body(method, &mut answer) {
                // There was a head: whatever ends the connection now cuts the answer.
                Err(AnswerError::Closed) => Err(AnswerError::Truncated("the body".to_owned())),
                Err(error) => Err(error),
                Ok(()) => Ok(answer),
            };
        }
    }

    /// Reads one head, also an interim one.
    ///
    /// # Errors
    /// When there is no whole head.
    pub fn head(&mut self) -> Result<(u16, Vec<(String, String)>), AnswerError> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            if self.fill()? == 0 {
                return Err(self.cut("the head"));
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let text = String::from_utf8_lossy(&head[..end]).into_owned();
        let mut lines = text.split("\r\n");
        let malformed = || AnswerError::Malformed(text.clone());
        let first = lines.next().ok_or_else(malformed)?;
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).ok_or_else(malformed)?;
        let status = status.parse().map_err(|_| malformed())?;
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(malformed)?;
            Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Ok((status, fields.collect::<Result<_, _>>()?))
    }

    fn body(&mut self, method: &str, answer: &mut Answer) -> Result<(), AnswerError> {
        if method == "HEAD" || matches!(answer.status, 101 | 204 | 304) || (method == "CONNECT" && answer.status < 300)
        {
            return Ok(());
        }
        let chunked = answer.field("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let length = answer.field("content-length").map(|value| value.parse::<usize>());
        match (chunked, length) {
            (true, None) => self.chunks(answer),
            (true, Some(_)) => Err(AnswerError::Malformed("both a length and chunks".to_owned())),
            (false, Some(Ok(length))) => {
                answer.body = self.exactly(length, "the body")?;
                Ok(())
            }
            (false, Some(Err(_))) => Err(AnswerError::Malformed("an unreadable length".to_owned())),
            (false, None) => {
                while self.fill()? > 0 {}
                answer.body = std::mem::take(&mut self.buffer);
                Ok(())
            }
        }
    }

    fn chunks(&mut self, answer: &mut Answer) -> Result<(), AnswerError> {
        loop {
            let line = self.line()?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16)
                .map_err(|_| AnswerError::Malformed(format!("chunk size {line:?}")))?;
            if size == 0 {
                break;
            }
            let chunk = self.exactly(size, "a chunk")?;
            answer.body.extend_from_slice(&chunk);
            if self.exactly(2, "a chunk's end")? != b"\r\n" {
                return Err(AnswerError::Malformed("a chunk that does not end where it said".to_owned()));
            }
        }
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { return Ok(()) };
            answer.trailers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> Result<String, AnswerError> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.fill()? == 0 {
                return Err(AnswerError::Truncated("inside the chunks".to_owned()));
            }
        }
    }

    /// Reads as many bytes, no more.
    ///
    /// # Errors
    /// When the connection ends before.
    pub fn exactly(&mut self, length: usize, what: &str) -> Result<Vec<u8>, AnswerError> {
        while self.buffer.len() < length {
            if self.fill()? == 0 {
                return Err(AnswerError::Truncated(format!("{what}: {} of {length} bytes", self.buffer.len())));
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    fn cut(&self, what: &str) -> AnswerError {
        if self.buffer.is_empty() { AnswerError::Closed } else { AnswerError::Truncated(what.to_owned()) }
    }

    /// Reads what is there into the buffer; 0 at the end of the connection, however it ended.
    fn fill(&mut self) -> Result<usize, AnswerError> {
        let mut chunk = [0u8; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(read) => {
                self.buffer.extend_from_slice(&chunk[..read]);
                Ok(read)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Err(AnswerError::Timeout)
            }
            Err(_) if self.buffer.is_empty() => Err(AnswerError::Closed),
            Err(error) => Err(AnswerError::Truncated(error.to_string())),
        }
    }

    /// Leaves with a reset, as a client that crashed.
    pub fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Whether the other side closed the connection, with nothing more to read; waits for it.
    pub fn is_closed(&mut self) -> bool {
        loop {
            match self.fill() {
                Ok(0) | Err(AnswerError::Closed | AnswerError::Truncated(_)) => return self.buffer.is_empty(),
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

/// Asks once, on a connection of its own.
///
/// # Errors
/// When there is no whole answer.
pub fn ask(address: SocketAddr, ask: &Ask) -> Result<Answer, AnswerError> {
    Client::connect(address)?.ask(ask)
}

/// The place of a sequence of bytes.
pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
