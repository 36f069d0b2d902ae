//! `Envelope`: what a model writes around the wanted value is taken off.

use std::borrow::Cow;

use partialfast_core::envelope;
use partialfast_core::json::Limits;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::errors::json_error;

/// Documented in `_core.pyi`.
#[pyclass(module = "partialfast._core")]
pub struct Envelope {
    inner: envelope::Envelope,
}

#[pymethods]
impl Envelope {
    #[new]
    #[pyo3(signature = (*, noise, key, bare_array))]
    fn new(noise: bool, key: Option<String>, bare_array: bool) -> Self {
        let limits = Limits::default();
        let options = envelope::Options {
            noise,
            key,
            bare_array,
            limits,
        };
        Self {
            inner: envelope::Envelope::new(options),
        }
    }

    #[pyo3(signature = (chunk, /))]
    fn feed<'py>(&mut self, chunk: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
        let text = chunk.to_str().map_err(|_| {
            PyValueError::new_err(
                "the chunk has half of a surrogate pair: it is not text that UTF-8 can encode",
            )
        })?;
        Ok(match self.inner.feed(text) {
            Cow::Borrowed(part) if part.len() == text.len() => chunk.clone(),
            part => PyString::new(chunk.py(), &part),
        })
    }

    #[getter]
    fn begun(&self) -> bool {
        self.inner.is_begun()
    }

    #[getter]
    fn found(&self) -> bool {
        self.inner.is_found()
    }

    #[getter]
    fn done(&self) -> bool {
        self.inner.is_done()
    }

    #[getter]
    fn trailing(&self) -> &str {
        self.inner.trailing()
    }

    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let error = self.inner.error()?;
        Some(
            json_error(error, &PyTuple::empty(py))
                .into_value(py)
                .into_bound(py)
                .into_any(),
        )
    }
}
