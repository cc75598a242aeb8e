//! The command line: what `portolan` understands and how its commands end.
//!
//! Owns arguments, help and exit codes (0 fine, 1 failed, 2 bad usage or bad configuration). Every command is one file
//! beside this one and does its work through the library. Called by `main`.

mod check;
mod explain;
mod logs;
mod policy;
mod remote;
mod replay;
mod run;
mod status;
mod target;
mod text;

use crate::cache::address::encoded;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// The configuration file when none is named.
const CONFIG_DEFAULT: &str = "portolan.toml";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Fine.
    Well,
    /// Failed.
    Failed,
    /// Bad usage or bad configuration.
    Refused,
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Well => Self::SUCCESS,
            Ended::Failed => Self::from(1),
            Ended::Refused => Self::from(2),
        }
    }
}

/// A WebAssembly edge router with global traffic steering.
#[derive(Debug, Parser)]
#[command(name = "portolan", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the router.
    Run(RunArgs),
    /// Read a configuration, load all that it names, and say everything that is wrong.
    Check(CheckArgs),
    /// Say where a request would go and why: offline from a file, or as a running PoP sees it now.
    Explain(ExplainArgs),
    /// Show what a running PoP knows: regions, endpoints, policies, the last reload.
    Status(StatusArgs),
    /// Load the configuration of a running PoP again, and wait for the result.
    Reload(TargetArgs),
    /// Drain a region or a whole PoP, or let it serve again.
    Drain(DrainArgs),
    /// Let the rollout of a policy go on, or give its sessions back.
    Rollout(RolloutArgs),
    /// Make a running PoP forget stored answers, or take them for stale.
    Purge(PurgeArgs),
    /// Write, try, inspect, measure and compare policies; only `diff` needs a PoP.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Make recorded decisions again with another policy, and say what would move.
    Replay(ReplayArgs),
    /// Print the JSON Schema of the configuration, for editors.
    Schema(SchemaArgs),
}

#[derive(Debug, Args)]
struct ConfigArg {
    /// Configuration file.
    #[arg(short, long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Only check the configuration, as `portolan check` does.
    #[arg(long)]
    check: bool,
    /// What to log: `error`, `warn`, `info`, `debug`, or rules such as `info,portolan::access=off`.
    #[arg(long, value_name = "RULES", env = "PORTOLAN_LOG", default_value = "info")]
    log: String,
    /// Form of log lines; left out: `text` on a terminal, `json` otherwise.
    #[arg(long, value_name = "FORM")]
    log_format: Option<LogFormat>,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    config: ConfigArg,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    /// Fetch nothing: components that are not kept on this machine are named and left out.
    #[arg(long)]
    offline: bool,
}

/// A running PoP.
#[derive(Debug, Args)]
struct TargetArgs {
    /// Admin address of a running PoP, such as http://127.0.0.1:9900.
    #[arg(long, value_name = "URL")]
    admin: Option<String>,
    /// Configuration file that names the admin address and its token; left out: portolan.toml.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Bearer token of the admin address.
    #[arg(long, value_name = "TOKEN", env = "PORTOLAN_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    /// Ask the running PoP at this admin address instead of the file.
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    admin: Option<String>,
    /// Configuration file; left out: portolan.toml. Nothing is known of its regions then but what it says.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Bearer token of the admin address.
    #[arg(long, value_name = "TOKEN", env = "PORTOLAN_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Address of the client.
    #[arg(long, value_name = "IP")]
    client: IpAddr,
    /// Header of the request, as often as needed.
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Print the whole document as JSON.
    #[arg(long)]
    json: bool,
    /// Method.
    method: http::Method,
    /// Absolute URL.
    #[arg(value_parser = |text: &str| encoded(text).parse::<http::Uri>())]
    url: http::Uri,
}

#[derive(Debug, Args)]
struct StatusArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Print the whole document as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct DrainArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Service of the region.
    #[arg(long, value_name = "NAME", requires = "region")]
    service: Option<String>,
    /// Region to switch; left out: the whole PoP.
    #[arg(long, value_name = "NAME", requires = "service")]
    region: Option<String>,
    /// What to switch it to.
    #[arg(long, default_value = "drain")]
    state: State,
}

