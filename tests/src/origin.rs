//! Scripted origins: raw sockets that behave, or misbehave, as a closure says, and remember all they were sent.
//!
//! Owns the listener, one thread per connection, and the record of every request byte for byte. What is said on a
//! connection is the script's business; common scripts are in `scripts`. Ends with its owner.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::client::find;

/// How long a script waits for the router.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as an origin saw it.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Which connection it came on, from 0.
    pub connection: usize,
    /// Method.
    pub method: String,
    /// Target as sent.
    pub target: String,
    /// Fields in order, names as sent.
    pub fields: Vec<(String, String)>,
    /// The body without its framing, as far as the script read it.
    pub body: Vec<u8>,
    /// Trailer fields.
    pub trailers: Vec<(String, String)>,
    /// The head as sent.
    pub head: Vec<u8>,
}

impl Seen {
    /// The first field of a name, whatever its case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// How many fields of a name there are.
    pub fn count(&self, name: &str) -> usize {
        self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name)).count()
    }
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    raw: Mutex<Vec<u8>>,
    open: Mutex<BTreeMap<usize, TcpStream>>,
    connections: AtomicUsize,
    now_open: AtomicUsize,
    stop: AtomicBool,
}

/// A running origin.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Origin {
    /// Starts an origin; `script` is run for each connection.
    pub fn start(script: impl Fn(&mut Speaker) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), script)
    }

    /// Starts an origin on an address.
    pub fn start_on(
        address: SocketAddr,
        script: impl Fn(&mut Speaker) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = {
            let (shared, script) = (Arc::clone(&shared), Arc::new(script));
            std::thread::spawn(move || accept(&listener, &shared, &script))
        };
        Self { address, shared, accepting: Some(accepting) }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, as the configuration wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order in which their heads were complete.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Every byte that was received, over all connections.
    pub fn raw(&self) -> Vec<u8> {
        self.shared.raw.lock().unwrap().clone()
    }

    /// The only request so far.
    ///
    /// # Panics
    /// When there is none or more than one.
    #[track_caller]
    pub fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "one request was expected: {seen:?}");
        seen.into_iter().next().unwrap()
    }

    /// Connections that were accepted.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Connections whose script still runs.
    pub fn open(&self) -> usize {
        self.shared.now_open.load(Ordering::Relaxed)
    }

    fn end(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the accept.
        let _ = TcpStream::connect(self.address);
        let _ = accepting.join();
        for stream in std::mem::take(&mut *self.shared.open.lock().unwrap()).into_values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.end();
    }
}

fn accept<S>(listener: &TcpListener, shared: &Arc<Shared>, script: &Arc<S>)
where
    S: Fn(&mut Speaker) -> io::Result<()> + Send + Sync + 'static,
{
    loop {
        let Ok((stream, _)) = listener.accept() else { return };
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let _ = stream.set_nodelay(true);
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let _ = stream.set_write_timeout(Some(PATIENCE));
        let connection = shared.connections.fetch_add(1, Ordering::Relaxed);
        if let Ok(second) = stream.try_clone() {
            shared.open.lock().unwrap().insert(connection, second);
        }
        shared.now_open.fetch_add(1, Ordering::Relaxed);
        let (shared, script) = (Arc::clone(shared), Arc::clone(script));
        std::thread::spawn(move || {
            let mut speaker = Speaker { stream, buffer: Vec::new(), connection, shared, resets: false };
            // An error is the router's leaving: the connection's end is all there is to do.
            let _ = script(&mut speaker);
            let Speaker { stream, shared, resets, .. } = speaker;
            if !resets {
                let _ = stream.shutdown(Shutdown::Both);
            }
            shared.open.lock().unwrap().remove(&connection);
            drop(stream);
            shared.now_open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// The script's side of one connection.
#[derive(Debug)]
pub struct Speaker {
    /// The socket.
    pub stream: TcpStream,
    /// Number of the connection, from 0.
    pub connection: usize,
    buffer: Vec<u8>,
    shared: Arc<Shared>,
    resets: bool,
}

impl Speaker {
    /// Sends bytes.
    ///
    /// # Errors
    /// When the router left.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Reads one request whole, and remembers it. Nothing at the end of the connection.
    ///
    /// # Errors
    /// When the router left inside it.
    pub fn request(&mut self) -> io::Result<Option<Seen>> {
        let Some(mut seen) = self.head()? else { return Ok(None) };
        self.body(&mut seen)?;
        Ok(Some(seen))
    }

    /// Reads a request's head, and remembers it.
    ///
    /// # Errors
    /// When the router left inside it.
    pub fn head(&mut self) -> io::Result<Option<Seen>> {
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            if self.fill()? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end).collect();
        let seen = parse(self.connection, head);
        self.shared.seen.lock().unwrap().push(seen.clone());
        Ok(Some(seen))
    }

    /// Reads a request's body into it, and into the record.
    ///
    /// # Errors
    /// When the router left inside it.
    pub fn body(&mut self, seen: &mut Seen) -> io::Result<()> {
        let chunked = seen.field("transfer-encoding").is_some();
        let length = seen.field("content-length").map_or(0, |length| length.parse().unwrap());
        if chunked {
            self.chunks(seen)?;
        } else {
            seen.body = self.exactly(length)?;
        }
        let mut all = self.shared.seen.lock().unwrap();
        if let Some(kept) = all.iter_mut().rev().find(|kept| kept.connection == self.connection) {
            kept.body.clone_from(&seen.body);
            kept.trailers.clone_from(&seen.trailers);
        }
        Ok(())
    }

    fn chunks(&mut self, seen: &mut Seen) -> io::Result<()> {
        loop {
            let line = self.line()?;
            let size =
                usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16).map_err(io::Error::other)?;
            if size == 0 {
                break;
            }
            let chunk = self.exactly(size)?;
            seen.body.extend_from_slice(&chunk);
            self.exactly(2)?;
        }
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { return Ok(()) };
            seen.trailers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads as many bytes, no more.
    ///
    /// # Errors
    /// When the router left before.
    pub fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// Reads until the router closes the connection.
    ///
    /// # Errors
    /// When it does so by a reset, or not at all.
    pub fn until_closed(&mut self) -> io::Result<()> {
        while self.fill()? > 0 {}
        Ok(())
    }

    /// Ends the connection with a reset rather than in order, as soon as the script returns.
    pub fn reset(&mut self) {
        self.resets = true;
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0u8; 64 * 1024];
        let read = self.stream.read(&mut chunk)?;
        self.shared.raw.lock().unwrap().extend_from_slice(&chunk[..read]);
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(read)
    }
}

fn parse(connection: usize, head: Vec<u8>) -> Seen {
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    Seen { connection, method, target, fields, head, ..Seen::default() }
}
