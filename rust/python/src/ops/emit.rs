//! What each event of the builder tells.

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PySet, PyString};

use super::destination::{Destination, Spot};
use super::diff::copied;
use super::tell::Before;
use super::{Closed, Made, Moment, Told};
use crate::api::op::Verb;
use crate::build::reading::OpenString;
use crate::build::run::Run;
use crate::convert::text::OpenText;
use crate::plan::{Action, NodeId};
use crate::snapshot::frame::{Frame, Values};

impl Run<'_, '_> {
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
        let whole = self.op_shares_keys(index)?;
        let keeps = inherits || whole || self.op_may_change(index)?;
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
            lacks: false,
            whole,
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
            Made::Validated => false,
            Made::Parts => self.op_stands(frame)?,
        };
        let told = frame.told.as_ref();
        let anew = told.is_some_and(|told| told.whole || told.lacks);
        let stands = stands && !frame.stalled && !anew;
        let node = frame.outer;
        let told = frame.told.take();
        self.ops()?.closed = Closed::Container { node, told, stands };
        Ok(())
    }

    /// `value` ended and goes into the innermost frame, or is the root.
    ///
    /// Called before the frame has it: where the child stands is told by what is there already.
    pub fn op_settled(&mut self, value: &Py<PyAny>) -> PyResult<()> {
        if self.st.ops.is_none() {
            return Ok(());
        }
        let closed = std::mem::replace(&mut self.ops()?.closed, Closed::Nothing);
        let parent = self.st.frames.len().checked_sub(1);
        let is_root_model = parent.is_some_and(|parent| {
            let frame = &self.st.frames[parent];
            matches!(self.plan.node(frame.node).on(frame.kind), Action::Root(_))
        });
        let target = match parent {
            None => Destination {
                frame: None,
                at: None,
            },
            Some(parent) => {
                if self.told(parent).is_none() || self.is_told_item(parent, value)? {
                    return Ok(());
                }
                let Some(target) = self.op_target(parent)? else {
                    self.op_lacks_key(parent);
                    return Ok(());
                };
                target
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
        let dumped = match self.op_dump_child(parent, node, value) {
            Err(error) if error.is_instance_of::<PyException>(self.py) => {
                if parent.is_none() {
                    // Nothing can hide it any more.
                    self.ops()?.refused = Some(error.into_value(self.py));
                }
                return self.op_undumped(parent, &target, closed);
            }
            dumped => dumped?,
        };
        let Some(dumped) = dumped else {
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

    /// A value ended of which there is no dump: what was told of it while it was open is all of it. In
    /// an array something must have its place.
    fn op_undumped(
        &mut self,
        parent: Option<usize>,
        target: &Destination,
        closed: Closed,
    ) -> PyResult<()> {
        let py = self.py;
        if let Some(parent) = parent
            && let Some(told) = &mut self.st.frames[parent].told
        {
            told.lacks = true;
        }
        let is_item = parent.is_some_and(|parent| {
            let frame = &self.st.frames[parent];
            matches!(frame.values, Values::Items(_))
        });
        match closed {
            Closed::Container {
                told: Some(told), ..
            } => {
                if let Some(parent) = parent {
                    let frame = &self.st.frames[parent];
                    if matches!(self.plan.node(frame.node).on(frame.kind), Action::Root(_)) {
                        self.op_inner(parent, told.shadow);
                    }
                }
                return Ok(());
            }
            Closed::Text {
                text: Some(text),
                told,
                ..
            } if told.is_some() => {
                let shown = text.to_python(py)?.into_any().unbind();
                self.op_text_ended(target, Some(text), told, &shown)?;
                return self.op_shadow(target, shown);
            }
            _ if is_item => self.op_set(target, py.None())?,
            _ => return Ok(()),
        }
        self.op_shadow(target, py.None())
    }

    /// A value has no place in frame `index`: in a dict because its key has no dump.
    fn op_lacks_key(&mut self, index: usize) {
        let frame = &mut self.st.frames[index];
        if let Action::Map(plan) = self.plan.node(frame.node).on(frame.kind)
            && plan.dumped_keys.is_some()
            && frame.child.key.is_some()
            && let Some(told) = &mut frame.told
        {
            told.lacks = true;
        }
    }

    /// What the root model at `index` wraps is complete.
    fn op_inner(&mut self, index: usize, shadow: Option<Py<PyAny>>) {
        if let Some(told) = self.st.frames[index].told.as_mut()
            && told.keeps
        {
            told.shadow = shadow;
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
        target: &Destination,
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
        match self.op_dump_frame(&self.st.frames[index])? {
            Some(dumped) => self.op_told_again(index, &dumped),
            None => Ok(()),
        }
    }

    /// Tell frame `index` as a whole: `dumped` is its dump.
    pub(super) fn op_told_again(&mut self, index: usize, dumped: &Py<PyAny>) -> PyResult<()> {
        let py = self.py;
        let frame = &self.st.frames[index];
        let target = self.op_target_of(index);
        let Some(told) = frame.told.as_ref() else {
            return Ok(());
        };
        let before = Before {
            opened: Some(told.opened),
            shadow: told.shadow.as_ref().map(|shadow| shadow.clone_ref(py)),
        };
        let keeps = told.keeps;
        self.op_replace(&target, &before, dumped)?;
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
        if self.st.ops.is_none() {
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
        let Some(dumped) = self.op_dumped(self.op_dump(node, value))? else {
            return Ok(());
        };
        let target = Destination {
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
