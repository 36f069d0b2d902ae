//! `TextReader`: the text of one answer on its way to the parser.

use partialfast_core::envelope::{Envelope, EnvelopeOptions};
use partialfast_core::json::{JsonError, JsonErrorKind, Limits};
use partialfast_core::lenient;
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyBaseException, PyUnicodeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::api::state::StateCore;
use crate::convert::input::Chunk;
use crate::errors::{exclusive, json_error, repair, shared};

/// Documented in `_core.pyi`.
#[pyclass(module = "partialfast._core")]
pub struct TextReader {
    state: Option<Py<StateCore>>,
    envelope: Option<Box<Envelope>>,
    /// All the text, where the parser does not get or keep it all.
    text: Option<String>,
    /// The parser hands out items, not snapshots.
    items: bool,
    /// How often what had been read turned out not to be the answer.
    restarts: usize,
    /// Items were handed out, which cannot be taken back.
    handed_out: bool,
    /// What is wrong with a value that may not be the answer: an error only if nothing else comes.
    /// The exception itself and not a `PyErr`, so that the garbage collector sees it.
    doubt: Option<Py<PyBaseException>>,
    /// The parser reads leniently, and so does the envelope.
    lenient: bool,
}

/// What a piece of the text brought.
#[derive(Default)]
pub struct Read {
    /// There is a new snapshot, or an item.
    pub news: bool,
    /// The new snapshot.
    pub snapshot: Option<Py<PyAny>>,
}

impl TextReader {
    /// Reads a piece of the text.
    pub fn read(slf: &Bound<'_, Self>, piece: &str) -> PyResult<Read> {
        let py = slf.py();
        // Not borrowed any more when validators run: they may look at the stream.
        let (state, wanted, items, restarted, doubted) = {
            let mut this = exclusive(slf)?;
            if let Some(text) = &mut this.text {
                text.push_str(piece);
            }
            let (wanted, restarted) = match &mut this.envelope {
                Some(envelope) => (envelope.feed(piece), envelope.take_restarted()),
                None => (piece.into(), false),
            };
            if restarted {
                this.restarts += 1;
                this.doubt = None;
                if this.handed_out {
                    return Err(json_error(TAKEN_BACK, &PyTuple::empty(py)));
                }
            }
            let state = this.state.as_ref().map(|state| state.clone_ref(py));
            (state, wanted, this.items, restarted, this.doubt.is_some())
        };
        let mut read = Read::default();
        if let Some(state) = state
            && !doubted
        {
            let state = state.bind(py);
            if restarted {
                StateCore::restart(state)?;
            }
            // Also when nothing of it is wanted: then nothing was completed by it.
            match StateCore::read(state, Chunk::Text(&wanted)) {
                Ok(snapshot) => read.snapshot = snapshot,
                Err(error) => {
                    let error = Self::in_all_the_text(slf, state, error)?;
                    let mut this = exclusive(slf)?;
                    if !this.is_tentative() {
                        return Err(error);
                    }
                    this.doubt = Some(error.into_value(py));
                }
            }
            read.news = if items {
                StateCore::has_items(state)?
            } else {
                read.snapshot.is_some()
            };
        }
        let tentative = {
            let mut this = exclusive(slf)?;
            this.handed_out |= items && read.news;
            this.is_tentative()
        };
        // Items that are complete are handed out first; the next call fails.
        if !read.news
            && !tentative
            && let Some(error) = Self::wrong(slf)?
        {
            return Err(error);
        }
        Ok(read)
    }

    /// What the envelope found wrong.
    fn wrong(slf: &Bound<'_, Self>) -> PyResult<Option<PyErr>> {
        let py = slf.py();
        let this = shared(slf)?;
        let Some(error) = this.envelope.as_deref().and_then(Envelope::error) else {
            return Ok(None);
        };
        let path = match &this.state {
            // What is wrong inside the value, the lenient envelope says too.
            Some(state) if this.lenient => {
                StateCore::begin_wrong(state.bind(py))?;
                StateCore::path(state.bind(py))?
            }
            _ => PyTuple::empty(py),
        };
        Ok(Some(json_error(error, &path)))
    }

