//! `EventReader`: the bytes of an event stream as deltas.

use partialfast_core::json::Span;
use partialfast_core::sse::{
    ChatChunk, ChatReader, DONE, EventLimits, EventMachine, ResponsesEvent, ResponsesReader,
};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

/// Documented in `_core.pyi`.
#[pyclass(module = "partialfast._core")]
pub struct EventReader {
    events: EventMachine,
    api: Api,
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
            over: false,
        })
    }

    #[pyo3(signature = (block, /))]
    fn feed<'py>(&mut self, block: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyList>> {
        let py = block.py();
        let found = Deltas {
            list: PyList::empty(py),
        };
        let mut rest = block.as_bytes();
        while !self.over {
            let event = match self.events.feed(rest) {
                Ok(fed) => {
                    rest = &rest[fed.consumed..];
                    fed.event
                }
                Err(error) => {
                    found.corrupt(&error.to_string())?;
                    self.over = true;
                    break;
                }
            };
            let Some(event) = event else { break };
            self.over = match &mut self.api {
                Api::Chat { reader, known } => found.chat(reader, known, event.data)?,
                Api::Responses { reader, commentary } => {
                    found.responses(reader, commentary, event.data)?
                }
            };
        }
        Ok(found.list)
    }
}

/// The deltas of one block: tuples, of which the first item says what they are.
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
    /// Adds what one chunk says. Whether it is the last of interest.
    fn chat(&self, reader: &mut ChatReader, known: &mut bool, data: &str) -> PyResult<bool> {
        if data.starts_with(DONE) {
            add!(self, "done")?;
            return Ok(true);
        }
        let chunk = match reader.read(data) {
            Ok(chunk) => chunk,
            Err(error) => {
                self.corrupt(&error.to_string())?;
                return Ok(true);
            }
        };
        if let Some(error) = chunk.error().filter(|error| says_something(data, *error)) {
            self.json(intern!(self.list.py(), "error_json"), data, error)?;
            return Ok(true);
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
        Ok(false)
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

    /// Adds what one event says. Whether it is the last of interest.
    fn responses(
        &self,
        reader: &mut ResponsesReader,
        commentary: &mut Vec<u64>,
        data: &str,
    ) -> PyResult<bool> {
        let event = match reader.read(data) {
            Ok(event) => event,
            Err(error) => {
                self.corrupt(&error.to_string())?;
                return Ok(true);
            }
        };
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
                return Ok(true);
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
                    return Ok(true);
                }
            }
        }
        Ok(false)
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
