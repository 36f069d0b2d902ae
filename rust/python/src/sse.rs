//! `EventReader`: the bytes of an event stream as deltas, or straight to the parser.

use std::collections::VecDeque;

use partialfast_core::json::Span;
use partialfast_core::sse::{
    ChatChunk, ChatReader, DONE, EventLimits, EventMachine, ResponsesEvent, ResponsesReader,
};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyList, PyString};

use crate::errors::exclusive;
use crate::intake::Intake;

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
    Piece(String),
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
        loop {
            let (intake, piece) = {
                let mut this = exclusive(slf)?;
                if let Some(delta) = this.deltas.pop_front() {
                    return Ok(Some(delta.into_bound(py)));
                }
                match (this.read_event(py)?, &this.attached) {
                    (Found::End, _) => return Ok(None),
                    (Found::Piece(piece), Some(attached)) => (attached.intake.clone_ref(py), piece),
                    (Found::Piece(_) | Found::Deltas(_), _) => continue,
                }
            };
            if Intake::read(intake.bind(py), &piece)? {
                return Ok(Some(PyBool::new(py, true).to_owned().into_any()));
            }
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.deltas.iter().try_for_each(|delta| visit.call(delta))?;
        match &self.attached {
            Some(attached) => visit.call(&attached.intake),
            None => Ok(()),
        }
    }

    fn __clear__(&mut self) {
        self.deltas.clear();
        self.attached = None;
    }
}

impl EventReader {
    /// Reads one event of the block. Its deltas are then in `deltas`.
    fn read_event(&mut self, py: Python<'_>) -> PyResult<Found> {
        if self.over {
            self.block = None;
        }
        let Some((block, at)) = &mut self.block else {
            return Ok(Found::End);
        };
        let found = Deltas {
            list: PyList::empty(py),
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
                self.deltas.extend(found.list.iter().map(Bound::unbind));
                return Ok(Found::Deltas(true));
            }
        };
        let Some(data) = data else {
            self.block = None;
            return Ok(Found::End);
        };
        let attached = self.attached.as_ref();
        let event = match &mut self.api {
            Api::Chat { reader, known } => found.chat(reader, known, attached, data)?,
            Api::Responses { reader, commentary } => {
                found.responses(reader, commentary, attached, data)?
            }
        };
        if let Found::Deltas(last) = event {
            self.over = last;
            self.deltas.extend(found.list.iter().map(Bound::unbind));
        }
        Ok(event)
    }
}

impl Attached {
    /// The piece that a chunk has for this answer, if it says nothing else of interest.
    fn piece_of_chunk(&self, chunk: &ChatChunk) -> Option<String> {
        let mut choices = chunk.choices();
        let choice = choices.next()?;
        if choices.len() > 0
            || chunk.usage().is_some()
            || choice.index() != self.choice
            || present(choice.refusal()).is_some()
            || present(choice.finish_reason()).is_some()
        {
            return None;
        }
        let mut calls = choice.tool_calls();
        let Part::Call(index) = self.part else {
            let content = choice.content()?;
            return (calls.len() == 0).then(|| content.to_owned());
        };
        let call = calls.next()?;
        let ours = calls.len() == 0
            && present(choice.content()).is_none()
            // Without an index, it goes on with the newest call, which this one is.
            && (call.index.is_none() || call.index == index)
            && present(call.id).is_none()
            && present(call.name).is_none();
        ours.then(|| call.arguments.unwrap_or_default().to_owned())
    }

    /// The piece that an event has for this answer.
    fn piece_of_event(&self, event: &ResponsesEvent, commentary: &[u64]) -> Option<String> {
        let index = event.output_index();
        let ours = match (event.kind(), self.part) {
            (Some("response.output_text.delta"), Part::Content) => {
                index.is_none_or(|index| !commentary.contains(&index))
            }
            (Some("response.function_call_arguments.delta"), Part::Call(call)) => call == index,
            _ => false,
        };
        ours.then(|| event.delta().unwrap_or_default().to_owned())
    }
}

/// The deltas of one event: tuples, of which the first item says what they are.
struct Deltas<'py> {
    list: Bound<'py, PyList>,
}

/// Adds a tuple that begins with an interned name.
macro_rules! add {
    ($deltas:expr, $name:literal $(, $item:expr)*) => {{
        let py = $deltas.list.py();
        $deltas.list.append((intern!(py, $name), $($item),*))
    }};
}

impl<'py> Deltas<'py> {
    /// Reads one chunk.
    fn chat(
        &self,
        reader: &mut ChatReader,
        known: &mut bool,
        attached: Option<&Attached>,
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
            self.json(intern!(self.list.py(), "error_json"), data, error)?;
            return Ok(Found::Deltas(true));
        }
        if let Some(piece) = attached.and_then(|attached| attached.piece_of_chunk(chunk)) {
            return Ok(Found::Piece(piece));
        }
        // The first chunk of some servers has an empty id.
        if !*known && chunk.id().is_some_and(|id| !id.is_empty()) {
            *known = true;
            add!(self, "head", chunk.id(), chunk.model())?;
        }
        self.choices(chunk)?;
        if let Some(usage) = chunk.usage() {
            self.json(intern!(self.list.py(), "usage_json"), data, usage)?;
        }
        Ok(Found::Deltas(false))
    }

    fn choices(&self, chunk: &ChatChunk) -> PyResult<()> {
        for choice in chunk.choices() {
            let number = choice.index();
            if let Some(text) = present(choice.content()) {
                add!(self, "text", number, text)?;
            }
            if let Some(text) = present(choice.refusal()) {
                add!(self, "refusal", number, text)?;
            }
            for call in choice.tool_calls() {
                let (id, name) = (present(call.id), present(call.name));
                let arguments = call.arguments.unwrap_or_default();
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
        &self,
        reader: &mut ResponsesReader,
        commentary: &mut Vec<u64>,
        attached: Option<&Attached>,
        data: &str,
    ) -> PyResult<Found> {
        let event = match reader.read(data) {
            Ok(event) => event,
            Err(error) => {
                self.corrupt(&error.to_string())?;
                return Ok(Found::Deltas(true));
            }
        };
        if let Some(piece) =
            attached.and_then(|attached| attached.piece_of_event(event, commentary))
        {
            return Ok(Found::Piece(piece));
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
                add!(self, "refusal", 0, event.delta().unwrap_or_default())?;
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
                    self.json(intern!(self.list.py(), "error_json"), data, error)?;
                    return Ok(Found::Deltas(true));
                }
            }
        }
        Ok(Found::Deltas(false))
    }

    fn item(&self, event: &ResponsesEvent, commentary: &mut Vec<u64>) -> PyResult<()> {
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

    fn ending(&self, event: &ResponsesEvent, data: &str) -> PyResult<()> {
        let py = self.list.py();
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
    fn json(&self, name: &Bound<'py, PyString>, data: &str, span: Span) -> PyResult<()> {
        self.list.append((name, slice(data, span)))
    }

    fn corrupt(&self, why: &str) -> PyResult<()> {
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
