//! One child process: started with its output in a file, waited for, and always stopped.
//!
//! Owns the handle; dropping it kills the process, so that nothing outlives its command whatever goes wrong. Never kills
//! by name. Used by `stage`, and by the benches for the servers that they measure.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::machine;

/// How long a process may take to end after a polite signal.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// Lines of a log shown when its process failed.
const LOG_LINES: usize = 15;

/// A running child.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts a program; its errors go to `FOLDER/NAME.log`, its standard input stays open as long as we live.
    pub(crate) fn start(name: &str, command: &mut Command, folder: &Path) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::piped()).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot start `{}`", machine::typed(command)))?;
        Ok(Self { name: name.to_owned(), log, child })
    }

    /// Starts a program that prints one line once it can be asked, and waits for that line.
    pub(crate) fn start_and_hear(name: &str, command: &mut Command, folder: &Path) -> anyhow::Result<Self> {
        let mut process = Self::start(name, command.stdout(Stdio::piped()), folder)?;
        let output = process.child.stdout.take().context("its standard output was asked for")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.is_empty() {
            let status = process.child.wait()?;
            return Err(process.failure(status));
        }
        Ok(process)
    }

    /// The process's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` says so; the process ending, or `within` passing, is an error.
    pub(crate) fn wait_until(&mut self, within: Duration, mut ready: impl FnMut() -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !ready() {
            self.check_alive()?;
            if begun.elapsed() > within {
                bail!("{} was not ready after {} s\n{}", self.name, within.as_secs(), self.log_end());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// An error when the process has ended by itself.
    pub(crate) fn check_alive(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => Err(self.failure(status)),
            None => Ok(()),
        }
    }

    /// Ends the process at once, as a crash would, and waits until it is gone.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to end (SIGTERM) and waits; one that does not end in time is killed, and that is an error.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        machine::output(&mut machine::command("kill", &["-TERM", &self.child.id().to_string()]));
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > STOP_WITHIN {
                bail!("{} did not end within {} s of SIGTERM", self.name, STOP_WITHIN.as_secs());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn failure(&self, status: ExitStatus) -> anyhow::Error {
        anyhow::anyhow!("{} ended ({status})\n{}", self.name, self.log_end())
    }

    fn log_end(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
        format!("the end of {}:\n{}", self.log.display(), last.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
