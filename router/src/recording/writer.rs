//! Writes a record, on a thread of its own.
//!
//! Owns the file: whose it may replace, when it is begun anew, what is written of a world that many decisions share. A write
//! that fails is counted and told once; recording goes on when the disk has room again. Nothing here is waited for by a
//! worker.

use super::line::{Decided, Exact, Head, Kept, Line, Octets, Session, VERSION};
use super::reader::{Lines, ReadError};
use super::recorder::{self, Note, Recorder};
use super::{kept, said, world};
use crate::base::clock;
use crate::config::Record;
use crate::metrics::{Metrics, RecordMetrics};
use crate::snapshot::Service;
use crate::steer::affinity::Token;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Receiver, channel};

/// Decisions that may wait for the file; about a tenth of a second of a busy PoP that records all of them.
const NOTES_MAX: usize = 4096;
/// Worlds that decisions may name: a reader keeps as many.
pub const WORLDS_MAX: usize = 64;
/// Pause after a write that failed.
const PAUSE: Duration = Duration::from_secs(5);

/// Why there is no record.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system refuses.
    #[error("the record {} cannot be written: {cause}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Something else is there.
    #[error("{} exists and is no record of decisions\n  help: give `record.file` a name of its own", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
}

/// Opens the file and starts the thread, which ends when every recorder is gone and all is written.
///
/// # Errors
/// When the file cannot be written, or is something else.
pub fn start(record: &Record, metrics: &Metrics) -> Result<(Recorder, JoinHandle<()>), OpenError> {
    let path = record.file.clone();
    let system = |cause| OpenError::System { path: path.clone(), cause };
    match Lines::open(&path) {
        Ok(_) | Err(ReadError::Newer { .. } | ReadError::Damaged { .. }) => {}
        Err(ReadError::Io { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {}
        Err(ReadError::Io { cause, .. }) => return Err(system(cause)),
        Err(ReadError::Foreign { .. }) if std::fs::metadata(&path).is_ok_and(|file| file.len() == 0) => {}
        Err(ReadError::Foreign { .. }) => return Err(OpenError::Foreign { path }),
    }
    let head = Head { version: VERSION, share: Exact(record.share), redacted: record.redact.clone() };
    let mut tape = Tape {
        path: path.clone(),
        half: record.size / 2,
        head,
        file: None,
        written: 0,
        worlds: VecDeque::new(),
        next: 1,
    };
    tape.begin().map_err(system)?;
    let (notes, received) = channel(NOTES_MAX);
    let metrics = metrics.record();
    let recorder = Recorder::new(notes, record.share, &record.redact, metrics.clone());
    let thread = std::thread::Builder::new().name("record".to_owned());
    let thread = thread.spawn(move || write(tape, received, &metrics)).map_err(system)?;
    Ok((recorder, thread))
}

fn write(mut tape: Tape, mut notes: Receiver<Note>, metrics: &RecordMetrics) {
    let mut paused: Option<Instant> = None;
    while let Some(note) = notes.blocking_recv() {
        if paused.is_some_and(|since| since.elapsed() < PAUSE) {
            metrics.failed();
            continue;
        }
        // What is complete is in the file as soon as nothing waits.
        let written = tape.decision(note).and_then(|()| if notes.is_empty() { tape.flush() } else { Ok(()) });
        match written {
            Ok(()) => {
                metrics.written();
                paused = None;
            }
            Err(error) => {
                if paused.is_none() {
                    tracing::error!(file = %tape.path.display(), %error, "decisions cannot be recorded");
                }
                metrics.failed();
                tape.file = None;
                paused = Some(clock::monotonic());
            }
        }
    }
}

/// The file and what stands in it.
struct Tape {
    path: PathBuf,
    /// Bytes after which it is begun anew.
    half: u64,
    head: Head,
    file: Option<BufWriter<File>>,
    written: u64,
    /// Worlds written to it last; a weak pointer keeps the address from being used again, and nothing else.
    worlds: VecDeque<(u64, Weak<Service>)>,
    next: u64,
}

impl Tape {
    /// Begins a file; what is there is kept as the one before.
    fn begin(&mut self) -> io::Result<()> {
        self.flush()?;
        self.file = None;
        match std::fs::rename(&self.path, before(&self.path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        self.file = Some(BufWriter::new(file));
        self.written = 0;
        self.worlds.clear();
        self.line(&Line::PortolanRecord(self.head.clone()))?;
        self.flush()
    }

    fn decision(&mut self, note: Note) -> io::Result<()> {
        if self.file.is_none() || self.written >= self.half {
            self.begin()?;
        }
        let world = self.world(&note)?;
        self.line(&Line::Decision(Box::new(decided(world, note))))
    }

    /// The number of a decision's world, written first when it is new.
    fn world(&mut self, note: &Note) -> io::Result<u64> {
        if let Some((id, _)) =
            self.worlds.iter().find(|(_, known)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(&note.service)))
        {
            return Ok(*id);
        }
        let id = self.next;
        self.line(&Line::World(Box::new(world::line(id, &note.pop, &note.service))))?;
        self.next += 1;
        if self.worlds.len() == WORLDS_MAX {
            self.worlds.pop_front();
        }
        self.worlds.push_back((id, Arc::downgrade(&note.service)));
        Ok(id)
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        file.write_all(&text)?;
        self.written += text.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// Where the file before is kept.
fn before(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

fn decided(world: u64, note: Note) -> Decided {
    let loads = note.loads.0.iter();
    Decided {
        world,
        now: note.now,
        seed: note.seed,
        fields: note.fields,
        redacted: note.redacted,
        client: note.client.map(world::degrees),
        session: note.session.map(session),
        loads: loads.map(|region| region.iter().map(|load| (load.in_flight, load.latency_us)).collect()).collect(),
        said: note.said.iter().map(|(policy, said)| (policy.to_string(), said::line(said))).collect(),
        keys: note.keys.into_iter().map(|(policy, key)| (policy.to_string(), key)).collect(),
        rollouts: note.rollouts.iter().map(ToString::to_string).collect(),
        kept: note.kept.into_iter().map(kept_line).collect(),
        served: note.served,
        targets: note.targets,
    }
}

fn kept_line(kept: recorder::Kept) -> Kept {
    let calls = kept.noted.kv.into_iter().map(kept::line).collect();
    Kept { policy: kept.policy.to_string(), hook: kept.hook.to_owned(), calls, cut: kept.noted.cut }
}

fn session(token: Token) -> Session {
    Session {
        region: token.region.to_string(),
        endpoint: token.endpoint,
        started: token.session_started.0,
        pinned_at: token.pinned_at.0,
        last_used: token.last_used.0,
        ttl_us: token.ttl.map(world::micros),
        payload: Octets(token.payload.to_vec()),
    }
}
