//! `JsonParser`: untyped partial values.

use partialfast_core::json::Limits;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::build::cursor::Extent;
use crate::build::driver::Driver;
use crate::build::lenient::settings;
use crate::convert::input::with_bytes;
use crate::errors::{exclusive, shared};
use crate::ops::Dumping;
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
    #[pyo3(signature = (
        *, max_depth = 200, max_bytes = 1_073_741_824, lenient = None, max_repairs = 100_000
    ))]
    fn new(
        py: Python<'_>,
        max_depth: usize,
        max_bytes: u64,
        lenient: Option<&Bound<'_, PyAny>>,
        max_repairs: usize,
    ) -> PyResult<Self> {
        let limits = Limits {
            max_depth,
            max_bytes,
            ..Limits::default()
        };
        Ok(Self {
            driver: Driver::with(limits, settings(lenient, max_repairs, false)?, false),
            plan: Plan::untyped(py)?,
        })
    }

    #[pyo3(signature = (chunk, /))]
    fn feed(slf: &Bound<'_, Self>, chunk: &Bound<'_, PyAny>) -> PyResult<()> {
        let mut this = exclusive(slf)?;
        let this = &mut *this;
        // Nobody asks this class for what older chunks completed.
        this.driver.seen = true;
        with_bytes(chunk, |bytes| {
            this.driver.feed(slf.py(), this.plan.get(), bytes)
        })
    }

    fn snapshot(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let mut this = exclusive(slf)?;
        let this = &mut *this;
        this.driver.snapshot(slf.py(), this.plan.get())
    }

    fn finish(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let mut this = exclusive(slf)?;
        let this = &mut *this;
        this.driver.finish(slf.py(), this.plan.get())?;
        this.driver.snapshot(slf.py(), this.plan.get())
    }

    fn take_ops<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let mut this = exclusive(slf)?;
        let this = &mut *this;
        if this.driver.builder.ops.is_none() {
            this.driver
                .begin_ops(py, this.plan.get(), Dumping::none(py))?;
        }
        this.driver.take_ops(py, this.plan.get())
    }

    fn reset(slf: &Bound<'_, Self>) -> PyResult<()> {
        exclusive(slf)?.driver.reset();
        Ok(())
    }

    #[getter]
    fn path<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
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

    #[getter]
    fn repairs<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        shared(slf)?.driver.repairs(slf.py())
    }

    #[getter]
    fn done(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(shared(slf)?.driver.builder.complete.done)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = shared(slf)?;
        let path = this.driver.path(slf.py())?;
        let place = if this.driver.builder.complete.done {
            "complete".to_owned()
        } else if path.is_empty() {
            "open".to_owned()
        } else {
            format!("inside {}", path.repr()?)
        };
        Ok(format!("<JsonParser, {place}>"))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.plan)?;
        self.driver.visit(&visit)
    }

    fn __clear__(&mut self) {
        self.driver.clear();
    }
}
