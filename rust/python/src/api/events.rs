//! `EventReader`: the bytes of an event stream as deltas, or straight to the parser.

use std::collections::VecDeque;

use partialfast_core::providers::{self, AnyDialect, Fed, Stream};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes};

use crate::api::delta::Delta;
use crate::api::intake::Intake;
use crate::errors::exclusive;

/// Documented in `_core.pyi`.
#[pyclass(module = "partialfast._core")]
pub struct EventReader {
    stream: Stream,
    /// What was put and not read yet.
    input: Option<Input>,
    /// Deltas of the last event, the next one first.
    deltas: VecDeque<Delta>,
    attached: Option<Attached>,
    /// The piece that was found last, for the attached answer; kept for its memory.
    piece: String,
    /// What the iteration stopped at, to be raised by `pull`. The exception itself and not a
    /// `PyErr`, so that the garbage collector sees it.
    failure: Option<Py<PyBaseException>>,
    /// What the iteration gave last.
    last: Option<Py<PyAny>>,
}

/// What was put.
enum Input {
    /// Bytes of the body, from this place on.
    Block(Py<PyBytes>, usize),
    /// One event.
    Event(String, String),
    /// The end of the body.
    End,
}

/// The answer whose pieces need no delta.
struct Attached {
    intake: Py<Intake>,
    choice: u64,
    part: providers::Part,
}

/// What was found next.
enum Found {
    /// The input is at its end.
    End,
    /// Deltas, or nothing.
    Deltas,
    /// A piece for the attached answer, and maybe deltas that come after it.
    Piece,
}

/// What a piece of the attached answer brought.
enum News {
    /// There is no more of it in the input; deltas may wait.
    None,
    /// There is a new snapshot or an item; the snapshot is here where there are snapshots.
    Some(Option<Py<PyAny>>),
}

#[pymethods]
impl EventReader {
    #[new]
    #[pyo3(signature = (dialect, /))]
    fn new(dialect: &str) -> PyResult<Self> {
        let Some(dialect) = AnyDialect::named(dialect) else {
            return Err(PyValueError::new_err(format!(
                "{dialect:?} is no dialect: use one of {}",
                AnyDialect::NAMES.join(", ")
            )));
        };
        Ok(Self {
            stream: Stream::new(dialect),
            input: None,
            deltas: VecDeque::new(),
            attached: None,
            piece: String::new(),
            failure: None,
            last: None,
        })
    }

    #[pyo3(signature = (block, /))]
    fn put(slf: &Bound<'_, Self>, block: Py<PyBytes>) -> PyResult<()> {
        exclusive(slf)?.take(Input::Block(block, 0))
    }

    #[pyo3(signature = (name, json, /))]
    fn put_event(slf: &Bound<'_, Self>, name: String, json: String) -> PyResult<()> {
        exclusive(slf)?.take(Input::Event(name, json))
    }

    fn put_end(slf: &Bound<'_, Self>) -> PyResult<()> {
        exclusive(slf)?.take(Input::End)
    }

    #[pyo3(signature = (intake, /, *, choice, call))]
    fn attach(
        slf: &Bound<'_, Self>,
        intake: Py<Intake>,
        choice: u64,
        call: Option<u64>,
    ) -> PyResult<()> {
        let attached = Attached {
            intake,
            choice,
            part: call.map_or(providers::Part::Text, providers::Part::Call),
        };
        // What is dropped may run code of the user's, which may come back here.
        let before = exclusive(slf)?.attached.replace(attached);
        drop(before);
        Ok(())
    }

    fn detach(slf: &Bound<'_, Self>) -> PyResult<()> {
        let before = exclusive(slf)?.attached.take();
        drop(before);
        Ok(())
    }

