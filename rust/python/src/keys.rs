//! Object keys, made once and used again.

use std::hash::{BuildHasher, Hasher};

use partialfast_core::json::Text;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::text;

/// Slots of the cache; a power of two.
const SLOTS: usize = 256;
/// Longer keys are rarely repeated.
const LONGEST: usize = 64;

/// A direct-mapped cache of key strings.
///
/// Documents repeat few keys many times. A string that was used as a key before has its hash
/// computed already, so the look-up in the cache pays twice.
#[derive(Default)]
pub struct KeyCache {
    /// Empty until the first key, so that an idle parser stays small.
    slots: Vec<Option<(Box<str>, Py<PyString>)>>,
    hasher: Fnv,
}

#[derive(Clone, Copy, Default)]
struct Fnv;

struct FnvHasher(u64);

impl BuildHasher for Fnv {
    type Hasher = FnvHasher;
    fn build_hasher(&self) -> FnvHasher {
        FnvHasher(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for FnvHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl KeyCache {
    /// The Python string of `key`.
    pub fn get(&mut self, py: Python<'_>, key: Text<'_>) -> PyResult<Py<PyString>> {
        if key.text.len() > LONGEST {
            return Ok(text::string(py, key.text, key.ascii)?.unbind());
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key.text.as_bytes());
        let index = usize::try_from(hasher.finish() % SLOTS as u64).unwrap_or(0);
        match &mut self.slots[index] {
            Some((text, string)) if **text == *key.text => Ok(string.clone_ref(py)),
            slot => {
                let string = text::string(py, key.text, key.ascii)?.unbind();
                *slot = Some((Box::from(key.text), string.clone_ref(py)));
                Ok(string)
            }
        }
    }
}
