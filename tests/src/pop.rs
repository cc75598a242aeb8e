//! One PoP: `portolan run` as a process, with its configuration in a folder of its own.
//!
//! Owns the start, the ports (all of them asked from the system), the admin requests, and the end. A PoP that does not
//! come up fails the test with all that it wrote.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::binaries;
use crate::client::{self, Answer, AnswerError, Ask};
use crate::metrics::Metrics;
use crate::process::Process;
use crate::wait::wait_until;

/// How long a start may take: policies are compiled in it, on a busy machine.
const START: Duration = Duration::from_secs(60);

/// A running PoP.
#[derive(Debug)]
pub struct Pop {
    folder: TempDir,
    process: Process,
    admin: SocketAddr,
    clients: Vec<SocketAddr>,
    token: Option<String>,
}

/// What `portolan` printed and how it ended.
#[derive(Debug)]
pub struct Run {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs `portolan` to its end with a configuration.
pub fn run(config: &str, arguments: &[&str]) -> Run {
    let folder = TempDir::new().unwrap();
    let file = write(folder.path(), config);
    run_file(&file, arguments)
}

/// Runs `portolan COMMAND -c FILE ARGUMENTS` to its end.
pub fn run_file(file: &Path, arguments: &[&str]) -> Run {
    let (command, rest) = arguments.split_first().unwrap();
    let mut portolan = bounded();
    portolan.arg(command).arg("-c").arg(file).args(rest).current_dir(file.parent().unwrap());
    portolan.output().unwrap().into()
}

/// Runs `portolan ARGUMENTS` to its end.
pub fn run_command(arguments: &[&str]) -> Run {
    bounded().args(arguments).output().unwrap().into()
}

/// The program, bounded also where it serves although it should have refused.
fn bounded() -> Command {
    let mut bounded = Command::new("timeout");
    bounded.arg("60").arg(binaries::portolan()).env("NO_COLOR", "1");
    bounded
}

/// Writes a configuration, placeholders filled in.
fn write(folder: &Path, config: &str) -> PathBuf {
    let file = folder.join("edge.toml");
    // A rename, because the PoP watches the file and must never see half of it.
    let fresh = folder.join("edge.toml.new");
    std::fs::write(&fresh, config.replace("@policy_cache@", &binaries::policy_cache().display().to_string())).unwrap();
    std::fs::rename(&fresh, &file).unwrap();
    file
}

impl Pop {
    /// Starts a PoP and waits until it serves.
    #[track_caller]
    pub fn start(config: &str) -> Self {
        Self::start_in(TempDir::new().unwrap(), config)
    }

    /// Starts a PoP with files beside its configuration.
    #[track_caller]
    pub fn start_in(folder: TempDir, config: &str) -> Self {
        Self::start_with_token(folder, config, None)
    }

    /// Starts a PoP whose admin listener wants a token.
    #[track_caller]
    pub fn start_with_token(folder: TempDir, config: &str, token: Option<&str>) -> Self {
        let file = write(folder.path(), config);
        let (process, admin) = launch(&file);
        let token = token.map(str::to_owned);
        let mut pop = Self { folder, process, admin, clients: Vec::new(), token };
        pop.find_clients();
        pop
    }

    fn find_clients(&mut self) {
        let status = self.status();
        let listeners = status["listeners"].as_array().cloned().unwrap_or_default();
        let address = |listener: &Value| listener["address"].as_str().and_then(|address| address.parse().ok());
        self.clients = listeners.iter().filter_map(address).collect();
        assert!(!self.clients.is_empty(), "no listener in {status:#}");
    }

    /// The first listener for clients.
    pub fn address(&self) -> SocketAddr {
        self.clients[0]
    }

    /// All listeners for clients.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.clients
    }

    /// The admin listener.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its configuration file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("edge.toml")
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Replaces the configuration file.
    pub fn write(&self, config: &str) {
        write(self.folder.path(), config);
    }

