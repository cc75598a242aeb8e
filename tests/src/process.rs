//! One child process: its output kept, its signals, its end.
//!
//! Owns the handle. Dropping it kills the child and waits, so that nothing outlives a test; no process is ever found by
//! name. What it wrote is kept for the message of a failing test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::wait::{eventually, wait_until_within};

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts a program; standard input stays open as long as we live.
    pub fn start(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![
            keep(child.stdout.take().unwrap(), Arc::clone(&lines)),
            keep(child.stderr.take().unwrap(), Arc::clone(&lines)),
        ];
        Self { name: name.to_owned(), child, lines, readers }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote so far, standard output and error together.
    pub fn output(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// The first line for which `look` finds something.
    ///
    /// # Panics
    /// When the process ends first, or nothing comes in time.
    #[track_caller]
    pub fn hear<T>(&mut self, what: &str, limit: Duration, look: impl Fn(&str) -> Option<T>) -> T {
        let found = eventually(limit, || {
            let found = self.lines.lock().unwrap().iter().find_map(|line| look(line));
            let ended = found.is_none() && self.child.try_wait().unwrap().is_some();
            if ended { Some(None) } else { found.map(Some) }
        });
        found.flatten().unwrap_or_else(|| panic!("{}: {what} did not come; it wrote:\n{}", self.name, self.output()))
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal by name, such as `HUP`.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").arg(format!("-{signal}")).arg(self.id().to_string()).status().unwrap();
        assert!(status.success(), "{} could not be sent SIG{signal}", self.name);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let mut status = None;
        wait_until_within(limit, &format!("the end of {}", self.name), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        // Its last words are read to the end before anyone looks at them.
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        status.unwrap()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            // Access records drown the rest; the last few tell enough.
            let (records, mut rest): (Vec<_>, Vec<_>) = std::mem::take(&mut *self.lines.lock().unwrap())
                .into_iter()
                .partition(|line| line.contains("portolan::access"));
            rest.extend(records.into_iter().rev().take(5).rev());
            let skipped = rest.len().saturating_sub(60);
            eprintln!("--- the end of what {} wrote:\n{}\n---", self.name, rest[skipped..].join("\n"));
        }
    }
}

fn keep(stream: impl Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { return };
            lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
        }
    })
}
