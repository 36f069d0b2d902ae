//! Strings that documents repeat, made once and used again.

use partialfast_core::json::Text;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::text;

/// Longer strings are rarely repeated, and cost more to compare.
const LONGEST: usize = 63;

/// A direct-mapped cache of strings.
///
/// Documents repeat few keys many times. A string that was used as a key before has its hash
/// computed already, so finding it here pays twice.
pub struct StringCache {
    /// Each string with its hash. Empty until the first string, so that an idle parser stays small.
    slots: Vec<Option<(u64, Py<PyString>)>>,
    /// How many slots there are to be; a power of two.
    size: usize,
}

impl StringCache {
    pub const fn new(size: usize) -> Self {
        Self {
            slots: Vec::new(),
            size,
        }
    }

    /// Forget all strings, and give back their room.
    pub fn clear(&mut self) {
        self.slots = Vec::new();
    }

    /// The Python string of `text`.
    #[inline]
    pub fn get(&mut self, py: Python<'_>, text: Text<'_>) -> PyResult<Py<PyString>> {
        if text.text.len() > LONGEST {
            return Ok(text::string(py, text.text, text.ascii)?.unbind());
        }
        if self.slots.is_empty() {
            self.slots.resize_with(self.size, || None);
        }
        let hash = hash(text.text.as_bytes());
        let index = usize::try_from(hash >> 32).unwrap_or(0) & (self.size - 1);
        if let Some((known, string)) = &self.slots[index]
            && *known == hash
            && string.to_str(py)? == text.text
        {
            return Ok(string.clone_ref(py));
        }
        let string = text::string(py, text.text, text.ascii)?.unbind();
        self.slots[index] = Some((hash, string.clone_ref(py)));
        Ok(string)
    }
}

/// A quick hash of a short string. A clash costs one comparison and one allocation, so an
/// attacker who makes clashes gains nothing.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let mut hash = bytes.len() as u64;
    if let Some(last) = bytes.last_chunk::<8>() {
        // The last word overlaps the one before it, so no byte is left to be read alone.
        for word in bytes.chunks_exact(8) {
            hash = mix(hash, word.try_into().map_or(0, u64::from_le_bytes));
        }
        return mix(hash, u64::from_le_bytes(*last)).wrapping_mul(FACTOR);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let words = [u32::from_le_bytes(*first), u32::from_le_bytes(*last)].map(u64::from);
        return mix(hash, words[0] << 32 | words[1]).wrapping_mul(FACTOR);
    }
    for &byte in bytes {
        hash = mix(hash, u64::from(byte));
    }
    hash.wrapping_mul(FACTOR)
}
