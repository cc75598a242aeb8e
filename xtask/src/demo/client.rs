//! A client as a browser would be one: HTTP/1.1 over a plain socket, with a place and with cookies.
//!
//! Owns the reading of one answer, whole. One connection for each request, bounded in time and size; no redirects,
//! no TLS, no retry: a failure must show. Used by `stage`, `steady` and `tour`.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(8);
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// One answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; an answer other than 200 is an error.
    pub(super) fn json(&self) -> anyhow::Result<Value> {
        ensure!(self.status == 200, "status {}: {}", self.status, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).context("the answer is not JSON")
    }
}

/// One user at one place.
#[derive(Debug)]
pub(super) struct Client {
    port: u16,
    /// Address to pretend to come from.
    pub(super) from: Option<Ipv4Addr>,
    cookies: BTreeMap<String, String>,
}

impl Client {
    /// A user without cookies.
    pub(super) fn new(port: u16, from: Option<Ipv4Addr>) -> Self {
        Self { port, from, cookies: BTreeMap::new() }
    }

    /// Asks for a path.
    pub(super) fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.ask("GET", path, "")
    }

    /// Sends JSON to a path.
    pub(super) fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.ask("POST", path, &body.to_string())
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Answer> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        stream.write_all(self.head(method, path, body.len()).as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut whole = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut whole)?;
        let (answer, set_cookies) = parse(&whole)?;
        for cookie in set_cookies {
            self.keep(&cookie);
        }
        Ok(answer)
    }

    fn head(&self, method: &str, path: &str, length: usize) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nconnection: close\r\n", self.port);
        if let Some(from) = self.from {
            head += &format!("x-forwarded-for: {from}\r\n");
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            head += &format!("cookie: {}\r\n", pairs.join("; "));
        }
        if method == "POST" {
            head += &format!("content-type: application/json\r\ncontent-length: {length}\r\n");
        }
        head + "\r\n"
    }

    fn keep(&mut self, set_cookie: &str) {
        let Some((name, value)) = set_cookie.split(';').next().and_then(|pair| pair.split_once('=')) else { return };
        if set_cookie.to_ascii_lowercase().contains("max-age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// Reads an answer that the connection's end completes; also gives the values of its Set-Cookie lines.
fn parse(whole: &[u8]) -> anyhow::Result<(Answer, Vec<String>)> {
    let end = whole.windows(4).position(|four| four == b"\r\n\r\n").context("the connection ended before an answer")?;
    let head = std::str::from_utf8(&whole[..end]).context("the head is not text")?;
    let mut body = whole[end + 4..].to_vec();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let status = status.context("no status line")?;
    let mut set_cookies = Vec::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "set-cookie" => set_cookies.push(value.to_owned()),
            "content-length" => ensure!(value.parse() == Ok(body.len()), "{value} bytes promised, {} came", body.len()),
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => body = unchunk(&body)?,
            _ => {}
        }
    }
    Ok((Answer { status, body }, set_cookies))
}

fn unchunk(mut rest: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = rest.windows(2).position(|two| two == b"\r\n").context("the body ends inside a chunk")?;
        let digits = std::str::from_utf8(&rest[..line_end])?.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).context("a chunk without a size")?;
        rest = &rest[line_end + 2..];
        if size == 0 {
            return Ok(body);
        }
        let Some(chunk) = rest.get(..size) else { bail!("the body ends inside a chunk") };
        body.extend_from_slice(chunk);
        rest = rest.get(size + 2..).context("the body ends inside a chunk")?;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let cases: [(&str, Option<&str>); 6] = [
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", Some("abc")),
            ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc", None),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", Some("abc")),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", None),
            ("HTTP/1.1 200 OK\r\nconte", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let body = parse(text.as_bytes()).ok().map(|(answer, _)| String::from_utf8(answer.body).unwrap());
            assert_eq!(body.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn cookies_are_kept_replaced_and_dropped() {
        let mut client = Client::new(1, None);
        client.keep("a=1; Path=/; HttpOnly");
        client.keep("a=2");
        client.keep("b=3");
        client.keep("b=; Max-Age=0");
        assert!(client.head("GET", "/", 0).contains("cookie: a=2\r\n"));
    }
}
