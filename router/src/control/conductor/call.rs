//! What operators can ask of the conductor, and how.
//!
//! Owns the bounded channel and its answers. `admin` holds a `Control`; so does `app`, for signals. When the last one is
//! gone the conductor ends.

use super::Conductor;
use crate::control::status;
use crate::control::world::{Command, Event, Refusal, Rollout};
use crate::snapshot::build::RegionKey;
use crate::snapshot::publish::Published;
use crate::steer::table::Admin;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// A question or command.
#[derive(Debug)]
pub enum Call {
    /// Load the configuration again; answered when that load is over.
    Reload(oneshot::Sender<ReloadAnswer>),
    /// Switch a region; answered with whether there is such a region.
    Switch(RegionKey, Admin, oneshot::Sender<Result<(), NoSuchRegion>>),
    /// Drain the PoP or let it serve again.
    Pop(bool, oneshot::Sender<()>),
    /// Let a rollout go on, or give its sessions back; answered with whether there is such a rollout.
    Rollout(Arc<str>, bool, oneshot::Sender<Result<(), NoSuchRollout>>),
    /// The status document.
    Status(oneshot::Sender<Value>),
}

/// What came of a reload.
#[derive(Debug, Clone)]
pub struct ReloadAnswer {
    /// The configuration in force now.
    pub generation: u64,
    /// Boot settings in the file that this process does not run with.
    pub needs_restart: Vec<String>,
    /// Why the file was refused.
    pub result: Result<(), Refusal>,
}

/// A region that is not configured; the regions that are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no region {asked}; there are: {known}")]
pub struct NoSuchRegion {
    asked: String,
    known: String,
}

/// A policy that has no rollout; those that have one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no policy {asked:?} is given to a share of the sessions; there are: {known}")]
pub struct NoSuchRollout {
    asked: String,
    known: String,
}

/// The conductor is gone: the process is ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the router is shutting down")]
pub struct Gone;

/// The way to the conductor.
#[derive(Debug, Clone)]
pub struct Control(mpsc::Sender<Call>);

impl Control {
    pub(super) fn new(calls: mpsc::Sender<Call>) -> Self {
        Self(calls)
    }

    /// Loads the configuration again and waits for the result.
    ///
    /// # Errors
    /// When the process is ending.
    pub async fn reload(&self) -> Result<ReloadAnswer, Gone> {
        self.ask(Call::Reload).await
    }

    /// Switches a region over what the configuration says.
    ///
    /// # Errors
    /// When the process is ending; inside, when there is no such region.
    pub async fn switch(&self, region: RegionKey, admin: Admin) -> Result<Result<(), NoSuchRegion>, Gone> {
        self.ask(|answer| Call::Switch(region, admin, answer)).await
    }

    /// Drains the whole PoP, or lets it serve again.
    ///
    /// # Errors
    /// When the process is ending.
    pub async fn pop(&self, draining: bool) -> Result<(), Gone> {
        self.ask(|answer| Call::Pop(draining, answer)).await
    }

    /// Lets the rollout of a policy go on, or gives its sessions back.
    ///
    /// # Errors
    /// When the process is ending; inside, when there is no such rollout.
    pub async fn rollout(&self, policy: Arc<str>, on: bool) -> Result<Result<(), NoSuchRollout>, Gone> {
        self.ask(|answer| Call::Rollout(policy, on, answer)).await
    }

    /// The status document.
    ///
    /// # Errors
    /// When the process is ending.
    pub async fn status(&self) -> Result<Value, Gone> {
        self.ask(Call::Status).await
    }

    async fn ask<T>(&self, call: impl FnOnce(oneshot::Sender<T>) -> Call) -> Result<T, Gone> {
        let (sender, answer) = oneshot::channel();
        self.0.send(call(sender)).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }
}

impl Conductor {
    /// Answers a call. Who asked may be gone by then, which is no concern.
    pub(super) fn answer(&mut self, call: Call) {
        match call {
            Call::Reload(answer) => {
                self.waiting.push((self.world.reloads().next_ticket(), answer));
                self.apply(Event::Operator(Command::Reload));
            }
            Call::Switch(region, admin, answer) => {
                let known = self.world.configured(&region).is_some();
                let result = if known { Ok(()) } else { Err(self.no_such_region(&region)) };
                if known {
                    self.apply(Event::Operator(Command::Region { region, admin }));
                    self.publish();
                }
                let _ = answer.send(result);
            }
            Call::Pop(draining, answer) => {
                self.apply(Event::Operator(Command::Pop { draining }));
                self.publish();
                let _ = answer.send(());
            }
            Call::Rollout(policy, on, answer) => {
                let known = self.world.rollouts();
                let result = if known.contains_key(&policy) { Ok(()) } else { Err(no_such_rollout(&policy, known)) };
                if result.is_ok() {
                    self.apply(Event::Operator(Command::Rollout { policy, on }));
                    self.publish();
                }
                let _ = answer.send(result);
            }
            Call::Status(answer) => {
                let snapshot = self.published.as_ref().map(Published::load);
                let about = status::About { started: self.started, listeners: &self.listeners, admin: self.admin };
                let _ = answer.send(status::document(&self.world, snapshot.as_deref(), &about, self.clock.now()));
            }
        }
    }

    fn no_such_region(&self, asked: &RegionKey) -> NoSuchRegion {
        let services = self.world.in_force().map_or(&[][..], |in_force| &in_force.live.services);
        let known = services
            .iter()
            .flat_map(|service| service.regions.iter().map(move |region| format!("{}/{}", service.name, region.name)));
        let known = known.collect::<Vec<_>>().join(", ");
        NoSuchRegion { asked: format!("{}/{}", asked.service, asked.region), known }
    }
}

fn no_such_rollout(asked: &str, known: &BTreeMap<Arc<str>, Rollout>) -> NoSuchRollout {
    let names: Vec<&str> = known.keys().map(|name| &**name).collect();
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    NoSuchRollout { asked: asked.to_owned(), known }
}
