//! `EventReader`: the bytes of an event stream as deltas, or straight to the parser.

use std::collections::VecDeque;

use partialfast_core::providers::{self, AnyDialect, BodyReader, Fed};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes};

use crate::api::delta::Delta;
use crate::api::text_reader::TextReader;
use crate::errors::exclusive;

/// Documented in `_core.pyi`.
#[pyclass(module = "partialfast._core")]
pub struct EventReader {
    /// `None` where there is nothing but deltas to come.
    stream: Option<BodyReader>,
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
    /// What was handed out last, by the iteration or by whoever set it.
    last: Option<Py<PyAny>>,
    /// How many deltas have said what the model writes.
    progress: u64,
}

/// What was put.
enum Input {
    /// Bytes of the body, from this place on.
    Block(Py<PyBytes>, usize),
    /// One event.
    Event(String, String),
    /// What a provider has read itself.
    Delta(Delta),
    /// The end of the body.
    End,
}

/// The answer whose pieces need no delta.
struct Attached {
    reader: Py<TextReader>,
    choice: u64,
    part: providers::Part,
    /// All that a block has for it is read as one piece.
    by_block: bool,
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
    fn new(dialect: Option<&str>) -> PyResult<Self> {
        let stream = match dialect.map(|name| (name, AnyDialect::named(name))) {
            None => None,
            Some((_, Some(dialect))) => Some(BodyReader::new(dialect)),
            Some((name, None)) => {
                return Err(PyValueError::new_err(format!(
                    "{name:?} is not a dialect: use one of {}",
                    AnyDialect::NAMES.join(", ")
                )));
            }
        };
        Ok(Self {
            stream,
            input: None,
            deltas: VecDeque::new(),
            attached: None,
            piece: String::new(),
            failure: None,
            last: None,
            progress: 0,
        })
    }

    #[pyo3(signature = (block, /))]
    fn put(slf: &Bound<'_, Self>, block: Py<PyBytes>) -> PyResult<()> {
        exclusive(slf)?.take_read(Input::Block(block, 0))
    }

    #[pyo3(signature = (name, json, /))]
    fn put_event(slf: &Bound<'_, Self>, name: String, json: String) -> PyResult<()> {
        exclusive(slf)?.take_read(Input::Event(name, json))
    }

    #[pyo3(signature = (delta, /))]
    fn put_delta(slf: &Bound<'_, Self>, delta: &Bound<'_, Delta>) -> PyResult<()> {
        let delta = delta.get().clone();
        exclusive(slf)?.take(Input::Delta(delta))
    }

    fn put_end(slf: &Bound<'_, Self>) -> PyResult<()> {
        exclusive(slf)?.take(Input::End)
    }