    /// `error`, which the parser raised, with its place in all the text. The lenient envelope hands
    /// out other text than it gets.
    fn in_all_the_text(
        slf: &Bound<'_, Self>,
        state: &Bound<'_, StateCore>,
        error: PyErr,
    ) -> PyResult<PyErr> {
        let this = shared(slf)?;
        let (Some(envelope), Some(mut wrong), true) =
            (&this.envelope, StateCore::wrong(state)?, this.lenient)
        else {
            return Ok(error);
        };
        if let Some(at) = envelope.origin(wrong.offset) {
            (wrong.offset, wrong.line, wrong.column) = (at.offset, at.line, at.column);
        }
        Ok(json_error(wrong, &StateCore::path(state)?))
    }

    fn is_tentative(&self) -> bool {
        self.envelope.as_deref().is_some_and(Envelope::is_tentative)
    }
}

/// Items were handed out, and then it turned out that they were part of the model's reasoning.
const TAKEN_BACK: JsonError = JsonError::of_all(JsonErrorKind::TrailingData);

#[pymethods]
impl TextReader {
    #[new]
    #[pyo3(signature = (state, /, *, noise, key, bare_array, items))]
    fn new(
        state: Bound<'_, StateCore>,
        noise: bool,
        key: Option<String>,
        bare_array: bool,
        items: bool,
    ) -> PyResult<Self> {
        let settings = StateCore::lenience(&state)?;
        let envelope = (noise || key.is_some()).then(|| {
            Box::new(Envelope::new(EnvelopeOptions {
                noise,
                key,
                bare_array,
                lenient: settings.map(|settings| lenient::LenientOptions {
                    quotes: settings.quotes,
                    max_repairs: settings.max_repairs,
                    ..lenient::LenientOptions::default()
                }),
                limits: Limits::default(),
            }))
        });
        Ok(Self {
            text: (items || envelope.is_some()).then(String::new),
            state: Some(state.unbind()),
            envelope,
            items,
            restarts: 0,
            handed_out: false,
            doubt: None,
            lenient: settings.is_some(),
        })
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

    /// The text ends: read what is only now known to be whole.
    fn end(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (state, rest) = {
            let mut this = exclusive(slf)?;
            let rest = match &mut this.envelope {
                Some(envelope) => envelope.finish(),
                None => String::new(),
            };
            let state = this.state.as_ref().map(|state| state.clone_ref(slf.py()));
            (state, rest)
        };
        match state {
            Some(state) if !rest.is_empty() => {
                StateCore::read(state.bind(slf.py()), Chunk::Text(&rest)).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// What was repaired so far.
    #[getter]
    fn repairs<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let this = shared(slf)?;
        let mut repairs = match &this.state {
            Some(state) => StateCore::repaired(state.bind(py))?,
            None => Vec::new(),
        };
        if let Some(envelope) = &this.envelope {
            for repair in &mut repairs {
                if let Some(at) = envelope.origin(repair.offset) {
                    (repair.offset, repair.line, repair.column) = (at.offset, at.line, at.column);
                }
            }
            repairs.extend_from_slice(envelope.repairs());
            repairs.sort_by_key(|repair| repair.offset);
        }
        let made = repairs.iter().map(|made| repair(py, made));
        PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)
    }

    #[getter]
    fn text<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyString>>> {
        let this = shared(slf)?;
        Ok(this
            .text
            .as_deref()
            .map(|text| PyString::new(slf.py(), text)))
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
        if let Some(doubt) = &shared(slf)?.doubt {
            return Ok(Some(doubt.bind(py).clone().into_any()));
        }
        let wrong = Self::wrong(slf)?;
        Ok(wrong.map(|error| error.into_value(py).into_bound(py).into_any()))
    }

    #[getter]
    fn restarts(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(shared(slf)?.restarts)
    }

    #[getter]
    fn begun(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = shared(slf)?;
        Ok(this.envelope.as_deref().is_none_or(Envelope::is_begun))
    }

    #[getter]
    fn found(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = shared(slf)?;
        Ok(this.envelope.as_deref().is_none_or(Envelope::is_found))
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
        visit.call(&self.doubt)?;
        visit.call(&self.state)
    }

    fn __clear__(&mut self) {
        self.doubt = None;
        self.state = None;
    }
}
