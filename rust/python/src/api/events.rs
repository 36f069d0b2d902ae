//! `EventReader`: the bytes of an event stream as deltas, or straight to the parser.

use std::collections::VecDeque;

use partialfast_core::json::Span;
use partialfast_core::providers::{ChatChunk, ChatReader, DONE, ResponsesEvent, ResponsesReader};
use partialfast_core::sse::{EventLimits, EventMachine};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyString, PyTuple};

use crate::api::intake::Intake;
use crate::errors::exclusive;

/// Documented in `_core.pyi`.
#[pyclass(module = "partialfast._core")]
pub struct EventReader {
    events: EventMachine,
    api: Api,
    /// What was put and not read yet: the bytes behind this place in them.
    block: Option<(Py<PyBytes>, usize)>,
    /// Deltas of the last event, the next one first.
    deltas: VecDeque<Py<PyAny>>,
    attached: Option<Attached>,
    /// The piece that was found last, for the attached answer; kept for its memory.
    piece: String,
    /// What the iteration stopped at, to be raised by `pull`. The exception itself and not a
    /// `PyErr`, so that the garbage collector sees it.
    failure: Option<Py<PyBaseException>>,
    /// What the iteration gave last.
    last: Option<Py<PyAny>>,
    /// Nothing of interest follows.
    over: bool,
}

enum Api {
    Chat {
        reader: Box<ChatReader>,
        /// The identity was reported.
        known: bool,
    },
    Responses {
        reader: Box<ResponsesReader>,
        /// Output items that are remarks on the way to the answer.
        commentary: Vec<u64>,
    },
}

/// The answer whose pieces need no delta.
struct Attached {
    intake: Py<Intake>,
    choice: u64,
    part: Part,
}

/// What part of a message an answer is.
#[derive(Clone, Copy)]
enum Part {
    Content,
    /// The arguments of a function call, with its index where the server sends one.
    Call(Option<u64>),
}

/// What was found next in the block.
enum Found {
    /// Its end.
    End,
    /// Deltas, or nothing; whether the event is the last of interest.
    Deltas(bool),
    /// A piece for the attached answer.
    Piece,
}

/// What a piece of the attached answer brought.
enum News {
    /// There is no more of it in the block; deltas may wait.
    None,
    /// There is a new snapshot or an item; the snapshot is here where there are snapshots.
    Some(Option<Py<PyAny>>),
}

#[pymethods]
impl EventReader {
    #[new]
    #[pyo3(signature = (api, /))]
    fn new(api: &str) -> PyResult<Self> {
        let api = match api {
            "chat" => Api::Chat {
                reader: Box::default(),
                known: false,
            },
            "responses" => Api::Responses {
                reader: Box::default(),
                commentary: Vec::new(),
            },
            _ => return Err(PyValueError::new_err("api must be 'chat' or 'responses'")),
        };
        Ok(Self {
            events: EventMachine::new(EventLimits::default()),
            api,
            block: None,
            deltas: VecDeque::new(),
            attached: None,
            piece: String::new(),
            failure: None,
            last: None,
            over: false,
        })
    }

    #[pyo3(signature = (block, /))]
    fn put(slf: &Bound<'_, Self>, block: Py<PyBytes>) -> PyResult<()> {
        let mut this = exclusive(slf)?;
        if this.block.is_some() {
            return Err(PyRuntimeError::new_err(
                "the block before this one was not read to its end",
            ));
        }
        this.block = Some((block, 0));
        Ok(())
    }

    #[pyo3(signature = (intake, /, *, choice, call))]
    fn attach(
        slf: &Bound<'_, Self>,
        intake: Py<Intake>,
        choice: u64,
        call: Option<(Option<u64>,)>,
    ) -> PyResult<()> {
        exclusive(slf)?.attached = Some(Attached {
            intake,
            choice,
            part: call.map_or(Part::Content, |(index,)| Part::Call(index)),
        });
        Ok(())
    }

