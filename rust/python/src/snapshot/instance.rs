//! Instances of the user's classes and of their partial classes, made without running their code.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PySet, PyString, PyTuple, PyType};

use crate::ffi;
use crate::plan::{Flavor, ObjectPlan};

/// An instance of the class itself, as pydantic makes it of validated fields.
pub fn complete_instance(
    py: Python<'_>,
    plan: &ObjectPlan,
    dict: &Py<PyDict>,
    set: Option<&Py<PySet>>,
    extra: Option<&Py<PyDict>>,
) -> PyResult<Py<PyAny>> {
    let dict = dict.bind(py);
    let class = plan.complete.bind(py);
    let made = match plan.flavor {
        Flavor::Model | Flavor::Dataclass => {
            let made = ffi::allocate(class)?;
            if let Some(member) = &plan.dict {
                member.set(&made, dict)?;
            }
            made
        }
        Flavor::Slotted => slotted(class, dict)?,
        Flavor::TypedDict => declared_first(plan, dict)?,
        Flavor::NamedTuple => named_tuple(class, dict)?,
    };
    if let (Some(members), Some(received), Some(set)) = (&plan.members, &plan.received, set) {
        let none = py.None().into_bound(py);
        // A copy: a set that was filled one by one has up to four times the room it needs.
        let set = ffi::copy_set(set.bind(py))?;
        received.fill(&made, &set)?;
        members
            .extra
            .fill(&made, extra.map_or(&none, |extra| extra.bind(py).as_any()))?;
        members.private.fill(&made, &none)?;
    }
    Ok(made.unbind())
}

/// A dict with the declared keys first, as pydantic orders a typed dict.
fn declared_first<'py>(
    plan: &ObjectPlan,
    dict: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let made = PyDict::new(dict.py());
    for field in &plan.fields {
        if let Some(value) = dict.get_item(&field.name)? {
            made.set_item(&field.name, value)?;
        }
    }
    if made.len() < dict.len() {
        for (key, value) in dict {
            if !made.contains(&key)? {
                made.set_item(key, value)?;
            }
        }
    }
    Ok(made.into_any())
}

/// An instance of a dataclass with `__slots__`, which may be frozen.
fn slotted<'py>(
    class: &Bound<'py, PyType>,
    dict: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let made = ffi::allocate(class)?;
    let object = dict.py().get_type::<PyAny>();
    for (name, value) in dict {
        object.call_method1("__setattr__", (&made, name, value))?;
    }
    Ok(made)
}

fn named_tuple<'py>(
    class: &Bound<'py, PyType>,
    dict: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    dict.py()
        .get_type::<PyTuple>()
        .call_method1("__new__", (class, dict.values()))
}

/// What an object of `plan` would be with one field alone. `marked` says that none of its fields
/// is to be taken for validated.
pub fn probe<'py>(
    py: Python<'py>,
    plan: &ObjectPlan,
    name: &Py<PyString>,
    value: &Py<PyAny>,
    marked: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let dict = plan.template.bind(py).copy()?;
    dict.set_item(name, value)?;
    let set = PySet::new(py, [name])?;
    let extra = plan.has_extra.then(|| PyDict::new(py));
    let none = py.None().into_bound(py);
    let mark = PyBool::new(py, true).to_owned().into_any();
    let mark = if marked { &mark } else { &none };
    instance(plan, &dict, Some(&set), extra.as_ref(), mark)
}

/// An instance of the partial class, made without running any code of the user's.
pub(super) fn instance<'py>(
    plan: &ObjectPlan,
    dict: &Bound<'py, PyDict>,
    set: Option<&Bound<'py, PySet>>,
    extra: Option<&Bound<'py, PyDict>>,
    open: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = dict.py();
    let class: &Bound<'py, PyType> = plan.class.bind(py);
    let made = match plan.flavor {
        Flavor::Model | Flavor::Dataclass => {
            let made = ffi::allocate(class)?;
            if let Some(member) = &plan.dict {
                member.set(&made, dict)?;
            }
            made
        }
        Flavor::Slotted => slotted(class, dict)?,
        Flavor::TypedDict => return Ok(dict.clone().into_any()),
        Flavor::NamedTuple => return named_tuple(class, dict),
    };
    if let (Some(received), Some(set)) = (&plan.received, set) {
        received.fill(&made, set)?;
    }
    if let Some(members) = &plan.members {
        let none = py.None().into_bound(py);
        members
            .extra
            .fill(&made, extra.map_or(&none, |extra| extra.as_any()))?;
        let private = plan.private.as_ref().map(|private| private.bind(py).copy());
        let private = private.transpose()?;
        members
            .private
            .fill(&made, private.as_ref().map_or(&none, |dict| dict.as_any()))?;
        members.open.fill(&made, open)?;
    }
    Ok(made)
}
