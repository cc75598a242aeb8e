//! Sessions by keys of policies' own: which key counts, what it settles, and what a failure means.

use super::*;

/// Gives keys by policy name; a policy that is not in the list fails.
struct Keys<'a>(&'a [(&'a str, &'a str)], Vec<String>);

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
}

#[test]
fn the_first_key_settles_what_is_equal() {
    let keyed = |on_error| {
        let mut snapshot = snapshot(&[("a", on_error), ("b", OnError::Default)]);
        let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
        for policy in &mut service.policies {
            policy.loaded = crate::policy::tests::keying();
        }
        // Every region is as near as any other.
        service.table.steering.tie_band_km = 50_000.0;
        snapshot
    };
    let placed = |snapshot: &Snapshot, keys: &[(&str, &str)], seed| {
        let mut keys = Keys(keys, Vec::new());
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