#[derive(Debug, Args)]
struct RolloutArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The policy that is given to a share of the sessions.
    #[arg(value_name = "POLICY")]
    policy: String,
    /// What becomes of it.
    #[arg(long)]
    state: RolloutState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RolloutState {
    /// It has its share of the sessions, and is counted anew.
    On,
    /// It has none.
    Back,
}

/// Exactly one of these says what.
#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false, args = ["url", "prefix", "origin", "key", "group", "all"])]
struct PurgeArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// One URL, with all its variants.
    #[arg(long)]
    url: Option<String>,
    /// All URLs that begin so.
    #[arg(long, value_name = "URL")]
    prefix: Option<String>,
    /// Everything of a scheme, host and port.
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
    /// All that bear this surrogate key or cache tag.
    #[arg(long)]
    key: Option<String>,
    /// A cache group (RFC 9875), as `NAME@ORIGIN`, such as `scripts@https://shop.example`.
    #[arg(long, value_name = "NAME@ORIGIN")]
    group: Option<String>,
    /// Everything.
    #[arg(long)]
    all: bool,
    /// Take it for stale instead: it may stand in while it is asked for again, or when the origin fails.
    #[arg(long)]
    soft: bool,
}

/// What a region can be switched to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// Keeps its sessions, takes no new ones.
    Drain,
    /// Takes traffic.
    On,
    /// Takes nothing.
    Off,
}

#[derive(Debug, Args)]
struct ReplayArgs {
    /// The record (`[record]` in the configuration).
    #[arg(value_name = "RECORD")]
    record: PathBuf,
    /// The component to try.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Name of the policy in whose place it stands; needed where a service asks several.
    #[arg(long, value_name = "NAME")]
    replaces: Option<String>,
    /// Its configuration, as an inline TOML table; left out: that of the policy that it replaces.
    #[arg(long, value_name = "TABLE")]
    config: Option<String>,
    /// Use what stands before the first damaged line.
    #[arg(long)]
    whole_lines: bool,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct SchemaArgs {
    /// Print the reference of all keys as Markdown instead.
    #[arg(long)]
    reference: bool,
}

/// Reads the arguments of the process and does what they ask for.
pub fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Run(args) if args.check => check::check(&args.config.config, false, false),
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::check(&args.config.config, args.json, args.offline),
        Command::Explain(args) => explain::explain(&args),
        Command::Status(args) => status::status(&args),
        Command::Reload(target) => remote::reload(&target),
        Command::Drain(args) => remote::drain(&args),
        Command::Rollout(args) => remote::rollout(&args),
        Command::Purge(args) => remote::purge(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Policy(command) => policy::policy(&command),
        Command::Schema(args) => {
            let text =
                if args.reference { crate::config::reference() } else { format!("{:#}\n", crate::config::schema()) };
            text::say(&text);
            Ended::Well
        }
    };
    ended.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_make_sense() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_guide_lists_every_command() {
        const GUIDE: &str = include_str!("../../../docs/operating.md");
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let line = format!("\n| `portolan {}", command.get_name());
            assert!(GUIDE.contains(&line), "docs/operating.md has no {line:?}");
        }
    }

    #[test]
    fn what_is_understood() {
        for (line, fine) in [
            ("portolan run -c edge.toml", true),
            ("portolan run", true),
            ("portolan run --check --log-format json", true),
            ("portolan check -c edge.toml --json", true),
            ("portolan explain --client 81.2.69.142 GET https://shop.example/cart -H cookie:a=b", true),
            ("portolan explain GET https://shop.example/cart", false),
            ("portolan explain --client here GET https://shop.example/cart", false),
            ("portolan drain --service shop --region eu --state off", true),
            ("portolan drain --service shop", false),
            ("portolan status --admin http://127.0.0.1:9900", true),
            ("portolan policy test plugins/canary --random 100 --seed 7", true),
            ("portolan policy test --seed 7", false),
            ("portolan policy bench", false),
            ("portolan", false),
        ] {
            assert_eq!(Cli::try_parse_from(line.split(' ')).is_ok(), fine, "{line}");
        }
    }
}
