//! Sessions by keys of policies' own: which key counts, what it settles, and what a failure means.

use super::*;
use crate::policy::Loaded;
use crate::policy::tests::keying;
use crate::snapshot::comparison::{Compared, Place};
use crate::snapshot::{RolloutUse, ShadowUse};

/// Gives keys by policy name; a policy that is not in the list fails. Hears who was asked, and comparisons.
struct Keys<'a>(&'a [(&'a str, &'a str)], Vec<String>, Vec<Compared>);

impl AskPolicy for Keys<'_> {
    fn ask(&mut self, policy: &PolicyUse, _: &PolicyAsk<'_>) -> Result<Verdict, PolicyFailure> {
        panic!("{} exports no route", policy.name)
    }

    fn key(&mut self, policy: &PolicyUse, ask: &PolicyAsk<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        assert!(ask.candidates.is_empty(), "a key is no choice among regions");
        self.1.push(policy.name.to_string());
        let (_, key) = self.0.iter().find(|(name, _)| *name == &*policy.name).ok_or(PolicyFailure::Timeout)?;
        Ok((!key.is_empty()).then(|| SessionKey::new(key.as_bytes().to_vec())))
    }

    fn compared(&mut self, _: &Comparisons, compared: &Compared) {
        self.2.push(*compared);
    }
}

