//! `bench burst`: fifty clients who want the same thing at the same moment, and who comes while it arrives.
//!
//! The router beside nginx (`proxy_cache_lock`) and Varnish, in front of an origin that takes 400 ms. Owns the clients, the
//! rounds and the targets. Times are from the moment at which all connections are open. Called by `bench`.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::contender::{Contender, Ground, need};
use super::samples::Samples;
use super::slow_origin::{DELAY, SlowOrigin};
use super::{Options, peers, portolan, report};

/// Clients of a burst.
const CLIENTS: usize = 50;
/// Longer than this is no answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// The targets, in this order: beyond the origin's time, times the origin's time, and until a follower has the first byte.
const COLD_MS: f64 = 50.0;
const MINE: f64 = 1.2;
const FOLLOWER_MS: f64 = 20.0;

/// What a contender reached in each round.
#[derive(Debug, Default)]
struct Reached {
    cold_ms: Vec<f64>,
    cold_requests: Vec<f64>,
    first_mine: Vec<f64>,
    second_mine: Vec<f64>,
    follower_ms: Vec<f64>,
}

/// Runs the comparison.
pub(super) fn run(program: &Path, options: &Options) -> anyhow::Result<()> {
    need(&[("nginx", "nginx-light"), ("taskset", "util-linux"), ("openssl", "openssl")])?;
    let ground = Ground::prepare()?;
    let origin = SlowOrigin::start(ground.origin)?;
    let mut contenders = vec![portolan::start_cache(&ground, program)?, peers::nginx_cache(&ground)?];
    match need(&[("varnishd", "varnish")]).and_then(|()| peers::varnish(&ground)) {
        Ok(varnish) => contenders.push(varnish),
        Err(error) => eprintln!("varnish does not take part: {error:#}"),
    }
    let mut reached: Vec<Reached> = contenders.iter().map(|_| Reached::default()).collect();
    for round in 0..options.rounds {
        eprintln!("bursts: round {} of {}", round + 1, options.rounds);
        // The origin's own time for as many at once, on this machine at this moment.
        let own = slowest(ground.origin, &format!("/mine/own-{round}"))?;
        for (contender, reached) in contenders.iter_mut().zip(&mut reached) {
            contender.process.check_alive()?;
            measure(contender, &origin, round, own, reached)
                .with_context(|| format!("{} in round {round}", contender.name))?;
        }
    }
    let results: Vec<Value> =
        contenders.iter().zip(&reached).map(|(who, reached)| reached.document(&who.name)).collect();
    show(&contenders, &reached, options.rounds);
    for contender in contenders {
        contender.process.stop()?;
    }
    report::save("burst.json", &results, &peers::versions())
}

fn measure(
    contender: &Contender,
    origin: &SlowOrigin,
    round: usize,
    own: Duration,
    reached: &mut Reached,
) -> anyhow::Result<()> {
    let port = contender.ports.plain;
    origin.asked();
    let cold = slowest(port, &format!("/cold/{round}"))?;
    reached.cold_ms.push(ms(cold) - ms(own));
    reached.cold_requests.push(origin.asked() as f64);
    let mine = format!("/mine/{round}");
    for kept in [&mut reached.first_mine, &mut reached.second_mine] {
        kept.push(ms(slowest(port, &mine)?) / ms(own));
    }
    reached.follower_ms.push(ms(follower(port, &format!("/stream/{round}"))?));
    Ok(())
}

/// The slowest of all clients who ask at once.
fn slowest(port: u16, path: &str) -> anyhow::Result<Duration> {
    let start = Arc::new(Barrier::new(CLIENTS));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (start, path) = (Arc::clone(&start), path.to_owned());
            thread::spawn(move || {
                let stream = connect(port);
                // Nobody who waits here may be left alone: an error is told afterwards.
                start.wait();
                let begun = Instant::now();
                let mut stream = stream?;
                ask(&mut stream, &path)?;
                let mut whole = Vec::new();
                stream.read_to_end(&mut whole)?;
                ensure!(whole.starts_with(b"HTTP/1.1 200") && whole.len() > 20 << 10, "no whole answer");
                Ok(begun.elapsed())
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for client in clients {
        slowest = slowest.max(client.join().ok().context("a client ended")??);
    }
    Ok(slowest)
}

/// How long one who comes while the body is held back waits for the first byte of it.
fn follower(port: u16, path: &str) -> anyhow::Result<Duration> {
    let mut leader = connect(port)?;
    ask(&mut leader, path)?;
    first_of_body(&mut leader)?;
    let mut follower = connect(port)?;
    let begun = Instant::now();
    ask(&mut follower, path)?;
    first_of_body(&mut follower)?;
    let took = begun.elapsed();
    for mut stream in [leader, follower] {
        stream.read_to_end(&mut Vec::new())?;
    }
    Ok(took)
}

fn connect(port: u16) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn ask(stream: &mut TcpStream, path: &str) -> anyhow::Result<()> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes())?;
    Ok(())
}

fn first_of_body(stream: &mut TcpStream) -> anyhow::Result<()> {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer)?;
        ensure!(count > 0, "the connection ended before the body");
        read.extend_from_slice(&buffer[..count]);
        let head = read.windows(4).position(|window| window == b"\r\n\r\n");
        if head.is_some_and(|head| read.len() > head + 4) {
            return Ok(());
        }
    }
}

fn show(contenders: &[Contender], reached: &[Reached], rounds: usize) {
    println!(
        "\n### {CLIENTS} clients at once, an origin that takes {} ms ({rounds} rounds, load {})\n",
        DELAY.as_millis(),
        report::load()
    );
    println!(
        "| contender | cold: slowest beyond the origin's time, ms | requests to the origin | not stored: x the origin's time, \
         first burst | second burst | first byte of a follower, ms | worst |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (contender, reached) in contenders.iter().zip(reached) {
        let [cold, requests, first, second, follower] = reached.samples();
        println!(
            "| {} | {:.1} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} |",
            contender.name,
            cold.median(),
            requests.max(),
            first.median(),
            second.median(),
            follower.median(),
            follower.max(),
        );
    }
    println!();
    let Some([cold, requests, first, second, follower]) = reached.first().map(Reached::samples) else { return };
    let word = |met: bool| if met { "met" } else { "MISSED" };
    println!("one request to the origin: {}", word(requests.max() <= 1.0));
    println!("slowest within {COLD_MS:.0} ms of the origin's time: {}", word(cold.median() <= COLD_MS));
    println!("not stored, at most {MINE} x the origin's time, first burst: {}", word(first.median() <= MINE));
    println!("not stored, at most {MINE} x the origin's time, second burst: {}", word(second.median() <= MINE));
    println!("first byte of a follower under {FOLLOWER_MS:.0} ms: {}", word(follower.median() < FOLLOWER_MS));
}

impl Reached {
    fn samples(&self) -> [Samples; 5] {
        let all = [&self.cold_ms, &self.cold_requests, &self.first_mine, &self.second_mine, &self.follower_ms];
        all.map(|values| Samples::new(values.iter().copied()))
    }

    fn document(&self, name: &str) -> Value {
        json!({
            "name": name, "load": report::load(), "cold_beyond_origin_ms": self.cold_ms, "cold_requests": self.cold_requests,
            "mine_first_x": self.first_mine, "mine_second_x": self.second_mine, "follower_ms": self.follower_ms,
        })
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
