//! `JsonParser`: untyped partial values.

use partialfast_core::json::Limits;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::build::cursor::Extent;
use crate::build::driver::Driver;
use crate::build::lenient::settings;
use crate::convert::input::with_chunk;
use crate::errors::busy;
use crate::ffi::{Feed, Guarded, Hold};
use crate::ops::Dumping;
use crate::plan::Plan;

/// Documented in `_core.pyi`.
#[pyclass(frozen, module = "partialfast._core")]
pub struct JsonParser {
    driver: Guarded<Driver>,
    plan: Py<Plan>,
}

/// The driver of `parser`, to be worked with: it may be in the middle of another call, where a chunk's
/// own code runs, or another thread.
#[inline]
fn driver<'a>(parser: &'a Bound<'_, JsonParser>) -> PyResult<Hold<'a, Driver>> {
    let driver = &parser.get().driver;
    driver
        .hold(parser.py())
        .ok_or_else(|| busy(parser.as_any()))
}

impl Feed for JsonParser {
    fn feed(slf: &Bound<'_, Self>, chunk: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
        let mut driver = driver(slf)?;
        // Nobody asks this class for what older chunks completed.
        driver.seen = true;
        with_chunk(chunk, |chunk| {
            driver.feed(slf.py(), slf.get().plan.get(), chunk)
        })?;
        Ok(None)
    }
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
            driver: Guarded::new(Driver::with(
                limits,
                settings(lenient, max_repairs, false)?,
                false,
            )),
            plan: Plan::untyped(py)?,
        })
    }

    fn snapshot(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let mut driver = driver(slf)?;
        driver.snapshot(slf.py(), slf.get().plan.get())
    }

    fn finish(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let mut driver = driver(slf)?;
        driver.finish(slf.py(), slf.get().plan.get())?;
        driver.snapshot(slf.py(), slf.get().plan.get())
    }

    fn take_ops<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let mut driver = driver(slf)?;
        if driver.builder.ops.is_none() {
            driver.begin_ops(py, slf.get().plan.get(), Dumping::none(py))?;
        }
        driver.take_ops(py, slf.get().plan.get())
    }

    fn reset(slf: &Bound<'_, Self>) -> PyResult<()> {
        driver(slf)?.reset();
        Ok(())
    }

    #[getter]
    fn path<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        driver(slf)?.path(slf.py())
    }

    #[getter]
    fn completed<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let driver = driver(slf)?;
        driver.builder.cursor.completed(slf.py(), Extent::Chunk)
    }

    #[getter]
    fn repairs<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        driver(slf)?.repairs(slf.py())
    }

    #[getter]
    fn done(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(driver(slf)?.builder.complete.done)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let driver = driver(slf)?;
        let path = driver.path(slf.py())?;
        let place = if driver.builder.complete.done {
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
        let visited = self.driver.visited(&visit, |driver| driver.visit(&visit));
        visited.unwrap_or(Ok(()))
    }

    fn __clear__(&self) {
        Python::attach(|py| {
            if let Some(mut driver) = self.driver.hold(py) {
                driver.clear();
            }
        });
    }
}
