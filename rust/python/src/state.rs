//! `StateCore`: typed, validated snapshots. `partialfast.StreamState` is its Python subclass.

use partialfast_core::json::Limits;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::builder::Validation;
use crate::driver::Driver;
use crate::input::with_bytes;
use crate::place::Extent;
use crate::plan::Plan;

/// Documented in `_core.pyi`.
#[pyclass(subclass, module = "partialfast._core")]
pub struct StateCore {
    driver: Driver,
    plan: Option<Py<Plan>>,
    /// Items are handed out one by one, and the text behind them is dropped.
    streams_items: bool,
}

impl StateCore {
    fn plan(&self, py: Python<'_>) -> PyResult<Py<Plan>> {
        self.plan
            .as_ref()
            .map(|plan| plan.clone_ref(py))
            .ok_or_else(|| PyRuntimeError::new_err("`StateCore.start` was not called"))
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
        }
    }

    #[pyo3(signature = (plan, *, root, arguments, defer, hooks, max_depth, max_bytes, items))]
    #[expect(
        clippy::too_many_arguments,
        reason = "called from one place, by keyword"
    )]
    fn start(
        &mut self,
        plan: Py<Plan>,
        root: Py<PyAny>,
        arguments: Option<Py<PyDict>>,
        defer: bool,
        hooks: (Py<PyAny>, Py<PyAny>, Py<PyAny>, Py<PyAny>),
        max_depth: usize,
        max_bytes: u64,
        items: bool,
    ) {
        let limits = Limits {
            max_depth,
            max_bytes,
            ..Limits::default()
        };
        self.driver = Driver::new(limits);
        let (relocate, forbidden, error_class, deepcopy) = hooks;
        self.driver.builder.validation = Some(Validation {
            arguments,
            root,
            defer,
            relocate,
            forbidden,
            error_class,
            deepcopy,
        });
        self.plan = Some(plan);
        self.streams_items = items;
    }

    #[pyo3(signature = (chunk, /))]
    fn feed(&mut self, py: Python<'_>, chunk: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        let plan = self.plan(py)?;
        with_bytes(chunk, |bytes| self.driver.feed(py, plan.get(), bytes))?;
        if self.streams_items {
            self.driver.seen = true;
            self.driver.builder.drop_read_items();
            return Ok(None);
        }
        if self.driver.builder.dirty {
            self.driver.seen = true;
            return self.driver.snapshot(py, plan.get());
        }
        Ok(None)
    }

    /// End the text: the final value, or `None` where `errors` says why there is none.
    fn end(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let plan = self.plan(py)?;
        self.driver.finish(py, plan.get())?;
        self.driver.snapshot(py, plan.get())?;
        Ok(self
            .driver
            .builder
            .result
            .as_ref()
            .map(|value| value.clone_ref(py)))
    }

    /// The complete items that were not taken yet.
    fn take_items<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.driver.builder.items.drain(..))
    }

    #[getter]
    fn snapshot(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let plan = self.plan(py)?;
        self.driver.snapshot(py, plan.get())
    }

    /// The text received so far.
    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.driver.builder.raw.bytes)
    }

    /// Validation errors that were put off, the whole type's own last.
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(
            py,
            self.driver
                .builder
                .errors
                .iter()
                .map(|error| error.clone_ref(py)),
        )
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.driver.builder.place.path(py)
    }

    #[getter]
    fn completed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.driver.builder.place.completed(py, Extent::Chunk)
    }

    /// What was completed since `feed` last returned a snapshot.
    #[getter]
    fn newly_completed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.driver.builder.place.completed(py, Extent::Kept)
    }

    #[getter]
    fn done(&self) -> bool {
        self.driver.builder.done
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.plan)?;
        self.driver.visit(&visit)
    }

    fn __clear__(&mut self) {
        self.plan = None;
        self.driver.clear();
    }
}
