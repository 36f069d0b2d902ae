//! `ask_about_instances`: a metaclass that asks before it says what is an instance of its classes.
//!
//! It is asked for each value that a model is made of, in every package of the process, so what is
//! most often there is told without a call into Python.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyType};

use crate::ffi::{InstanceCheck, add_instance_check};

struct Asked {
    metaclass: Py<PyType>,
    /// What the metaclass answered before.
    before: Py<PyAny>,
    refuses: Py<PyAny>,
}

static ASKED: PyOnceLock<Asked> = PyOnceLock::new();

struct Check;

impl InstanceCheck for Check {
    fn check(class: &Bound<'_, PyAny>, instance: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = class.py();
        let Some(asked) = ASKED.get(py) else {
            // It is set before anybody can ask.
            return Err(PyRuntimeError::new_err("nobody is to be asked"));
        };
        let no = || Ok(PyBool::new(py, false).to_owned().into_any().unbind());
        // What models are made of: never an instance of one.
        if instance.is_exact_instance_of::<PyDict>() {
            return no();
        }
        let kind = instance.get_type().get_type();
        let ordinary = kind.is(py.get_type::<PyType>()) || kind.is(&asked.metaclass);
        if !ordinary
            && asked
                .refuses
                .bind(py)
                .call1((class, instance))?
                .is_truthy()?
        {
            return no();
        }
        asked.before.call1(py, (class, instance))
    }
}

/// Have `metaclass` ask before it says what is an instance of one of its classes.
///
/// It is done for one metaclass of the process.
#[pyfunction]
#[pyo3(signature = (metaclass, refuses, /))]
pub fn ask_about_instances(
    metaclass: &Bound<'_, PyType>,
    refuses: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let py = metaclass.py();
    let asked = Asked {
        metaclass: metaclass.clone().unbind(),
        before: metaclass.getattr("__instancecheck__")?.unbind(),
        refuses: refuses.clone().unbind(),
    };
    if ASKED.set(py, asked).is_ok() {
        add_instance_check::<Check>(metaclass)?;
    }
    Ok(())
}