    fn detach(slf: &Bound<'_, Self>) -> PyResult<()> {
        exclusive(slf)?.attached = None;
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
        Ok(delta.map(|delta| delta.into_bound(py)))
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
            this.over = true;
            this.block = None;
            (std::mem::take(&mut this.deltas), this.failure.take())
        };
        drop(dropped);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.deltas.iter().try_for_each(|delta| visit.call(delta))?;
        visit.call(&self.failure)?;
        visit.call(&self.last)?;
        match &self.attached {
            Some(attached) => visit.call(&attached.intake),
            None => Ok(()),
        }
    }

    fn __clear__(&mut self) {
        self.deltas.clear();
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
                match (this.read_event(py)?, &this.attached) {
                    (Found::End, _) => return Ok(News::None),
                    (Found::Piece, Some(attached)) => {
                        let intake = attached.intake.clone_ref(py);
                        (intake, std::mem::take(&mut this.piece))
                    }
                    (Found::Piece | Found::Deltas(_), _) => continue,
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

    /// Reads one event of the block. Its deltas are then in `deltas`.
    fn read_event(&mut self, py: Python<'_>) -> PyResult<Found> {
        if self.over {
            self.block = None;
        }
        let Some((block, at)) = &mut self.block else {
            return Ok(Found::End);
        };
        let mut found = Deltas {
            py,
            queue: &mut self.deltas,
        };
        let block = block.bind(py).clone();
        let data = match self.events.feed(&block.as_bytes()[*at..]) {
            Ok(fed) => {
                *at += fed.consumed;
                fed.event.map(|event| event.data)
            }
            Err(error) => {
                found.corrupt(&error.to_string())?;
                self.over = true;
                return Ok(Found::Deltas(true));
            }
        };
        let Some(data) = data else {
            self.block = None;
            return Ok(Found::End);
        };
        let for_attached = self.attached.as_ref().map(|to| (to, &mut self.piece));
        let event = match &mut self.api {
            Api::Chat { reader, known } => found.chat(reader, known, for_attached, data)?,
            Api::Responses { reader, commentary } => {
                found.responses(reader, commentary, for_attached, data)?
            }
        };
        if let Found::Deltas(last) = event {
            self.over = last;
        }
        Ok(event)
    }
}

impl Attached {
    /// The piece that a chunk has for this answer, if it says nothing else of interest.
    fn piece_of_chunk<'a>(&self, chunk: &'a ChatChunk) -> Option<&'a str> {
        let mut choices = chunk.choices();
        let choice = choices.next()?;
        if choices.len() > 0
            || chunk.usage().is_some()
            || choice.index() != self.choice
            || present(choice.refusal()).is_some()
            || present(choice.reasoning()).is_some()
            || present(choice.finish_reason()).is_some()
        {
            return None;
        }
        let mut calls = choice.tool_calls();
        let Part::Call(index) = self.part else {
            let content = choice.content()?;
            return (calls.len() == 0).then_some(content);
        };
        let call = calls.next()?;
        let ours = calls.len() == 0
            && present(choice.content()).is_none()
            // Without an index, it goes on with the newest call, which this one is.
            && (call.index.is_none() || call.index == index)
            && call.arguments_json.is_none()
            && present(call.id).is_none()
            && present(call.name).is_none();
        ours.then_some(call.arguments.unwrap_or_default())
    }

    /// The piece that an event has for this answer.
    fn piece_of_event<'a>(&self, event: &'a ResponsesEvent, commentary: &[u64]) -> Option<&'a str> {
        let index = event.output_index();
        let ours = match (event.kind(), self.part) {
            (Some("response.output_text.delta"), Part::Content) => {
                index.is_none_or(|index| !commentary.contains(&index))
            }
            (Some("response.function_call_arguments.delta"), Part::Call(call)) => call == index,
            _ => false,
        };
        ours.then_some(event.delta().unwrap_or_default())
    }
}

/// Where a piece for the attached answer goes, and whose it is.
type ForAttached<'a> = Option<(&'a Attached, &'a mut String)>;

