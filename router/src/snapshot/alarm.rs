//! How workers tell the conductor at once that an endpoint fails again and again.
//!
//! Owns the bounded channel between the planes. Raising never blocks a worker: when the channel is full the alarm is
//! dropped and counted, and the conductor finds the same failures at its next sampling.

use prometheus_client::metrics::counter::Counter;
use tokio::sync::mpsc;

/// Alarms that may wait; more endpoints than this failing within one conductor turn are found by sampling.
const ALARMS_MAX: usize = 256;

/// The workers' end.
#[derive(Debug, Clone)]
pub struct Alarms {
    sender: mpsc::Sender<u64>,
    dropped: Counter,
}

/// A pair of ends; `dropped` counts alarms for which there was no room.
pub fn channel(dropped: Counter) -> (Alarms, mpsc::Receiver<u64>) {
    let (sender, receiver) = mpsc::channel(ALARMS_MAX);
    (Alarms { sender, dropped }, receiver)
}

impl Alarms {
    /// Tells that the endpoint of this identity reached its run of failures.
    pub fn raise(&self, endpoint: u64) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.sender.try_send(endpoint) {
            self.dropped.inc();
        }
    }
}
