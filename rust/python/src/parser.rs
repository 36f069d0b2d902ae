//! `JsonParser`: untyped partial values.

use partialfast_core::json::Limits;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::driver::Driver;
use crate::input::with_bytes;
use crate::place::Extent;
use crate::plan::Plan;

/// Documented in `_core.pyi`.
#[pyclass(module = "partialfast._core")]
pub struct JsonParser {
    driver: Driver,
    plan: Py<Plan>,
}

#[pymethods]
impl JsonParser {
    #[new]
    #[pyo3(signature = (*, max_depth = 200, max_bytes = 1_073_741_824))]
    fn new(py: Python<'_>, max_depth: usize, max_bytes: u64) -> PyResult<Self> {
        let limits = Limits {
            max_depth,
            max_bytes,
            ..Limits::default()
        };
        Ok(Self {
            driver: Driver::new(limits),
            plan: Plan::untyped(py)?,
        })
    }

    #[pyo3(signature = (chunk, /))]
    fn feed(&mut self, py: Python<'_>, chunk: &Bound<'_, PyAny>) -> PyResult<()> {
        // Nobody asks this class for what older chunks completed.
        self.driver.seen = true;
        with_bytes(chunk, |bytes| self.driver.feed(py, self.plan.get(), bytes))
    }

    fn snapshot(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.driver.snapshot(py, self.plan.get())
    }

    fn finish(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.driver.finish(py, self.plan.get())?;
        self.driver.snapshot(py, self.plan.get())
    }

    fn reset(&mut self) {
        self.driver.reset();
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.driver.builder.place.path(py)
    }

    #[getter]
    fn completed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.driver.builder.place.completed(py, Extent::Chunk)
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
        self.driver.clear();
    }
}
