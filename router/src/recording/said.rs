//! What a policy said, to a line and back.
//!
//! Owns what of a verdict decides where an exchange goes. Header edits, the cache's terms and a reply's body do not, and are not
//! written. Pure.

use super::line::{Advised, PinSaid, Said};
use super::world::indices;
use crate::policy::PolicyFailure;
use crate::steer::verdict::{Advice, PinAction, Reply, Verdict};
use bytes::Bytes;
use http::StatusCode;

/// The line of what a policy said.
pub(super) fn line(said: &Result<Verdict, PolicyFailure>) -> Said {
    match said {
        Ok(Verdict::Pass) => Said::Pass,
        Ok(Verdict::Route(advice)) => Said::Route(Advised {
            order: advice.order.to_vec(),
            fence: advice.fence.map(indices),
            strict: advice.strict,
            pin: match advice.pin {
                PinAction::Keep => PinSaid::Keep,
                PinAction::Hold => PinSaid::Hold,
                PinAction::Clear => PinSaid::Clear,
                PinAction::Bind { .. } => PinSaid::Bind,
            },
        }),
        Ok(Verdict::Respond(reply)) => Said::Respond(reply.status.as_u16()),
        Err(failure) => Said::Failed(failure.as_str().to_owned()),
    }
}

/// What it says again in a service of so many regions. The failure stands for any: what comes of one is `on_error`'s.
pub fn again(said: &Said, regions: usize) -> Result<Verdict, PolicyFailure> {
    let known = |index: &u8| usize::from(*index) < regions;
    match said {
        Said::Pass => Ok(Verdict::Pass),
        Said::Route(advised) => Ok(Verdict::Route(Advice {
            order: advised.order.iter().copied().filter(known).collect(),
            fence: advised
                .fence
                .as_ref()
                .map(|fence| fence.iter().filter(|i| known(i)).map(|i| usize::from(*i)).collect()),
            strict: advised.strict,
            pin: match advised.pin {
                PinSaid::Keep => PinAction::Keep,
                PinSaid::Hold => PinAction::Hold,
                PinSaid::Clear => PinAction::Clear,
                PinSaid::Bind => PinAction::Bind { payload: Bytes::new(), ttl: None },
            },
            ..Advice::default()
        })),
        Said::Respond(status) => Ok(Verdict::Respond(Reply {
            status: StatusCode::from_u16(*status).unwrap_or(StatusCode::OK),
            headers: Vec::new(),
            body: Bytes::new(),
        })),
        Said::Failed(word) => Err(PolicyFailure::Trap(word.clone())),
    }
}
