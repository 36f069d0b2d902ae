//! `StateCore`: typed, validated snapshots. `partialfast.StreamState` is its Python subclass.

use std::borrow::Cow;

use partialfast_core::json::{JsonError, Limits};
use partialfast_core::lenient::Repair;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::build::cursor::Extent;
use crate::build::driver::Driver;
use crate::build::lenient::{LenientSettings, settings};
use crate::build::verdict::Validation;
use crate::convert::input::{Chunk, with_chunk};
use crate::errors::{exclusive, shared};
use crate::ffi::Feed;
use crate::ops::Dumping;
use crate::plan::Plan;

/// Documented in `_core.pyi`, at `StateCore.start`.
type Hooks = (Py<PyAny>, Py<PyAny>, Py<PyAny>, Py<PyAny>, Py<PyAny>);

/// Documented in `_core.pyi`.
#[pyclass(subclass, module = "partialfast._core")]
pub struct StateCore {
    driver: Driver,
    plan: Option<Py<Plan>>,
    /// Items are handed out one by one, and their text is dropped.
    streams_items: bool,
    /// Snapshots are made when asked for, and not after each chunk.
    no_snapshots: bool,
    limits: Limits,
    lenient: Option<LenientSettings>,
    /// Reads the same text without a type, where the ops are to be those of the document.
    document: Option<Box<Driver>>,
}

impl StateCore {
    /// Whether there are complete items that were not taken yet.
    pub fn has_items(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(!shared(slf)?.driver.builder.complete.items.is_empty())
    }

    /// How it reads leniently, if it does.
    pub fn lenience(slf: &Bound<'_, Self>) -> PyResult<Option<LenientSettings>> {
        Ok(shared(slf)?.lenient)
    }

    /// The text goes on with a value that is known to be wrong: `path` is to lead to it.
    pub fn begin_wrong(slf: &Bound<'_, Self>) -> PyResult<()> {
        let mut this = exclusive(slf)?;
        let plan = this.plan(slf.py())?;
        this.driver.begin_wrong(slf.py(), plan.get())
    }

    /// What was wrong with the text.
    pub fn wrong(slf: &Bound<'_, Self>) -> PyResult<Option<JsonError>> {
        Ok(shared(slf)?.driver.wrong)
    }

    /// What was repaired so far.
    pub fn repaired(slf: &Bound<'_, Self>) -> PyResult<Vec<Repair>> {
        Ok(shared(slf)?.driver.repaired().to_vec())
    }

    /// Reads more of the text, for ops of the document as well.
    fn feed_both(&mut self, py: Python<'_>, plan: &Plan, chunk: Chunk<'_>) -> PyResult<()> {
        let Some(document) = &mut self.document else {
            return self.driver.feed(py, plan, chunk);
        };
        let untyped = Plan::untyped(py)?;
        let start = self.driver.strict_end();
        let fed = self.driver.feed(py, plan, chunk);
        let read = if self.lenient.is_some() {
            document.follow(py, untyped.get(), &self.driver, start)
        } else {
            document.feed(py, untyped.get(), chunk)
        };
        // Where the text is wrong, both say so.
        fed?;
        read
    }

    fn finish_both(&mut self, py: Python<'_>, plan: &Plan) -> PyResult<()> {
        let start = self.driver.strict_end();
        self.driver.finish(py, plan)?;
        let Some(document) = &mut self.document else {
            return Ok(());
        };
        let untyped = Plan::untyped(py)?;
        if self.lenient.is_some() {
            document.follow(py, untyped.get(), &self.driver, start)?;
        }
        document.finish(py, untyped.get())
    }

    /// Reads more of the text. The new snapshot, if something visible changed.
    pub fn read(slf: &Bound<'_, Self>, chunk: Chunk<'_>) -> PyResult<Option<Py<PyAny>>> {
        let py = slf.py();
        let mut this = exclusive(slf)?;
        let plan = this.plan(py)?;
        if this.document.is_none() {
            this.driver.feed(py, plan.get(), chunk)?;
        } else {
            this.feed_both(py, plan.get(), chunk)?;
        }
        if this.streams_items {
            this.driver.seen = !this.driver.builder.complete.items.is_empty();
            this.driver.builder.drop_read_items();
            return Ok(None);
        }
        if this.driver.builder.shown.is_dirty() {
            if this.no_snapshots {
                return Ok(Some(py.None()));
            }
            this.driver.seen = true;
            return this.driver.snapshot(py, plan.get());
        }
        Ok(None)
    }

