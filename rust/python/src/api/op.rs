//! `Op`: one change to the JSON of a value that is being written.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

/// What an op does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// The value at the path is this, whatever was there.
    Set,
    /// The text at the path goes on with this.
    Append,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Append => "append",
        }
    }
}

/// Documented in `_core.pyi`.
#[pyclass(frozen, module = "partialfast")]
pub struct Op {
    verb: Verb,
    path: Py<PyTuple>,
    value: Py<PyAny>,
}

impl Op {
    pub const fn of(verb: Verb, path: Py<PyTuple>, value: Py<PyAny>) -> Self {
        Self { verb, path, value }
    }
}

#[pymethods]
impl Op {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("op", "path", "value")
    }

    #[new]
    #[pyo3(signature = (op, path, value))]
    fn new(op: &str, path: Py<PyTuple>, value: Py<PyAny>) -> PyResult<Self> {
        let verb = match op {
            "set" => Verb::Set,
            "append" => Verb::Append,
            other => {
                return Err(PyValueError::new_err(format!(
                    "op must be \"set\" or \"append\", not {other:?}"
                )));
            }
        };
        Ok(Self { verb, path, value })
    }

    #[getter]
    fn op<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        match self.verb {
            Verb::Set => pyo3::intern!(py, "set"),
            Verb::Append => pyo3::intern!(py, "append"),
        }
    }

    #[getter]
    const fn path(&self) -> &Py<PyTuple> {
        &self.path
    }

    #[getter]
    const fn value(&self) -> &Py<PyAny> {
        &self.value
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        let other = other.get();
        let equal = self.verb == other.verb
            && self.path.bind(py).eq(&other.path)?
            && self.value.bind(py).eq(&other.value)?;
        Ok(pyo3::types::PyBool::new(py, equal)
            .to_owned()
            .into_any()
            .unbind())
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        let key = (self.verb.name(), &self.path, &self.value).into_pyobject(py)?;
        key.hash()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "Op(op='{}', path={}, value={})",
            self.verb.name(),
            self.path.bind(py).repr()?,
            self.value.bind(py).repr()?,
        ))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyTuple>> {
        let this = slf.get();
        let arguments = (this.verb.name(), &this.path, &this.value).into_pyobject(slf.py())?;
        (slf.get_type(), arguments).into_pyobject(slf.py())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.path)?;
        visit.call(&self.value)
    }
}
