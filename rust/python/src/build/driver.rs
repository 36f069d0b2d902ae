//! The machine and the builder together: what `JsonParser` and `StateCore` share.

use std::convert::Infallible;
use std::mem;

use partialfast_core::json::{FeedError, JsonError, JsonErrorKind, Limits, Machine, NullSink};
use partialfast_core::lenient::{PlainSink, Repair};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyBaseException, PyException, PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::build::builder::Builder;
use crate::build::lenient::{Lenience, LenientSettings, is_of_token};
use crate::build::raw;
use crate::build::run::Run;
use crate::convert::input::Chunk;
use crate::errors::json_error;
use crate::ops::Dumping;
use crate::plan::Plan;
use crate::snapshot::frame::{Frame, Slot, Values};
use crate::snapshot::shown::Last;

pub struct Driver {
    machine: Machine,
    pub builder: Builder,
    /// What a feed failed with; every later one fails with it too. The exception itself and not a
    /// `PyErr`, so that the garbage collector sees it: its traceback leads to frames of the user's,
    /// which lead back here.
    failure: Option<Py<PyBaseException>>,
    gate: Gate,
    /// What was wrong with the text.
    pub wrong: Option<JsonError>,
    /// What reads in the machine's place, if reading is lenient.
    lenient: Option<Box<Lenience>>,
    /// Whether the caller saw what there is: a snapshot was handed out since the last chunk.
    pub seen: bool,
}

/// What the next chunk meets. It is one look for all that is not usual, so that strict reading does
/// not pay for lenient reading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// The machine.
    Strict,
    /// The lenient reader.
    Lenient,
    /// A chunk that is still being read: a panic ended that. The rest of that chunk is lost, so
    /// nothing can be read any more.
    Reading,
}

impl Driver {
    pub fn new(limits: Limits) -> Self {
        Self {
            machine: Machine::new(limits),
            builder: Builder::default(),
            failure: None,
            gate: Gate::Strict,
            wrong: None,
            lenient: None,
            seen: true,
        }
    }

    /// A driver that reads as `settings` say. `typed` says that there will be a type.
    pub fn with(limits: Limits, settings: Option<LenientSettings>, typed: bool) -> Self {
        let mut driver = Self::new(limits);
        if let Some(settings) = settings {
            driver.lenient = Some(Box::new(Lenience::new(settings, limits, typed)));
            driver.gate = Gate::Lenient;
        }
        driver
    }

    pub fn reset(&mut self) {
        self.machine.reset();
        self.builder.reset();
        self.failure = None;
        self.gate = Gate::Strict;
        self.wrong = None;
        if let Some(lenient) = &mut self.lenient {
            lenient.reset();
            self.gate = Gate::Lenient;
        }
        self.seen = true;
    }

    /// Read `chunk`.
    #[expect(clippy::inline_always, reason = "chunks are a few bytes long")]
    #[inline(always)]
    pub fn feed(&mut self, py: Python<'_>, plan: &Plan, chunk: Chunk<'_>) -> PyResult<()> {
        self.builder.cursor.begin_chunk(self.seen);
        self.seen = false;
        if let Some(failure) = &self.failure {
            // What comes after it is not kept: nothing would bound it.
            return Err(again(failure.bind(py)));
        }
        let gate = mem::replace(&mut self.gate, Gate::Reading);
        if gate != Gate::Strict {
            return self.read_leniently(py, plan, chunk.bytes(), gate);
        }
        let result = self.read(py, plan, chunk);
        self.gate = Gate::Strict;
        result
    }

    #[cold]
    fn read_leniently(
        &mut self,
        py: Python<'_>,
        plan: &Plan,
        bytes: &[u8],
        gate: Gate,
    ) -> PyResult<()> {
        let (Gate::Lenient, Some(lenient)) = (gate, &mut self.lenient) else {
            return Err(stopped());
        };
        lenient.keep(bytes, self.builder.raw.base);
        let mut run = Run {
            py,
            plan,
            st: &mut self.builder,
        };
        let result = lenient.reader.feed(bytes, &mut run);
        self.gate = Gate::Lenient;
        result.map(|_| ()).map_err(|error| self.fail(py, error))
    }

    /// The text goes on with a value that is known to be wrong: `path` is to lead to it.
    pub fn begin_wrong(&mut self, py: Python<'_>, plan: &Plan) -> PyResult<()> {
        let (None, Some(lenient)) = (&self.failure, &mut self.lenient) else {
            return Ok(());
        };
        let mut run = Run {
            py,
            plan,
            st: &mut self.builder,
        };
        let begun = lenient.reader.begin_wrong(&mut run);
        begun.map_err(|error| self.fail(py, error))
    }