    #[pyo3(signature = (reader, /, *, choice, call, by_block))]
    fn attach(
        slf: &Bound<'_, Self>,
        reader: Py<TextReader>,
        choice: u64,
        call: Option<u64>,
        by_block: bool,
    ) -> PyResult<()> {
        let attached = Attached {
            reader,
            choice,
            part: call.map_or(providers::Part::Text, providers::Part::Call),
            by_block,
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

    #[setter]
    fn set_last(slf: &Bound<'_, Self>, handed: Py<PyAny>) -> PyResult<()> {
        // What is dropped may run code of the user's, which may come back here.
        let before = exclusive(slf)?.last.replace(handed);
        drop(before);
        Ok(())
    }

    #[getter]
    fn progress(slf: &Bound<'_, Self>) -> PyResult<u64> {
        Ok(exclusive(slf)?.progress)
    }

    fn stop(slf: &Bound<'_, Self>) -> PyResult<()> {
        let dropped = {
            let mut this = exclusive(slf)?;
            if let Some(stream) = &mut this.stream {
                stream.stop();
            }
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
            Some(attached) => visit.call(&attached.reader),
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
            let (reader, piece) = {
                let mut this = exclusive(slf)?;
                if !this.deltas.is_empty() {
                    return Ok(News::None);
                }
                match (this.read_piece(py), &this.attached) {
                    (Found::End, _) => return Ok(News::None),
                    (Found::Piece, Some(attached)) => {
                        let reader = attached.reader.clone_ref(py);
                        (reader, std::mem::take(&mut this.piece))
                    }
                    (Found::Piece | Found::Deltas, _) => continue,
                }
            };
            // Not borrowed any more when validators run: they may look at the stream.
            let read = TextReader::read(reader.bind(py), &piece);
            exclusive(slf)?.piece = piece;
            let read = read?;
            if read.news {
                return Ok(News::Some(read.snapshot));
            }
        }
    }

    fn take_read(&mut self, input: Input) -> PyResult<()> {
        if self.stream.is_none() {
            return Err(PyValueError::new_err(
                "a reader without a dialect takes nothing but deltas",
            ));
        }
        self.take(input)
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

    /// Reads the next event, or as many as may be read as one piece.
    fn read_piece(&mut self, py: Python<'_>) -> Found {
        self.piece.clear();
        let by_block = self.attached.as_ref().is_some_and(|to| to.by_block);
        loop {
            let found = self.read_event(py);
            let ends = !self.deltas.is_empty() || matches!(found, Found::End);
            if ends && !self.piece.is_empty() {
                return Found::Piece;
            }
            if ends || !by_block {
                return found;
            }
        }
    }

    /// Reads one event. Its deltas are then in `deltas`; what it has for the attached answer before
    /// them is appended to `piece`.
    fn read_event(&mut self, py: Python<'_>) -> Found {
        let Self {
            stream,
            input,
            deltas,
            attached,
            piece,
            progress,
            ..
        } = self;
        let before = piece.len();
        if let Some(Input::Delta(delta)) = input.take_if(|input| matches!(input, Input::Delta(_))) {
            *progress += u64::from(delta.is_written());
            match (attached, &delta) {
                (
                    Some(to),
                    Delta::Piece {
                        choice,
                        part,
                        call,
                        text,
                    },
                ) if to.choice == *choice && to.part == part.of_core(*call) => {
                    piece.push_str(text);
                }
                _ => deltas.push_back(delta),
            }
            return if piece.len() == before {
                Found::Deltas
            } else {
                Found::Piece
            };
        }
        let mut sink = |delta: providers::Delta<'_>| {
            *progress += u64::from(is_written(&delta));
            if let (Some(to), providers::Delta::Piece { choice, part, text }) = (&attached, &delta)
                && (to.choice, to.part) == (*choice, *part)
                && deltas.is_empty()
            {
                piece.push_str(text);
            } else {
                deltas.extend(Delta::of(&delta));
            }
        };
        match (&mut *input, stream) {
            (None, _) => return Found::End,
            (Some(Input::Block(block, at)), Some(stream)) => {
                let bytes = &block.as_bytes(py)[*at..];
                match stream.feed(bytes, &mut sink) {
                    Fed::Event(consumed) => *at += consumed,
                    Fed::All => *input = None,
                }
            }
            (Some(Input::Event(name, data)), Some(stream)) => {
                stream.event(name, data, &mut sink);
                *input = None;
            }
            (Some(Input::End), Some(stream)) => {
                stream.end(&mut sink);
                *input = None;
            }
            // Read above; and there is nothing to read with: `take_read` lets nothing in.
            (Some(Input::Delta(_)), _) | (Some(_), None) => *input = None,
        }
        if piece.len() == before {
            Found::Deltas
        } else {
            Found::Piece
        }
    }
}

/// Whether a delta says what the model writes, and not something about it.
fn is_written(delta: &providers::Delta<'_>) -> bool {
    // Not that a call begins: where it is forced, the server says so before the model has begun.
    matches!(
        delta,
        providers::Delta::Piece { .. } | providers::Delta::Whole { .. }
    )
}
