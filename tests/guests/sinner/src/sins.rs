//! The sins themselves, one function each.
//!
//! Each does its one wrong thing and nothing else. Called by the policy in `lib.rs` when the config names it.

use std::hint::black_box;

use portolan_policy::{
    Bucket, Counter, Edit, EditOp, Gauge, Histogram, KvError, Level, Plan, RegionId, Reply, Request, Verdict, log,
};

const BUCKET: Bucket = Bucket::at(0);
const MIB: usize = 1024 * 1024;

/// Ends the instance.
pub(crate) fn trap() -> ! {
    panic!("on purpose")
}

/// Never returns.
pub(crate) fn spin() -> ! {
    let mut turns = 0u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// Takes memory until there is none.
pub(crate) fn hog() -> ! {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(black_box(vec![1; MIB]));
    }
}

/// Fills all of its memory again and again: one instruction that moves megabytes is no place to stop a guest at.
pub(crate) fn stall() -> ! {
    let mut block = vec![0u8; 8 * MIB];
    let mut turns = 0u8;
    loop {
        turns = turns.wrapping_add(1);
        black_box(&mut block[..]).fill(turns);
    }
}

/// Calls itself until the stack ends.
pub(crate) fn recurse(entropy: f64) -> Verdict {
    fn deeper(depth: u64, entropy: f64) -> f64 {
        if black_box(depth) == u64::MAX { entropy } else { deeper(depth + 1, entropy) + black_box(1.0) }
    }
    black_box(deeper(0, entropy));
    Verdict::Pass
}

/// Numbers of no region, the same region twice, a key that nobody knows.
pub(crate) fn nonsense() -> Verdict {
    let mut plan = Plan::to([RegionId::MAX, 7_000, 0, 0, 1, 0]);
    plan.ext.push(("moon.phase".to_owned(), b"waning".to_vec()));
    plan.into()
}

/// Insists on every region there is, those that are no candidates first.
pub(crate) fn outside(regions: &[RegionId], request: &Request<'_>) -> Verdict {
    let (inside, outside): (Vec<_>, Vec<_>) = regions.iter().partition(|id| request.candidate(**id).is_some());
    Plan::to(outside.into_iter().chain(inside)).strict().into()
}

/// Tries to widen the fences so far.
pub(crate) fn wide_fence(regions: &[RegionId]) -> Verdict {
    let everywhere = regions.iter().copied().chain([RegionId::MAX]);
    Plan::to(regions.first().copied()).fence(everywhere).into()
}

/// Insists on an order of nothing.
pub(crate) fn no_order() -> Verdict {
    Plan::new().strict().into()
}

/// Reads fields that it did not declare, by name and by place, and says what it saw.
pub(crate) fn undeclared(request: &Request<'_>) -> Verdict {
    let seen = [request.field_at(1), request.field_at(1_000), request.field_at(usize::MAX), request.field("cookie:id")];
    let seen = seen.into_iter().flatten().count();
    Plan::new().header("x-seen", seen.to_string()).into()
}

/// A value that is not UTF-8.
pub(crate) fn latin_1() -> Verdict {
    let mut plan = Plan::new();
    plan.edits.push(Edit { op: EditOp::Set, name: "x-town".to_owned(), value: b"K\xf6ln".to_vec() });
    plan.into()
}

/// A fence with nothing inside.
pub(crate) fn no_fence() -> Verdict {
    Plan::new().fence([]).into()
}

/// Headers that would split the request, or that only the host may set.
pub(crate) fn bad_headers() -> Verdict {
    let bad: [(&str, &[u8]); 11] = [
        ("x-good", b"kept"),
        ("x-split", b"a\r\nx-injected: 1"),
        ("x-newline", b"a\nb"),
        ("x-nul", b"a\0b"),
        ("bad name", b"1"),
        ("x-colon:", b"1"),
        ("", b"1"),
        ("x-\r\ninjected", b"1"),
        ("transfer-encoding", b"chunked"),
        ("content-length", b"0"),
        (":authority", b"elsewhere.example"),
    ];
    let mut plan = Plan::new();
    for (name, value) in bad {
        for op in [EditOp::Set, EditOp::Add] {
            plan.edits.push(Edit { op, name: name.to_owned(), value: value.to_vec() });
        }
    }
    plan.into()
}

