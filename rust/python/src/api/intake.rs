//! `Intake`: the text of one answer on its way to the parser.

use partialfast_core::envelope::{Envelope, Options};
use partialfast_core::json::Limits;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyUnicodeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::api::state::StateCore;
use crate::errors::{exclusive, json_error, shared};

/// Documented in `_core.pyi`.
#[pyclass(module = "partialfast._core")]
pub struct Intake {
    state: Option<Py<StateCore>>,
    envelope: Option<Envelope>,
    /// All the text, where the parser does not get or keep it all.
    text: Option<String>,
    /// The parser hands out items, not snapshots.
    items: bool,
}

/// What a piece of the text brought.
#[derive(Default)]
pub struct Read {
    /// There is a new snapshot, or an item.
    pub news: bool,
    /// The new snapshot.
    pub snapshot: Option<Py<PyAny>>,
}

impl Intake {
    /// Reads a piece of the text.
    pub fn read(slf: &Bound<'_, Self>, piece: &str) -> PyResult<Read> {
        let py = slf.py();
        // Not borrowed any more when validators run: they may look at the stream.
        let (state, wanted, items) = {
            let mut this = exclusive(slf)?;
            if let Some(text) = &mut this.text {
                text.push_str(piece);
            }
            let wanted = match &mut this.envelope {
                Some(envelope) => envelope.feed(piece),
                None => piece.into(),
            };
            let state = this.state.as_ref().map(|state| state.clone_ref(py));
            (state, wanted, this.items)
        };
        let mut read = Read::default();
        if let Some(state) = state {
            // Also when nothing of it is wanted: then nothing was completed by it.
            let state = state.bind(py);
            read.snapshot = StateCore::read(state, wanted.as_bytes())?;
            read.news = if items {
                StateCore::has_items(state)?
            } else {
                read.snapshot.is_some()
            };
        }
        let this = shared(slf)?;
        match this.envelope.as_ref().and_then(Envelope::error) {
            // Items that are complete are handed out first; the next call fails.
            Some(error) if !read.news => Err(json_error(error, &PyTuple::empty(py))),
            _ => Ok(read),
        }
    }
}

#[pymethods]
impl Intake {
    #[new]
    #[pyo3(signature = (state, /, *, noise, key, bare_array, items))]
    fn new(
        state: Py<StateCore>,
        noise: bool,
        key: Option<String>,
        bare_array: bool,
        items: bool,
    ) -> Self {
        let envelope = (noise || key.is_some()).then(|| {
            Envelope::new(Options {
                noise,
                key,
                bare_array,
                limits: Limits::default(),
            })
        });
        Self {
            text: (items || envelope.is_some()).then(String::new),
            state: Some(state),
            envelope,
            items,
        }
    }

    #[pyo3(signature = (piece, /))]
    fn feed(slf: &Bound<'_, Self>, piece: &Bound<'_, PyString>) -> PyResult<bool> {
        let text = piece.to_str().map_err(|_| {
            PyUnicodeError::new_err(
                "the piece has half of a surrogate pair: it is not text that UTF-8 can encode",
            )
        })?;
        Ok(Self::read(slf, text)?.news)
    }

    #[getter]
    fn text(slf: &Bound<'_, Self>) -> PyResult<Option<String>> {
        Ok(shared(slf)?.text.clone())
    }

    #[getter]
    fn trailing(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = shared(slf)?;
        Ok(this
            .envelope
            .as_ref()
            .map_or_else(String::new, |envelope| envelope.trailing().to_owned()))
    }

    #[getter]
    fn error<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let error = shared(slf)?.envelope.as_ref().and_then(Envelope::error);
        Ok(error.map(|error| {
            let made = json_error(error, &PyTuple::empty(py));
            made.into_value(py).into_bound(py).into_any()
        }))
    }

    #[getter]
    fn begun(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = shared(slf)?;
        Ok(this.envelope.as_ref().is_none_or(Envelope::is_begun))
    }

    #[getter]
    fn found(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = shared(slf)?;
        Ok(this.envelope.as_ref().is_none_or(Envelope::is_found))
    }

    #[getter]
    fn done(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = shared(slf)?;
        match (&this.envelope, &this.state) {
            (Some(envelope), _) => Ok(envelope.is_done()),
            (None, Some(state)) => StateCore::done(state.bind(slf.py())),
            (None, None) => Ok(false),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.state)
    }

    fn __clear__(&mut self) {
        self.state = None;
    }
}
