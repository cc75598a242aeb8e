//! `portolan run`.
//!
//! Owns logging, and how a start that failed is told: every problem on standard error, exit code 2. All else is `app`.

use super::text::complain;
use super::{Ended, RunArgs, logs};
use crate::app::{self, StartError};
use crate::metrics::Metrics;

pub(super) fn run(args: RunArgs) -> Ended {
    let log = match logs::start(&args) {
        Ok(log) => log,
        Err(wrong) => {
            complain(&format!("error: {wrong}"));
            return Ended::Refused;
        }
    };
    let dropped = log.dropped.clone();
    let lost_lines = Box::new(move || dropped.dropped_lines() as u64);
    let ended = app::run(args.config.config, Metrics::new(), lost_lines);
    // Lines that still wait come before the complaint.
    drop(log);
    match ended {
        Ok(()) => Ended::Well,
        Err(error @ StartError::Config(_)) => {
            complain(&error);
            Ended::Refused
        }
        Err(error @ (StartError::Listen(_) | StartError::Store(_))) => {
            complain(&format!("error: {error}"));
            Ended::Refused
        }
        Err(error) => {
            complain(&format!("error: {error}"));
            Ended::Failed
        }
    }
}