    /// What was repaired so far.
    pub fn repairs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        match &self.lenient {
            Some(lenient) => lenient.repairs(py),
            None => Ok(PyList::empty(py)),
        }
    }

    /// The repairs themselves.
    pub fn repaired(&self) -> &[Repair] {
        match &self.lenient {
            Some(lenient) => lenient.reader.repairs(),
            None => &[],
        }
    }

    /// The text received so far, as far as it is kept.
    pub fn received(&self) -> &[u8] {
        match &self.lenient {
            Some(lenient) => &lenient.received,
            None => &self.builder.raw.bytes,
        }
    }

    /// Offset after the strict text that there is. Only with a type, which needs that text.
    pub fn strict_end(&self) -> u64 {
        let raw = &self.builder.raw;
        raw.base + raw.bytes.len() as u64
    }

    /// Read the strict text that `other`, which reads leniently, has got from `start` on. So what a
    /// type has a say in is the same for both.
    pub fn follow(
        &mut self,
        py: Python<'_>,
        plan: &Plan,
        other: &Self,
        start: u64,
    ) -> PyResult<()> {
        if let Some(failure) = &self.failure {
            return Err(again(failure.bind(py)));
        }
        let raw = &other.builder.raw;
        let text = raw.slice(start, other.strict_end());
        let mut run = Run {
            py,
            plan,
            st: &mut self.builder,
        };
        raw::replay(&raw.floats, &mut self.machine, text, start, &mut run)
            // What reads leniently gives numbers whole.
            .and_then(|()| self.machine.end_number(&mut run))
            .map_err(|error| self.fail(py, error))
    }

    fn read(&mut self, py: Python<'_>, plan: &Plan, chunk: Chunk<'_>) -> PyResult<()> {
        if self.builder.is_typed() {
            self.builder.raw.append(chunk.bytes());
        }
        let mut rest = chunk;
        while !rest.bytes().is_empty() {
            let mut run = Run {
                py,
                plan,
                st: &mut self.builder,
            };
            let fed = match rest {
                Chunk::Text(text) => self.machine.feed_text(text, &mut run),
                Chunk::Bytes(bytes) => self.machine.feed(bytes, &mut run),
            };
            match fed {
                Ok(fed) if fed.consumed == rest.bytes().len() => break,
                Ok(fed) => rest = rest.after(fed.consumed),
                Err(error) => return Err(self.fail(py, error)),
            }
        }
        Ok(())
    }

    /// End the text.
    pub fn finish(&mut self, py: Python<'_>, plan: &Plan) -> PyResult<()> {
        if let Some(failure) = &self.failure {
            return Err(again(failure.bind(py)));
        }
        if self.gate == Gate::Reading {
            return Err(stopped());
        }
        if self.builder.complete.done {
            return Ok(());
        }
        let mut run = Run {
            py,
            plan,
            st: &mut self.builder,
        };
        match &mut self.lenient {
            Some(lenient) => lenient.reader.finish(&mut run),
            None => self.machine.finish(&mut run),
        }
        .map_err(|error| self.fail(py, error))
    }

    /// The text has ended: give back what only reading needs. An answer may have a hundred thousand
    /// texts, each with a driver that is kept for what it says of its text.
    pub fn settle(&mut self) {
        self.builder.settle();
    }

    /// Keys and indices from the root to the value being written.
    pub fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.builder.cursor.path(py, self.is_in_scalar())
    }

    /// Whether the text stands inside a number or a literal, of which the builder knows nothing yet.
    fn is_in_scalar(&self) -> bool {
        match &self.lenient {
            Some(lenient) => lenient.reader.is_in_scalar(),
            None => self.machine.is_in_scalar(),
        }
    }

    fn fail(&mut self, py: Python<'_>, error: FeedError<PyErr>) -> PyErr {
        let error = match error {
            FeedError::Sink(error) => self.too_long(py, error),
            FeedError::Json(error) => {
                self.wrong = Some(error);
                let in_scalar = matches!(
                    error.kind,
                    JsonErrorKind::InvalidNumber
                        | JsonErrorKind::InvalidLiteral
                        | JsonErrorKind::NumberLimit
                );
                let in_scalar = in_scalar
                    || is_of_token(error.kind)
                    || (error.kind == JsonErrorKind::Truncated && self.is_in_scalar());
                let made = self
                    .builder
                    .cursor
                    .path(py, in_scalar)
                    .map_or_else(|problem| problem, |path| json_error(error, &path));
                if error.kind == JsonErrorKind::Truncated {
                    // More text may still come: only `finish` was too early.
                    return made;
                }
                made
            }
        };
        self.failure = Some(error.value(py).clone().unbind());
        error
    }

    /// `error`, which the builder failed with, or what it means.
    ///
    /// Without a type no code of the user's runs: a `ValueError` is `int()` refusing a number of
    /// more digits than the interpreter wants to read (`sys.set_int_max_str_digits`).
    fn too_long(&mut self, py: Python<'_>, error: PyErr) -> PyErr {
        if self.builder.is_typed() || !error.is_instance_of::<PyValueError>(py) {
            return error;
        }
        match self.builder.cursor.path(py, false) {
            Ok(path) => {
                // A machine that was stopped says where.
                let at = match &mut self.lenient {
                    Some(lenient) => lenient
                        .reader
                        .feed(&[], &mut PlainSink(&mut NullSink))
                        .err(),
                    None => self.machine.feed(&[], &mut NullSink).err(),
                };
                number_limit(at, error, &path)
            }
            Err(problem) => problem,
        }
    }

    pub fn snapshot(&mut self, py: Python<'_>, plan: &Plan) -> PyResult<Option<Py<PyAny>>> {
        Run {
            py,
            plan,
            st: &mut self.builder,
        }
        .snapshot()
    }

    /// Keep ops from now on. What is shown already is the first of them.
    pub fn begin_ops(&mut self, py: Python<'_>, plan: &Plan, dumping: Dumping) -> PyResult<()> {
        Run {
            py,
            plan,
            st: &mut self.builder,
        }
        .op_begin(dumping)
    }

    /// The ops since the last ones were taken.
    pub fn take_ops<'py>(&mut self, py: Python<'py>, plan: &Plan) -> PyResult<Bound<'py, PyList>> {
        let mut run = Run {
            py,
            plan,
            st: &mut self.builder,
        };
        PyList::new(py, run.op_take()?)
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let builder = &self.builder;
        builder
            .frames
            .iter()
            .try_for_each(|frame| visit_frame(frame, visit))?;
        visit.call(&self.failure)?;
        builder.cursor.visit(visit)?;
        visit.call(&builder.complete.value)?;
        if let Last::Value(value) = builder.shown.last() {
            visit.call(value)?;
        }
        if let Some(ops) = &builder.ops {
            ops.visit(visit)?;
        }
        builder
            .complete
            .items
            .iter()
            .try_for_each(|item| visit.call(item))?;
        builder.verdict.visit(visit)
    }

    pub fn clear(&mut self) {
        self.builder = Builder::default();
        self.failure = None;
    }
}

