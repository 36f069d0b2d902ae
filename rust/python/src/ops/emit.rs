//! What each event of the builder tells.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple};

use super::diff::{copied, difference};
use super::{Closed, Made, Moment, Ops, Told};
use crate::api::op::{Op, Verb};
use crate::build::builder::OpenString;
use crate::build::run::Run;
use crate::convert::text::OpenText;
use crate::plan::{Action, Close, Flavor, NodeId, Sequence};
use crate::snapshot::frame::{Frame, Place, Values};
use crate::snapshot::instance::probe;

/// Where the open child of a frame stands in the dump.
pub(super) enum Spot {
    /// Nowhere.
    Hidden,
    /// In the place of the frame itself, which is a root model.
    Here,
    At(Py<PyAny>),
}

/// Where a value goes: into a frame's container, or to the root.
pub(super) struct Target {
    pub frame: Option<usize>,
    pub at: Option<Py<PyAny>>,
}

/// What was told of a value before it changed.
struct Before {
    opened: Option<Moment>,
    shadow: Option<Py<PyAny>>,
}

impl Run<'_, '_> {
    pub(super) fn ops(&mut self) -> PyResult<&mut Ops> {
        let ops = self.st.ops.as_deref_mut();
        ops.ok_or_else(|| PyRuntimeError::new_err("no ops are kept"))
    }

    fn dumps_nothing(&self) -> bool {
        self.st.ops.is_none()
    }

    fn told(&self, index: usize) -> Option<&Told> {
        self.st.frames.get(index)?.told.as_deref()
    }

    // ---- places

    /// Where the child that frame `index` is reading stands in its dump.
    pub(super) fn op_place(&self, index: usize) -> PyResult<Spot> {
        let py = self.py;
        let Some(ops) = &self.st.ops else {
            return Ok(Spot::Hidden);
        };
        let Some(frame) = self
            .st
            .frames
            .get(index)
            .filter(|frame| frame.told.is_some() && !frame.stalled)
        else {
            return Ok(Spot::Hidden);
        };
        let action = self.plan.node(frame.node).on(frame.kind);
        let spot = match action {
            Action::Root(plan) => {
                let hidden = plan.dumps.get(py)?.first().is_some_and(|dump| dump.hidden);
                if hidden { Spot::Hidden } else { Spot::Here }
            }
            Action::Array(plan) => match plan.sequence {
                Sequence::Items => Spot::Hidden,
                Sequence::Set | Sequence::FrozenSet => {
                    let told = frame.told.as_ref().and_then(|told| told.seen.as_ref());
                    let count = told.map_or(0, |seen| seen.bind(py).len());
                    Spot::At(count.into_pyobject(py)?.into_any().unbind())
                }
                _ => Spot::At(frame.kept.into_pyobject(py)?.into_any().unbind()),
            },
            _ if frame.child.place == Place::Nowhere => Spot::Hidden,
            Action::Object(plan) => match (frame.child.field, &frame.child.key) {
                (Some(field), Some(name)) => {
                    let dump = &plan.dumps.get(py)?[field];
                    if dump.hidden {
                        Spot::Hidden
                    } else if matches!(plan.flavor, Flavor::NamedTuple) {
                        Spot::At(field.into_pyobject(py)?.into_any().unbind())
                    } else {
                        let alias = dump.alias(ops.dumping.by_alias);
                        Spot::At(alias.unwrap_or(name).clone_ref(py))
                    }
                }
                // A dataclass is dumped by its fields.
                (None, Some(key)) if !matches!(plan.flavor, Flavor::Dataclass) => {
                    Spot::At(key.clone_ref(py))
                }
                _ => Spot::Hidden,
            },
            Action::Map(plan) => match (&frame.child.key, &plan.dumped_keys) {
                (Some(key), Some(dump)) => {
                    let one = PyDict::new(py);
                    one.set_item(key, py.None())?;
                    let dumped = self.op_call(dump.get(py)?, one.into_any())?;
                    let dumped = dumped.bind(py).cast::<PyDict>()?.keys();
                    Spot::At(dumped.get_item(0)?.unbind())
                }
                (Some(key), None) => Spot::At(key.clone_ref(py)),
                (None, _) => Spot::Hidden,
            },
            _ => Spot::Hidden,
        };
        Ok(spot)
    }