    /// Forgets all that was read: it was not the answer.
    pub fn restart(slf: &Bound<'_, Self>) -> PyResult<()> {
        let mut this = exclusive(slf)?;
        this.driver.reset();
        if let Some(document) = &mut this.document {
            document.reset();
        }
        Ok(())
    }

    fn plan(&self, py: Python<'_>) -> PyResult<Py<Plan>> {
        self.plan
            .as_ref()
            .map(|plan| plan.clone_ref(py))
            .ok_or_else(|| PyRuntimeError::new_err("`StateCore.start` was not called"))
    }
}

impl Feed for StateCore {
    fn feed(slf: &Bound<'_, Self>, chunk: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        with_chunk(chunk, |chunk| Self::read(slf, chunk))
    }
}

#[pymethods]
impl StateCore {
    /// Takes anything: the subclass's `__init__` has the arguments and calls `start`.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            driver: Driver::new(Limits::default()),
            plan: None,
            streams_items: false,
            no_snapshots: false,
            limits: Limits::default(),
            lenient: None,
            document: None,
        }
    }

    #[pyo3(signature = (
        plan, *, root, arguments, defer, hooks, max_depth, max_bytes, items,
        lenient, max_repairs, coerce
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "called from one place, by keyword"
    )]
    fn start(
        slf: &Bound<'_, Self>,
        plan: Py<Plan>,
        root: Py<PyAny>,
        arguments: Option<Py<PyDict>>,
        defer: bool,
        hooks: Hooks,
        max_depth: usize,
        max_bytes: u64,
        items: bool,
        lenient: &Bound<'_, PyAny>,
        max_repairs: usize,
        coerce: bool,
    ) -> PyResult<()> {
        let mut this = exclusive(slf)?;
        let limits = Limits {
            max_depth,
            max_bytes,
            ..Limits::default()
        };
        let settings = settings(Some(lenient), max_repairs, coerce)?;
        this.driver = Driver::with(limits, settings, true);
        this.limits = limits;
        this.lenient = settings;
        this.no_snapshots = false;
        this.document = None;
        let (relocate, forbidden, error_class, directive_class, deepcopy) = hooks;
        this.driver.builder.verdict.validate(Validation {
            arguments,
            root,
            defer,
            relocate,
            forbidden,
            error_class,
            directive_class,
            deepcopy,
        });
        this.plan = Some(plan);
        this.streams_items = items;
        Ok(())
    }

    /// End the text: the final value, or `None` where `errors` says why there is none.
    fn end(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let py = slf.py();
        let mut this = exclusive(slf)?;
        let plan = this.plan(py)?;
        this.finish_both(py, plan.get())?;
        this.driver.snapshot(py, plan.get())?;
        this.driver.settle();
        Ok(this
            .driver
            .builder
            .complete
            .value
            .as_ref()
            .map(|value| value.clone_ref(py)))
    }

    /// The complete items that were not taken yet.
    fn take_items<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(
            slf.py(),
            exclusive(slf)?.driver.builder.complete.items.drain(..),
        )
    }

    /// Keep ops of the value's dump from now on.
    #[pyo3(signature = (*, snapshots, by_alias, options, root, by_value))]
    fn begin_ops(
        slf: &Bound<'_, Self>,
        snapshots: bool,
        by_alias: Option<bool>,
        options: Py<PyDict>,
        root: Py<PyAny>,
        by_value: Py<PyAny>,
    ) -> PyResult<()> {
        let py = slf.py();
        let mut this = exclusive(slf)?;
        let plan = this.plan(py)?;
        let dumping = Dumping {
            by_alias,
            options: Some(options),
            root,
            any: by_value,
        };
        this.document = None;
        this.no_snapshots = !snapshots;
        this.driver.begin_ops(py, plan.get(), dumping)
    }

    /// Keep ops of the document from now on.
    #[pyo3(signature = (*, snapshots))]
    fn begin_document_ops(slf: &Bound<'_, Self>, snapshots: bool) -> PyResult<()> {
        let py = slf.py();
        let mut this = exclusive(slf)?;
        let plan = Plan::untyped(py)?;
        let document = if this.lenient.is_some() {
            // Its limit is on the model's own text.
            let mut document = Driver::new(Limits {
                max_bytes: u64::MAX,
                ..this.limits
            });
            let start = this.driver.builder.raw.base;
            document.follow(py, plan.get(), &this.driver, start)?;
            document
        } else {
            let mut document = Driver::new(this.limits);
            document.feed(py, plan.get(), Chunk::Bytes(this.driver.received()))?;
            document
        };
        let mut document = document;
        document.begin_ops(py, plan.get(), Dumping::none(py))?;
        this.no_snapshots = !snapshots;
        this.driver.builder.ops = None;
        this.document = Some(Box::new(document));
        Ok(())
    }

    /// The ops since the last ones were taken.
    fn take_ops<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let mut this = exclusive(slf)?;
        let plan = this.plan(py)?;
        this.driver.seen = true;
        match &mut this.document {
            Some(document) => document.take_ops(py, Plan::untyped(py)?.get()),
            None => this.driver.take_ops(py, plan.get()),
        }
    }

    /// Whether ops are kept.
    #[getter]
    fn has_ops(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = shared(slf)?;
        Ok(this.document.is_some() || this.driver.builder.ops.is_some())
    }

    #[getter]
    fn snapshot(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let py = slf.py();
        let mut this = exclusive(slf)?;
        let plan = this.plan(py)?;
        this.driver.snapshot(py, plan.get())
    }

    /// How many containers were made for snapshots, and not handed out again.
    #[getter]
    fn copies(slf: &Bound<'_, Self>) -> PyResult<u64> {
        Ok(shared(slf)?.driver.builder.shown.copies())
    }

    /// The text received so far.
    #[getter]
    fn raw<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        let this = shared(slf)?;
        Ok(PyBytes::new(slf.py(), this.driver.received()))
    }

    /// The same, as text, without an unfinished UTF-8 sequence at its end.
    #[getter]
    fn text<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        let this = shared(slf)?;
        let received = this.driver.received();
        // One copy: what was received may be large.
        let text = match std::str::from_utf8(received) {
            Ok(text) => Cow::Borrowed(text),
            Err(error) if error.error_len().is_none() => {
                String::from_utf8_lossy(&received[..error.valid_up_to()])
            }
            Err(_) => String::from_utf8_lossy(received),
        };
        Ok(PyString::new(slf.py(), &text))
    }

    /// What was repaired so far.
    #[getter]
    fn repairs<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        shared(slf)?.driver.repairs(slf.py())
    }

    /// Validation errors that were put off, the whole type's own last.
    #[getter]
    fn errors<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        PyList::new(
            py,
            shared(slf)?
                .driver
                .builder
                .verdict
                .errors()
                .iter()
                .map(|error| error.clone_ref(py)),
        )
    }

    /// How many more errors were put off than are kept.
    #[getter]
    fn more_errors(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(shared(slf)?.driver.builder.verdict.more_errors())
    }

    #[getter]
    pub fn path<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        shared(slf)?.driver.path(slf.py())
    }

    #[getter]
    fn completed<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let this = shared(slf)?;
        this.driver
            .builder
            .cursor
            .completed(slf.py(), Extent::Chunk)
    }

    /// What was completed since `feed` last returned a snapshot.
    #[getter]
    fn newly_completed<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let this = shared(slf)?;
        this.driver.builder.cursor.completed(slf.py(), Extent::Kept)
    }

    #[getter]
    pub(crate) fn done(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(shared(slf)?.driver.builder.complete.done)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.plan)?;
        if let Some(document) = &self.document {
            document.visit(&visit)?;
        }
        self.driver.visit(&visit)
    }

    fn __clear__(&mut self) {
        self.plan = None;
        self.document = None;
        self.driver.clear();
    }
}
