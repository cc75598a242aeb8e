//! A server that takes part: a process pinned to a core, ports, and one question to see that it answers.
//!
//! Owns the ground that all of them stand on: the folder, the certificate, the ports. Stops what it started, by its
//! handle. Used by `peers`, `portolan`, `compare` and `start`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::scenario::Scenario;
use crate::demo::process::Process;
use crate::machine;

/// The core of whatever is measured.
pub(super) const PROXY_CORE: usize = 0;
/// The core of the load generator and the origin.
pub(super) const LOAD_CORE: usize = 1;

/// Everything is local: longer means that it will not answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Reading a database, compiling policies and, for Envoy, setting up an engine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Ports of a server: plain and TLS.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) plain: u16,
    pub(super) tls: u16,
}

impl Ports {
    /// Two ports that nobody listens on now.
    pub(super) fn free() -> anyhow::Result<Self> {
        let [plain, tls] = machine::free_ports()?;
        Ok(Self { plain, tls })
    }
}

/// What all servers share.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) folder: PathBuf,
    pub(super) origin: u16,
}

impl Ground {
    /// An empty folder with a certificate, and a port for the origin.
    pub(super) fn prepare() -> anyhow::Result<Self> {
        let folder = super::folder()?.join(format!("run-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let ground = Self { folder, origin: Ports::free()?.plain };
        ground.certify()?;
        Ok(ground)
    }

    fn certify(&self) -> anyhow::Result<()> {
        let [certificate, key, both] = ["certificate.pem", "key.pem", "both.pem"].map(|name| self.folder.join(name));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        openssl.args(["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
        openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
        machine::output(&mut openssl).context("`openssl` could not make a certificate")?;
        // HAProxy wants both in one file.
        fs::write(both, [fs::read(certificate)?, fs::read(key)?].concat())?;
        Ok(())
    }

    /// Writes a configuration: `{folder}`, `{origin}` and `words` are filled in.
    pub(super) fn write(&self, name: &str, template: &str, words: &[(&str, &str)]) -> anyhow::Result<PathBuf> {
        let mut text = template.to_owned();
        for (word, value) in words {
            text = text.replace(&format!("{{{word}}}"), value);
        }
        text = text.replace("{folder}", &self.folder.to_string_lossy()).replace("{origin}", &self.origin.to_string());
        let path = self.folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// As [`Ground::write`], with a server's own ports.
    pub(super) fn write_for(
        &self,
        ports: Ports,
        name: &str,
        template: &str,
        words: &[(&str, &str)],
    ) -> anyhow::Result<PathBuf> {
        let (plain, tls) = (ports.plain.to_string(), ports.tls.to_string());
        let words: Vec<_> = words.iter().copied().chain([("plain", &*plain), ("tls", &*tls)]).collect();
        self.write(name, template, &words)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // Kept when a server failed: its log is in there.
        if !std::thread::panicking() && fs::exists(self.folder.join("keep")).is_ok_and(|keep| !keep) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A server that takes part.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) name: String,
    pub(super) process: Process,
    pub(super) ports: Ports,
    /// What requests must carry for its sake.
    pub(super) headers: Vec<String>,
}

impl Contender {
    /// Where it is asked for what a scenario wants.
    pub(super) fn url(&self, scenario: &Scenario) -> String {
        let (scheme, port) = if scenario.tls { ("https", self.ports.tls) } else { ("http", self.ports.plain) };
        format!("{scheme}://127.0.0.1:{port}{}", scenario.path)
    }

    /// Starts a program on a core and waits until it answers.
    pub(super) fn start(
        name: &str,
        core: usize,
        program: &Path,
        args: &[&str],
        ports: Ports,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string()]).arg(program).args(args).stdout(std::process::Stdio::null());
        let mut process = Process::start(&name.replace([' ', ','], "-"), &mut command, folder)?;
        let ready =
            process.wait_until(READY_WITHIN, || ask(ports.plain, "/", &[]).is_ok_and(|answer| answer.status == 200));
        if ready.is_err() {
            fs::write(folder.join("keep"), "")?;
        }
        ready?;
        Ok(Self { name: name.to_owned(), process, ports, headers: Vec::new() })
    }
}

/// What is looked at of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// `name=value` of the first cookie that it sets.
    pub(super) cookie: Option<String>,
}

/// One request on a connection of its own.
pub(super) fn ask(port: u16, path: &str, headers: &[String]) -> anyhow::Result<Answer> {
    read(&exchange(port, path, headers)?)
}

/// The body of an answer, as it came.
pub(super) fn text(port: u16, path: &str) -> anyhow::Result<String> {
    let whole = exchange(port, path, &[])?;
    let (_, body) = whole.split_once("\r\n\r\n").context("the connection ended before an answer")?;
    Ok(body.to_owned())
}

fn exchange(port: u16, path: &str, headers: &[String]) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for header in headers {
        head += &format!("{header}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    let mut whole = Vec::new();
    stream.take(1 << 20).read_to_end(&mut whole)?;
    Ok(String::from_utf8_lossy(&whole).into_owned())
}

fn read(text: &str) -> anyhow::Result<Answer> {
    let (head, _) = text.split_once("\r\n\r\n").context("the connection ended before an answer")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let cookie =
        lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let cookie = cookie.and_then(|(_, value)| value.split(';').next()).map(|pair| pair.trim().to_owned());
    Ok(Answer { status: status.context("no status line")?, cookie })
}

/// Everything that a comparison needs of this machine, installed where that is possible without asking.
pub(super) fn need(programs: &[(&str, &str)]) -> anyhow::Result<()> {
    let lacking = |(program, _): &&(&str, &str)| !machine::has(program);
    let packages: Vec<&str> = programs.iter().filter(lacking).map(|(_, package)| *package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    let line = format!("as root:\n  apt-get install -y --no-install-recommends {}", packages.join(" "));
    crate::setup::install(&packages).with_context(|| line.clone())?;
    ensure!(programs.iter().all(|program| !lacking(&program)), "{line}");
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn reads_status_and_first_cookie() {
        let answer = read("HTTP/1.1 200 OK\r\nSet-Cookie: a=b.c; Path=/\r\nset-cookie: d=e\r\n\r\nbody").unwrap();
        assert_eq!((answer.status, answer.cookie.as_deref()), (200, Some("a=b.c")));
        assert!(read("HTTP/1.1 200 OK\r\n").is_err());
    }
}
