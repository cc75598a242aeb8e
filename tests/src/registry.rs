//! A real registry on loopback: Debian's `docker-registry`, with its files in a folder of the test.
//!
//! Owns its start, and how an author pushes a component (OCI distribution specification 1.1). Asks for a name and a password,
//! so that what reaches it has shown both. Where the program is missing there is none, and tests say that they are skipped;
//! `cargo xtask setup` installs it.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::{self, Answer, Ask};
use crate::process::Process;

/// Its only account, as `name:password`.
const ACCOUNT: &str = "author:a-password";
/// The same with the password as bcrypt keeps it.
const HTPASSWD: &str = "author:$2b$04$O7wEvNQB0uXWllRuOwklquK604hm/LwDojXZVICr7Lc5T44/Pw6kW\n";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A running registry.
#[derive(Debug)]
pub struct Registry {
    process: Process,
    address: SocketAddr,
}

impl Registry {
    /// Starts one on the files in this folder, on a free port; none when there is no such program.
    pub fn start(folder: &Path) -> Option<Self> {
        Self::start_on(folder, "127.0.0.1:0".parse().ok()?)
    }

    /// The same on a port.
    pub fn start_on(folder: &Path, address: SocketAddr) -> Option<Self> {
        if !Command::new("docker-registry").arg("--version").output().is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: there is no docker-registry; `cargo xtask setup` installs it");
            return None;
        }
        let (config, htpasswd) = (folder.join("registry.yml"), folder.join("htpasswd"));
        std::fs::write(&htpasswd, HTPASSWD).unwrap();
        let text = format!(
            "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: {:?} }} }}\nhttp: {{ addr: \"{address}\" }}\n\
             auth: {{ htpasswd: {{ realm: test, path: {htpasswd:?} }} }}\n",
            folder.join("registry")
        );
        std::fs::write(&config, text).unwrap();
        let mut process = Process::start("docker-registry", Command::new("docker-registry").arg("serve").arg(&config));
        let address = process.hear("its address", Duration::from_secs(30), |line| {
            line.split("listening on ")
                .nth(1)?
                .trim_end_matches(|c: char| !c.is_ascii_digit())
                .split('"')
                .next()?
                .parse()
                .ok()
        });
        Some(Self { process, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Writes the account as `docker login` would.
    pub fn log_in(&self, file: &Path) {
        let auth = STANDARD.encode(ACCOUNT);
        std::fs::write(file, format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{auth}\"}}}}}}", self.address)).unwrap();
    }

    /// Pushes a component; the digest of its manifest.
    pub fn push(&self, repository: &str, component: &[u8]) -> String {
        let empty = self.push_blob(repository, b"{}");
        let layer = self.push_blob(repository, component);
        let manifest = format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\
             \"config\":{{\"mediaType\":\"application/vnd.wasm.config.v0+json\",\"digest\":\"{empty}\",\"size\":2}},\
             \"layers\":[{{\"mediaType\":\"application/wasm\",\"digest\":\"{layer}\",\"size\":{}}}]}}",
            component.len()
        );
        self.push_manifest(repository, &manifest)
    }

    /// Pushes a manifest; its digest.
    pub fn push_manifest(&self, repository: &str, manifest: &str) -> String {
        let digest = sha256(manifest.as_bytes());
        let put = Ask::new("PUT", &format!("/v2/{repository}/manifests/{digest}")).field("content-type", MANIFEST);
        let answer = self.ask(put.body(manifest));
        assert_eq!(answer.status, 201, "{}", answer.text());
        digest
    }

    fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        let begun = self.ask(Ask::post(&format!("/v2/{repository}/blobs/uploads/"), ""));
        let location = begun.field("location").unwrap_or_else(|| panic!("{} {}", begun.status, begun.text()));
        let path = location.split_once("://").map_or(location, |(_, rest)| &rest[rest.find('/').unwrap()..]);
        let put = Ask::new("PUT", &format!("{path}&digest={digest}")).field("content-type", "application/octet-stream");
        let answer = self.ask(put.body(bytes));
        assert_eq!(answer.status, 201, "{}", answer.text());
        digest
    }

    fn ask(&self, ask: Ask) -> Answer {
        let ask = ask.host(&self.address.to_string());
        let authorization = format!("Basic {}", STANDARD.encode(ACCOUNT));
        client::ask(self.address, &ask.field("authorization", &authorization)).unwrap()
    }
}

/// The digest of some bytes, as another program computes it.
pub fn sha256(bytes: &[u8]) -> String {
    let mut sum = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    sum.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = String::from_utf8(sum.wait_with_output().unwrap().stdout).unwrap();
    format!("sha256:{}", output.split(' ').next().unwrap())
}