    /// Asks as a client, on a connection of its own.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub fn try_ask(&self, ask: &Ask) -> Result<Answer, AnswerError> {
        client::ask(self.address(), ask)
    }

    /// Asks as a client, and gets an answer.
    ///
    /// # Panics
    /// When there is no whole one.
    #[track_caller]
    pub fn ask(&self, ask: &Ask) -> Answer {
        match self.try_ask(ask) {
            Ok(answer) => answer,
            Err(error) => panic!("no answer to {ask:?}: {error}"),
        }
    }

    /// A plain GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.ask(&Ask::get(path))
    }

    /// Asks the admin listener.
    #[track_caller]
    pub fn admin(&self, method: &str, path: &str) -> Answer {
        let mut ask = Ask::new(method, path).host(&self.admin.to_string()).field("connection", "close");
        if let Some(token) = &self.token {
            ask = ask.field("authorization", &format!("Bearer {token}"));
        }
        match client::ask(self.admin, &ask) {
            Ok(answer) => answer,
            Err(error) => panic!("no answer to {method} {path}: {error}"),
        }
    }

    /// The status document.
    #[track_caller]
    pub fn status(&self) -> Value {
        let answer = self.admin("GET", "/status");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// A part of the status document, by JSON pointer; null when it is not there.
    #[track_caller]
    pub fn status_of(&self, pointer: &str) -> Value {
        self.status().pointer(pointer).cloned().unwrap_or(Value::Null)
    }

    /// The metrics.
    #[track_caller]
    pub fn metrics(&self) -> Metrics {
        Metrics::parse(&self.admin("GET", "/metrics").text())
    }

    /// `POST /reload`.
    #[track_caller]
    pub fn reload(&self) -> Answer {
        self.admin("POST", "/reload")
    }

    /// Writes a configuration and reloads, which must succeed.
    #[track_caller]
    pub fn change(&self, config: &str) {
        self.write(config);
        let answer = self.reload();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// `POST /drain` of a region.
    #[track_caller]
    pub fn switch(&self, service: &str, region: &str, state: &str) {
        let answer = self.admin("POST", &format!("/drain?service={service}&region={region}&state={state}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Waits until a region has a health.
    #[track_caller]
    pub fn wait_health(&self, service: &str, region: &str, health: &str) {
        let pointer = format!("/services/{service}/regions/{region}/health");
        wait_until(&format!("{region} is {health}"), || self.status_of(&pointer) == health);
    }

    /// Waits until no request is in flight, by `/status` and by `/metrics`, and no client is connected.
    #[track_caller]
    pub fn wait_quiet(&self) {
        wait_until("nothing is in flight by /status", || in_flight(&self.status()) == 0);
        wait_until("nothing is in flight by /metrics", || {
            let metrics = self.metrics();
            let sampled = metrics.has("portolan_endpoint_in_flight") && metrics.has("portolan_client_connections");
            let at_origins = metrics.count("portolan_endpoint_in_flight", &[]);
            sampled && at_origins == 0 && metrics.count("portolan_client_connections", &[]) == 0
        });
    }

    /// Ends it as a crash would, and starts it again with the same configuration.
    #[track_caller]
    pub fn restart(&mut self) {
        self.process.kill();
        let (process, admin) = launch(&self.file());
        self.process = process;
        self.admin = admin;
        self.find_clients();
    }

    /// SIGTERM, and how it ended.
    #[track_caller]
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.process.signal("TERM");
        self.process.wait(limit)
    }
}

/// Requests in flight over all regions and endpoints of a status document.
pub fn in_flight(status: &Value) -> u64 {
    let services = status["services"].as_object().into_iter().flatten();
    let regions = services.flat_map(|(_, service)| service["regions"].as_object().into_iter().flatten());
    regions
        .map(|(_, region)| {
            let endpoints = region["endpoints"].as_array().into_iter().flatten();
            let at_endpoints: u64 = endpoints.filter_map(|endpoint| endpoint["in_flight"].as_u64()).sum();
            at_endpoints.max(region["in_flight"].as_u64().unwrap_or(0))
        })
        .sum()
}

fn launch(file: &Path) -> (Process, SocketAddr) {
    let mut command = Command::new(binaries::portolan());
    command.args(["run", "-c"]).arg(file).current_dir(file.parent().unwrap()).env("NO_COLOR", "1");
    let mut process = Process::start("portolan", &mut command);
    let admin = process.hear("the admin address", START, admin_address);
    process.hear("`ready`", START, |line| line.contains("\"ready\"").then_some(()));
    (process, admin)
}

/// The admin listener's address in the line that names it.
fn admin_address(line: &str) -> Option<SocketAddr> {
    if !line.contains("admin") {
        return None;
    }
    let words = line.split(|byte: char| byte.is_whitespace() || "=\",{}".contains(byte));
    words.filter_map(|word| word.parse::<SocketAddr>().ok()).find(|address| address.port() != 0)
}
