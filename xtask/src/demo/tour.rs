//! `cargo xtask demo --tour`: a failover from beginning to end over real HTTP, every step checked.
//!
//! Owns the story and what must hold at each step; prints what it saw, also where that is not what it should be, and
//! fails at the end naming the lines that did not hold. Called by `demo::run` on a running stage.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::{Value, json};

use super::client::Client;
use super::stage::Stage;
use super::steady::{Seen, Steady};

/// Addresses that the built-in country data puts in Germany and in Japan.
const GERMANY: Ipv4Addr = Ipv4Addr::new(91, 10, 0, 1);
const JAPAN: Ipv4Addr = Ipv4Addr::new(126, 0, 0, 1);
const FRANKFURT: &str = "eu-frankfurt";
const VIRGINIA: &str = "us-virginia";
const TOKYO: &str = "ap-tokyo";
/// `affinity.failback` of `examples/demo/edge.toml`.
const FAILBACK: Duration = Duration::from_secs(5);
/// Beyond that, for probes to see the region well.
const FAILBACK_MARGIN: Duration = Duration::from_secs(15);
const STEADY_USERS: usize = 4;
const WITHIN: Duration = Duration::from_secs(20);

/// The story so far.
struct Tour<'a> {
    stage: &'a mut Stage,
    interrupted: &'a AtomicBool,
    german: Client,
    japanese: Client,
    failed: Vec<String>,
}

/// One step of the story; an error is a step that could not be taken.
type Chapter<'a> = fn(&mut Tour<'a>) -> anyhow::Result<()>;

