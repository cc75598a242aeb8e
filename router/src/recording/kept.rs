//! What a policy did with what it keeps, to a line and back.
//!
//! Owns nothing but the two directions; `policy::KvCall` says what the parts are. Pure.

use super::line::{KvAsk, KvCall, KvSaid, Octets};
use crate::policy::{KvAnswer, KvCall as Call, KvError, KvOperation};

/// The line of a call.
pub(super) fn line(call: Call) -> KvCall {
    let Call { bucket, key, operation, answer } = call;
    let ask = match operation {
        KvOperation::Get => KvAsk::Get,
        KvOperation::Set { value, ttl_ms } => KvAsk::Set { value: Octets(value), ttl_ms },
        KvOperation::Replace { expected, value, ttl_ms } => {
            KvAsk::Replace { expected: expected.map(Octets), value: Octets(value), ttl_ms }
        }
        KvOperation::Add { delta, ttl_ms } => KvAsk::Add { delta, ttl_ms },
        KvOperation::Delete => KvAsk::Delete,
    };
    let answer = match answer {
        Ok(KvAnswer::Value(value)) => KvSaid::Value(value.map(|value| Octets(value.to_vec()))),
        Ok(KvAnswer::Done) => KvSaid::Done,
        Ok(KvAnswer::Whether(whether)) => KvSaid::Whether(whether),
        Ok(KvAnswer::Sum(sum)) => KvSaid::Sum(sum),
        Err(error) => KvSaid::Error(error.as_str().to_owned()),
    };
    KvCall { bucket: bucket.to_string(), key: Octets(key), ask, answer }
}

/// The call of a line. An error that there is not is `unavailable`.
pub fn again(line: &KvCall) -> Call {
    let octets = |octets: &Octets| octets.0.clone();
    let operation = match &line.ask {
        KvAsk::Get => KvOperation::Get,
        KvAsk::Set { value, ttl_ms } => KvOperation::Set { value: octets(value), ttl_ms: *ttl_ms },
        KvAsk::Replace { expected, value, ttl_ms } => {
            KvOperation::Replace { expected: expected.as_ref().map(octets), value: octets(value), ttl_ms: *ttl_ms }
        }
        KvAsk::Add { delta, ttl_ms } => KvOperation::Add { delta: *delta, ttl_ms: *ttl_ms },
        KvAsk::Delete => KvOperation::Delete,
    };
    let answer = match &line.answer {
        KvSaid::Value(value) => Ok(KvAnswer::Value(value.as_ref().map(|value| value.0.as_slice().into()))),
        KvSaid::Done => Ok(KvAnswer::Done),
        KvSaid::Whether(whether) => Ok(KvAnswer::Whether(*whether)),
        KvSaid::Sum(sum) => Ok(KvAnswer::Sum(*sum)),
        KvSaid::Error(word) => {
            let known = KvError::ALL.into_iter().find(|error| error.as_str() == word);
            Err(known.unwrap_or(KvError::Unavailable))
        }
    };
    Call { bucket: line.bucket.as_str().into(), key: line.key.0.clone(), operation, answer }
}
