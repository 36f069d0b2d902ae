//! What may be fed: text, or anything that holds bytes.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Call `with` on the bytes of `chunk`; text counts as its UTF-8.
pub fn with_bytes<T>(
    chunk: &Bound<'_, PyAny>,
    with: impl FnOnce(&[u8]) -> PyResult<T>,
) -> PyResult<T> {
    if let Ok(text) = chunk.cast::<PyString>() {
        let text = text.to_str().map_err(|_| {
            PyValueError::new_err(
                "the chunk has half of a surrogate pair: it is not text that UTF-8 can encode",
            )
        })?;
        return with(text.as_bytes());
    }
    if let Ok(bytes) = chunk.cast::<PyBytes>() {
        return with(bytes.as_bytes());
    }
    let buffer = PyBuffer::<u8>::get(chunk).map_err(|_| {
        PyTypeError::new_err(format!(
            "a chunk must be str or bytes-like, not {}",
            chunk
                .get_type()
                .name()
                .map_or_else(|_| "this".to_owned(), |name| name.to_string())
        ))
    })?;
    // A copy: the owner may change the memory while validators run.
    with(&buffer.to_vec(chunk.py())?)
}