/// Walks the whole tour.
pub(super) fn walk(stage: &mut Stage, interrupted: &AtomicBool) -> anyhow::Result<()> {
    let port = stage.layout().pop_port;
    let begun = Instant::now();
    let mut tour = Tour {
        stage,
        interrupted,
        german: Client::new(port, Some(GERMANY)),
        japanese: Client::new(port, Some(JAPAN)),
        failed: Vec::new(),
    };
    let chapters: [(&str, Chapter<'_>); 5] = [
        ("Everybody is served nearby", Tour::nearby),
        ("Frankfurt loses power while four Germans keep asking", Tour::power_cut),
        ("The session came along", Tour::came_along),
        ("Frankfurt is back", Tour::failback),
        ("The PoP is restarted with the same keys", Tour::restart),
    ];
    for (number, (title, chapter)) in chapters.iter().enumerate() {
        println!("{}. {title}", number + 1);
        if let Err(error) = chapter(&mut tour) {
            tour.note(false, &format!("{title}: {error:#}"));
        }
        if interrupted.load(Ordering::Relaxed) {
            bail!("interrupted");
        }
    }
    let failed = tour.failed;
    if failed.is_empty() {
        println!("\nevery line held, {:.1} s", begun.elapsed().as_secs_f32());
        return Ok(());
    }
    println!("\nlogs: {}", stage.layout().folder.display());
    bail!("{} line(s) did not hold:\n  {}", failed.len(), failed.join("\n  "))
}

impl Tour<'_> {
    /// Prints a line with whether it held.
    fn note(&mut self, held: bool, line: &str) {
        println!("   {}  {line}", if held { "ok  " } else { "FAIL" });
        if !held {
            self.failed.push(line.to_owned());
        }
    }

    fn nearby(&mut self) -> anyhow::Result<()> {
        let (german, japanese) = (visit(&mut self.german)?, visit(&mut self.japanese)?);
        for (answer, country, region) in [(&german, "DE", FRANKFURT), (&japanese, "JP", TOKYO)] {
            let held = answer["country"] == country && answer["region"] == region;
            self.note(held, &format!("a client in {} is served by {}", text(answer, "country"), place(answer)));
        }
        add(&mut self.german, "compass")?;
        add(&mut self.japanese, "sextant")?;
        for (client, region, item) in [(0, FRANKFURT, "compass"), (1, TOKYO, "sextant")] {
            let answer = visit(if client == 0 { &mut self.german } else { &mut self.japanese })?;
            let held = answer["session"]["created_in"] == region && cart(&answer) == [item];
            self.note(held, &format!("their session, created in {}, has {:?}", created_in(&answer), cart(&answer)));
        }
        Ok(())
    }

    fn power_cut(&mut self) -> anyhow::Result<()> {
        let steady = Steady::start(STEADY_USERS, self.stage.layout().pop_port, GERMANY, VIRGINIA);
        let outcome = self.cut_while(&steady);
        let seen = steady.finish();
        outcome?;
        self.judge(&seen);
        Ok(())
    }

    fn cut_while(&mut self, steady: &Steady) -> anyhow::Result<()> {
        steady.wait_sent(100, WITHIN)?;
        self.stage.kill_region(FRANKFURT)?;
        println!("         both Frankfurt origins are killed");
        steady.wait_for(300, WITHIN)
    }

    fn judge(&mut self, seen: &Seen) {
        let slowest_ms = seen.slowest.as_millis();
        self.note(seen.failed == 0, &format!("{} GETs, {} failed, slowest {slowest_ms} ms", seen.sent, seen.failed));
        for failure in &seen.failures {
            println!("         failed: {failure}");
        }
        let only_these = seen.regions.keys().all(|region| region == FRANKFURT || region == VIRGINIA);
        self.note(only_these, &format!("answers by region: {:?}", seen.regions));
        self.note(
            seen.lost_sessions == 0,
            &format!("{} of {STEADY_USERS} users lost their session", seen.lost_sessions),
        );
        let header = seen.moved_headers.first().cloned().unwrap_or_default();
        let held = header.starts_with(&format!("from={FRANKFURT}; reason="));
        self.note(held, &format!("the origin was told: portolan-session-moved: {header}"));
    }

    fn came_along(&mut self) -> anyhow::Result<()> {
        let answer = visit(&mut self.german)?;
        self.note(answer["region"] == VIRGINIA, &format!("the German client is served by {}", place(&answer)));
        let held = cart(&answer) == ["compass"] && created_in(&answer) == FRANKFURT;
        self.note(held, &format!("the session created in {} still has {:?}", created_in(&answer), cart(&answer)));
        let from = answer["session"]["moved"][0]["from"].as_str().unwrap_or("nowhere").to_owned();
        self.note(from == FRANKFURT, &format!("the session says that it moved from {from}"));
        add(&mut self.german, "chart")?;
        let answer = visit(&mut self.japanese)?;
        let held = answer["region"] == TOKYO && cart(&answer) == ["sextant"];
        self.note(held, &format!("the Japanese client noticed nothing: {}, {:?}", place(&answer), cart(&answer)));
        Ok(())
    }

    fn failback(&mut self) -> anyhow::Result<()> {
        self.stage.start_region(FRANKFURT)?;
        let begun = Instant::now();
        let answer = loop {
            let answer = visit(&mut self.german)?;
            if answer["region"] == FRANKFURT || begun.elapsed() > FAILBACK + FAILBACK_MARGIN {
                break answer;
            }
            ensure!(!self.interrupted.load(Ordering::Relaxed), "interrupted");
            thread::sleep(Duration::from_millis(50));
        };
        let took = begun.elapsed();
        let held = answer["region"] == FRANKFURT && took >= FAILBACK;
        let line = format!(
            "the German client is served by {} again after {:.1} s (the region must be well for {} s first)",
            place(&answer),
            took.as_secs_f32(),
            FAILBACK.as_secs()
        );
        self.note(held, &line);
        let held = cart(&answer) == ["compass", "chart"];
        self.note(held, &format!("the cart came back with what was added elsewhere: {:?}", cart(&answer)));
        Ok(())
    }

    fn restart(&mut self) -> anyhow::Result<()> {
        self.stage.restart_pop()?;
        // From Germany with the Japanese user's cookies: only the pin can lead to Tokyo.
        self.japanese.from = Some(GERMANY);
        let answer = visit(&mut self.japanese)?;
        let held = answer["region"] == TOKYO && cart(&answer) == ["sextant"];
        self.note(held, &format!("the pin of before holds: a traveller in Germany stays in {}", place(&answer)));
        let newcomer = visit(&mut Client::new(self.stage.layout().pop_port, Some(GERMANY)))?;
        self.note(newcomer["region"] == FRANKFURT, &format!("a newcomer in Germany gets {}", place(&newcomer)));
        Ok(())
    }
}

fn visit(client: &mut Client) -> anyhow::Result<Value> {
    client.get("/api/whoami")?.json()
}

fn add(client: &mut Client, item: &str) -> anyhow::Result<Value> {
    client.post("/api/cart", &json!({ "item": item }))?.json()
}

fn text<'a>(answer: &'a Value, key: &str) -> &'a str {
    answer[key].as_str().unwrap_or("(nowhere)")
}

fn place(answer: &Value) -> String {
    format!("{}/{}", text(answer, "region"), text(answer, "endpoint"))
}

fn created_in(answer: &Value) -> &str {
    text(&answer["session"], "created_in")
}

fn cart(answer: &Value) -> Vec<&str> {
    answer["session"]["cart"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
