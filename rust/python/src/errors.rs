//! Errors of the machine as Python exceptions.

use partialfast_core::json::JsonError;
use pyo3::prelude::*;
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
