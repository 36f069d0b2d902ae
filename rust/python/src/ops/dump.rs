//! How values are dumped that are complete, or open.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

use crate::build::run::Run;
use crate::plan::{Action, Close, Flavor, NodeId, Sequence};
use crate::snapshot::frame::{Frame, Place, Values};
use crate::snapshot::instance::probe;

impl Run<'_, '_> {
    /// Whether the value of frame `index` may be dumped otherwise than its parts, when complete.
    pub(super) fn op_may_change(&self, index: usize) -> PyResult<bool> {
        let frame = &self.st.frames[index];
        let node = self.plan.node(frame.node);
        if node.dump.is_none() {
            return Ok(false);
        }
        if !self.op_stands(frame)? || !matches!(node.close, Close::Keep | Close::Build) {
            return Ok(true);
        }
        if index == 0 && !node.plain {
            return Ok(true);
        }
        if let Action::Object(plan) | Action::Root(plan) = node.on(frame.kind) {
            return Ok(plan.dumps.get(self.py)?.iter().any(|field| field.guarded));
        }
        Ok(false)
    }

    /// Whether the container of `frame` is dumped as its parts were, once it is put together: by
    /// what its own class says, and by what is declared in its place.
    pub(super) fn op_stands(&self, frame: &Frame) -> PyResult<bool> {
        for node in [frame.node, frame.outer] {
            if let Some(dump) = &self.plan.node(node).dump
                && !dump.facts(self.py)?.stands
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What a container is dumped as that has just opened.
    pub(super) fn op_opening(&self, frame: &Frame) -> PyResult<Py<PyAny>> {
        let py = self.py;
        let plain = match (&frame.values, self.plan.node(frame.node).on(frame.kind)) {
            (Values::Items(_), Action::Array(plan)) => plan.sequence != Sequence::Other,
            (Values::Object { .. }, Action::Object(plan)) => {
                matches!(plan.flavor, Flavor::Model | Flavor::TypedDict)
            }
            _ => true,
        };
        if !plain && let Some(dumped) = self.op_dump_frame(frame)? {
            return Ok(dumped);
        }
        Ok(match &frame.values {
            Values::Items(_) => PyList::empty(py).into_any().unbind(),
            _ => PyDict::new(py).into_any().unbind(),
        })
    }

    /// Of a frame whose child is not open: its dump as it stands; `None` where there is none.
    pub(super) fn op_dump_frame(&self, frame: &Frame) -> PyResult<Option<Py<PyAny>>> {
        let value = self.fresh(frame, None)?;
        self.op_dumped(self.op_dump(frame.outer, &value))
    }

    /// What a dump gave; `None` where it failed.
    ///
    /// A value that a serializer further out hides need not have a dump, so this is no reason to end a
    /// stream: what was told of it stays, until what is around it is dumped.
    pub(super) fn op_dumped<T>(&self, dump: PyResult<T>) -> PyResult<Option<T>> {
        match dump {
            // An interrupt is not a failure of the dump.
            Err(error) if error.is_instance_of::<PyException>(self.py) => Ok(None),
            dump => dump.map(Some),
        }
    }

    pub(super) fn op_call(
        &self,
        to_python: &Bound<'_, PyAny>,
        value: Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        let options = self
            .st
            .ops
            .as_ref()
            .and_then(|ops| ops.dumping.options.as_ref());
        let options = options.map(|options| options.bind(self.py));
        Ok(to_python.call((value,), options)?.unbind())
    }

    /// The dump of a value of `node` that is part of something incomplete.
    pub(super) fn op_dump(&self, node: NodeId, value: &Py<PyAny>) -> PyResult<Py<PyAny>> {
        match &self.plan.node(node).dump {
            None => Ok(value.clone_ref(self.py)),
            Some(dump) => self.op_call(dump.to_python(self.py)?, value.bind(self.py).clone()),
        }
    }

    /// The dump of a value of `node` that ended in frame `parent`; `None` where it is left out.
    pub(super) fn op_dump_child(
        &self,
        parent: Option<usize>,
        node: NodeId,
        value: &Py<PyAny>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let py = self.py;
        let Some(dump) = &self.plan.node(node).dump else {
            return Ok(Some(value.clone_ref(py)));
        };
        let Some(ops) = &self.st.ops else {
            return Ok(None);
        };
        let Some(parent) = parent else {
            let dumped = self.op_call(ops.dumping.root.bind(py), value.bind(py).clone())?;
            return Ok(Some(dumped));
        };
        let frame = &self.st.frames[parent];
        if let Action::Object(plan) | Action::Root(plan) = self.plan.node(frame.node).on(frame.kind)
            && let Some(field) = frame.child.field
        {
            let dumps = &plan.dumps.get(py)?[field];
            if dumps.guarded {
                return self.op_guarded(frame, field, value);
            }
        }
        if frame.child.place == Place::Extra && !is_json_scalar(value.bind(py)) {
            let dumped = self.op_call(ops.dumping.any.bind(py), value.bind(py).clone())?;
            return Ok(Some(dumped));
        }
        if is_json_scalar(value.bind(py)) && dump.facts(py)?.exact {
            return Ok(Some(value.clone_ref(py)));
        }
        self.op_dump(node, value).map(Some)
    }

    /// The dump of `value` as a field of `frame`, whose instance has a say in it: it is dumped with
    /// this field alone. `None` where it is left out.
    pub(super) fn op_guarded(
        &self,
        frame: &Frame,
        field: usize,
        value: &Py<PyAny>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let py = self.py;
        let node = self.plan.node(frame.node);
        let (Action::Object(plan) | Action::Root(plan)) = node.on(frame.kind) else {
            return Ok(None);
        };
        let name = &plan.fields[field].name;
        let instance = probe(py, plan, name, value, self.is_marked(frame))?;
        let dumped = self.op_dump(frame.node, &instance.unbind())?;
        let dumped = dumped.bind(py);
        if matches!(node.on(frame.kind), Action::Root(_)) {
            return Ok(Some(dumped.clone().unbind()));
        }
        if let Ok(items) = dumped.cast::<PyList>() {
            return Ok(items.get_item(field).ok().map(Bound::unbind));
        }
        let by_alias = self.st.ops.as_ref().and_then(|ops| ops.dumping.by_alias);
        let key = plan.dumps.get(py)?[field].alias(by_alias);
        let found = match key {
            Some(key) => dumped.cast::<PyDict>()?.get_item(key)?,
            None => dumped.cast::<PyDict>()?.get_item(name)?,
        };
        Ok(found.map(Bound::unbind))
    }

    /// Whether how the innermost frame's child is dumped depends on the frame's instance.
    pub(super) fn is_guarded_child(&self) -> PyResult<bool> {
        let Some(frame) = self.st.frames.last() else {
            return Ok(false);
        };
        match (self.plan.node(frame.node).on(frame.kind), frame.child.field) {
            (Action::Object(plan) | Action::Root(plan), Some(field)) => {
                Ok(plan.dumps.get(self.py)?[field].guarded)
            }
            _ => Ok(false),
        }
    }
}

/// Whether `value` is a scalar that JSON has.
fn is_json_scalar(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_none()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBool>()
}
