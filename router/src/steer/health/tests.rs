//! Tests of probe states: results in a string, states after each in another.

use super::*;
use proptest::prelude::*;

/// Feeds `.` (pass) and `x` (failure); expects the state after each: `?`, `U`, `D`.
fn check(rise: u32, fall: u32, results: &str, expected: &str) {
    let (mut probe, mut got) = (Probe::default(), String::new());
    for (second, result) in results.chars().enumerate() {
        let before = probe.state();
        let now = Timestamp(second as u64 * 1000);
        let transition = probe.observe(result == '.', now, &Thresholds { rise, fall });
        assert_eq!(transition.is_some(), before != probe.state(), "{results} at {second}");
        if transition.is_some() {
            assert_eq!(probe.since(), Some(now));
        }
        got.push(match probe.state() {
            ProbeState::Unknown => '?',
            ProbeState::Up => 'U',
            ProbeState::Down => 'D',
        });
    }
    assert_eq!(got, expected, "rise {rise} fall {fall}: {results}");
}

#[test]
fn rise_and_fall() {
    check(2, 3, ".", "U");
    check(2, 3, "xxx", "??D");
    check(2, 3, "xx.", "??U");
    check(2, 3, ".xx..xx..", "UUUUUUUUU");
    check(2, 3, ".xxx", "UUUD");
    check(2, 3, "xxx.x..", "??DDDDU");
    check(1, 1, ".x.x", "UDUD");
    check(0, 0, ".x.x", "UDUD");
    check(3, 1, "x..x...", "DDDDDDU");
}

#[test]
fn flapping_takes_it_down_and_keeps_it_down() {
    check(2, 3, ".x.x.x.x.x", "UUUUUDDDDD");
    check(2, 3, ".x.x.x..", "UUUUUDDU");
    // With a rise of 1 every pass clears, so only failures in a row count.
    check(1, 3, ".xx.xx.xx.", "UUUUUUUUUU");
}

#[test]
fn the_next_probe_comes_sooner_while_a_change_is_under_way() {
    let pace = Pace { interval: Duration::from_secs(10), down_interval: Duration::from_secs(35) };
    let thresholds = Thresholds::default();
    let within = |probe: &Probe, base: f64| {
        (0..500).all(|seed| {
            let wait = probe.next_in(pace, &thresholds, seed).as_secs_f64();
            (base * 0.85..=base * 1.15).contains(&wait)
        })
    };
    let mut probe = Probe::default();
    assert!(within(&probe, 1.0), "unknown");
    probe.observe(true, Timestamp(0), &thresholds);
    assert!(within(&probe, 10.0), "up");
    probe.observe(false, Timestamp(0), &thresholds);
    assert!(within(&probe, 1.0), "up with a failure");
    for _ in 0..2 {
        probe.observe(false, Timestamp(0), &thresholds);
    }
    assert!(within(&probe, 10.0), "just down");
    for expected in [20.0, 35.0, 35.0] {
        probe.observe(false, Timestamp(0), &thresholds);
        assert!(within(&probe, expected), "down for longer: {expected} s");
    }
    for _ in 0..200 {
        probe.observe(false, Timestamp(0), &thresholds);
    }
    assert!(within(&probe, 35.0), "the cap holds however long it takes");
    probe.observe(true, Timestamp(0), &thresholds);
    assert!(within(&probe, 1.0), "down with a pass");
    let waits = (0..100).map(|seed| probe.next_in(pace, &thresholds, seed));
    assert!(waits.collect::<std::collections::BTreeSet<Duration>>().len() > 90, "jitter spreads");
    let fast = Pace { interval: Duration::from_millis(200), down_interval: Duration::from_millis(400) };
    assert!(probe.next_in(fast, &thresholds, 1) < Duration::from_millis(231), "never slower than asked");
    probe.observe(true, Timestamp(0), &thresholds);
    assert!(within(&probe, 10.0), "up again");
}

#[test]
fn states_add_up() {
    use EndpointState as E;
    use ProbeState as P;
    for (probes, ejected, expected) in [
        (&[][..], false, E::Unknown),
        (&[P::Unknown, P::Up], false, E::Up),
        (&[P::Up, P::Down], false, E::Down),
        (&[P::Up, P::Down], true, E::Down),
        (&[P::Up], true, E::Ejected),
        (&[P::Unknown], true, E::Ejected),
    ] {
        assert_eq!(endpoint_state(probes.iter().copied(), ejected), expected, "{probes:?} {ejected}");
    }
    for (endpoints, admin, expected) in [
        (&[E::Up, E::Up][..], Admin::On, Health::Healthy),
        (&[E::Up, E::Down], Admin::On, Health::Healthy),
        (&[E::Up, E::Down, E::Ejected], Admin::On, Health::Degraded),
        (&[E::Up, E::Unknown, E::Down], Admin::On, Health::Healthy),
        (&[E::Unknown, E::Unknown], Admin::On, Health::Unknown),
        (&[E::Unknown, E::Down], Admin::On, Health::Unknown),
        (&[E::Ejected, E::Down], Admin::On, Health::Down),
        (&[], Admin::On, Health::Down),
        (&[E::Up], Admin::Drain, Health::Draining),
        (&[E::Down], Admin::Drain, Health::Down),
        (&[E::Up], Admin::Off, Health::Healthy),
    ] {
        assert_eq!(region_health(endpoints.iter().copied(), admin, 0.5), expected, "{endpoints:?} {admin:?}");
    }
}

proptest! {
    #[test]
    fn no_state_without_evidence(results in prop::collection::vec(any::<bool>(), 0..60), rise in 1u32..5, fall in 1u32..5) {
        let (mut probe, thresholds) = (Probe::default(), Thresholds { rise, fall });
        for (at, ok) in results.iter().enumerate() {
            let Some(Transition { from, to }) = probe.observe(*ok, Timestamp(at as u64), &thresholds) else { continue };
            let seen = &results[..=at];
            match (from, to) {
                (_, ProbeState::Down) => {
                    prop_assert!(!ok);
                    prop_assert!(seen.iter().filter(|ok| !**ok).count() >= fall as usize);
                }
                (ProbeState::Down, _) => prop_assert!(seen.iter().rev().take(rise as usize).all(|ok| *ok)),
                _ => prop_assert!(ok),
            }
        }
        let last = results.iter().rev();
        let (passed, failed) = (last.clone().take_while(|ok| **ok).count(), last.take_while(|ok| !**ok).count());
        if passed >= rise as usize {
            prop_assert_eq!(probe.state(), ProbeState::Up);
        }
        if failed >= fall as usize {
            prop_assert_eq!(probe.state(), ProbeState::Down);
        }
    }
}
