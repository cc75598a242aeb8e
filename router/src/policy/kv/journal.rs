//! What the calls of `kv` came to in one call of a policy, and answers given from such a journal.
//!
//! A verdict depends on what was kept, so a record of the decision has it, and a replay answers from the record: the same
//! question gets the same answer, in order; another one is answered from what the record says of the key, else as if nothing
//! was kept there, which is counted. Off where nobody records: then a call is one operation on one bucket.

use super::bucket::{Granted, KvError};
use crate::base::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Calls of one call of a policy that are noted at most.
const NOTED_MAX: usize = 256;
/// Bytes of keys and values that are noted of them at most.
const NOTED_BYTES_MAX: usize = 64 * 1024;

/// A bucket's name and a key.
type Place = (Arc<str>, Vec<u8>);
/// What is kept there.
type Kept = Option<Arc<[u8]>>;

/// What is done with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in wit/policy.wit")]
pub enum Operation {
    Get,
    Set { value: Vec<u8>, ttl_ms: u32 },
    Replace { expected: Option<Vec<u8>>, value: Vec<u8>, ttl_ms: u32 },
    Add { delta: i64, ttl_ms: u32 },
    Delete,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Of `get`.
    Value(Option<Arc<[u8]>>),
    /// Of `set`.
    Done,
    /// Of `replace` and `delete`.
    Whether(bool),
    /// Of `add`.
    Sum(i64),
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvCall {
    /// Name of the bucket.
    pub bucket: Arc<str>,
    /// The key.
    pub key: Vec<u8>,
    /// What was done.
    pub operation: Operation,
    /// What came of it.
    pub answer: Result<Answer, KvError>,
}

/// What is known of the calls of one call of a policy.
#[derive(Debug, Default)]
pub(in crate::policy) enum Journal {
    /// Nothing, and nobody asks.
    #[default]
    Off,
    /// They are noted.
    Noting(Noted),
    /// They are answered from a record.
    Given(Given),
}

/// Calls that were noted.
#[derive(Debug, Default)]
pub(in crate::policy) struct Noted {
    pub(in crate::policy) calls: Vec<KvCall>,
    bytes: usize,
    /// Some are missing.
    pub(in crate::policy) cut: bool,
}

/// Calls that were recorded.
#[derive(Debug)]
pub(in crate::policy) struct Given {
    calls: Arc<[KvCall]>,
    taken: Vec<bool>,
    /// What became of keys in this call.
    now: BTreeMap<Place, Kept>,
    /// Buckets in which something was wanted that the record does not have.
    pub(in crate::policy) unknown: Vec<Arc<str>>,
}

impl Granted {
    fn perform(&self, key: &[u8], operation: &Operation, now: Timestamp) -> Result<Answer, KvError> {
        Ok(match operation {
            Operation::Get => Answer::Value(self.get(key, now)),
            Operation::Set { value, ttl_ms } => self.set(key, value, *ttl_ms, now).map(|()| Answer::Done)?,
            Operation::Replace { expected, value, ttl_ms } => {
                Answer::Whether(self.replace(key, expected.as_deref(), value, *ttl_ms, now)?)
            }
            Operation::Add { delta, ttl_ms } => Answer::Sum(self.add(key, *delta, *ttl_ms, now)?),
            Operation::Delete => Answer::Whether(self.delete(key, now)),
        })
    }
}

impl Journal {
    /// Does something with a key, or answers as if.
    pub(in crate::policy) fn ask(
        &mut self,
        granted: &Granted,
        key: Vec<u8>,
        operation: Operation,
        now: Timestamp,
    ) -> Result<Answer, KvError> {
        match self {
            Self::Off => granted.perform(&key, &operation, now),
            Self::Noting(noted) => {
                let answer = granted.perform(&key, &operation, now);
                noted.add(KvCall { bucket: Arc::clone(&granted.name), key, operation, answer: answer.clone() });
                answer
            }
            Self::Given(given) => given.answer(&granted.name, key, operation),
        }
    }
}

impl Noted {
    fn add(&mut self, call: KvCall) {
        self.bytes = self.bytes.saturating_add(call.bytes());
        if self.calls.len() == NOTED_MAX || self.bytes > NOTED_BYTES_MAX {
            self.cut = true;
        } else {
            self.calls.push(call);
        }
    }
}

impl KvCall {
    fn bytes(&self) -> usize {
        let operation = match &self.operation {
            Operation::Get | Operation::Add { .. } | Operation::Delete => 0,
            Operation::Set { value, .. } => value.len(),
            Operation::Replace { expected, value, .. } => value.len() + expected.as_ref().map_or(0, Vec::len),
        };
        let answer = match &self.answer {
            Ok(Answer::Value(Some(value))) => value.len(),
            _ => 0,
        };
        self.key.len() + operation + answer
    }

