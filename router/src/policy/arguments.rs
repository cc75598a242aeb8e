//! What a call carries, laid out as the contract has it.
//!
//! Owns the room for fields and candidates: wasmtime copies a list of numbers or bytes as a whole, so a call brings three
//! lists however many fields and regions there are. `pool` keeps the room from call to call. No meaning here.

use super::contract::{COLUMNS, Candidate, CandidatesRecord, FieldsRecord};
use super::failure::PolicyFailure;

/// Marks a field that the request does not have: the top bit of its number in `ends`.
const ABSENT: u32 = 1 << 31;
/// Bytes that all fields together may have, so that no place needs the top bit. A request head is far smaller.
const OCTETS_MAX: usize = ABSENT as usize - 1;
/// Bytes of fields for which room is kept between calls: twice the largest request head that is accepted by default.
const OCTETS_KEPT: usize = 64 * 1024;

/// Fields and candidates of the call in progress.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    ends: Vec<u32>,
    octets: Vec<u8>,
    cells: Vec<u32>,
}

impl Arguments {
    /// Lays out a call in place of the one before.
    ///
    /// # Errors
    /// The fields have more than [`OCTETS_MAX`] bytes, which no policy's memory holds.
    pub(super) fn fill(&mut self, fields: &[Option<&[u8]>], candidates: &[Candidate]) -> Result<(), PolicyFailure> {
        let bytes = fields.iter().flatten().fold(0usize, |sum, value| sum.saturating_add(value.len()));
        if bytes > OCTETS_MAX {
            return Err(PolicyFailure::OutOfMemory);
        }
        self.octets.clear();
        self.octets.shrink_to(OCTETS_KEPT);
        self.octets.reserve(bytes);
        self.ends.clear();
        for field in fields {
            self.octets.extend_from_slice(field.unwrap_or_default());
            let absent = if field.is_none() { ABSENT } else { 0 };
            self.ends.push(self.octets.len() as u32 | absent);
        }
        self.cells.clear();
        for candidate in candidates {
            self.cells.extend_from_slice(&candidate.row());
        }
        Ok(())
    }

    /// The fields, as the contract has them.
    pub(super) fn fields(&self) -> FieldsRecord<'_> {
        FieldsRecord { ends: &self.ends, octets: &self.octets }
    }

    /// The candidates, as the contract has them.
    pub(super) fn candidates(&self) -> CandidatesRecord<'_> {
        CandidatesRecord { width: COLUMNS as u32, cells: &self.cells }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_field_is_not_an_empty_one() {
        let mut arguments = Arguments::default();
        let fields = [None, Some(&b"GET"[..]), Some(b""), None, Some(b"\xff")];
        assert_eq!(arguments.fill(&fields, &[]), Ok(()));
        assert_eq!(arguments.ends, [ABSENT, 3, 3, 3 | ABSENT, 4]);
        assert_eq!(arguments.octets, b"GET\xff");
        assert_eq!(arguments.fill(&[Some(b"x")], &[]), Ok(()));
        assert_eq!((&arguments.ends[..], &arguments.octets[..]), (&[1][..], &b"x"[..]), "nothing is left of a call");
    }

    #[test]
    fn fields_that_no_number_reaches_are_refused() {
        let mut arguments = Arguments::default();
        let value = vec![0u8; OCTETS_MAX / 64 + 1];
        assert_eq!(arguments.fill(&[Some(&value[..]); 64], &[]), Err(PolicyFailure::OutOfMemory));
        assert_eq!(arguments.octets.capacity(), 0, "they are not copied first");
    }

    #[test]
    fn room_for_a_large_request_is_not_kept() {
        let mut arguments = Arguments::default();
        let value = vec![0u8; 3 * OCTETS_KEPT];
        assert_eq!(arguments.fill(&[Some(&value)], &[]), Ok(()));
        assert_eq!(arguments.fill(&[Some(b"x")], &[]), Ok(()));
        assert!(arguments.octets.capacity() <= OCTETS_KEPT, "{}", arguments.octets.capacity());
    }
}
