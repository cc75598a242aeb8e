//! The cache on disk: what a restart and a crash leave, and what a disk that fails costs. Crashes are SIGKILL.

use portolan_tests::pop::run_file;
use portolan_tests::scripts::{self, Gate};
use portolan_tests::site::{FRANKFURT, Service};
use portolan_tests::{Answer, Ask, Origin, Pop, wait_until};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Larger than the eighth of the memory that one object may take there.
const LARGE: usize = 4 << 20;

/// A PoP with 16 MiB of memory for the cache, and a disk.
fn site(origin: &Origin, path: &str, size: &str) -> String {
    let service = Service::new("shop").with("cache = { object_max = \"2GiB\" }").region(FRANKFURT, &[origin.url()]);
    let process = format!("[process]\ncache_memory = \"16MiB\"\ncache_disk = {{ path = {path:?}, size = {size:?} }}\n");
    service.site().replace("[process]\n", &process)
}

fn pop(origin: &Origin) -> Pop {
    Pop::start(&site(origin, "cache", "512MiB"))
}

/// The body that an origin gives to a path: no two pieces of it are the same.
fn body(target: &str, length: usize) -> Vec<u8> {
    let seed = target.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let words = (seed..).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let mut body: Vec<u8> = words.take(length.div_ceil(8)).flatten().collect();
    body.truncate(length);
    body
}

fn length(target: &str) -> usize {
    target.rsplit('/').next().and_then(|length| length.parse().ok()).unwrap_or(100)
}

/// An origin whose answers are fresh for an hour and bear the key `sale`.
fn origin() -> Origin {
    Origin::start(|speaker| {
        while let Some(seen) = speaker.request()? {
            let fields = "cache-control: max-age=3600\r\netag: \"1\"\r\nsurrogate-key: sale\r\n";
            speaker.say(scripts::response("200 OK", fields, body(&seen.target, length(&seen.target))))?;
        }
        Ok(())
    })
}

fn is_hit(answer: &Answer) -> bool {
    answer.field("cache-status").is_some_and(|status| status.contains(";hit"))
}

#[track_caller]
fn assert_whole(answer: &Answer, target: &str) {
    assert_eq!(answer.status, 200, "{target}");
    assert!(answer.body == body(target, length(target)), "{target}: another body of {} bytes", answer.body.len());
}

fn writes(pop: &Pop) -> u64 {
    pop.metrics().count("portolan_cache_disk_writes_total", &[])
}