/// What to raise when a stream is used that failed with `failure`.
fn again(failure: &Bound<'_, PyBaseException>) -> PyErr {
    let py = failure.py();
    let error = PyErr::from_value(failure.clone().into_any());
    if failure.is_instance_of::<PyException>() {
        // Else each time would add an entry.
        error.set_traceback(py, None);
        return error;
    }
    // Such as `KeyboardInterrupt`, which the user did not ask for a second time.
    let stopped = stopped();
    stopped.set_cause(py, Some(error));
    stopped
}

#[cold]
fn stopped() -> PyErr {
    PyRuntimeError::new_err(
        "reading was stopped in the middle of a chunk and cannot go on; begin a new stream",
    )
}

/// `error`, raised by `int()` at the number where a machine stopped that says `at`, as an error of the
/// text.
pub fn number_limit(
    at: Option<FeedError<Infallible>>,
    error: PyErr,
    path: &Bound<'_, PyTuple>,
) -> PyErr {
    let Some(FeedError::Json(mut at)) = at else {
        return error;
    };
    at.kind = JsonErrorKind::NumberLimit;
    let made = json_error(at, path);
    made.set_cause(path.py(), Some(error));
    made
}

fn visit_frame(frame: &Frame, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    match &frame.values {
        Values::Items(items) => visit.call(items)?,
        Values::Map(dict) => visit.call(dict)?,
        Values::Object { dict, set, extra } => {
            visit.call(dict)?;
            visit.call(set)?;
            visit.call(extra)?;
        }
    }
    visit.call(&frame.child.key)?;
    if let Some(told) = &frame.told {
        told.visit(visit)?;
    }
    frame
        .log
        .iter()
        .try_for_each(|logged| visit.call(&logged.key))?;
    frame
        .slots
        .iter()
        .flatten()
        .try_for_each(|slot| visit_slot(slot, visit))
}

fn visit_slot(slot: &Slot, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    visit.call(&slot.object)?;
    visit.call(&slot.open)?;
    let Some(parts) = &slot.parts else {
        return Ok(());
    };
    visit.call(&parts.dict)?;
    visit.call(&parts.set)?;
    match &parts.extra {
        Some(extra) => visit.call(&extra.dict),
        None => Ok(()),
    }
}
