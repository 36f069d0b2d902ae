//! Errors of the machine as Python exceptions, and those of calls that come at a bad moment.

use partialfast_core::json::JsonError;
use partialfast_core::lenient::Repair;
use pyo3::PyClass;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::False;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};

fn json_error_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    CLASS.import(py, "partialfast._errors", "JsonError")
}

/// The Python exception for `error`, which stands at `path`.
pub fn json_error(error: JsonError, path: &Bound<'_, PyTuple>) -> PyErr {
    let py = path.py();
    let made = || -> PyResult<Bound<'_, PyAny>> {
        let attributes = PyDict::new(py);
        attributes.set_item("kind", error.kind.name())?;
        attributes.set_item("offset", error.offset)?;
        attributes.set_item("line", error.line)?;
        attributes.set_item("column", error.column)?;
        attributes.set_item("path", path)?;
        let mut message = error.to_string();
        if !path.is_empty() {
            message.push_str(", inside ");
            message.push_str(path.repr()?.to_str()?);
        }
        json_error_class(py)?.call((message,), Some(&attributes))
    };
    made().map_or_else(|problem| problem, PyErr::from_value)
}

/// A repair as Python has it.
pub fn repair<'py>(py: Python<'py>, made: &Repair) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "partialfast._repairs", "Repair")?;
    class.call1((made.kind.name(), made.offset, made.line, made.column))
}

/// `object`, to be worked with.
///
/// Validators are user code: one may call the stream that is just calling it, and while one runs
/// another thread may.
pub fn exclusive<'py, T: PyClass<Frozen = False>>(
    object: &Bound<'py, T>,
) -> PyResult<PyRefMut<'py, T>> {
    object.try_borrow_mut().map_err(|_| busy(object.as_any()))
}

/// `object`, to be looked at.
pub fn shared<'py, T: PyClass>(object: &Bound<'py, T>) -> PyResult<PyRef<'py, T>> {
    object.try_borrow().map_err(|_| busy(object.as_any()))
}

/// That `object` cannot be had.
#[cold]
pub fn busy(object: &Bound<'_, PyAny>) -> PyErr {
    let class = object.get_type().name();
    let class = class.map_or_else(|_| "object".to_owned(), |name| name.to_string());
    PyRuntimeError::new_err(format!(
        "this {class} is in the middle of another call: a validator must not use the stream that \
         calls it, and two threads must take turns"
    ))
}
