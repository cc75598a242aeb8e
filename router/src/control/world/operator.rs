//! What operators switch by command.
//!
//! Owns the switches that lie over the configuration: they outlive reloads and end when they say the same as the
//! configuration. Regions and the whole PoP; rollouts are `rollout`'s. What is unknown is refused before it comes here.

use super::{Command, Effect, Severity, World};
use crate::base::Timestamp;
use crate::config;
use crate::snapshot::build::RegionKey;
use crate::steer::table::Admin;

impl World {
    pub(super) fn on_command(&mut self, command: Command, now: Timestamp, effects: &mut Vec<Effect>) {
        match command {
            Command::Reload => self.ask_for_load(effects),
            Command::Rollout { policy, on } => self.on_rollout(&policy, on, now, effects),
            Command::Region { region, admin } => self.on_switch(region, admin, effects),
            Command::Pop { draining } => {
                if self.draining != draining {
                    self.draining = draining;
                    let text = if draining { "the PoP drains" } else { "the PoP serves again" };
                    effects.push(Effect::Log(Severity::Warn, text.to_owned()));
                    effects.push(Effect::Publish { urgent: true });
                }
            }
        }
    }

    fn on_switch(&mut self, region: RegionKey, admin: Admin, effects: &mut Vec<Effect>) {
        let Some(configured) = self.configured(&region).map(|region| region.admin) else { return };
        if configured == admin {
            self.switches.remove(&region);
        } else {
            self.switches.insert(region.clone(), admin);
        }
        let text = format!("region {}/{} switched {} by the operator", region.service, region.region, admin.as_str());
        effects.push(Effect::Log(Severity::Warn, text));
    }

    /// A region of the configuration in force.
    pub fn configured(&self, key: &RegionKey) -> Option<&config::Region> {
        let live = &self.in_force.as_ref()?.live;
        let service = live.services.iter().find(|service| service.name == key.service)?;
        service.regions.iter().find(|region| region.name == key.region)
    }

    /// What the operator wants of a region: the command, else the configuration.
    pub(super) fn wish(&self, key: &RegionKey, configured: Admin) -> Admin {
        self.switches.get(key).copied().unwrap_or(configured)
    }
}
