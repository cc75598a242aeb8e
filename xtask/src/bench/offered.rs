//! Requests at a rate that does not wait for answers (an open loop), one in a hundred of them for what is not stored.
//!
//! Request number n is due n / rate after the beginning, whoever was answered by then, and its time is counted from when it
//! was due: what a server holds up counts for all that come meanwhile (G. Tene's correction for coordinated omission, as in
//! wrk2). wrk cannot do this: its connections wait, so the faster of two servers is measured at the higher load. Every time is
//! kept, which is exact and needs no histogram. Owns the clients, threads with a connection each, in a process of their own
//! that can be pinned to a core, and what is read of it. Used by `compare`.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::samples::Samples;
use super::wrk::Answered;
use crate::machine;

/// The word by which this program runs itself as the load generator.
pub(super) const COMMAND: &str = "offer";
/// One request in so many is for what nobody asked for before.
const MISS_EVERY: u64 = 100;
/// The others are for one of so many objects.
const OBJECTS: u64 = 1000;
/// Between the last connection and the first request.
const LEAD: Duration = Duration::from_millis(20);
/// Longer than this is no answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A server that is behind by this many times the length is not waited for.
const BEHIND: u32 = 2;

/// What is offered, and to whom.
#[derive(Debug)]
pub(super) struct Offer<'a> {
    pub(super) core: usize,
    pub(super) connections: usize,
    pub(super) length: Duration,
    pub(super) headers: &'a [String],
    pub(super) port: u16,
    pub(super) per_second: u64,
}

/// What the slowest hundredth is made of, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parts {
    pub(super) p50_ms: f64,
    pub(super) p999_ms: f64,
    pub(super) hit_p99_ms: f64,
    pub(super) miss_p50_ms: f64,
    pub(super) miss_p99_ms: f64,
    /// How late the generator was itself, with a connection at hand: nothing below this can be told apart.
    pub(super) lag_p99_ms: f64,
}

impl Parts {
    /// By their names; what is no number, because there was nothing to measure, is null.
    pub(super) fn json(&self) -> Value {
        let Self { p50_ms, p999_ms, hit_p99_ms, miss_p50_ms, miss_p99_ms, lag_p99_ms } = self;
        json!({
            "p50_ms": p50_ms, "p999_ms": p999_ms, "hit_p99_ms": hit_p99_ms, "miss_p50_ms": miss_p50_ms,
            "miss_p99_ms": miss_p99_ms, "lag_p99_ms": lag_p99_ms,
        })
    }
}

impl Offer<'_> {
    /// Runs it to its end. What is not answered counts as an error.
    pub(super) fn run(&self) -> anyhow::Result<(Answered, Parts)> {
        let numbers = [u64::from(self.port), self.per_second, self.length.as_secs(), self.connections as u64];
        let mut command = Command::new("taskset");
        command.args(["-c", &self.core.to_string()]).arg(std::env::current_exe()?).args(["bench", COMMAND]);
        command.args(numbers.map(|number| number.to_string())).args(self.headers);
        let line = machine::typed(&command);
        let text = machine::output(&mut command).with_context(|| format!("`{line}` failed"))?;
        read(&text).with_context(|| format!("`{line}` said:\n{text}"))
    }
}

fn read(text: &str) -> anyhow::Result<(Answered, Parts)> {
    let said: Value = serde_json::from_str(text)?;
    let count = |name: &str| said[name].as_u64().with_context(|| format!("no `{name}`"));
    // Of nothing there is no time; JSON has no other word for it.
    let number = |name: &str| said[name].as_f64().unwrap_or(f64::NAN);
    let answered = Answered {
        requests: count("answered")?,
        per_second: number("per_second"),
        p99_ms: number("p99_ms"),
        errors: count("errors")?,
    };
    let parts = Parts {
        p50_ms: number("p50_ms"),
        p999_ms: number("p999_ms"),
        hit_p99_ms: number("hit_p99_ms"),
        miss_p50_ms: number("miss_p50_ms"),
        miss_p99_ms: number("miss_p99_ms"),
        lag_p99_ms: number("lag_p99_ms"),
    };
    Ok((answered, parts))
}

