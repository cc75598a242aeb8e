//! Policies that do not act: the decision stays, the difference is told.

use super::*;
use crate::snapshot::ShadowUse;
use crate::snapshot::comparison::{Compared, Place};

/// A script that hears comparisons.
struct Listening(Script, Vec<Compared>);

impl AskPolicy for Listening {
    fn ask(&mut self, policy: &PolicyUse, ask: &PolicyAsk<'_>) -> Result<Verdict, PolicyFailure> {
        self.0.ask(policy, ask)
    }

    fn key(&mut self, policy: &PolicyUse, ask: &PolicyAsk<'_>) -> Result<Option<SessionKey>, PolicyFailure> {
        self.0.key(policy, ask)
    }

    fn compared(&mut self, _: &Comparisons, compared: &Compared) {
        self.1.push(*compared);
    }
}

/// Where the shadow stands, whether it replaces, its share.
type Stand = (usize, bool, f64);

/// What is decided, what the shadow would have changed, and who was asked, in order.
fn beside(live: &Answers, stand: Stand, says: Result<Verdict, PolicyFailure>) -> (String, Vec<Compared>, Vec<String>) {
    let mut snapshot = asking(live);
    let (place, replaces, share) = stand;
    let policy = self::snapshot(&[("shadow", DEFAULT)]).services[0].policies[0].clone();
    let comparisons = Arc::new(Comparisons::new(3));
    let service = Arc::get_mut(&mut snapshot.services[0]).unwrap();
    service.shadows.push(ShadowUse { policy, place, replaces, share, comparisons });
    let answers = live.iter().map(|(name, _, answer)| (*name, answer.clone())).chain([("shadow", says)]);
    let mut asked = Listening(Script { answers: answers.collect(), asked: Vec::new() }, Vec::new());
    let decided = asking_of(&snapshot, "/", 7, &mut asked);
    (decided, asked.1, asked.0.asked.into_iter().map(|(name, _)| name).collect())
}

fn moved(from: Place, to: Place) -> Compared {
    Compared::of(from, to, false, None)
}

const ALWAYS: f64 = 1.0;
const AP: Place = Place::Region(2);
const US: Place = Place::Region(1);

#[test]
fn a_shadow_changes_nothing_but_what_is_known() {
    let live = [("a", DEFAULT, order(&[2]))];
    let (decided, compared, asked) = beside(&live, (0, true, ALWAYS), order(&[1]));
    assert_eq!((decided.as_str(), compared), ("ap", vec![moved(AP, US)]));
    assert_eq!(asked, ["a", "shadow"], "it is asked when everything is decided");
    let (_, compared, _) = beside(&live, (0, false, ALWAYS), order(&[1]));
    assert_eq!(compared, [moved(AP, US)], "before `a`, its order would be the first");
    let (_, compared, _) = beside(&live, (1, false, ALWAYS), order(&[1]));
    assert_eq!(compared, [moved(AP, AP)], "behind `a`, it would not");
    let (_, compared, _) = beside(&live, (1, false, ALWAYS), fence(&[2]));
    assert_eq!(compared, [Compared { changed: true, ..moved(AP, AP) }], "a fence is another plan");
    let (_, compared, _) = beside(&live, (1, false, ALWAYS), fence(&[0]));
    assert_eq!(compared, [moved(AP, Place::Refused)]);
    let (decided, compared, asked) = beside(&live, (0, true, 0.0), order(&[1]));
    assert_eq!((decided.as_str(), compared.len(), asked.len()), ("ap", 0, 1));
}

#[test]
fn a_shadow_that_fails_is_no_failure() {
    let live = [("a", OnError::Reject, order(&[2]))];
    let (decided, compared, _) = beside(&live, (0, true, ALWAYS), Err(PolicyFailure::Timeout));
    assert_eq!(decided, "ap");
    let nearest = compared[0].to;
    assert_eq!(compared, [Compared { failed: true, ..moved(AP, nearest) }]);
    assert!(matches!(nearest, Place::Region(_)), "its own `on_error` holds: {nearest:?}");
}

#[test]
fn behind_an_answer_nobody_is_asked() {
    let reply = || Reply { status: StatusCode::FORBIDDEN, headers: Vec::new(), body: bytes::Bytes::new() };
    let live = [("a", DEFAULT, Ok(Verdict::Respond(reply()))), ("b", DEFAULT, order(&[1]))];
    let (decided, compared, _) = beside(&live, (1, true, ALWAYS), order(&[1]));
    assert_eq!((decided.as_str(), compared.len()), ("reply 403", 0));
    let (_, compared, asked) = beside(&live, (0, true, ALWAYS), order(&[1]));
    assert_eq!(compared, [moved(Place::Answered, US)]);
    assert_eq!(asked, ["a", "shadow"], "what `b` would say is not asked");
}
