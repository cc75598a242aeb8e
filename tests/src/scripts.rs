//! Scripts that many tests use: origins that behave, and the ordinary ways of not behaving.
//!
//! Owns the bytes of common responses. Each script is a function for [`Origin::start`]; a test with a story of its own
//! writes its own closure.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::origin::{Origin, Speaker};

/// A response with a length.
pub fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    response("200 OK", "", body)
}

/// A response with a length, of any status and with more fields (each ended by CR LF).
pub fn response(status: &str, fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{fields}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// An origin that answers every request with its name, and keeps connections.
pub fn named(name: &str) -> Origin {
    let name = name.to_owned();
    Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            speaker.say(response("200 OK", &format!("x-origin: {name}\r\n"), &name))?;
        }
        Ok(())
    })
}

/// An origin that sends every body back, and keeps connections.
pub fn echo() -> Origin {
    Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            speaker.say(ok(&seen.body))?;
        }
        Ok(())
    })
}

/// An origin that answers every request with these bytes and then closes.
pub fn answering(bytes: impl Into<Vec<u8>>) -> Origin {
    let bytes = bytes.into();
    Origin::start(move |speaker| {
        if speaker.request()?.is_some() {
            speaker.say(&bytes)?;
        }
        Ok(())
    })
}

/// An origin that answers every request with these bytes, and keeps connections.
pub fn repeating(bytes: impl Into<Vec<u8>>) -> Origin {
    let bytes = bytes.into();
    Origin::start(move |speaker| {
        while speaker.request()?.is_some() {
            speaker.say(&bytes)?;
        }
        Ok(())
    })
}

/// An origin that takes requests and never answers.
pub fn silent() -> Origin {
    Origin::start(|speaker| {
        speaker.request()?;
        speaker.until_closed()
    })
}

/// An origin that answers with its name, once the gate lets it.
pub fn gated(name: &str, gate: &Gate) -> Origin {
    let (name, gate) = (name.to_owned(), gate.clone());
    Origin::start(move |speaker: &mut Speaker| -> io::Result<()> {
        while speaker.request()?.is_some() {
            gate.pass();
            speaker.say(ok(&name))?;
        }
        Ok(())
    })
}

/// Holds scripts up until a test lets them go on.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets everyone through, from now on, until it is shut.
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Holds whoever comes from now on.
    pub fn shut(&self) {
        *self.0.0.lock().unwrap() = false;
    }

    /// Waits until it is open; not for ever, should the test have failed.
    pub fn pass(&self) {
        let guard = self.0.0.lock().unwrap();
        drop(self.0.1.wait_timeout_while(guard, Duration::from_secs(60), |open| !*open).unwrap());
    }
}

/// Holds scripts up until so many of them have come.
#[derive(Debug, Clone)]
pub struct Barrier {
    expected: usize,
    come: Arc<(Mutex<usize>, Condvar)>,
}

impl Barrier {
    /// For so many.
    pub fn of(expected: usize) -> Self {
        Self { expected, come: Arc::default() }
    }

    /// Waits for the others; not for ever, should the test have failed.
    pub fn pass(&self) {
        let mut come = self.come.0.lock().unwrap();
        *come += 1;
        self.come.1.notify_all();
        drop(self.come.1.wait_timeout_while(come, Duration::from_secs(60), |come| *come < self.expected).unwrap());
    }
}

/// An origin with a health that a test can change: `/healthz` says it, all else is answered with the name.
#[derive(Debug)]
pub struct Member {
    /// The origin.
    pub origin: Origin,
    well: Arc<std::sync::atomic::AtomicBool>,
}

impl Member {
    /// A healthy one.
    pub fn start(name: &str) -> Self {
        let well = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let (name, state) = (name.to_owned(), Arc::clone(&well));
        let origin = Origin::start(move |speaker| {
            while let Some(seen) = speaker.request()? {
                let answer = match seen.target.as_str() {
                    "/healthz" if !state.load(std::sync::atomic::Ordering::Relaxed) => {
                        response("503 Service Unavailable", "", "unwell")
                    }
                    _ => response("200 OK", &format!("x-origin: {name}\r\n"), &name),
                };
                speaker.say(answer)?;
            }
            Ok(())
        });
        Self { origin, well }
    }

    /// Lets its probes fail, or pass again.
    pub fn set_well(&self, well: bool) {
        self.well.store(well, std::sync::atomic::Ordering::Relaxed);
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.origin.url()
    }

    /// Requests of clients, probes left out.
    pub fn served(&self) -> Vec<crate::origin::Seen> {
        self.origin.seen().into_iter().filter(|seen| seen.target != "/healthz").collect()
    }
}
