//! The running example: its origins and one PoP, and what can be done to them.
//!
//! Owns their processes: all are stopped when it is dropped. Never looks at an answer beyond "ready". Started by
//! `demo::run`, broken and mended by `tour`.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use super::build::Programs;
use super::client::Client;
use super::layout::Layout;
use super::process::Process;

/// How long the PoP may take until it answers through every region's origins.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// The processes of one example.
#[derive(Debug)]
pub(super) struct Stage {
    // Dropped first, so that the PoP never sees its origins die at the end.
    pop: Option<Process>,
    /// Those that run, with their region.
    origins: Vec<(String, Process)>,
    layout: Layout,
    router_program: PathBuf,
    origin_program: PathBuf,
}

impl Stage {
    /// Starts everything and waits until the PoP answers.
    pub(super) fn start(programs: &Programs, layout: Layout) -> anyhow::Result<Self> {
        let mut stage = Self {
            pop: None,
            origins: Vec::new(),
            layout,
            router_program: programs.router.clone(),
            origin_program: programs.origin.clone(),
        };
        let names: Vec<String> = stage.layout.regions.iter().map(|region| region.name.clone()).collect();
        for name in &names {
            stage.start_region(name)?;
        }
        stage.start_pop()?;
        Ok(stage)
    }

    /// Where everything is.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Starts the origins of a region and waits until they listen.
    pub(super) fn start_region(&mut self, name: &str) -> anyhow::Result<()> {
        let region = self.layout.regions.iter().find(|region| region.name == name);
        for endpoint in &region.with_context(|| format!("no region {name}"))?.endpoints {
            let address = format!("127.0.0.1:{}", endpoint.port);
            let mut command = Command::new(&self.origin_program);
            command.args([
                "--listen",
                &address,
                "--region",
                name,
                "--endpoint",
                &endpoint.name,
                "--stop-on-eof",
                "--data",
            ]);
            command.arg(self.layout.sessions());
            let origin = Process::start_and_hear(&endpoint.name, &mut command, &self.layout.folder)?;
            self.origins.push((name.to_owned(), origin));
        }
        Ok(())
    }

    /// Kills the origins of a region, as a power cut would.
    pub(super) fn kill_region(&mut self, name: &str) -> anyhow::Result<()> {
        let (dying, living) = std::mem::take(&mut self.origins).into_iter().partition(|(region, _)| region == name);
        self.origins = living;
        let dying: Vec<(String, Process)> = dying;
        dying.into_iter().try_for_each(|(_, origin)| origin.kill())
    }

    /// Stops the PoP politely and starts it again with the same configuration.
    pub(super) fn restart_pop(&mut self) -> anyhow::Result<()> {
        if let Some(pop) = self.pop.take() {
            pop.stop()?;
        }
        self.start_pop()
    }

    /// An error when a process that should run has ended.
    pub(super) fn check_alive(&mut self) -> anyhow::Result<()> {
        let origins = self.origins.iter_mut().map(|(_, origin)| origin);
        origins.chain(&mut self.pop).try_for_each(Process::check_alive)
    }

    fn start_pop(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(&self.router_program);
        command.args(["run", "-c"]).arg(self.layout.config_file()).stdout(Stdio::null());
        let mut pop = Process::start("portolan", &mut command, &self.layout.folder)?;
        let mut client = Client::new(self.layout.pop_port, None);
        pop.wait_until(READY_WITHIN, || client.get("/api/where").is_ok_and(|answer| answer.status == 200))?;
        self.pop = Some(pop);
        Ok(())
    }
}
