//! Where log lines go: standard error, through a thread of their own.
//!
//! Owns that a worker never waits for a terminal or pipe: lines pass through a bounded channel, and what does not fit is
//! dropped and counted (`portolan_log_lines_dropped_total`). For people on a terminal, JSON otherwise.

use super::{LogFormat, RunArgs};
use std::io::IsTerminal;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that may wait for the writer; about a second of access records under full load.
const LINES_MAX: usize = 64 * 1024;

/// The running log. Lines that still wait are written when it is dropped.
#[derive(Debug)]
pub(super) struct Log {
    /// Counts lines that were dropped.
    pub(super) dropped: ErrorCounter,
    _writer: WorkerGuard,
}

/// Starts logging.
///
/// # Errors
/// When the rules are not understood.
pub(super) fn start(args: &RunArgs) -> Result<Log, String> {
    let rules = EnvFilter::try_new(&args.log).map_err(|error| format!("--log {:?}: {error}", args.log))?;
    let stderr = std::io::stderr();
    let terminal = stderr.is_terminal();
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES_MAX).thread_name("log").finish(stderr);
    let dropped = writer.error_counter();
    let lines = tracing_subscriber::fmt().with_env_filter(rules).with_writer(writer);
    let form = args.log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json });
    let set = match form {
        LogFormat::Text => lines.with_ansi(terminal).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    set.map_err(|error| format!("logging cannot be set up: {error}"))?;
    Ok(Log { dropped, _writer: guard })
}
