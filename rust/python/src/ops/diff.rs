//! The difference between two JSON values, as ops.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString, PyTuple};

use crate::api::op::{Op, Verb};

/// Add to `ops` what makes `new` of `old`, which stands at `path`.
pub fn difference(
    path: &mut Vec<Py<PyAny>>,
    old: &Bound<'_, PyAny>,
    new: &Bound<'_, PyAny>,
    ops: &mut Vec<Py<Op>>,
) -> PyResult<()> {
    let before = ops.len();
    let entries = match (old.cast::<PyDict>(), new.cast::<PyDict>()) {
        (Ok(old), Ok(new)) => {
            if old.len() > new.len() || !old.keys().iter().all(|key| holds(new, &key)) {
                return set(path, new, ops);
            }
            for (key, value) in new {
                let before = old.get_item(&key)?;
                entry(path, key.unbind(), before, &value, ops)?;
            }
            new.len()
        }
        _ => match (old.cast::<PyList>(), new.cast::<PyList>()) {
            (Ok(old), Ok(new)) => {
                if old.len() > new.len() {
                    return set(path, new, ops);
                }
                for (index, value) in new.iter().enumerate() {
                    let step = index.into_pyobject(new.py())?.into_any().unbind();
                    entry(path, step, old.get_item(index).ok(), &value, ops)?;
                }
                new.len()
            }
            _ => return scalar(path, old, new, ops),
        },
    };
    if ops.len() - before > entries.div_ceil(2).max(1) {
        // Telling all of it again is shorter.
        ops.truncate(before);
        return set(path, new, ops);
    }
    Ok(())
}

fn holds(dict: &Bound<'_, PyDict>, key: &Bound<'_, PyAny>) -> bool {
    dict.contains(key).unwrap_or(false)
}

fn entry(
    path: &mut Vec<Py<PyAny>>,
    step: Py<PyAny>,
    old: Option<Bound<'_, PyAny>>,
    new: &Bound<'_, PyAny>,
    ops: &mut Vec<Py<Op>>,
) -> PyResult<()> {
    path.push(step);
    let done = match old {
        Some(old) => difference(path, &old, new, ops),
        None => set(path, new, ops),
    };
    path.pop();
    done
}

fn scalar(
    path: &[Py<PyAny>],
    old: &Bound<'_, PyAny>,
    new: &Bound<'_, PyAny>,
    ops: &mut Vec<Py<Op>>,
) -> PyResult<()> {
    if same(old, new)? {
        return Ok(());
    }
    if let (Ok(old), Ok(text)) = (old.cast::<PyString>(), new.cast::<PyString>()) {
        let (old, text) = (old.to_str()?, text.to_str()?);
        if !old.is_empty()
            && let Some(rest) = text.strip_prefix(old)
        {
            let rest = PyString::new(new.py(), rest).into_any().unbind();
            return push(Verb::Append, path, new.py(), rest, ops);
        }
    }
    set(path, new, ops)
}

/// Whether two scalars are the same JSON: in Python, `True` equals `1`.
pub fn same(old: &Bound<'_, PyAny>, new: &Bound<'_, PyAny>) -> PyResult<bool> {
    if old.is(new) {
        return Ok(true);
    }
    Ok(old.is_instance_of::<PyBool>() == new.is_instance_of::<PyBool>() && old.eq(new)?)
}

fn set(path: &[Py<PyAny>], new: &Bound<'_, PyAny>, ops: &mut Vec<Py<Op>>) -> PyResult<()> {
    push(Verb::Set, path, new.py(), copied(new)?, ops)
}

fn push(
    verb: Verb,
    path: &[Py<PyAny>],
    py: Python<'_>,
    value: Py<PyAny>,
    ops: &mut Vec<Py<Op>>,
) -> PyResult<()> {
    let path = PyTuple::new(py, path.iter().map(|step| step.clone_ref(py)))?;
    ops.push(Py::new(py, Op::of(verb, path.unbind(), value))?);
    Ok(())
}

/// A copy of a JSON value that shares no container with it.
pub fn copied(value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let py = value.py();
    if let Ok(dict) = value.cast::<PyDict>() {
        let made = PyDict::new(py);
        for (key, item) in dict {
            made.set_item(key, copied(&item)?)?;
        }
        return Ok(made.into_any().unbind());
    }
    if let Ok(list) = value.cast::<PyList>() {
        let made = PyList::empty(py);
        for item in list {
            made.append(copied(&item)?)?;
        }
        return Ok(made.into_any().unbind());
    }
    Ok(value.clone().unbind())
}