    fn pull<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        if let Some(failure) = exclusive(slf)?.failure.take() {
            return Err(PyErr::from_value(failure.into_bound(py).into_any()));
        }
        if let News::Some(_) = Self::read_attached(slf)? {
            return Ok(Some(PyBool::new(py, true).to_owned().into_any()));
        }
        let delta = exclusive(slf)?.deltas.pop_front();
        delta
            .map(|delta| delta.into_pyobject(py).map(Bound::into_any))
            .transpose()
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// An error ends the iteration, as everything does that is not a snapshot: the caller has one
    /// place to deal with it.
    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let py = slf.py();
        if exclusive(slf)?.failure.is_some() {
            return Ok(None);
        }
        let snapshot = match Self::read_attached(slf) {
            Ok(News::Some(snapshot)) => snapshot,
            Ok(News::None) => None,
            Err(error) => {
                exclusive(slf)?.failure = Some(error.into_value(py));
                None
            }
        };
        if let Some(snapshot) = &snapshot {
            exclusive(slf)?.last = Some(snapshot.clone_ref(py));
        }
        Ok(snapshot)
    }

    #[getter]
    fn last(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let this = exclusive(slf)?;
        Ok(this.last.as_ref().map(|last| last.clone_ref(slf.py())))
    }

    fn forget_last(slf: &Bound<'_, Self>) -> PyResult<()> {
        // What is dropped may run code of the user's, which may come back here.
        let forgotten = exclusive(slf)?.last.take();
        drop(forgotten);
        Ok(())
    }

    fn stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        let dropped = {
            let mut this = exclusive(slf)?;
            this.stream.stop();
            this.deltas.clear();
            (this.input.take(), this.failure.take())
        };
        drop(dropped);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.failure)?;
        visit.call(&self.last)?;
        match &self.attached {
            Some(attached) => visit.call(&attached.intake),
            None => Ok(()),
        }
    }

    fn __clear__(&mut self) {
        self.failure = None;
        self.last = None;
        self.attached = None;
    }
}

impl EventReader {
    /// Reads on, as long as there is nothing but pieces of the attached answer, up to news of it.
    fn read_attached(slf: &Bound<'_, Self>) -> PyResult<News> {
        let py = slf.py();
        loop {
            let (intake, piece) = {
                let mut this = exclusive(slf)?;
                if !this.deltas.is_empty() {
                    return Ok(News::None);
                }
                match (this.read_event(py), &this.attached) {
                    (Found::End, _) => return Ok(News::None),
                    (Found::Piece, Some(attached)) => {
                        let intake = attached.intake.clone_ref(py);
                        (intake, std::mem::take(&mut this.piece))
                    }
                    (Found::Piece | Found::Deltas, _) => continue,
                }
            };
            // Not borrowed any more when validators run: they may look at the stream.
            let read = Intake::read(intake.bind(py), &piece);
            exclusive(slf)?.piece = piece;
            let read = read?;
            if read.news {
                return Ok(News::Some(read.snapshot));
            }
        }
    }

    fn take(&mut self, input: Input) -> PyResult<()> {
        if self.input.is_some() {
            return Err(PyRuntimeError::new_err(
                "what was put before this was not read to its end",
            ));
        }
        self.input = Some(input);
        Ok(())
    }

    /// Reads one event. Its deltas are then in `deltas`, what it has for the attached answer before
    /// them in `piece`.
    fn read_event(&mut self, py: Python<'_>) -> Found {
        let Self {
            stream,
            input,
            deltas,
            attached,
            piece,
            ..
        } = self;
        piece.clear();
        let mut sink = |delta: providers::Delta<'_>| {
            if let (Some(to), providers::Delta::Piece { choice, part, text }) = (&attached, &delta)
                && (to.choice, to.part) == (*choice, *part)
                && deltas.is_empty()
            {
                piece.push_str(text);
            } else {
                deltas.extend(Delta::of(&delta));
            }
        };
        match input {
            None => return Found::End,
            Some(Input::Block(block, at)) => {
                let bytes = &block.as_bytes(py)[*at..];
                match stream.feed(bytes, &mut sink) {
                    Fed::Event(consumed) => *at += consumed,
                    Fed::All => *input = None,
                }
            }
            Some(Input::Event(name, data)) => {
                stream.event(name, data, &mut sink);
                *input = None;
            }
            Some(Input::End) => {
                stream.end(&mut sink);
                *input = None;
            }
        }
        if piece.is_empty() {
            Found::Deltas
        } else {
            Found::Piece
        }
    }
}
