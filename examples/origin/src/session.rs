//! The session as a value: what it holds, how a visit, an item and a move change it.
//!
//! Pure: no files, clock or randomness here; time is an argument. Every list in it is bounded.
//! Kept by `store`, changed and shown by `api`.

use serde::{Deserialize, Serialize};

/// Items kept in a cart; more push out the oldest.
const CART_ITEMS_MAX: usize = 50;
/// Longest item kept, in characters.
const ITEM_CHARS_MAX: usize = 80;
/// Moves remembered; more push out the oldest.
const MOVES_MAX: usize = 20;

/// One user's session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Value of the `demo_session` cookie.
    pub(crate) id: String,
    /// Region that created it.
    pub(crate) created_in: String,
    /// Requests for `/api/whoami`.
    pub(crate) visits: u64,
    /// What the user put in the cart, oldest first.
    pub(crate) cart: Vec<String>,
    /// Moves from region to region, oldest first.
    pub(crate) moved: Vec<Move>,
    /// Rises with every change, in whichever region: of two copies the higher one is the newer.
    pub(crate) revision: u64,
}

/// One move of a session between regions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    /// Region it came from.
    pub(crate) from: String,
    /// Region it came to.
    pub(crate) to: String,
    /// Why, in the router's words.
    pub(crate) reason: String,
    /// Milliseconds since 1970-01-01 UTC.
    pub(crate) at: u64,
}

impl Session {
    /// A session of a user who was never seen here.
    pub(crate) fn new(id: String, region: &str) -> Self {
        Self { id, created_in: region.to_owned(), visits: 0, cart: Vec::new(), moved: Vec::new(), revision: 0 }
    }

    /// Counts a visit.
    pub(crate) fn visit(&mut self) {
        self.visits += 1;
        self.revision += 1;
    }

    /// Puts an item in the cart.
    pub(crate) fn add(&mut self, item: &str) {
        self.cart.push(item.chars().take(ITEM_CHARS_MAX).collect());
        keep_last(&mut self.cart, CART_ITEMS_MAX);
        self.revision += 1;
    }

    /// Notes that the session came to another region.
    pub(crate) fn note_move(&mut self, step: Move) {
        self.moved.push(step);
        keep_last(&mut self.moved, MOVES_MAX);
        self.revision += 1;
    }
}

fn keep_last<T>(list: &mut Vec<T>, limit: usize) {
    let excess = list.len().saturating_sub(limit);
    list.drain(..excess);
}

/// What `portolan-session-moved: from=<region>; reason=<why>` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Region whose store has the session.
    pub(crate) from: String,
    /// Why it moved; empty when not said.
    pub(crate) reason: String,
}

impl Moved {
    /// Reads the header's value; none when it names no region that could be a folder's name.
    pub(crate) fn read(value: &str) -> Option<Self> {
        let mut from = None;
        let mut reason = String::new();
        for part in value.split(';') {
            match part.trim().split_once('=') {
                Some(("from", name)) if is_region_name(name) => from = Some(name.to_owned()),
                Some(("reason", why)) => reason = why.trim_matches('"').chars().take(ITEM_CHARS_MAX).collect(),
                _ => {}
            }
        }
        from.map(|from| Self { from, reason })
    }
}

/// A name made of letters, digits and dashes: safe as the name of a folder.
pub(crate) fn is_region_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_moved_header_is_read() {
        let cases = [
            ("from=eu-frankfurt; reason=down", Some(("eu-frankfurt", "down"))),
            ("from=eu-frankfurt;reason=\"drain\"", Some(("eu-frankfurt", "drain"))),
            ("from=eu-frankfurt", Some(("eu-frankfurt", ""))),
            ("reason=down", None),
            ("from=../secrets; reason=down", None),
            ("from=; reason=down", None),
            ("", None),
        ];
        for (value, expected) in cases {
            let read = Moved::read(value);
            let read = read.as_ref().map(|moved| (moved.from.as_str(), moved.reason.as_str()));
            assert_eq!(read, expected, "{value:?}");
        }
    }

    #[test]
    fn lists_are_bounded_and_every_change_raises_the_revision() {
        let mut session = Session::new("id".to_owned(), "here");
        for number in 0..60 {
            session.add(&format!("item {number}"));
        }
        session.visit();
        assert_eq!(session.cart.len(), CART_ITEMS_MAX);
        assert_eq!(session.cart[0], "item 10");
        assert_eq!(session.revision, 61);
    }
}
