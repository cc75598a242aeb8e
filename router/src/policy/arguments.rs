//! What a call carries, laid out as the contract has it.
//!
//! Owns the room for fields and candidates: wasmtime copies a list of numbers or bytes as a whole, so a call brings two
//! lists however many fields and regions there are. `pool` keeps the room from call to call. No meaning here.

use super::contract::{COLUMNS, Candidate, CandidatesRecord};
use super::failure::PolicyFailure;

/// Marks a field that the request does not have: the top bit of its number.
const ABSENT: u32 = 1 << 31;
/// Bytes that all fields together may have, so that no place needs the top bit. A request head is far smaller.
const OCTETS_MAX: usize = ABSENT as usize - 1;
/// Bytes of fields for which room is kept between calls: twice the largest request head that is accepted by default.
const OCTETS_KEPT: usize = 64 * 1024;

/// Fields and candidates of the call in progress.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    fields: Vec<u8>,
    response_fields: Vec<u8>,
    cells: Vec<u32>,
}

impl Arguments {
    /// Lays out a call in place of the one before: declared fields, those that every call has behind them, candidates.
    ///
    /// # Errors
    /// The fields have more than [`OCTETS_MAX`] bytes, which no policy's memory holds.
    pub(super) fn fill(
        &mut self,
        declared: &[Option<&[u8]>],
        behind: &[Option<&[u8]>],
        candidates: &[Candidate],
    ) -> Result<(), PolicyFailure> {
        pack(&mut self.fields, declared, behind)?;
        self.cells.clear();
        for candidate in candidates {
            self.cells.extend_from_slice(&candidate.row());
        }
        Ok(())
    }

    /// Lays out the fields of a response beside what was laid out of its request.
    ///
    /// # Errors
    /// As for `fill`.
    pub(super) fn fill_response(&mut self, declared: &[Option<&[u8]>]) -> Result<(), PolicyFailure> {
        pack(&mut self.response_fields, declared, &[])
    }

    /// The fields of the response, as the contract has them.
    pub(super) fn response_fields(&self) -> &[u8] {
        &self.response_fields
    }

    /// The fields, as the contract has them.
    pub(super) fn fields(&self) -> &[u8] {
        &self.fields
    }

    /// The candidates, as the contract has them.
    pub(super) fn candidates(&self) -> CandidatesRecord<'_> {
        CandidatesRecord { width: COLUMNS as u32, cells: &self.cells }
    }
}

/// Lays out fields in place of those before.
fn pack(room: &mut Vec<u8>, declared: &[Option<&[u8]>], behind: &[Option<&[u8]>]) -> Result<(), PolicyFailure> {
    let all = || declared.iter().chain(behind);
    let bytes = all().flatten().fold(0usize, |sum, value| sum.saturating_add(value.len()));
    if bytes > OCTETS_MAX {
        return Err(PolicyFailure::OutOfMemory);
    }
    room.clear();
    room.shrink_to(OCTETS_KEPT);
    room.reserve((declared.len() + behind.len()) * size_of::<u32>() + bytes);
    let mut end = 0;
    for field in all() {
        end += field.map_or(0, |value| value.len() as u32);
        let absent = if field.is_none() { ABSENT } else { 0 };
        room.extend_from_slice(&(end | absent).to_le_bytes());
    }
    for value in all().flatten() {
        room.extend_from_slice(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_field_is_not_an_empty_one() {
        let mut arguments = Arguments::default();
        let packed = |ends: &[u32], octets: &[u8]| {
            let ends = ends.iter().flat_map(|end| end.to_le_bytes());
            ends.chain(octets.iter().copied()).collect::<Vec<_>>()
        };
        let (declared, behind) = ([None, Some(&b"GET"[..]), Some(b"")], [None, Some(&b"\xff"[..])]);
        assert_eq!(arguments.fill(&declared, &behind, &[]), Ok(()));
        assert_eq!(arguments.fields, packed(&[ABSENT, 3, 3, 3 | ABSENT, 4], b"GET\xff"));
        assert_eq!(arguments.fill(&[Some(b"x")], &[], &[]), Ok(()));
        assert_eq!(arguments.fields, packed(&[1], b"x"), "nothing is left of a call");
    }

    #[test]
    fn fields_that_no_number_reaches_are_refused() {
        let mut arguments = Arguments::default();
        let value = vec![0u8; OCTETS_MAX / 64 + 1];
        assert_eq!(arguments.fill(&[Some(&value[..]); 64], &[], &[]), Err(PolicyFailure::OutOfMemory));
        assert_eq!(arguments.fields.capacity(), 0, "they are not copied first");
    }

    #[test]
    fn room_for_a_large_request_is_not_kept() {
        let mut arguments = Arguments::default();
        let value = vec![0u8; 3 * OCTETS_KEPT];
        assert_eq!(arguments.fill(&[Some(&value)], &[], &[]), Ok(()));
        assert_eq!(arguments.fill(&[Some(b"x")], &[], &[]), Ok(()));
        assert!(arguments.fields.capacity() <= OCTETS_KEPT, "{}", arguments.fields.capacity());
    }
}
