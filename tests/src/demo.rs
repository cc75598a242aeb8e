//! The real `demo-origin` process: an application with sessions per region.
//!
//! Owns its command line, its port and its end. A killed one can be started again on the same port, as a server comes
//! back.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::binaries;
use crate::process::Process;

/// One endpoint of one region.
#[derive(Debug)]
pub struct DemoOrigin {
    region: String,
    name: String,
    data: std::path::PathBuf,
    address: SocketAddr,
    process: Option<Process>,
}

impl DemoOrigin {
    /// Starts one, with its sessions in `data`.
    pub fn start(region: &str, name: &str, data: &Path) -> Self {
        let (process, address) = launch(region, name, data, SocketAddr::from(([127, 0, 0, 1], 0)));
        Self {
            region: region.to_owned(),
            name: name.to_owned(),
            data: data.to_owned(),
            address,
            process: Some(process),
        }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, as the configuration wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again on the same port.
    pub fn revive(&mut self) {
        self.process = Some(launch(&self.region, &self.name, &self.data, self.address).0);
    }
}

fn launch(region: &str, name: &str, data: &Path, address: SocketAddr) -> (Process, SocketAddr) {
    let mut command = Command::new(binaries::demo_origin());
    command.args(["--listen", &address.to_string(), "--region", region, "--endpoint", name, "--stop-on-eof"]);
    command.arg("--data").arg(data);
    let mut process = Process::start(name, &mut command);
    let listening = |line: &str| line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
    let address = process.hear("`listening on`", Duration::from_secs(20), listening);
    (process, address)
}
