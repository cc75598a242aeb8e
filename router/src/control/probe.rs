//! Asks endpoints whether they are well.
//!
//! Owns one small task for each endpoint that is probed and a bound on probes at one time. Judges nothing: every
//! answer goes to the World as an event, which decides what it means. Started and stopped by the conductor.

use super::world::{Event, ProbeTarget, ProbeVerdict, thresholds};
use crate::base::clock::monotonic;
use crate::base::{Timestamp, hash};
use crate::config::ProbeKind;
use crate::steer::health::{self, Pace};
use http::StatusCode;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

/// Probes at one time; a PoP with many endpoints spreads the others out.
const AT_ONCE_MAX: usize = 64;
/// Longest response head that a probe reads.
const HEAD_MAX: usize = 16 * 1024;
/// Most headers in it.
const HEADERS_MAX: usize = 96;

/// The running probes.
#[derive(Debug)]
pub struct Prober {
    tasks: BTreeMap<u64, JoinHandle<()>>,
    events: mpsc::Sender<Event>,
    permits: Arc<Semaphore>,
    rounds: u64,
}

impl Prober {
    /// No probes yet; what they find goes to `events`.
    pub fn new(events: mpsc::Sender<Event>) -> Self {
        Self { tasks: BTreeMap::new(), events, permits: Arc::new(Semaphore::new(AT_ONCE_MAX)), rounds: 0 }
    }

    /// Probes this endpoint from now on, in place of an earlier probe of it. The first one is sent at once.
    pub fn start(&mut self, target: ProbeTarget) {
        self.rounds += 1;
        let endpoint = target.endpoint;
        let seed = hash::mix(endpoint ^ self.rounds);
        let task = tokio::spawn(repeat(Arc::new(target), self.events.clone(), Arc::clone(&self.permits), seed));
        if let Some(earlier) = self.tasks.insert(endpoint, task) {
            earlier.abort();
        }
    }

    /// Ends the probe of an endpoint.
    pub fn stop(&mut self, endpoint: u64) {
        if let Some(task) = self.tasks.remove(&endpoint) {
            task.abort();
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.tasks.values().for_each(JoinHandle::abort);
    }
}

async fn repeat(target: Arc<ProbeTarget>, events: mpsc::Sender<Event>, permits: Arc<Semaphore>, seed: u64) {
    // Only for the pace: a state that is about to change is looked at more often, one that is down less and less. What
    // counts is the World's.
    let mut state = health::Probe::default();
    let pace = Pace { interval: target.probe.interval, down_interval: target.probe.down_interval };
    for round in 0u64.. {
        let Ok(permit) = permits.acquire().await else { return };
        let verdict = once(&target).await;
        drop(permit);
        let thresholds = thresholds(&target.probe);
        state.observe(verdict.failure.is_none(), Timestamp::default(), &thresholds);
        let event = Event::Probe { endpoint: target.endpoint, probe: Arc::clone(&target.probe), verdict };
        if events.send(event).await.is_err() {
            return;
        }
        tokio::time::sleep(state.next_in(pace, &thresholds, hash::mix(seed ^ round))).await;
    }
}

/// One probe, within its time limit.
pub async fn once(target: &ProbeTarget) -> ProbeVerdict {
    let started = monotonic();
    let mut connected = None;
    let asked = tokio::time::timeout(target.probe.timeout, ask(target, &mut connected)).await;
    let failure = match asked {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(why),
        Err(_) if connected.is_none() => Some(format!("no connection within {:?}", target.probe.timeout)),
        Err(_) => Some(format!("no answer within {:?}", target.probe.timeout)),
    };
    ProbeVerdict { failure, round_trip: connected, took: started.elapsed() }
}

async fn ask(target: &ProbeTarget, connected: &mut Option<Duration>) -> Result<(), String> {
    let started = monotonic();
    let stream = TcpStream::connect(target.address).await.map_err(|error| format!("cannot connect: {error}"))?;
    *connected = Some(started.elapsed());
    // Probes are one small write; a failure to say so only costs a little time.
    let _ = stream.set_nodelay(true);
    let Some((config, name)) = &target.tls else { return speak(stream, target).await };
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(name.clone(), stream).await.map_err(|error| format!("TLS failed: {error}"))?;
    speak(stream, target).await
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, target: &ProbeTarget) -> Result<(), String> {
    let ProbeKind::Http { path, status, host } = &target.probe.kind else { return Ok(()) };
    let host = host.as_deref().unwrap_or(&target.authority);
    let agent = concat!("portolan-probe/", env!("CARGO_PKG_VERSION"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {agent}\r\naccept: */*\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(|error| format!("cannot send: {error}"))?;
    stream.flush().await.map_err(|error| format!("cannot send: {error}"))?;
    let answered = read_status(&mut stream).await?;
    if status.contains(&answered) {
        return Ok(());
    }
    let accepted: Vec<&str> = status.iter().map(StatusCode::as_str).collect();
    Err(format!("status {}, accepted: {}", answered.as_str(), accepted.join(", ")))
}

/// Reads up to the end of a final response head; interim ones (1xx) are passed over.
async fn read_status<S: AsyncRead + Unpin>(stream: &mut S) -> Result<StatusCode, String> {
    let mut head = Vec::with_capacity(1024);
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&head) {
            Ok(httparse::Status::Complete(length)) => {
                let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
                let status = status.ok_or("the status code is not one of HTTP")?;
                if !status.is_informational() {
                    return Ok(status);
                }
                head.drain(..length);
                continue;
            }
            Ok(httparse::Status::Partial) if head.len() < HEAD_MAX => {}
            Ok(httparse::Status::Partial) => return Err(format!("response head longer than {HEAD_MAX} bytes")),
            Err(error) => return Err(format!("not an HTTP/1 response: {error}")),
        }
        let read = stream.read_buf(&mut head).await.map_err(|error| format!("cannot read: {error}"))?;
        if read == 0 {
            return Err("closed before the end of the response head".to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
