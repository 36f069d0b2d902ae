//! Strings that documents repeat, made once and used again.

use partialfast_core::json::Text;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::text;

/// Longer strings are rarely repeated, and cost more to compare.
const LONGEST: usize = 63;

/// A direct-mapped cache of strings.
///
/// Documents repeat few keys many times. A string that was used as a key before has its hash
/// computed already, so finding it here pays twice.
pub struct StringCache {
    /// Empty until the first string, so that an idle parser stays small.
    slots: Vec<Option<(Box<str>, Py<PyString>)>>,
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

    /// The Python string of `text`.
    #[inline]
    pub fn get(&mut self, py: Python<'_>, text: Text<'_>) -> PyResult<Py<PyString>> {
        if text.text.len() > LONGEST {
            return Ok(text::string(py, text.text, text.ascii)?.unbind());
        }
        if self.slots.is_empty() {
            self.slots.resize_with(self.size, || None);
        }
        let index = hash(text.text.as_bytes()) & (self.size - 1);
        match &mut self.slots[index] {
            Some((known, string)) if **known == *text.text => Ok(string.clone_ref(py)),
            slot => {
                let string = text::string(py, text.text, text.ascii)?.unbind();
                *slot = Some((Box::from(text.text), string.clone_ref(py)));
                Ok(string)
            }
        }
    }
}

/// A quick hash of a short string. A clash costs one comparison and one allocation, so an
/// opponent who makes clashes gains nothing.
#[inline]
fn hash(bytes: &[u8]) -> usize {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = bytes.len() as u64;
    let mut words = bytes.chunks_exact(8);
    for word in words.by_ref() {
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        hash = (hash ^ word).wrapping_mul(FACTOR).rotate_left(29);
    }
    let rest = words.remainder();
    let mut last = 0;
    for &byte in rest {
        last = last << 8 | u64::from(byte);
    }
    hash = (hash ^ last).wrapping_mul(FACTOR);
    usize::try_from(hash >> 40).unwrap_or(0)
}