fn errors(pop: &Pop, kind: &str) -> u64 {
    pop.metrics().count("portolan_cache_disk_errors_total", &[("kind", kind)])
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_restart_serves_what_was_stored_before() {
    let origin = origin();
    let mut pop = pop(&origin);
    let large = format!("/large/{LARGE}");
    for target in ["/small/1000", &large] {
        assert_whole(&pop.get(target), target);
    }
    wait_until("both are on disk", || writes(&pop) == 2);
    pop.restart();
    assert_eq!(pop.status_of("/cache/disk/entries"), 2);
    for _ in 0..2 {
        for target in ["/small/1000", &large] {
            let answer = pop.get(target);
            assert!(is_hit(&answer) && answer.field("age").is_some() && answer.field("surrogate-key").is_none());
            assert_whole(&answer, target);
        }
    }
    let part = pop.ask(&Ask::get(&large).field("range", "bytes=300000-300999"));
    assert_eq!(part.status, 206);
    assert!(part.body == body(&large, LARGE)[300_000..301_000]);
    assert_eq!(pop.ask(&Ask::get("/small/1000").field("if-none-match", "\"1\"")).status, 304);
    assert_eq!(origin.seen().len(), 2, "asked before the restart only");
    // In order as well, and without waiting for the writes.
    assert_whole(&pop.get("/last/5000"), "/last/5000");
    assert!(pop.terminate(Duration::from_secs(20)).success());
    pop.restart();
    assert!(is_hit(&pop.get("/last/5000")));
}

#[test]
fn a_crash_during_fills_leaves_nothing_that_is_cut_short() {
    let gate = Gate::default();
    let held = gate.clone();
    let origin = Origin::start(move |speaker| {
        while let Some(seen) = speaker.request()? {
            let whole = scripts::response(
                "200 OK",
                "cache-control: max-age=3600\r\n",
                body(&seen.target, length(&seen.target)),
            );
            let (first, rest) = whole.split_at(whole.len() * 3 / 4);
            speaker.say(first)?;
            held.pass();
            speaker.say(rest)?;
        }
        Ok(())
    });
    let mut pop = pop(&origin);
    let targets: Vec<String> = (0..8).map(|n| format!("/{n}/{}", if n % 2 == 0 { LARGE } else { 50_000 })).collect();
    for round in 0..3 {
        let clients: Vec<TcpStream> = targets
            .iter()
            .map(|target| {
                let mut client = TcpStream::connect(pop.address()).unwrap();
                client.write_all(&Ask::get(target).bytes()).unwrap();
                // Its answer has begun.
                client.read_exact(&mut [0; 10_000]).unwrap();
                client
            })
            .collect();
        pop.restart();
        drop(clients);
        assert_eq!(pop.status_of("/cache/disk/entries"), 0, "round {round}");
    }
    gate.open();
    for target in &targets {
        assert_whole(&pop.get(target), target);
    }
    wait_until("all are on disk", || writes(&pop) == targets.len() as u64);
    pop.restart();
    for target in &targets {
        let answer = pop.get(target);
        assert!(is_hit(&answer), "{target}");
        assert_whole(&answer, target);
    }
}

#[test]
fn what_was_purged_stays_purged_after_a_crash() {
    let origin = origin();
    let mut pop = pop(&origin);
    let targets: Vec<String> = (0..6).map(|n| format!("/{n}/2000")).collect();
    targets.iter().for_each(|target| assert_whole(&pop.get(target), target));
    wait_until("all are on disk", || writes(&pop) == 6);
    for gone in 1..=3 {
        let url = format!("http://shop.example{}", targets[gone - 1]);
        assert_eq!(pop.admin("POST", &format!("/purge?url={url}")).status, 200);
        pop.restart();
        let asked = origin.seen().len();
        let hits = targets
            .iter()
            .filter(|target| is_hit(&pop.ask(&Ask::get(target).field("cache-control", "only-if-cached"))));
        assert_eq!((hits.count(), origin.seen().len()), (6 - gone, asked), "after purge {gone}");
    }
    assert_eq!(pop.admin("POST", "/purge?key=sale").status, 200);
    pop.restart();
    for target in &targets {
        assert_eq!(pop.ask(&Ask::get(target).field("cache-control", "only-if-cached")).status, 504);
        assert_whole(&pop.get(target), target);
        assert!(is_hit(&pop.get(target)), "what comes after the purge is stored");
    }
    // An answer to a request with effects invalidates as well.
    assert_eq!(pop.ask(&Ask::post(&targets[0], "x")).status, 200);
    // The client does not wait for it to be on the device. Marks are written in order: when this one is, that one is too.
    assert_eq!(pop.admin("POST", "/purge?key=nothing").status, 200);
    wait_until("the others are on disk", || writes(&pop) >= 6);
    pop.restart();
    assert!(!is_hit(&pop.get(&targets[0])) && is_hit(&pop.get(&targets[1])));
}

#[test]
fn a_damaged_block_is_a_miss_and_a_line() {
    let origin = origin();
    let mut pop = pop(&origin);
    let (large, other) = (format!("/large/{LARGE}"), format!("/other/{LARGE}"));
    for target in [&large, &other] {
        assert_whole(&pop.get(target), target);
        assert!(is_hit(&pop.get(target)));
    }
    wait_until("both are on disk", || writes(&pop) == 2);
    for path in
        files(&pop.folder().join("cache")).iter().filter(|path| path.extension().is_some_and(|kind| kind == "block"))
    {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let length = file.metadata().unwrap().len();
        (0..length).step_by(4096).for_each(|at| file.write_all_at(b"damage", at).unwrap());
    }
    for target in [&large, &other] {
        let answer = pop.get(target);
        assert!(!is_hit(&answer));
        assert_whole(&answer, target);
        assert!(is_hit(&pop.get(target)), "stored again");
    }
    assert_eq!(origin.seen().len(), 4);
    assert!(errors(&pop, "corrupt") >= 2);
    let output = pop.process().output();
    assert_eq!(output.matches("checksum").count(), 1, "one line for all of them");
    assert!(output.contains("cache on disk"), "{output}");
    // Later bytes of one whose beginning is good: that answer is cut, and the next one is whole.
    pop.restart();
    assert!(is_hit(&pop.get(&large)));
    let needle = &body(&large, LARGE)[LARGE - 100_000..LARGE - 99_000];
    for path in
        files(&pop.folder().join("cache")).iter().filter(|path| path.extension().is_some_and(|kind| kind == "block"))
    {
        let bytes = std::fs::read(path).unwrap();
        let Some(at) = portolan_tests::client::find(&bytes, needle) else { continue };
        std::fs::File::options().write(true).open(path).unwrap().write_all_at(b"damage", at as u64).unwrap();
    }
    assert!(pop.try_ask(&Ask::get(&large)).is_err(), "its client sees that it is not whole");
    assert_whole(&pop.get(&large), &large);
}

#[test]
fn a_folder_that_is_removed_costs_no_answer() {
    let origin = origin();
    let pop = pop(&origin);
    let large = format!("/large/{LARGE}");
    assert_whole(&pop.get(&large), &large);
    std::fs::remove_dir_all(pop.folder().join("cache")).unwrap();
    // Several blocks, so that new ones are wanted.
    for number in 0..5 {
        for _ in 0..2 {
            let target = format!("/{number}/{LARGE}");
            assert_whole(&pop.get(&target), &target);
        }
    }
    assert!(errors(&pop, "io") >= 1);
    for _ in 0..2 {
        assert_whole(&pop.get("/small/1000"), "/small/1000");
    }
    assert_eq!(pop.admin("POST", "/purge?all=true").status, 200);
}

/// A file system of so many bytes; unmounted with it.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the router's files may still be open.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_costs_no_answer() {
    let Some(disk) = SmallDisk::mount("12m") else {
        println!("skipped: a file system can only be mounted by root");
        return;
    };
    let origin = origin();
    let path = disk.0.path().join("cache");
    let mut pop = Pop::start(&site(&origin, path.to_str().unwrap(), "64MiB"));
    for round in 0..2 {
        for number in 0..12 {
            let target = format!("/{number}/{LARGE}");
            assert_whole(&pop.get(&target), &target);
            assert_whole(&pop.get("/small/1000"), "/small/1000");
            assert!(round == 0 || origin.seen().len() > 12);
        }
    }
    assert!(errors(&pop, "full") >= 1);
    assert_eq!(pop.admin("POST", "/purge?key=sale").status, 200);
    pop.restart();
    assert!(!is_hit(&pop.get("/small/1000")), "purged, with whatever room there was");
    // A start finds what there is, also when not a byte can be written.
    wait_until("it is on disk", || writes(&pop) >= 1);
    let mut filler = std::fs::File::create(disk.0.path().join("filler")).unwrap();
    while filler.write_all(&[7; 4096]).is_ok() {}
    pop.restart();
    assert!(is_hit(&pop.get("/small/1000")));
    assert_whole(&pop.get("/another/1000"), "/another/1000");
}