/// A status that does not exist, with headers that would split the response.
pub(crate) fn bad_reply(status: u16) -> Verdict {
    let reply = Reply::text(status, "nonsense").header("x-split", "a\r\nx-injected: 1").header("bad name", "1");
    reply.header("x-nul", "a\0b").header("content-length", "3").header("connection", "close").into()
}

/// A body of 8 MiB.
pub(crate) fn huge_reply() -> Verdict {
    Verdict::Respond(Reply { body: vec![b'x'; 8 * MIB], ..Reply::new(200) })
}

/// An order of a million regions.
pub(crate) fn huge_order() -> Verdict {
    Plan::to(0..1_000_000).into()
}

/// Extensions of 8 MiB.
pub(crate) fn huge_ext() -> Verdict {
    let mut plan = Plan::new();
    plan.ext.push(("huge".to_owned(), vec![b'x'; 8 * MIB]));
    plan.into()
}

/// A payload of 64 KiB for the pin.
pub(crate) fn huge_payload(request: &Request<'_>) -> Verdict {
    Plan::to(request.candidates().map(|candidate| candidate.id())).bind(vec![b'x'; 64 * 1024]).into()
}

/// A part of a cache key that is one character too long.
pub(crate) fn long_key() -> Verdict {
    Plan::new().cache_key("k".repeat(257)).into()
}

/// A part of a cache key with a line end.
pub(crate) fn odd_key() -> Verdict {
    Plan::new().cache_key("gold\n").into()
}

/// Logs without end, nearly, with line breaks that would forge lines of the log.
pub(crate) fn flood() -> Verdict {
    for line in 0..1_000 {
        log(Level::Error, &format!("flood {line}\n\u{1b}[31mforged"));
    }
    Verdict::Pass
}

/// Writes once as declared, and then to metrics, labels and kinds that it did not declare, and what is no number.
pub(crate) fn stray_metrics() -> Verdict {
    Counter::at(0).add(1);
    Counter::at(0).add_to(2, 1);
    Counter::at(1).add(1);
    Counter::at(u32::MAX).add_to(u32::MAX, u64::MAX);
    Gauge::at(0).set(1.0);
    Gauge::at(1).set(f64::NAN);
    Histogram::at(1).observe(1.0);
    Histogram::at(2).observe(1.0);
    Verdict::Pass
}

/// Hoards until nothing more is taken, and says in a header how much there was room for.
pub(crate) fn hoard() -> Verdict {
    let kept = (0..10_000u32).take_while(|number| BUCKET.set(&number.to_le_bytes(), b"gold", None).is_ok()).count();
    let refused = BUCKET.set(b"one more", b"gold", None);
    assert_eq!(refused, Err(KvError::OverQuota));
    Plan::new().header("x-kept", kept.to_string()).into()
}

/// Asks for buckets that it did not declare, with keys and values that are too long.
pub(crate) fn stray_keys() -> Verdict {
    let outcomes = [
        Bucket::at(1).get(b"k").map(drop),
        Bucket::at(u32::MAX).set(b"k", b"", None),
        BUCKET.set(&[b'k'; 257], b"", None),
        BUCKET.set(b"k", &[0; 70_000], None),
        BUCKET.set(b"text", b"text", None),
        BUCKET.add(b"text", 1, None).map(drop),
    ];
    let words: Vec<_> =
        outcomes.iter().map(|outcome| outcome.as_ref().map_or_else(KvError::name, |()| "fine")).collect();
    Plan::new().header("x-outcomes", words.join(" ")).into()
}

/// Whether the host says that there is no keeping things now.
pub(crate) fn nothing_is_kept() -> bool {
    BUCKET.set(b"early", b"", None) == Err(KvError::Unavailable) && BUCKET.get(b"k") == Err(KvError::Unavailable)
}

/// Logs a line of a megabyte.
pub(crate) fn essay() -> Verdict {
    log(Level::Info, &"essay ".repeat(MIB / 6));
    Verdict::Pass
}
