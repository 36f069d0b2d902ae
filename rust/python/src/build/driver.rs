//! The machine and the builder together: what `JsonParser` and `StateCore` share.

use std::mem;

use partialfast_core::json::{FeedError, JsonErrorKind, Limits, Machine, NullSink};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyBaseException, PyException, PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::build::builder::{Builder, Shown};
use crate::build::run::Run;
use crate::errors::json_error;
use crate::ops::Dumping;
use crate::plan::Plan;
use crate::snapshot::frame::{Frame, Open, Slot, Values};

pub struct Driver {
    machine: Machine,
    pub builder: Builder,
    /// What a feed failed with; every later one fails with it too. The exception itself and not a
    /// `PyErr`, so that the garbage collector sees it: its traceback leads to frames of the user's,
    /// which lead back here.
    failure: Option<Py<PyBaseException>>,
    /// Whether a chunk is being read. Where one still is when the next comes, a panic ended it: the
    /// rest of that chunk is lost, so nothing can be read any more.
    reading: bool,
    /// Whether the caller saw what there is: a snapshot was handed out since the last chunk.
    pub seen: bool,
}

impl Driver {
    pub fn new(limits: Limits) -> Self {
        Self {
            machine: Machine::new(limits),
            builder: Builder::default(),
            failure: None,
            reading: false,
            seen: true,
        }
    }

    pub fn reset(&mut self) {
        self.machine.reset();
        self.builder.reset();
        self.failure = None;
        self.reading = false;
        self.seen = true;
    }

    /// Read `bytes`.
    pub fn feed(&mut self, py: Python<'_>, plan: &Plan, bytes: &[u8]) -> PyResult<()> {
        self.builder.place.begin_chunk(self.seen);
        self.seen = false;
        if let Some(failure) = &self.failure {
            // What comes behind it is not kept: nothing would bound it.
            return Err(again(failure.bind(py)));
        }
        if mem::replace(&mut self.reading, true) {
            return Err(stopped());
        }
        let result = self.read(py, plan, bytes);
        self.reading = false;
        result
    }

    fn read(&mut self, py: Python<'_>, plan: &Plan, bytes: &[u8]) -> PyResult<()> {
        if self.builder.is_typed() {
            self.builder.raw.append(bytes);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut run = Run {
                py,
                plan,
                st: &mut self.builder,
            };
            match self.machine.feed(rest, &mut run) {
                Ok(fed) => rest = &rest[fed.consumed..],
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
        if self.reading {
            return Err(stopped());
        }
        if self.builder.done {
            return Ok(());
        }
        let mut run = Run {
            py,
            plan,
            st: &mut self.builder,
        };
        self.machine
            .finish(&mut run)
            .map_err(|error| self.fail(py, error))
    }

    /// Keys and indices from the root to the value being written.
    pub fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.builder.place.path(py, self.machine.is_in_scalar())
    }

    fn fail(&mut self, py: Python<'_>, error: FeedError<PyErr>) -> PyErr {
        let error = match error {
            FeedError::Sink(error) => self.too_long(py, error),
            FeedError::Json(error) => {
                let in_scalar = matches!(
                    error.kind,
                    JsonErrorKind::InvalidNumber
                        | JsonErrorKind::InvalidLiteral
                        | JsonErrorKind::NumberLimit
                );
                let in_scalar = in_scalar
                    || (error.kind == JsonErrorKind::Truncated && self.machine.is_in_scalar());
                let made = self
                    .builder
                    .place
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
        match self.builder.place.path(py, false) {
            Ok(path) => number_limit(&mut self.machine, error, &path),
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
        builder.place.visit(visit)?;
        visit.call(&builder.result)?;
        if let Shown::Value(value) = &builder.shown {
            visit.call(value)?;
        }
        if let Some(ops) = &builder.ops {
            ops.visit(visit)?;
        }
        builder.items.iter().try_for_each(|item| visit.call(item))?;
        builder
            .errors
            .iter()
            .try_for_each(|error| visit.call(error))?;
        if let Some(validation) = &builder.validation {
            visit.call(&validation.arguments)?;
            visit.call(&validation.root)?;
            visit.call(&validation.relocate)?;
            visit.call(&validation.forbidden)?;
        }
        Ok(())
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

/// `error`, raised by `int()` at the number where `machine` stopped, as an error of the text.
pub fn number_limit(machine: &mut Machine, error: PyErr, path: &Bound<'_, PyTuple>) -> PyErr {
    // A machine that was stopped says where.
    let Err(FeedError::Json(mut at)) = machine.feed(&[], &mut NullSink) else {
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
    frame.log.iter().try_for_each(|key| visit.call(key))?;
    frame
        .slots
        .iter()
        .flatten()
        .try_for_each(|slot| visit_slot(slot, visit))
}

fn visit_slot(slot: &Slot, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    visit.call(&slot.object)?;
    visit.call(&slot.dict)?;
    visit.call(&slot.set)?;
    if let Open::Key(key) = &slot.open {
        visit.call(key)
    } else {
        Ok(())
    }
}
