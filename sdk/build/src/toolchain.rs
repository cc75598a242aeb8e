//! Which Rust toolchain builds policies for `wasm32-unknown-unknown` on this machine.
//!
//! In this order: the toolchain in use, when it has the target; Debian's own packages, which carry the source of the
//! standard library, so that it is built along with the guests; nothing, and then both ways to get one are named.
//! Never installs anything.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target that every policy is built for: a component made from it imports nothing that the contract does not name.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages: a second toolchain that never gets in the way of the one in use.
pub const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// How to get a toolchain, for messages.
pub const HELP: &str = "\
to build policies, either
  rustup target add wasm32-unknown-unknown
or, on Debian and as root,
  apt-get update && apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src lld-19";

/// Stack of a guest. The default of 1 MiB would make every fresh instance sixteen pages larger.
const GUEST_FLAGS: &str = "-Clink-arg=-zstack-size=131072";

/// The profile of guests: small and fast; a panic is a trap. Given on the command line, so that a policy's own package need
/// not repeat it.
const PROFILE: [&str; 7] = [
    "profile.guest.inherits=\"release\"",
    "profile.guest.opt-level=3",
    "profile.guest.codegen-units=1",
    "profile.guest.lto=\"fat\"",
    "profile.guest.panic=\"abort\"",
    "profile.guest.strip=true",
    "profile.guest.debug=false",
];

/// What would change the guests' build behind our back: set by `cargo run` and by rustup's proxies, or meant for native code.
const FOREIGN: [&str; 12] = [
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
];

/// A toolchain that can build guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// The one in use has the target.
    InUse,
    /// Debian's, with this linker.
    Debian {
        /// Path of `wasm-ld-NN`.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// The toolchain of this machine, if there is one.
    pub fn find() -> Option<Self> {
        if has_target() {
            return Some(Self::InUse);
        }
        let version = output(Command::new("/usr/bin/rustc").arg("--version"))?;
        debian(Path::new("/")).filter(|_| is_new_enough(&version))
    }

    /// `cargo build` in `folder`, without the packages. What it writes goes below `target`; the module of a package is then
    /// at [`Self::module`].
    pub fn cargo_build(&self, folder: &Path, target: &Path) -> Command {
        let mut command = match self {
            Self::InUse => Command::new("cargo"),
            Self::Debian { .. } => Command::new("/usr/bin/cargo"),
        };
        command.current_dir(folder).arg("build");
        if let Self::Debian { .. } = self {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        for setting in PROFILE {
            command.args(["--config", setting]);
        }
        for name in FOREIGN {
            command.env_remove(name);
        }
        if let Self::Debian { linker } = self {
            command.env_remove("RUSTUP_TOOLCHAIN").env("RUSTC_BOOTSTRAP", "1").env("RUSTC", "/usr/bin/rustc");
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", GUEST_FLAGS);
        command.args(["--target", TARGET, "--profile", "guest", "--target-dir"]).arg(target);
        command
    }

    /// Where [`Self::cargo_build`] leaves the module of a package.
    pub fn module(target: &Path, package: &str) -> PathBuf {
        target.join(TARGET).join("guest").join(crate::module_name(package))
    }

    /// For messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::InUse => "the Rust toolchain in use",
            Self::Debian { .. } => "Debian's Rust toolchain (standard library from source)",
        }
    }
}

fn has_target() -> bool {
    let mut ask = Command::new("rustc");
    let Some(folder) = output(ask.args(["--print", "target-libdir", "--target", TARGET])) else { return false };
    let Ok(files) = std::fs::read_dir(folder) else { return false };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libcore"))
}

/// Whether a compiler that calls itself `rustc 1.96.0 (...)` knows the language of this workspace. Debian's older packages
/// of the same name do not.
fn is_new_enough(version: &str) -> bool {
    let numbers = |text: &str| {
        let mut parts = text.split('.').map_while(|part| part.parse::<u32>().ok());
        parts.next().zip(parts.next())
    };
    let found = version.strip_prefix("rustc ").and_then(|rest| numbers(rest.split_whitespace().next()?));
    found >= numbers(env!("CARGO_PKG_RUST_VERSION"))
}

/// Runs a command quietly and returns what it printed, or nothing when it cannot be started or fails.
fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Debian's toolchain under `root`, when all of it is there.
fn debian(root: &Path) -> Option<Toolchain> {
    let needed = ["usr/bin/cargo", "usr/bin/rustc", "usr/lib/rustlib/src/rust/library/Cargo.lock"];
    if !needed.iter().all(|path| root.join(path).is_file()) {
        return None;
    }
    let mut linkers: Vec<PathBuf> = std::fs::read_dir(root.join("usr/bin"))
        .ok()?
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("wasm-ld")))
        .collect();
    linkers.sort();
    Some(Toolchain::Debian { linker: linkers.pop()? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_old_compiler_is_none() {
        assert!(!is_new_enough("rustc 1.85.0 (4d91de4e4 2025-02-17) (built from a source tarball)"));
        assert!(is_new_enough("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"));
        assert!(is_new_enough("rustc 2.0.0"));
        assert!(!is_new_enough("bash: rustc: command not found"));
    }

    #[test]
    fn debian_is_used_only_when_it_is_whole() {
        let root = std::env::temp_dir().join(format!("portolan-toolchain-{}", std::process::id()));
        let put = |path: &str| {
            let file = root.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        };
        for path in ["usr/bin/cargo", "usr/bin/rustc", "usr/lib/rustlib/src/rust/library/Cargo.lock"] {
            assert_eq!(debian(&root), None, "before {path}");
            put(path);
        }
        assert_eq!(debian(&root), None, "no linker yet");
        put("usr/bin/wasm-ld-19");
        assert_eq!(debian(&root), Some(Toolchain::Debian { linker: root.join("usr/bin/wasm-ld-19") }));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
