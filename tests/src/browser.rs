//! A headless Chromium with a profile of its own: what a page really loads, from where, and what goes wrong in it.
//!
//! Owns the process, the DevTools connection to one page, and the record of all that it loaded. Never judges what it
//! loaded. Where there is no browser, a test is told so and skips itself.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::client::{self, Ask};
use crate::process::Process;
use crate::wait::wait_until;

/// Names that the program goes by.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// How long a browser may take for anything, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks.
const PACE: Duration = Duration::from_millis(50);
/// Nothing of the browser's own goes over the network, and nothing asks.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
    "about:blank",
];

/// One thing that the page asked for and what came of it.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Its URL.
    pub url: String,
    /// Status as it came over the network (304 for what was still good), or of the browser's own copy.
    pub status: u16,
    /// From the browser's own cache, without a request.
    pub from_cache: bool,
    /// Fields of the answer, names in lower case.
    pub fields: BTreeMap<String, String>,
}

impl Loaded {
    /// A field of the answer.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    socket: WebSocket<TcpStream>,
    commands: u64,
    events: Vec<Value>,
    /// Ended before its profile is removed.
    _process: Process,
    _profile: TempDir,
}

impl Browser {
    /// Starts one with an empty profile; none, and a word why, where there is no browser.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            // Past the capture of test output: a skipped test must not look like one that passed.
            let _ =
                writeln!(std::io::stderr(), "skipped: no browser; apt-get install -y chromium, or `cargo xtask setup`");
            return None;
        };
        let profile = TempDir::new().unwrap();
        let mut command = Command::new(program);
        command.arg(format!("--user-data-dir={}", profile.path().display())).args(FLAGS);
        let mut process = Process::start("chromium", &mut command);
        let address: SocketAddr = process.hear("`DevTools listening`", PATIENCE, |line| {
            line.strip_prefix("DevTools listening on ws://")?.split('/').next()?.parse().ok()
        });
        let mut page = None;
        wait_until("a page is there", || {
            page = client::ask(address, &Ask::get("/json/list").host(&address.to_string())).ok().and_then(|list| {
                let pages = list.json();
                let page = pages.as_array()?.iter().find(|target| target["type"] == "page")?;
                page["webSocketDebuggerUrl"].as_str().map(str::to_owned)
            });
            page.is_some()
        });
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(page.unwrap(), stream).unwrap();
        // From here on one listens for a moment, and looks whether what is waited for is there.
        socket.get_ref().set_read_timeout(Some(PACE)).unwrap();
        let mut browser = Self { socket, commands: 0, events: Vec::new(), _process: process, _profile: profile };
        for domain in ["Page", "Network", "Runtime", "Log"] {
            browser.command(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Goes to a page, as if its address had been typed, and waits until it has loaded. Forgets what was loaded before.
    #[track_caller]
    pub fn visit(&mut self, url: &str) {
        self.events.clear();
        let went = self.command("Page.navigate", json!({ "url": url }));
        assert_eq!(went["errorText"], Value::Null, "{url}");
        self.until(&format!("{url} has loaded"), |browser| {
            browser.events.iter().any(|event| event["method"] == "Page.loadEventFired")
        });
    }

    /// The value of a script in the page; a promise is waited for.
    #[track_caller]
    pub fn evaluate(&mut self, script: &str) -> Value {
        let given = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let done = self.command("Runtime.evaluate", given);
        assert_eq!(done["exceptionDetails"], Value::Null, "{script}");
        done["result"]["value"].clone()
    }

    /// Waits until a script in the page says `true`.
    #[track_caller]
    pub fn wait_for(&mut self, script: &str) {
        self.until(script, |browser| browser.evaluate(script) == true);
    }

    /// All that was answered since the last visit, in order.
    pub fn loaded(&self) -> Vec<Loaded> {
        let of_kind = |kind: &'static str| self.events.iter().filter(move |event| event["method"] == kind);
        let answers = of_kind("Network.responseReceived").map(|event| &event["params"]);
        let answers =
            answers.filter(|answer| answer["response"]["url"].as_str().is_some_and(|url| url.starts_with("http")));
        answers
            .map(|answer| {
                let (id, response) = (&answer["requestId"], &answer["response"]);
                let same = |event: &&Value| event["params"]["requestId"] == *id;
                // What really came over the network: a 304 is told as the 200 that it stands for.
                let wire = of_kind("Network.responseReceivedExtraInfo").rfind(same).map(|event| &event["params"]);
                let from_memory = of_kind("Network.requestServedFromCache").any(|event| same(&event));
                let fields = wire.map_or(&response["headers"], |wire| &wire["headers"]).as_object();
                let field = |(name, value): (&String, &Value)| {
                    (name.to_lowercase(), value.as_str().unwrap_or_default().to_owned())
                };
                let status = wire.map_or(&response["status"], |wire| &wire["statusCode"]).as_u64();
                Loaded {
                    url: response["url"].as_str().unwrap_or_default().to_owned(),
                    status: status.and_then(|status| u16::try_from(status).ok()).unwrap_or_default(),
                    from_cache: wire.is_none() && (from_memory || response["fromDiskCache"] == true),
                    fields: fields.into_iter().flatten().map(field).collect(),
                }
            })
            .collect()
    }

    /// What was answered for the first URL that ends so.
    #[track_caller]
    pub fn loaded_from(&self, end: &str) -> Loaded {
        let loaded = self.loaded();
        let found = loaded.iter().find(|loaded| loaded.url.ends_with(end)).cloned();
        found.unwrap_or_else(|| panic!("nothing that ends in {end} was loaded: {loaded:#?}"))
    }

    /// What went wrong in the page since the last visit: exceptions, errors in its log, requests that failed.
    pub fn problems(&self) -> Vec<String> {
        let told = |event: &Value| {
            let params = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
                "Log.entryAdded" if params["entry"]["level"] == "error" => Some(params["entry"].to_string()),
                "Network.loadingFailed" if params["canceled"] != true => Some(params.to_string()),
                _ => None,
            }
        };
        self.events.iter().filter_map(told).collect()
    }

    #[track_caller]
    fn until(&mut self, what: &str, mut condition: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !condition(self) {
            assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}; problems: {:#?}", self.problems());
            self.hear();
        }
    }

    #[track_caller]
    fn command(&mut self, method: &str, params: Value) -> Value {
        self.commands += 1;
        let id = self.commands;
        let text = json!({ "id": id, "method": method, "params": params }).to_string();
        self.socket.send(Message::text(text)).unwrap();
        let begun = Instant::now();
        loop {
            match self.hear() {
                Some(answer) if answer["id"] == id => {
                    assert_eq!(answer["error"], Value::Null, "{method}");
                    return answer["result"].clone();
                }
                _ => assert!(begun.elapsed() < PATIENCE, "no answer to {method}"),
            }
        }
    }

    /// The next message, if one comes soon; events are kept.
    fn hear(&mut self) -> Option<Value> {
        match self.socket.read() {
            Ok(Message::Text(text)) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["id"].is_null() {
                    self.events.push(message.clone());
                }
                Some(message)
            }
            Ok(_) => None,
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                None
            }
            Err(error) => panic!("the browser has gone: {error}"),
        }
    }
}

/// `PORTOLAN_BROWSER`, else a Chromium in `PATH`.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PORTOLAN_BROWSER") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = std::env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    candidates.into_iter().find(|program| program.is_file())
}