    /// Where the value that is being read goes, if it is shown while open.
    pub(super) fn op_open_target(&self) -> PyResult<Option<Target>> {
        let Some(parent) = self.st.frames.len().checked_sub(1) else {
            return Ok(Some(Target {
                frame: None,
                at: None,
            }));
        };
        if self.inside_set() {
            return Ok(None);
        }
        self.op_target(parent)
    }

    fn op_target(&self, parent: usize) -> PyResult<Option<Target>> {
        Ok(match self.op_place(parent)? {
            Spot::Hidden => None,
            Spot::At(at) => Some(Target {
                frame: Some(parent),
                at: Some(at),
            }),
            Spot::Here => Some(self.op_target_of(parent)),
        })
    }

    /// Where frame `index` itself stands.
    fn op_target_of(&self, index: usize) -> Target {
        let mut index = index;
        loop {
            let at = self.told(index).and_then(|told| told.at.as_ref());
            let Some(parent) = index.checked_sub(1) else {
                return Target {
                    frame: None,
                    at: None,
                };
            };
            if let Some(at) = at {
                return Target {
                    frame: Some(parent),
                    at: Some(at.clone_ref(self.py)),
                };
            }
            index = parent;
        }
    }

    fn op_path(&self, target: &Target) -> Vec<Py<PyAny>> {
        let mut path = Vec::with_capacity(self.st.frames.len() + 1);
        if let Some(last) = target.frame {
            for frame in &self.st.frames[..=last] {
                if let Some(at) = frame.told.as_ref().and_then(|told| told.at.as_ref()) {
                    path.push(at.clone_ref(self.py));
                }
            }
        }
        path.extend(target.at.as_ref().map(|at| at.clone_ref(self.py)));
        path
    }

    // ---- telling

    /// The container in which `target` is, where it is part of an op that was not taken yet.
    fn op_fresh(&self, target: &Target) -> Option<&Py<PyAny>> {
        let batch = self.st.ops.as_ref()?.batch;
        let (made, fresh) = self.told(target.frame?)?.fresh.as_ref()?;
        (*made == batch).then_some(fresh)
    }

