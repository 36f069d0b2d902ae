//! The machine and the builder together: what `JsonParser` and `StateCore` share.

use partialfast_core::json::{FeedError, JsonErrorKind, Limits, Machine};
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::builder::{Builder, Shown};
use crate::errors::json_error;
use crate::frame::{Frame, Open, Slot, Values};
use crate::plan::Plan;
use crate::run::Run;

pub struct Driver {
    machine: Machine,
    pub builder: Builder,
    /// What a feed failed with; every later one fails with it too.
    failure: Option<PyErr>,
    /// Whether the caller saw what there is: a snapshot was handed out since the last chunk.
    pub seen: bool,
}

impl Driver {
    pub fn new(limits: Limits) -> Self {
        Self {
            machine: Machine::new(limits),
            builder: Builder::default(),
            failure: None,
            seen: true,
        }
    }

    pub fn reset(&mut self) {
        self.machine.reset();
        self.builder.reset();
        self.failure = None;
        self.seen = true;
    }

    /// Read `bytes`.
    pub fn feed(&mut self, py: Python<'_>, plan: &Plan, bytes: &[u8]) -> PyResult<()> {
        self.builder.place.begin_chunk(self.seen);
        self.seen = false;
        if self.builder.is_typed() {
            self.builder.raw.bytes.extend_from_slice(bytes);
        }
        if let Some(failure) = &self.failure {
            return Err(failure.clone_ref(py));
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
            return Err(failure.clone_ref(py));
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

    fn fail(&mut self, py: Python<'_>, error: FeedError<PyErr>) -> PyErr {
        let error = match error {
            FeedError::Sink(error) => error,
            FeedError::Json(error) => {
                let made = self
                    .builder
                    .place
                    .path(py)
                    .map_or_else(|problem| problem, |path| json_error(error, &path));
                if error.kind == JsonErrorKind::Truncated {
                    // More text may still come: only `finish` was too early.
                    return made;
                }
                made
            }
        };
        self.failure = Some(error.clone_ref(py));
        error
    }

    pub fn snapshot(&mut self, py: Python<'_>, plan: &Plan) -> PyResult<Option<Py<PyAny>>> {
        Run {
            py,
            plan,
            st: &mut self.builder,
        }
        .snapshot()
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let builder = &self.builder;
        builder
            .frames
            .iter()
            .try_for_each(|frame| visit_frame(frame, visit))?;
        builder.place.visit(visit)?;
        visit.call(&builder.result)?;
        if let Shown::Value(value) = &builder.shown {
            visit.call(value)?;
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
