//! What the commands need of this machine: where the workspace is, free ports, and running other programs.
//!
//! Every program that a command starts goes through [`run`], so that it is echoed before it runs and a failure names
//! it. Knows nothing of what is being built.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where cargo builds: `CARGO_TARGET_DIR` (taken from the root of the workspace, where all commands run), else `target`.
/// Components are always in `target` itself, where the examples' configurations look for them.
pub(crate) fn target() -> PathBuf {
    target_in(std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from))
}

fn target_in(named: Option<PathBuf>) -> PathBuf {
    root().join(named.unwrap_or_else(|| PathBuf::from("target")))
}

/// Two ports of loopback that nobody listens on now.
pub(crate) fn free_ports() -> anyhow::Result<[u16; 2]> {
    // Both are held until both are known, or they would be the same.
    let [one, other] = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let (one, other) = (one?, other?);
    Ok([one.local_addr()?.port(), other.local_addr()?.port()])
}

/// A command that runs in the root of the workspace.
pub(crate) fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// The command as one would type it.
pub(crate) fn typed(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs a command with its output on the terminal; an error names the command.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = typed(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs a command quietly and returns what it printed, or nothing when it cannot be started or fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a program is in `PATH`.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether this process runs as root, the only user for whom packages are installed without asking.
pub(crate) fn is_root() -> bool {
    output(&mut command("id", &["-u"])).as_deref() == Some("0")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_target_folder_is_where_cargo_is_told_to_build() {
        assert_eq!(target_in(None), root().join("target"));
        assert_eq!(target_in(Some("elsewhere".into())), root().join("elsewhere"));
        assert_eq!(target_in(Some("/elsewhere".into())), Path::new("/elsewhere"));
    }

    #[test]
    fn free_ports_differ() {
        let [one, other] = free_ports().unwrap();
        assert_ne!(one, other);
    }
}