#[test]
fn a_folder_of_another_process_or_version_is_refused_at_the_start() {
    let origin = origin();
    let mut pop = pop(&origin);
    let path = pop.folder().join("cache");
    let other = tempfile::tempdir().unwrap();
    let file = other.path().join("edge.toml");
    let config = site(&origin, path.to_str().unwrap(), "64MiB").replace("policy_cache = \"@policy_cache@\"\n", "");
    std::fs::write(&file, &config).unwrap();
    assert_eq!(run_file(&file, &["check"]).code, 0, "the configuration is well");
    let refused = run_file(&file, &["run"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    for word in [path.to_str().unwrap(), "another process", &format!("pid {}", pop.process().id()), "cache_disk.path"] {
        assert!(refused.err.contains(word), "{word}: {}", refused.err);
    }
    assert_whole(&pop.get("/small/1000"), "/small/1000");
    // A reload to it changes nothing, and says that it needs a restart.
    pop.write(&site(&origin, "elsewhere", "64MiB"));
    let reload = pop.reload();
    assert_eq!((reload.status, reload.text().contains("process.cache_disk")), (200, true), "{}", reload.text());
    assert!(is_hit(&pop.get("/small/1000")));
    drop(pop);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("format"), "portolan cache, format 999\n").unwrap();
    std::fs::write(&file, config.replace(path.to_str().unwrap(), folder.path().to_str().unwrap())).unwrap();
    let refused = run_file(&file, &["run"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    for word in [folder.path().to_str().unwrap(), "format 999", "remove the folder"] {
        assert!(refused.err.contains(word), "{word}: {}", refused.err);
    }
}

/// Peak of a process's memory, bytes.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_gigabyte_flows_through_64_mib_of_memory_and_is_served_from_disk() {
    const GIB: usize = 1 << 30;
    const PIECE: usize = 1 << 20;
    // A piece that tells its number.
    fn piece(number: usize) -> Vec<u8> {
        let mut piece = vec![number as u8; PIECE];
        piece[..8].copy_from_slice(&number.to_le_bytes());
        piece
    }
    let origin = Origin::start(|speaker| {
        while speaker.request()?.is_some() {
            speaker.say(format!("HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: {GIB}\r\n\r\n"))?;
            for number in 0..GIB / PIECE {
                speaker.say(piece(number))?;
            }
        }
        Ok(())
    });
    let config = site(&origin, "cache", "8GiB").replace("16MiB", "64MiB");
    let mut pop = Pop::start(&config);
    let before = peak(pop.process().id());
    let read = |pop: &Pop| {
        let mut client = TcpStream::connect(pop.address()).unwrap();
        client.write_all(&Ask::get("/film").bytes()).unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let mut bytes = vec![0; PIECE];
        for number in 0..GIB / PIECE {
            client.read_exact(&mut bytes).unwrap();
            assert!(bytes == piece(number), "piece {number}");
        }
        String::from_utf8(head).unwrap()
    };
    let first = read(&pop);
    assert!(first.contains("fwd=uri-miss") && first.contains("stored"), "{first}");
    wait_until("it is on disk", || writes(&pop) == 1);
    assert!(read(&pop).contains(";hit"));
    let grown = peak(pop.process().id()) - before;
    assert!(grown < 128 << 20, "memory grew by {} MiB", grown >> 20);
    assert!(pop.status_of("/cache/bytes").as_u64().unwrap() < 64 << 20);
    pop.restart();
    assert!(read(&pop).contains(";hit"), "also after a restart");
    assert_eq!(origin.seen().len(), 1);
}