/// The load generator itself: offers, and prints what came of it.
pub(super) fn generate(args: &[String]) -> anyhow::Result<()> {
    ensure!(args.len() >= 4, "`{COMMAND}` wants a port, a rate, seconds and a number of connections");
    let number = |index: usize| args[index].parse::<u64>().with_context(|| format!("`{}` is no number", args[index]));
    let (port, per_second, seconds, connections) = (number(0)?, number(1)?, number(2)?, number(3)?);
    let port = u16::try_from(port).context("no port")?;
    ensure!(per_second > 0 && (1..=1000).contains(&seconds) && (1..=1000).contains(&connections), "out of bounds");
    // Timers of this process and its threads fire when they are due, and not up to 50 us later. Without it all are as late.
    let _ = std::fs::write("/proc/self/timerslack_ns", "1");
    let headers: String = args[4..].iter().map(|header| format!("{header}\r\n")).collect();
    let schedule = Schedule {
        requests: per_second * seconds,
        per_second,
        length: Duration::from_secs(seconds),
        next: AtomicU64::new(0),
        run: std::process::id(),
        headers,
    };
    let streams: Vec<TcpStream> = (0..connections).map(|_| connect(port)).collect::<io::Result<_>>()?;
    let begin = Instant::now() + LEAD;
    let clients = thread::scope(|scope| {
        let start = |stream| scope.spawn(|| schedule.client(stream, port, begin));
        let clients: Vec<_> = streams.into_iter().map(start).collect();
        clients.into_iter().map(|client| client.join().ok()?.ok()).collect::<Option<Vec<_>>>()
    });
    let asked = clients.context("a client ended")?.concat();
    println!("{}", schedule.summary(&asked, begin.elapsed()));
    Ok(())
}

/// One request that was answered.
#[derive(Debug, Clone, Copy)]
struct Asked {
    is_miss: bool,
    took: Duration,
    /// How late it was sent by one who had waited for it to be due.
    lag: Option<Duration>,
}

/// What is due when. All clients take the next number from it, so that one who waits for an answer holds up nobody else.
#[derive(Debug)]
struct Schedule {
    requests: u64,
    per_second: u64,
    length: Duration,
    next: AtomicU64,
    /// Makes what is not stored new in each run.
    run: u32,
    headers: String,
}

impl Schedule {
    fn client(&self, mut stream: TcpStream, port: u16, begin: Instant) -> io::Result<Vec<Asked>> {
        let (mut asked, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let due = begin + Duration::from_secs_f64(number as f64 / self.per_second as f64);
            let now = Instant::now();
            if number >= self.requests || now > begin + self.length * BEHIND {
                return Ok(asked);
            }
            let wait = due.checked_duration_since(now);
            if let Some(wait) = wait {
                thread::sleep(wait);
            }
            let lag = wait.map(|_| due.elapsed());
            let is_miss = number.is_multiple_of(MISS_EVERY);
            match exchange(&mut stream, &self.request(number, is_miss), &mut buffer) {
                Ok(()) => asked.push(Asked { is_miss, took: due.elapsed(), lag }),
                // It counts as not answered.
                Err(_) => stream = connect(port)?,
            }
        }
    }

    fn request(&self, number: u64, is_miss: bool) -> String {
        let Self { run, headers, .. } = self;
        let path = if is_miss { format!("/miss/{run}/{number}") } else { format!("/hit/{}", number % OBJECTS) };
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")
    }

