//! What may be fed: text, or anything that holds bytes.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::ffi;

/// A chunk of the text.
#[derive(Clone, Copy)]
pub enum Chunk<'a> {
    /// What is known to be text.
    Text(&'a str),
    /// What may be UTF-8.
    Bytes(&'a [u8]),
}

impl<'a> Chunk<'a> {
    /// All of it.
    pub const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// What is left of it after the first bytes.
    pub fn after(self, count: usize) -> Self {
        match self {
            Self::Text(text) if text.is_char_boundary(count) => Self::Text(&text[count..]),
            _ => Self::Bytes(self.bytes().get(count..).unwrap_or_default()),
        }
    }
}

/// Call `with` on `chunk`; text counts as its UTF-8.
#[inline]
pub fn with_chunk<T>(
    chunk: &Bound<'_, PyAny>,
    with: impl FnOnce(Chunk<'_>) -> PyResult<T>,
) -> PyResult<T> {
    if let Ok(bytes) = chunk.cast::<PyBytes>() {
        let bytes = bytes.as_bytes();
        return with(ffi::short_ascii(bytes).map_or(Chunk::Bytes(bytes), Chunk::Text));
    }
    if let Ok(text) = chunk.cast::<PyString>() {
        let text = text.to_str().map_err(|_| {
            PyValueError::new_err(
                "the chunk has half of a surrogate pair: it is not text that UTF-8 can encode",
            )
        })?;
        return with(Chunk::Text(text));
    }
    with(Chunk::Bytes(&copied(chunk)?))
}

/// The bytes of any other object that has some. A copy: the owner may change the memory while
/// validators run.
#[cold]
fn copied(chunk: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let buffer = PyBuffer::<u8>::get(chunk).map_err(|_| {
        PyTypeError::new_err(format!(
            "a chunk must be str or bytes-like, not {}",
            chunk
                .get_type()
                .name()
                .map_or_else(|_| "this".to_owned(), |name| name.to_string())
        ))
    })?;
    buffer.to_vec(chunk.py())
}