    pub(super) fn op_push(
        &mut self,
        verb: Verb,
        target: &Target,
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
    pub(super) fn op_set(&mut self, target: &Target, value: Py<PyAny>) -> PyResult<()> {
        if let (Some(fresh), Some(at)) = (self.op_fresh(target), &target.at) {
            return put(fresh.bind(self.py), at, value);
        }
        self.op_push(Verb::Set, target, value)
    }

    /// Remember that `value` was told at `target`.
    pub(super) fn op_shadow(&mut self, target: &Target, value: Py<PyAny>) -> PyResult<()> {
        let shadow = target
            .frame
            .and_then(|index| self.told(index))
            .and_then(|told| told.shadow.as_ref());
        match (shadow, &target.at) {
            (Some(shadow), Some(at)) => put(shadow.bind(self.py), at, value),
            _ => Ok(()),
        }
    }

    fn op_keeps(&self, target: &Target) -> bool {
        target
            .frame
            .and_then(|index| self.told(index))
            .is_some_and(|told| told.keeps)
    }

    /// Tell that what stands at `target` is `new` now.
    fn op_replace(&mut self, target: &Target, before: &Before, new: &Py<PyAny>) -> PyResult<()> {
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

    // ---- events

    /// The innermost frame was just opened.
    #[inline]
    pub fn op_opened(&mut self) -> PyResult<()> {
        if self.st.ops.is_none() {
            return Ok(());
        }
        self.op_opened_told()
    }

    fn op_opened_told(&mut self) -> PyResult<()> {
        let py = self.py;
        let Some(index) = self.st.frames.len().checked_sub(1) else {
            return Ok(());
        };
        let (spot, inherits) = match index.checked_sub(1) {
            None => (Spot::Here, false),
            Some(parent) if self.is_set(&self.st.frames[parent]) => (Spot::Hidden, false),
            Some(parent) => (
                self.op_place(parent)?,
                self.told(parent).is_some_and(|told| told.keeps),
            ),
        };
        let at = match spot {
            Spot::Hidden => return Ok(()),
            Spot::Here => None,
            Spot::At(at) => Some(at),
        };
        let keeps = inherits || self.op_may_change(index)?;
        let ops = self.ops()?;
        let opened = Moment {
            batch: ops.batch,
            length: ops.list.len(),
        };
        let frame = &self.st.frames[index];
        let mut told = Told {
            at,
            opened,
            fresh: None,
            shadow: None,
            keeps,
            seen: None,
            marked: self.is_marked(frame),
        };
        if self.is_set(frame) {
            told.seen = Some(PySet::empty(py)?.unbind());
        }
        if !matches!(self.plan.node(frame.node).on(frame.kind), Action::Root(_)) {
            let value = self.op_opening(frame)?;
            if keeps {
                told.shadow = Some(copied(value.bind(py))?);
            }
            told.fresh = Some((opened.batch, value));
        }
        let fresh = told.fresh.as_ref().map(|(_, fresh)| fresh.clone_ref(py));
        let shadow = told.shadow.as_ref().map(|shadow| shadow.clone_ref(py));
        self.st.frames[index].told = Some(Box::new(told));
        let target = self.op_target_of(index);
        if let Some(shadow) = shadow {
            self.op_shadow(&target, shadow)?;
        }
        fresh.map_or(Ok(()), |fresh| self.op_set(&target, fresh))
    }

    /// Whether the value of frame `index` may be dumped otherwise than its parts, when complete.
    fn op_may_change(&self, index: usize) -> PyResult<bool> {
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
    fn op_stands(&self, frame: &Frame) -> PyResult<bool> {
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
    fn op_opening(&self, frame: &Frame) -> PyResult<Py<PyAny>> {
        let py = self.py;
        let plain = match (&frame.values, self.plan.node(frame.node).on(frame.kind)) {
            (Values::Items(_), Action::Array(plan)) => plan.sequence != Sequence::Other,
            (Values::Object { .. }, Action::Object(plan)) => {
                matches!(plan.flavor, Flavor::Model | Flavor::TypedDict)
            }
            _ => true,
        };
        if !plain {
            return self.op_dump_frame(frame);
        }
        Ok(match &frame.values {
            Values::Items(_) => PyList::empty(py).into_any().unbind(),
            _ => PyDict::new(py).into_any().unbind(),
        })
    }

    /// Of a frame whose child is not open: its dump as it stands.
    pub(super) fn op_dump_frame(&self, frame: &Frame) -> PyResult<Py<PyAny>> {
        let value = self.fresh(frame, None)?.object;
        self.op_dump(frame.outer, &value)
    }

    fn op_call(
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
    fn op_dump_child(
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

    /// A value of `node` ended that was not shown while open.
    #[inline]
    pub fn op_whole(&mut self, node: NodeId) {
        if let Some(ops) = &mut self.st.ops {
            ops.closed = Closed::Whole(node);
        }
    }

    /// A string ended.
    #[inline]
    pub fn op_text(&mut self, string: OpenString) {
        if let (Some(ops), Some(expected)) = (&mut self.st.ops, string.expected) {
            ops.closed = Closed::Text {
                node: expected.outer,
                text: string.text,
                told: string.told,
            };
        }
    }

    /// A container ended.
    #[inline]
    pub fn op_container(&mut self, frame: &mut Frame, made: Made) -> PyResult<()> {
        if self.st.ops.is_none() {
            return Ok(());
        }
        self.op_container_told(frame, made)
    }

    fn op_container_told(&mut self, frame: &mut Frame, made: Made) -> PyResult<()> {
        let stands = match made {
            Made::Frozen => !frame.failed && !frame.doubtful,
            Made::Judged => false,
            Made::Parts => self.op_stands(frame)?,
        };
        let stands = stands && !frame.stalled;
        let node = frame.outer;
        let told = frame.told.take();
        self.ops()?.closed = Closed::Container { node, told, stands };
        Ok(())
    }

    /// `value` ended and goes into the innermost frame, or is the root.
    ///
    /// Called before the frame has it: where the child stands is told by what is there already.
    pub fn op_settled(&mut self, value: &Py<PyAny>) -> PyResult<()> {
        if self.dumps_nothing() {
            return Ok(());
        }
        let closed = std::mem::replace(&mut self.ops()?.closed, Closed::Nothing);
        let parent = self.st.frames.len().checked_sub(1);
        let is_root_model = parent.is_some_and(|parent| {
            let frame = &self.st.frames[parent];
            matches!(self.plan.node(frame.node).on(frame.kind), Action::Root(_))
        });
        let target = match parent {
            None => Target {
                frame: None,
                at: None,
            },
            Some(parent) => {
                if self.told(parent).is_none() || self.is_told_item(parent, value)? {
                    return Ok(());
                }
                match self.op_target(parent)? {
                    Some(target) => target,
                    None => return Ok(()),
                }
            }
        };
        let node = match &closed {
            Closed::Nothing => return Ok(()),
            Closed::Whole(node) | Closed::Text { node, .. } | Closed::Container { node, .. } => {
                *node
            }
        };
        if let Closed::Container {
            told: Some(told),
            stands: true,
            ..
        } = &closed
            && !self.is_guarded_child()?
        {
            if is_root_model && let Some(parent) = parent {
                let shadow = told.shadow.as_ref().map(|shadow| shadow.clone_ref(self.py));
                self.op_inner(parent, shadow);
            }
            return Ok(());
        }
        let Some(dumped) = self.op_dump_child(parent, node, value)? else {
            // It was shown while open and is left out now.
            return match (&closed, parent) {
                (Closed::Whole(_), _) | (_, None) => Ok(()),
                (_, Some(parent)) => self.op_again(parent),
            };
        };
        match closed {
            Closed::Nothing | Closed::Whole(_) => {
                self.op_set(&target, dumped.clone_ref(self.py))?;
            }
            Closed::Text { text, told, .. } => {
                self.op_text_ended(&target, text, told, &dumped)?;
            }
            Closed::Container { told, .. } => {
                let before = told.map_or(
                    Before {
                        opened: None,
                        shadow: None,
                    },
                    |told| Before {
                        opened: Some(told.opened),
                        shadow: told.shadow,
                    },
                );
                self.op_replace(&target, &before, &dumped)?;
            }
        }
        if is_root_model && let Some(parent) = parent {
            let shadow = Some(dumped.clone_ref(self.py));
            self.op_inner(parent, shadow);
        }
        if self.op_keeps(&target) {
            let shadow = copied(dumped.bind(self.py))?;
            self.op_shadow(&target, shadow)?;
        }
        Ok(())
    }

    /// What the root model at `index` wraps is complete.
    fn op_inner(&mut self, index: usize, shadow: Option<Py<PyAny>>) {
        if let Some(told) = self.st.frames[index].told.as_mut()
            && told.keeps
        {
            told.shadow = shadow;
        }
    }

    /// Whether how the innermost frame's child is dumped depends on the frame's instance.
    fn is_guarded_child(&self) -> PyResult<bool> {
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

    /// Whether frame `index` is a set that has `value` already; remembers that it does.
    fn is_told_item(&self, index: usize, value: &Py<PyAny>) -> PyResult<bool> {
        let seen = self.told(index).and_then(|told| told.seen.as_ref());
        let Some(seen) = seen.map(|seen| seen.bind(self.py)) else {
            return Ok(false);
        };
        seen.contains(value)
    }

    /// Note that `value`, which was told, is in the set of the innermost frame.
    pub fn op_seen(&self, value: &Py<PyAny>) -> PyResult<()> {
        let seen = self
            .st
            .frames
            .last()
            .and_then(|frame| frame.told.as_ref())
            .and_then(|told| told.seen.as_ref());
        seen.map_or(Ok(()), |seen| seen.bind(self.py).add(value))
    }

    fn op_text_ended(
        &mut self,
        target: &Target,
        text: Option<OpenText>,
        told: Option<usize>,
        dumped: &Py<PyAny>,
    ) -> PyResult<()> {
        let py = self.py;
        let (Some(told), Some(text)) = (told, text) else {
            return self.op_set(target, dumped.clone_ref(py));
        };
        let shown = text.to_python(py)?;
        if dumped.bind(py).eq(&shown)? {
            if told < text.len() {
                let rest = text.since(py, told)?.into_any().unbind();
                return self.op_push(Verb::Append, target, rest);
            }
            return Ok(());
        }
        if let Ok(dumped) = dumped.bind(py).cast::<PyString>()
            && told > 0
        {
            let before = text.until(py, told)?;
            if let Some(rest) = dumped.to_str()?.strip_prefix(before.to_str()?) {
                if rest.is_empty() {
                    return Ok(());
                }
                let rest = PyString::new(py, rest).into_any().unbind();
                return self.op_push(Verb::Append, target, rest);
            }
        }
        self.op_set(target, dumped.clone_ref(py))
    }

    /// The value that just ended is not shown any more, though it was while it was open.
    #[inline]
    pub fn op_vanished(&mut self) -> PyResult<()> {
        if self.st.ops.is_none() {
            return Ok(());
        }
        self.op_vanished_told()
    }

    fn op_vanished_told(&mut self) -> PyResult<()> {
        let shown = match std::mem::replace(&mut self.ops()?.closed, Closed::Nothing) {
            Closed::Nothing | Closed::Whole(_) => false,
            Closed::Text { told, .. } => told.is_some(),
            Closed::Container { told, .. } => told.is_some(),
        };
        match self.st.frames.len().checked_sub(1) {
            Some(parent) if shown => self.op_again(parent),
            _ => Ok(()),
        }
    }

    /// Tell frame `index`, in which nothing is open, as a whole.
    pub(super) fn op_again(&mut self, index: usize) -> PyResult<()> {
        let py = self.py;
        let frame = &self.st.frames[index];
        let dumped = self.op_dump_frame(frame)?;
        let target = self.op_target_of(index);
        let Some(told) = frame.told.as_ref() else {
            return Ok(());
        };
        let before = Before {
            opened: Some(told.opened),
            shadow: told.shadow.as_ref().map(|shadow| shadow.clone_ref(py)),
        };
        let keeps = told.keeps;
        self.op_replace(&target, &before, &dumped)?;
        let shadow = keeps.then(|| copied(dumped.bind(py))).transpose()?;
        if let Some(shadow) = &shadow {
            self.op_shadow(&target, shadow.clone_ref(py))?;
        }
        if let Some(told) = self.st.frames[index].told.as_mut() {
            // What was put into an op was a copy.
            told.fresh = None;
            told.shadow = shadow;
        }
        Ok(())
    }

    /// The root is invalid, and that was put off: `value` stays, to be looked at.
    pub fn op_spoilt_root(&mut self, value: &Py<PyAny>) -> PyResult<()> {
        if self.dumps_nothing() {
            return Ok(());
        }
        let closed = std::mem::replace(&mut self.ops()?.closed, Closed::Nothing);
        let Closed::Container {
            node,
            told: Some(told),
            ..
        } = closed
        else {
            return Ok(());
        };
        let dumped = self.op_dump(node, value)?;
        let target = Target {
            frame: None,
            at: None,
        };
        let before = Before {
            opened: Some(told.opened),
            shadow: told.shadow,
        };
        self.op_replace(&target, &before, &dumped)
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

/// Store `value` in a container of JSON; an item at the end of a list is a new one.
pub(super) fn put(container: &Bound<'_, PyAny>, at: &Py<PyAny>, value: Py<PyAny>) -> PyResult<()> {
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