/// The deltas of one event: tuples, of which the first item says what they are.
struct Deltas<'a, 'py> {
    py: Python<'py>,
    queue: &'a mut VecDeque<Py<PyAny>>,
}

/// Adds a tuple that begins with an interned name.
macro_rules! add {
    ($deltas:expr, $name:literal $(, $item:expr)*) => {{
        let py = $deltas.py;
        $deltas.add((intern!(py, $name), $($item),*))
    }};
}

impl<'py> Deltas<'_, 'py> {
    fn add<D>(&mut self, delta: D) -> PyResult<()>
    where
        D: IntoPyObject<'py, Output = Bound<'py, PyTuple>, Error = PyErr>,
    {
        let delta = delta.into_pyobject(self.py)?;
        self.queue.push_back(delta.into_any().unbind());
        Ok(())
    }

    /// Reads one chunk.
    fn chat(
        &mut self,
        reader: &mut ChatReader,
        known: &mut bool,
        attached: ForAttached<'_>,
        data: &str,
    ) -> PyResult<Found> {
        if data.starts_with(DONE) {
            add!(self, "done")?;
            return Ok(Found::Deltas(true));
        }
        let chunk = match reader.read(data) {
            Ok(chunk) => chunk,
            Err(error) => {
                self.corrupt(&error.to_string())?;
                return Ok(Found::Deltas(true));
            }
        };
        if let Some(error) = chunk.error().filter(|error| says_something(data, *error)) {
            self.json(intern!(self.py, "error_json"), data, error)?;
            return Ok(Found::Deltas(true));
        }
        if let Some((attached, to)) = attached
            && let Some(piece) = attached.piece_of_chunk(chunk)
        {
            piece.clone_into(to);
            return Ok(Found::Piece);
        }
        // The first chunk of some servers has an empty id.
        if !*known && chunk.id().is_some_and(|id| !id.is_empty()) {
            *known = true;
            add!(self, "head", chunk.id(), chunk.model())?;
        }
        self.choices(chunk, data)?;
        if let Some(usage) = chunk.usage() {
            self.json(intern!(self.py, "usage_json"), data, usage)?;
        }
        Ok(Found::Deltas(false))
    }

    fn choices(&mut self, chunk: &ChatChunk, data: &str) -> PyResult<()> {
        for choice in chunk.choices() {
            let number = choice.index();
            if let Some(text) = present(choice.reasoning()) {
                add!(self, "reasoning", number, text)?;
            }
            if let Some(text) = present(choice.content()) {
                add!(self, "text", number, text)?;
            }
            if let Some(text) = present(choice.refusal()) {
                add!(self, "refusal", number, text)?;
            }
            for call in choice.tool_calls() {
                let (id, name) = (present(call.id), present(call.name));
                let json = call.arguments_json.map(|span| slice(data, span));
                let arguments = json.or(call.arguments).unwrap_or_default();
                add!(self, "call", number, call.index, id, name, arguments)?;
            }
            if let Some(reason) = present(choice.finish_reason()) {
                add!(self, "finish", number, reason)?;
            }
        }
        Ok(())
    }

    /// Reads one event.
    fn responses(
        &mut self,
        reader: &mut ResponsesReader,
        commentary: &mut Vec<u64>,
        attached: ForAttached<'_>,
        data: &str,
    ) -> PyResult<Found> {
        let event = match reader.read(data) {
            Ok(event) => event,
            Err(error) => {
                self.corrupt(&error.to_string())?;
                return Ok(Found::Deltas(true));
            }
        };
        if let Some((attached, to)) = attached
            && let Some(piece) = attached.piece_of_event(event, commentary)
        {
            piece.clone_into(to);
            return Ok(Found::Piece);
        }
        let index = event.output_index();
        match event.kind().unwrap_or_default() {
            "response.output_text.delta" => {
                let spoken = index.is_none_or(|index| !commentary.contains(&index));
                if let Some(text) = present(event.delta()).filter(|_| spoken) {
                    add!(self, "text", 0, text)?;
                }
            }
            "response.function_call_arguments.delta" => {
                let nothing = None::<&str>;
                let arguments = event.delta().unwrap_or_default();
                add!(self, "call", 0, index, nothing, nothing, arguments)?;
            }
            "response.output_item.added" => self.item(event, commentary)?,
            "response.refusal.delta" => {
                if let Some(text) = present(event.delta()) {
                    add!(self, "refusal", 0, text)?;
                }
            }
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                if let Some(text) = present(event.delta()) {
                    add!(self, "reasoning", 0, text)?;
                }
            }
            // What deltas have brought already, unless the server sends none.
            "response.output_text.done" => {
                let spoken = index.is_none_or(|index| !commentary.contains(&index));
                if let Some(text) = present(event.text()).filter(|_| spoken) {
                    add!(self, "whole_text", 0, text)?;
                }
            }
            "response.refusal.done" => {
                if let Some(text) = present(event.refusal()) {
                    add!(self, "whole_refusal", 0, text)?;
                }
            }
            "response.function_call_arguments.done" => {
                let nothing = None::<&str>;
                let arguments = event.arguments().unwrap_or_default();
                add!(self, "whole_call", 0, index, nothing, nothing, arguments)?;
            }
            "response.output_item.done" if event.item_type() == Some("function_call") => {
                let (id, name) = (present(event.item_call_id()), present(event.item_name()));
                let arguments = event.item_arguments().unwrap_or_default();
                add!(self, "whole_call", 0, index, id, name, arguments)?;
            }
            "response.created" => add!(self, "head", event.response_id(), event.response_model())?,
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.ending(event, data)?;
                return Ok(Found::Deltas(true));
            }
            kind => {
                // A proxy nests the error object; the API itself does not.
                let nested = event.error().filter(|error| says_something(data, *error));
                let whole = Span {
                    start: 0,
                    end: data.len() as u64,
                };
                if let Some(error) = nested.or((kind == "error").then_some(whole)) {
                    self.json(intern!(self.py, "error_json"), data, error)?;
                    return Ok(Found::Deltas(true));
                }
            }
        }
        Ok(Found::Deltas(false))
    }

    fn item(&mut self, event: &ResponsesEvent, commentary: &mut Vec<u64>) -> PyResult<()> {
        let index = event.output_index();
        match event.item_type() {
            Some("message") if event.item_phase() == Some("commentary") => commentary.extend(index),
            Some("function_call") => {
                let (id, name) = (present(event.item_call_id()), present(event.item_name()));
                add!(self, "call", 0, index, id, name, "")?;
            }
            _ => {}
        }
        Ok(())
    }

    fn ending(&mut self, event: &ResponsesEvent, data: &str) -> PyResult<()> {
        let py = self.py;
        if let Some(usage) = event.usage() {
            self.json(intern!(py, "usage_json"), data, usage)?;
        }
        let status = event.response_status();
        let reason = event.incomplete_reason();
        let incomplete = status == Some("incomplete") && reason.is_some();
        add!(self, "finish", 0, if incomplete { reason } else { status })?;
        if status == Some("failed") {
            match event.error() {
                Some(error) => self.json(intern!(py, "error_json"), data, error)?,
                None => add!(self, "error", py.None())?,
            }
        }
        add!(self, "done")
    }

    /// Adds a part of the data as it stands.
    fn json(&mut self, name: &Bound<'py, PyString>, data: &str, span: Span) -> PyResult<()> {
        self.add((name, slice(data, span)))
    }

    fn corrupt(&mut self, why: &str) -> PyResult<()> {
        add!(self, "corrupt", why)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it is a place in the data, which is in memory"
)]
fn slice(data: &str, span: Span) -> &str {
    &data[span.start as usize..span.end as usize]
}

/// Whether an error is one: servers write `null` and other empty values where there is none.
fn says_something(data: &str, error: Span) -> bool {
    !matches!(slice(data, error), "{}" | "[]" | "\"\"" | "false" | "0")
}

/// What is not there, or is empty, is not reported.
fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