    /// What it says of the key as it was before; none where it says nothing.
    fn before(&self) -> Option<Kept> {
        match (&self.operation, &self.answer) {
            (Operation::Get, Ok(Answer::Value(value))) => Some(value.clone()),
            (Operation::Replace { expected, .. }, Ok(Answer::Whether(true))) => {
                Some(expected.as_deref().map(Into::into))
            }
            (Operation::Delete, Ok(Answer::Whether(false))) => Some(None),
            // A number that begins is 0, as is one that is not there.
            (Operation::Add { delta, .. }, Ok(Answer::Sum(sum))) if sum == delta => Some(None),
            (Operation::Add { delta, .. }, Ok(Answer::Sum(sum))) => Some(Some(number(sum.saturating_sub(*delta)))),
            _ => None,
        }
    }
}

impl Given {
    pub(in crate::policy) fn new(calls: &Arc<[KvCall]>) -> Self {
        let calls = Arc::clone(calls);
        Self { taken: vec![false; calls.len()], calls, now: BTreeMap::new(), unknown: Vec::new() }
    }

    fn answer(&mut self, bucket: &Arc<str>, key: Vec<u8>, operation: Operation) -> Result<Answer, KvError> {
        let same = |call: &KvCall| call.bucket == *bucket && call.key == key && call.operation == operation;
        let found = self.calls.iter().zip(&self.taken).position(|(call, taken)| !taken && same(call));
        let place = (Arc::clone(bucket), key);
        if let Some(index) = found {
            self.taken[index] = true;
            let answer = self.calls[index].answer.clone();
            let before = self.known(&place);
            if let Some(after) = after(&operation, &answer, before) {
                self.now.insert(place, after);
            }
            return answer;
        }
        let before = self.known(&place).unwrap_or_else(|| {
            // What is set is not read before.
            if !matches!(operation, Operation::Set { .. }) && !self.unknown.contains(bucket) {
                self.unknown.push(Arc::clone(bucket));
            }
            None
        });
        let answer = performed(&operation, before.as_deref());
        if let Some(after) = after(&operation, &answer, Some(before)) {
            self.now.insert(place, after);
        }
        answer
    }

    /// What a key has; none where that is not known.
    fn known(&self, place: &Place) -> Option<Kept> {
        if let Some(now) = self.now.get(place) {
            return Some(now.clone());
        }
        // The first call shows it as it was; a later one, what became of it.
        let first = self.calls.iter().find(|call| (&call.bucket, &call.key) == (&place.0, &place.1));
        first.and_then(KvCall::before)
    }
}

/// What a key has after an operation that was answered so; none where that is not known.
fn after(operation: &Operation, answer: &Result<Answer, KvError>, before: Option<Kept>) -> Option<Kept> {
    match (operation, answer) {
        (Operation::Get, Ok(Answer::Value(value))) => Some(value.clone()),
        (Operation::Set { value, .. }, Ok(_)) | (Operation::Replace { value, .. }, Ok(Answer::Whether(true))) => {
            Some(Some(value.as_slice().into()))
        }
        (Operation::Add { .. }, Ok(Answer::Sum(sum))) => Some(Some(number(*sum))),
        (Operation::Delete, Ok(_)) => Some(None),
        _ => before,
    }
}

/// What comes of an operation on a value, in a bucket that has room.
fn performed(operation: &Operation, before: Option<&[u8]>) -> Result<Answer, KvError> {
    Ok(match operation {
        Operation::Get => Answer::Value(before.map(Into::into)),
        Operation::Set { .. } => Answer::Done,
        Operation::Replace { expected, .. } => Answer::Whether(before == expected.as_deref()),
        Operation::Add { delta, .. } => {
            let octets = before.map_or(Ok([0; 8]), |value| value.try_into().map_err(|_| KvError::NotANumber));
            Answer::Sum(i64::from_le_bytes(octets?).saturating_add(*delta))
        }
        Operation::Delete => Answer::Whether(before.is_some()),
    })
}

fn number(number: i64) -> Arc<[u8]> {
    number.to_le_bytes().as_slice().into()
}
