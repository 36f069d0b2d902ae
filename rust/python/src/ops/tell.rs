//! Ops, and what is remembered of them.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::destination::Destination;
use super::diff::{copied, difference};
use super::{Moment, Ops};
use crate::api::op::{Op, Verb};
use crate::build::run::Run;

/// What was told of a value before it changed.
pub(super) struct Before {
    pub opened: Option<Moment>,
    pub shadow: Option<Py<PyAny>>,
}

impl Run<'_, '_> {
    pub(super) fn ops(&mut self) -> PyResult<&mut Ops> {
        let ops = self.st.ops.as_deref_mut();
        ops.ok_or_else(|| PyRuntimeError::new_err("no ops are kept"))
    }

    /// The container in which `target` is, where it is part of an op that was not taken yet.
    pub(super) fn op_fresh(&self, target: &Destination) -> Option<&Py<PyAny>> {
        let batch = self.st.ops.as_ref()?.batch;
        let (made, fresh) = self.told(target.frame?)?.fresh.as_ref()?;
        (*made == batch).then_some(fresh)
    }

    pub(super) fn op_push(
        &mut self,
        verb: Verb,
        target: &Destination,
        value: Py<PyAny>,
    ) -> PyResult<()> {
        let py = self.py;
        let path = PyTuple::new(py, self.op_path(target))?.unbind();
        let op = Py::new(py, Op::of(verb, path, value))?;
        let root = target.frame.is_none() && verb == Verb::Set;
        let ops = self.ops()?;
        if root {
            // Whatever was to be told before is part of it.
            ops.list.clear();
        }
        ops.list.push(op);
        Ok(())
    }

    /// Tell that `value` is at `target`.
    pub(super) fn op_set(&mut self, target: &Destination, value: Py<PyAny>) -> PyResult<()> {
        if let (Some(fresh), Some(at)) = (self.op_fresh(target), &target.at) {
            return put(fresh.bind(self.py), at, value);
        }
        self.op_push(Verb::Set, target, value)
    }

    /// Remember that `value` was told at `target`.
    pub(super) fn op_shadow(&mut self, target: &Destination, value: Py<PyAny>) -> PyResult<()> {
        let shadow = target
            .frame
            .and_then(|index| self.told(index))
            .and_then(|told| told.shadow.as_ref());
        match (shadow, &target.at) {
            (Some(shadow), Some(at)) => put(shadow.bind(self.py), at, value),
            _ => Ok(()),
        }
    }

    pub(super) fn op_keeps(&self, target: &Destination) -> bool {
        target
            .frame
            .and_then(|index| self.told(index))
            .is_some_and(|told| told.keeps)
    }

    /// Tell that what stands at `target` is `new` now.
    pub(super) fn op_replace(
        &mut self,
        target: &Destination,
        before: &Before,
        new: &Py<PyAny>,
    ) -> PyResult<()> {
        let py = self.py;
        let batch = self.ops()?.batch;
        if self.op_fresh(target).is_some() {
            let value = copied(new.bind(py))?;
            return self.op_set(target, value);
        }
        match (&before.opened, &before.shadow) {
            (Some(opened), _) if opened.batch == batch => {
                let opened = opened.length;
                self.ops()?.list.truncate(opened);
            }
            (_, Some(old)) => {
                let mut path = self.op_path(target);
                let ops = self.ops()?;
                let mut list = std::mem::take(&mut ops.list);
                let done = difference(&mut path, old.bind(py), new.bind(py), &mut list);
                self.ops()?.list = list;
                return done;
            }
            // All that this batch told was inside it.
            (Some(_), None) => self.ops()?.list.clear(),
            (None, None) => {}
        }
        let value = copied(new.bind(py))?;
        self.op_push(Verb::Set, target, value)
    }
}

/// Store `value` in a container of JSON; an item at the end of a list is a new one.
fn put(container: &Bound<'_, PyAny>, at: &Py<PyAny>, value: Py<PyAny>) -> PyResult<()> {
    let Ok(list) = container.cast::<PyList>() else {
        return container.cast::<PyDict>()?.set_item(at, value);
    };
    let index = at.extract::<usize>(container.py())?;
    if index < list.len() {
        list.set_item(index, value)
    } else {
        list.append(value)
    }
}
