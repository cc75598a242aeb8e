//! `cargo xtask demo`: regions and a point of presence on this machine, to look at and to break.
//!
//! Builds what is out of date, starts an example's origins and one PoP, says where to look, and stops all on Ctrl-C.
//! With `--tour` it walks through a failover by itself and says line by line what it saw. Owns the order of these
//! steps; never starts a process that outlives it. Called by `main.rs` with the arguments behind the command.

#![allow(clippy::disallowed_methods, reason = "a command that watches real processes: it times them, and polls them")]

mod build;
mod client;
mod layout;
pub(crate) mod process;
mod stage;
mod steady;
mod tour;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use self::layout::Layout;
use self::stage::Stage;

const HELP: &str = "\
cargo xtask demo [EXAMPLE] [--tour] [--debug]

  EXAMPLE  a folder of examples/ with an edge.toml; left out: demo
  --tour   walk through a failover over real HTTP, check every step, and end
  --debug  run the debug build of the router and the origins: quicker to build, slower to run
";

/// What the arguments ask for.
#[derive(Debug)]
struct Options {
    example: String,
    tour: bool,
    debug: bool,
}

/// Runs the command.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    let mut options = Options { example: "demo".to_owned(), tour: false, debug: false };
    for arg in args {
        match arg.as_str() {
            "--tour" => options.tour = true,
            "--debug" => options.debug = true,
            "-h" | "--help" => {
                print!("{HELP}");
                return Ok(());
            }
            name if !name.starts_with('-') => options.example = name.to_owned(),
            unknown => bail!("`{unknown}` is not known\n\n{HELP}"),
        }
    }
    ensure!(!options.tour || options.example == "demo", "the tour is made for the example `demo`");
    let begun = Instant::now();
    let programs = build::all(options.debug)?;
    let interrupted = interrupt_flag()?;
    let layout = Layout::prepare(&options.example)?;
    let mut stage = said("starting the origins and the PoP", || Stage::start(&programs, layout))?;
    println!("\nready after {:.1} s\n", begun.elapsed().as_secs_f32());
    if options.tour { tour::walk(&mut stage, &interrupted) } else { show(&mut stage, &interrupted) }
}

/// Builds the page's bundle, if it is out of date: for the tests that look at it in a browser.
pub(crate) fn build_page() -> anyhow::Result<()> {
    build::page()
}

/// Says what is being done, does it, and says how long it took.
fn said<T>(what: &str, act: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    println!("{what} ...");
    let begun = Instant::now();
    let done = act()?;
    println!("{what}: done in {:.1} s", begun.elapsed().as_secs_f32());
    Ok(done)
}

/// Raised by Ctrl-C and by a polite kill, so that the children are stopped before this process ends.
pub(crate) fn interrupt_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&flag)).context("cannot listen for Ctrl-C")?;
    }
    Ok(flag)
}

/// Says where to look, and keeps the demo up until it is told to stop.
fn show(stage: &mut Stage, interrupted: &AtomicBool) -> anyhow::Result<()> {
    let layout = stage.layout();
    let (pop, admin) = (layout.pop_port, layout.admin_port);
    let has_page = layout.folder.join("page").is_dir();
    if has_page {
        println!("  the page     http://127.0.0.1:{pop}/");
    }
    println!("  the API      curl -H 'x-forwarded-for: 126.0.0.1' http://127.0.0.1:{pop}/api/whoami");
    println!("  the PoP      http://127.0.0.1:{admin}/status and /metrics");
    println!("  its config   {}", layout.config_file().display());
    println!("  logs         {}\n", layout.folder.display());
    if has_page {
        println!("Put something in the cart, switch Frankfurt off, and watch the session move.");
    }
    println!("Ctrl-C stops everything.");
    while !interrupted.load(Ordering::Relaxed) {
        stage.check_alive()?;
        thread::sleep(Duration::from_millis(100));
    }
    println!("\nstopping");
    Ok(())
}
