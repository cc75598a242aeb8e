//! An origin that takes its time, and counts what it is asked.
//!
//! Owns three kinds of paths: `/cold/` and `/mine/` answer late, the second not to be stored; `/stream/` answers at once
//! and then holds back the rest of its body. Everything else is answered at once. One thread for each connection; it ends
//! with the command. Used by `burst`.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long an answer takes, and how long a body is held back.
pub(super) const DELAY: Duration = Duration::from_millis(400);
/// Half of every body.
const HALF: usize = 10 << 10;

/// A running origin.
#[derive(Debug)]
pub(super) struct SlowOrigin(Arc<AtomicUsize>);

impl SlowOrigin {
    /// Starts it on a port.
    pub(super) fn start(port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                // An error is the proxy's leaving.
                thread::spawn(move || serve(stream, &count).ok());
            }
        });
        Ok(Self(asked))
    }

    /// Requests for what is slow since this was last asked.
    pub(super) fn asked(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream, asked: &AtomicUsize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while let Some(first) = lines.next() {
        let first = first?;
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut is_last = false;
        for line in lines.by_ref() {
            let line = line?;
            is_last |= line.eq_ignore_ascii_case("connection: close");
            if line.is_empty() {
                break;
            }
        }
        answer(&mut stream, &path, asked)?;
        if is_last {
            return stream.shutdown(Shutdown::Both);
        }
    }
    Ok(())
}

fn answer(stream: &mut TcpStream, path: &str, asked: &AtomicUsize) -> io::Result<()> {
    let half = "x".repeat(HALF);
    let head =
        |control: &str| format!("HTTP/1.1 200 OK\r\ncache-control: {control}\r\ncontent-length: {}\r\n\r\n", 2 * HALF);
    if path.starts_with("/stream/") {
        asked.fetch_add(1, Ordering::SeqCst);
        stream.write_all((head("max-age=3600") + &half).as_bytes())?;
        thread::sleep(DELAY);
        return stream.write_all(half.as_bytes());
    }
    if path.starts_with("/cold/") || path.starts_with("/mine/") {
        asked.fetch_add(1, Ordering::SeqCst);
        thread::sleep(DELAY);
    }
    let control = if path.starts_with("/mine/") { "no-store" } else { "max-age=3600" };
    stream.write_all((head(control) + &half + &half).as_bytes())
}