    fn summary(&self, asked: &[Asked], took: Duration) -> Value {
        let times = |wanted: &dyn Fn(&Asked) -> Option<Duration>| {
            Samples::new(asked.iter().filter_map(wanted).map(|time| time.as_secs_f64() * 1e3))
        };
        let all = times(&|asked| Some(asked.took));
        let hits = times(&|asked| (!asked.is_miss).then_some(asked.took));
        let misses = times(&|asked| asked.is_miss.then_some(asked.took));
        let lag = times(&|asked| asked.lag);
        let parts = Parts {
            p50_ms: all.median(),
            p999_ms: all.at(0.999),
            hit_p99_ms: hits.at(0.99),
            miss_p50_ms: misses.median(),
            miss_p99_ms: misses.at(0.99),
            lag_p99_ms: lag.at(0.99),
        };
        let mut said = parts.json();
        said["answered"] = asked.len().into();
        said["errors"] = (self.requests - asked.len() as u64).into();
        said["per_second"] = (asked.len() as f64 / took.as_secs_f64()).into();
        said["p99_ms"] = all.at(0.99).into();
        said
    }
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Asks, and reads the answer to its end.
fn exchange(stream: &mut TcpStream, request: &str, buffer: &mut [u8]) -> io::Result<()> {
    stream.write_all(request.as_bytes())?;
    let mut read = 0;
    loop {
        let count = stream.read(&mut buffer[read..])?;
        read += count;
        match whole(&buffer[..read]) {
            Some(length) if length == read => return Ok(()),
            Some(length) if length < read => return Err(io::ErrorKind::InvalidData.into()),
            _ if count == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {}
        }
    }
}

/// How long a good answer is with its head, when that has come.
fn whole(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&answer[..head]).ok().filter(|text| text.starts_with("HTTP/1.1 200"))?;
    let fields = text.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Some(head + 4 + lengths.next()?.1.trim().parse::<usize>().ok()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Answers every request; the first one after a while that is told.
    fn server(first: Duration) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut buffer, mut wait) = ([0; 4096], first);
            while let Ok(1..) = stream.read(&mut buffer) {
                thread::sleep(std::mem::take(&mut wait));
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
            }
        });
        port
    }

    #[test]
    fn who_is_held_up_counts_from_when_it_was_due() {
        let held_up = Duration::from_millis(100);
        let port = server(held_up);
        let schedule = Schedule {
            requests: 10,
            per_second: 1000,
            length: Duration::from_secs(10),
            next: AtomicU64::new(0),
            run: 0,
            headers: String::new(),
        };
        let asked = schedule.client(connect(port).unwrap(), port, Instant::now()).unwrap();
        assert_eq!((asked.len(), asked.iter().filter(|asked| asked.is_miss).count()), (10, 1));
        // The second was due a millisecond after the first, and could be sent only when that was answered.
        assert!(asked[..10].iter().all(|asked| asked.took >= held_up - Duration::from_millis(10)));
        assert!(asked[1..].iter().all(|asked| asked.lag.is_none()), "that is not the generator's fault");
        let said = schedule.summary(&asked, Duration::from_secs(1)).to_string();
        let (answered, parts) = read(&said).unwrap();
        assert_eq!((answered.requests, answered.errors, answered.per_second), (10, 0, 10.0));
        // On a busy machine a hit may take longer than the miss.
        let slowest_ms = asked.iter().map(|asked| asked.took).max().unwrap().as_secs_f64() * 1e3;
        assert!(parts.miss_p50_ms >= 100.0 && parts.hit_p99_ms <= slowest_ms && answered.p99_ms <= slowest_ms);
        assert!(parts.lag_p99_ms.is_nan() && read("{}").is_err());
    }

    #[test]
    fn an_answer_is_whole_when_its_length_has_come() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", Some(40)),
            ("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 10\r\n\r\nabc", Some(55)),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n", None),
            ("HTTP/1.1 200 OK\r\n\r\n", None),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n", None),
        ] {
            assert_eq!(whole(answer.as_bytes()), expected, "{answer}");
        }
    }
}
