//! A steady load: so many requests per second, whatever becomes of them.
//!
//! Owns the pace and the count of failures by kind. Each of its clients keeps one connection and opens another only when
//! the router closed it; a request that meets an unexpected close is a failure, never repeated.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::client::{Answer, AnswerError, Ask, Client};

/// What came of a load.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Requests sent.
    pub sent: u64,
    /// Whole answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// No whole answer, by kind.
    pub failures: BTreeMap<&'static str, u64>,
    /// A few bad ones, in words.
    pub samples: Vec<String>,
    /// Requests that were not answered with 200, by their number in `x-load`.
    pub bad: Vec<String>,
}

impl Report {
    /// Answers with 200.
    pub fn ok(&self) -> u64 {
        self.statuses.get(&200).copied().unwrap_or(0)
    }

    /// Everything that was not answered with 200.
    pub fn bad(&self) -> u64 {
        self.sent - self.ok()
    }

    fn note(&mut self, id: &str, outcome: &Result<Answer, AnswerError>) {
        self.sent += 1;
        match outcome {
            Ok(answer) => *self.statuses.entry(answer.status).or_default() += 1,
            Err(error) => *self.failures.entry(error.kind()).or_default() += 1,
        }
        let words = match outcome {
            Ok(answer) if answer.status == 200 => return,
            Ok(answer) => format!("{id}: {} {}", answer.status, answer.text().trim()),
            Err(error) => format!("{id}: {error}"),
        };
        self.bad.push(id.to_owned());
        if self.samples.len() < 10 {
            self.samples.push(words);
        }
    }

    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (kind, count) in other.failures {
            *self.failures.entry(kind).or_default() += count;
        }
        self.samples.extend(other.samples);
        self.bad.extend(other.bad);
    }
}

/// A running load.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Report>>,
}

impl Load {
    /// Starts `clients` connections that together send `rate` requests per second. Each request carries its own number
    /// in `x-load`.
    pub fn start(
        address: SocketAddr,
        clients: u32,
        rate: u32,
        make: impl Fn(u64) -> Ask + Send + Sync + 'static,
    ) -> Self {
        let (stop, sent, make) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(make));
        let pace = Duration::from_secs(1) * clients / rate;
        let clients = (0..clients).map(|_| {
            let (stop, sent, make) = (Arc::clone(&stop), Arc::clone(&sent), Arc::clone(&make));
            std::thread::spawn(move || {
                let mut client = OneClient { address, connection: None };
                let mut report = Report::default();
                let mut next = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    let number = sent.fetch_add(1, Ordering::Relaxed);
                    let id = number.to_string();
                    let outcome = client.ask(&make(number).field("x-load", &id));
                    report.note(&id, &outcome);
                    next += pace;
                    std::thread::sleep(next.saturating_duration_since(Instant::now()));
                    next = next.max(Instant::now().checked_sub(pace).unwrap_or(next));
                }
                report
            })
        });
        Self { stop: Arc::clone(&stop), sent: Arc::clone(&sent), clients: clients.collect() }
    }

    /// Requests sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Waits until so many more requests were sent.
    pub fn run_on(&self, more: u64) {
        let goal = self.sent() + more;
        crate::wait::wait_until_within(Duration::from_secs(60), "the load goes on", || self.sent() >= goal);
    }

    /// Ends it and tells what came of it.
    pub fn stop(mut self) -> Report {
        self.end()
    }

    fn end(&mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let mut whole = Report::default();
        for client in self.clients.drain(..) {
            whole.add(client.join().unwrap());
        }
        whole
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if !self.clients.is_empty() {
            let report = self.end();
            eprintln!("a load ended early: {report:?}");
        }
    }
}

struct OneClient {
    address: SocketAddr,
    connection: Option<Client>,
}

impl OneClient {
    fn ask(&mut self, ask: &Ask) -> Result<Answer, AnswerError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Client::connect(self.address)?,
        };
        let answer = connection.ask(ask)?;
        let closes = answer.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if !closes {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}
