//! Tests of ejection: grounds, cap, length and return.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use proptest::prelude::*;

const FOUR: Peers = Peers { out: 0, all: 4 };

fn at(second: u64) -> Timestamp {
    Timestamp(1_000_000 + second * 1000)
}

fn good(count: u32) -> Outcomes {
    Outcomes { good: count, ..Outcomes::default() }
}

fn bad(count: u32) -> Outcomes {
    Outcomes { bad: count, ..Outcomes::default() }
}

fn gateway(count: u32) -> Outcomes {
    Outcomes { gateway: count, ..Outcomes::default() }
}

/// Feeds one report per second; the second at which it went out and why.
fn check(reports: &[Outcomes], peers: Peers, expected: Option<(usize, Cause)>) {
    let mut ejection = Ejection::default();
    let out = reports.iter().enumerate().find_map(|(second, outcomes)| {
        match ejection.observe(*outcomes, at(second as u64), &EjectionLimits::default(), peers, 1) {
            Judgement::Ejected(cause, _) => Some((second, cause)),
            _ => None,
        }
    });
    assert_eq!(out, expected, "{reports:?}");
}

#[test]
fn grounds_for_an_ejection() {
    let one = gateway(1);
    check(&[one, one, one, one, one], FOUR, Some((4, Cause::Consecutive)));
    check(&[gateway(5)], FOUR, Some((0, Cause::Consecutive)));
    check(&[one, one, one, one, good(1), one, one, one, one], FOUR, None);
    check(&[bad(9)], FOUR, None);
    check(&[good(16), bad(4)], FOUR, None);
    check(&[good(15), bad(5)], FOUR, Some((1, Cause::SuccessRate)));
    check(&[good(7), bad(12)], FOUR, None);
    check(&[good(7), bad(13)], FOUR, Some((1, Cause::SuccessRate)));
    let row = |row: u32| Outcomes { good: 3, gateway: 6, row: Some(row), ..Outcomes::default() };
    check(&[row(4)], FOUR, None);
    check(&[row(5)], FOUR, Some((0, Cause::Consecutive)));
    // Failures of more than ten seconds ago are forgotten.
    let mut slow = vec![bad(19)];
    slow.extend([good(0); 10]);
    slow.push(bad(1));
    check(&slow, FOUR, None);
}

#[test]
fn a_bad_rate_spares_half_of_a_region_errors_in_a_row_spare_none() {
    let (limits, rate) = (EjectionLimits::default(), Outcomes { good: 10, bad: 10, gateway: 0, row: None });
    for (out, all, rate_ejects) in
        [(0, 1, false), (0, 2, true), (1, 2, false), (1, 4, true), (2, 4, false), (2, 5, false)]
    {
        let peers = Peers { out, all };
        let judged = Ejection::default().observe(rate, at(0), &limits, peers, 1);
        assert_eq!(matches!(judged, Judgement::Ejected(..)), rate_ejects, "{peers:?}");
        assert!(rate_ejects || judged == Judgement::Spared(Cause::SuccessRate));
        let row = Ejection::default().observe(gateway(5), at(0), &limits, peers, 1);
        assert!(matches!(row, Judgement::Ejected(Cause::Consecutive, _)), "{peers:?}");
    }
}

#[test]
fn each_ejection_is_longer_until_it_behaves() {
    let (mut ejection, limits) = (Ejection::default(), EjectionLimits::default());
    let mut now = at(0);
    for n in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10] {
        let Judgement::Ejected(_, until) = ejection.observe(gateway(5), now, &limits, FOUR, n) else { panic!("stays") };
        let span = until.since(now).as_secs_f64();
        let least = 30.0 * n as f64;
        assert!((least..=least * 1.2).contains(&span), "ejection {n}: {span} s");
        assert!(!ejection.expire(Timestamp(until.0 - 1)));
        assert!(ejection.expire(until));
        now = until;
    }
    // In service for 10 base times: all but the twelfth's surplus is forgiven.
    now = now.plus(Duration::from_secs(360));
    let Judgement::Ejected(_, until) = ejection.observe(gateway(5), now, &limits, FOUR, 1) else { panic!("stays") };
    assert!(until.since(now) <= Duration::from_secs(36));
}

#[test]
fn passing_probes_end_only_what_they_can_judge() {
    let limits = EjectionLimits::default();
    let mut row = Ejection::default();
    row.observe(gateway(5), at(0), &limits, FOUR, 1);
    assert!(!row.probed(false, at(1)));
    assert!(row.probed(true, at(2)));
    assert_eq!((row.ejected(), row.returned_at()), (None, Some(at(2))));
    assert_eq!(row.observe(gateway(4), at(3), &limits, FOUR, 1), Judgement::Stays, "a new row");
    row.observe(gateway(1), at(4), &limits, FOUR, 1);
    assert!(!row.probed(true, at(5)), "the second time one pass is not enough");
    assert!(!row.probed(false, at(6)));
    assert!(!row.probed(true, at(7)));
    assert!(row.probed(true, at(8)));

    let mut rate = Ejection::default();
    rate.observe(Outcomes { good: 10, bad: 10, gateway: 0, row: None }, at(0), &limits, FOUR, 1);
    assert!((0..10).all(|second| !rate.probed(true, at(second))));
    assert!(rate.expire(at(36)));
    assert_eq!(rate.observe(bad(1), at(36), &limits, FOUR, 1), Judgement::Stays, "old failures are forgotten");
}

proptest! {
    #[test]
    fn never_out_without_grounds(reports in prop::collection::vec((0u32..30, 0u32..3, 0u32..3, 0u64..3), 1..60)) {
        let (mut ejection, limits, mut second) = (Ejection::default(), EjectionLimits::default(), 0);
        let (mut failures, mut changed) = (0, false);
        for (ok, bad, gateway, wait) in reports {
            second += wait;
            failures += bad + gateway;
            let judged = ejection.observe(Outcomes { good: ok, bad, gateway, row: None }, at(second), &limits, FOUR, 1);
            changed |= matches!(judged, Judgement::Ejected(..));
            prop_assert_eq!(ejection.ejected().is_some(), changed);
            prop_assert!(failures >= 5 || !changed);
        }
    }

    #[test]
    fn good_answers_alone_never_eject(counts in prop::collection::vec(0u32..1_000_000, 0..50)) {
        let mut ejection = Ejection::default();
        for (second, count) in counts.into_iter().enumerate() {
            let judged = ejection.observe(good(count), at(second as u64), &EjectionLimits::default(), FOUR, 1);
            prop_assert_eq!(judged, Judgement::Stays);
        }
    }
}