/// A snapshot whose policies are only asked for keys, with regions that are all equally near.
fn keyed(policies: &[(&'static str, OnError)]) -> Snapshot {
    let mut snapshot = snapshot(policies);
    let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
    for policy in &mut service.policies {
        policy.loaded = keying();
    }
    service.table.steering.tie_band_km = 50_000.0;
    snapshot
}

#[test]
fn the_first_key_settles_what_is_equal() {
    let keyed = |on_error| keyed(&[("a", on_error), ("b", OnError::Default)]);
    let placed = |snapshot: &Snapshot, keys: &[(&str, &str)], seed| {
        let mut keys = Keys(keys, Vec::new(), Vec::new());
        (asking_of(snapshot, "/", seed, &mut keys), keys.1.concat())
    };
    let snapshot = keyed(OnError::Default);
    let mut places = std::collections::BTreeSet::new();
    for key in 0..60 {
        let key = format!("user-{key}");
        let (place, asked) = placed(&snapshot, &[("a", &key), ("b", "other")], 1);
        assert_eq!(asked, "a", "the first key counts");
        for seed in 2..6 {
            assert_eq!(placed(&snapshot, &[("a", ""), ("b", &key)], seed), (place.clone(), "ab".to_owned()));
        }
        assert_eq!(placed(&snapshot, &[("b", &key)], 6).0, place, "a failure is no opinion");
        places.insert(place.split(' ').next().unwrap().to_owned());
    }
    assert_eq!(places.len(), 3, "{places:?}");
    let strict = keyed(OnError::Reject);
    assert_eq!(placed(&strict, &[("b", "x")], 1), ("PolicyFailed".to_owned(), "a".to_owned()));
}

/// Two policies, `a` and `b`, and a shadow, which are asked for keys.
fn shadowed(place: usize, replaces: bool, loaded: Arc<Loaded>) -> Snapshot {
    let mut snapshot = keyed(&[("a", DEFAULT), ("b", DEFAULT)]);
    let policy = PolicyUse { loaded, ..self::snapshot(&[("shadow", DEFAULT)]).services[0].policies[0].clone() };
    let comparisons = Arc::new(Comparisons::new(3));
    let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
    service.shadows.push(ShadowUse { policy, place, replaces, share: 1.0, comparisons });
    snapshot
}

/// Where it went, who was asked, and what the shadow would have changed.
fn beside(place: usize, replaces: bool, keys: &[(&str, &str)], loaded: Arc<Loaded>) -> (String, String, Vec<Compared>) {
    let snapshot = shadowed(place, replaces, loaded);
    let mut keys = Keys(keys, Vec::new(), Vec::new());
    (asking_of(&snapshot, "/", 7, &mut keys), keys.1.join(" "), keys.2)
}

/// Where a key leads.
fn leads(key: &str) -> Place {
    let snapshot = keyed(&[("a", DEFAULT)]);
    decision_of(&snapshot, "/", 7, &mut Keys(&[("a", key)], Vec::new(), Vec::new())).place()
}

#[test]
fn a_shadows_key_shows_where_it_would_take_the_session() {
    let (mut moved, mut changed) = (0, 0);
    for number in 0..12 {
        let other = format!("user-{number}");
        let (_, asked, compared) = beside(0, true, &[("a", "ann"), ("b", "bob"), ("shadow", &other)], keying());
        assert_eq!(asked, "a shadow", "it is asked when everything is decided");
        let (from, to) = (leads("ann"), leads(&other));
        let expected = Compared { other_key: true, ..Compared::of(from, to, true, None) };
        assert_eq!(compared, [expected]);
        moved += usize::from(from != to);
        changed += usize::from(compared[0].changed);
    }
    assert!(moved > 0 && changed > 0, "{moved} moved, {changed} stayed where they were");
    let (.., compared) = beside(0, true, &[("a", "ann"), ("shadow", "ann")], keying());
    assert_eq!(compared, [Compared::of(leads("ann"), leads("ann"), false, None)], "the same key is no difference");
}

#[test]
fn a_shadow_is_asked_for_its_key_when_its_turn_would_come() {
    let (_, asked, compared) = beside(1, false, &[("a", "ann"), ("shadow", "other")], keying());
    assert_eq!((asked.as_str(), compared), ("a", vec![Compared::of(leads("ann"), leads("ann"), false, None)]));
    let (_, asked, compared) = beside(1, false, &[("a", ""), ("b", "ann"), ("shadow", "other")], keying());
    let expected = Compared { other_key: true, ..Compared::of(leads("ann"), leads("other"), true, None) };
    assert_eq!((asked.as_str(), compared), ("a b shadow", vec![expected]), "before `b`, its key would count");
    let (_, asked, compared) = beside(0, true, &[("a", "ann"), ("b", "bob"), ("shadow", "")], keying());
    assert_eq!((asked.as_str(), compared[0].other_key), ("a shadow", true), "what `b` would say is not asked");
    let (_, asked, compared) = beside(0, true, &[("a", "ann"), ("b", "bob")], keying());
    assert_eq!((asked.as_str(), compared[0].other_key, compared[0].failed), ("a shadow", true, true));
    let only_hears = crate::policy::tests::listening();
    let (_, asked, compared) = beside(1, false, &[("a", "ann")], Arc::clone(&only_hears));
    assert_eq!((asked.as_str(), compared.len()), ("a", 0), "what bears on no decision is compared with none");
    let (_, asked, compared) = beside(0, true, &[("a", "ann")], only_hears);
    assert_eq!(
        (asked.as_str(), compared[0].other_key),
        ("a", true),
        "in the place of another it takes that one's key away"
    );
}

#[test]
fn a_shadows_key_is_explained() {
    let snapshot = shadowed(0, true, keying());
    let (headers, client) =
        (HeaderMap::new(), Client::new([192, 0, 2, 1].into(), crate::geo::Place::unknown(PlaceSource::Pop), false));
    let mut trace = Trace::default();
    let mut keys = Keys(&[("a", "ann"), ("shadow", "other")], Vec::new(), Vec::new());
    decide(&snapshot, &facts(&headers, &client), &mut keys, Some(&mut trace));
    let said = trace.policies.iter().map(|said| (&*said.name, &*said.outcome, said.would.map(|would| would.other_key)));
    assert_eq!(said.collect::<Vec<_>>(), [("a", "key", None), ("shadow", "key", Some(true))]);
}

#[test]
fn a_rollout_is_compared_by_its_key_too() {
    let mut snapshot = keyed(&[("next", DEFAULT)]);
    let before = keyed(&[("live", OnError::Reject)]).services[0].policies[0].clone();
    Arc::get_mut(&mut snapshot.services[0]).unwrap().policies[0].rollout = Some(Box::new(RolloutUse {
        share: 1.0,
        before: Some(before),
        returned: None,
        compares: true,
        comparisons: Arc::new(Comparisons::new(3)),
    }));
    let compared = |keys: &[(&str, &str)]| {
        let mut keys = Keys(keys, Vec::new(), Vec::new());
        asking_of(&snapshot, "/", 7, &mut keys);
        (keys.1.join(" "), keys.2)
    };
    let expected = Compared { other_key: true, ..Compared::of(leads("before"), leads("new"), true, None) };
    assert_eq!(compared(&[("next", "new"), ("live", "before")]), ("next live".to_owned(), vec![expected]));
    assert_eq!(compared(&[("next", "new")]), ("next live".to_owned(), vec![]), "one that fails has no opinion");
}
