//! Snapshots: the open containers, as objects the caller can keep.
//!
//! A complete value is shared by all snapshots; only the *spine*, the containers that are still
//! open, has to be made anew. Copying it costs what the open containers hold, which for a list of
//! a thousand complete items is a thousand references for each chunk.
//!
//! So each frame keeps the containers that it handed out last, in two slots that take turns: while
//! a loop's variable still holds one snapshot, the one before it usually is held by nobody but its
//! slot. Such a container can be brought up to date with what was completed since, and handed
//! out again: nobody can see that it changed. Who keeps a snapshot, or any part of it, keeps it
//! as it was: its reference count shows, and that part is copied instead.
//!
//! # What must change together
//!
//! - Whether the open child of a frame is shown is said in `build` (a set shows complete items only,
//!   nothing comes after a gap, a root model shows nothing of its own) and once more for ops, in
//!   `Run::op_place` and `Run::op_opened`: the two have to agree, which promise 15 holds.
//! - What a slot keeps a reference to beside its container has to be looked at in `is_unseen`, be
//!   brought up to date in `update.rs`, and be visited for the collector in `build/driver.rs`.
//! - A value that reaches a frame lowers `Shown::touched` (in `Run::deliver`), or `build` would take
//!   what is further out for current.
//! - References are counted: who holds a container of a snapshot longer than a call (`Slot`,
//!   `Last::Value`) changes what `OURS` and `OURS_AND_PARENT` mean.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList};

use crate::build::builder::Builder;
use crate::build::run::Run;
use crate::ffi;
use crate::plan::{Action, Flavor, Sequence};
use crate::snapshot::frame::{Frame, Slot, Values, address};
use crate::snapshot::shown::Last;

/// References to a container that a slot holds and nobody else.
const OURS: u8 = 1;
/// The same, for a container inside another: the outer one holds it too.
pub(super) const OURS_AND_PARENT: u8 = 2;

impl Slot {
    /// Whether it shows all of `frame`, with `child` open in it.
    fn is_current(&self, frame: &Frame, child: Option<&Py<PyAny>>) -> bool {
        let reached = match &frame.values {
            Values::Items(_) => frame.kept,
            _ => frame.log.len(),
        };
        self.seen == reached && self.child == address(child)
    }

    /// Whether nobody but us can see this container.
    fn is_unseen(&self, py: Python<'_>, references: u8) -> bool {
        ffi::has_references(self.object.bind(py), references)
            && self.parts.as_ref().is_none_or(|parts| {
                ffi::has_references(parts.dict.bind(py), OURS_AND_PARENT)
                    && parts.extra.as_ref().is_none_or(|extra| {
                        let dict = extra.dict.bind(py);
                        ffi::has_references(dict, OURS_AND_PARENT) && dict.len() == extra.entries
                    })
            })
            && !ffi::has_weak_references(self.object.bind(py))
    }
}

impl Builder {
    /// The last snapshot made.
    pub fn last(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match &self.shown.last {
            Last::Nothing => None,
            Last::Value(value) => Some(value.clone_ref(py)),
            Last::Slot(turn) => {
                let visible = self.frames.first()?.slots[*turn].as_ref()?;
                Some(visible.object.clone_ref(py))
            }
        }
    }
}

impl Run<'_, '_> {
    /// Whether the instance of `frame` is not to be taken for validated.
    pub fn is_marked(&self, frame: &Frame) -> bool {
        let tentative = frame.tentative || self.plan.node(frame.node).tentative;
        tentative || frame.failed || frame.doubtful
    }

    /// The value so far; `None` before anything can be shown.
    pub fn snapshot(&mut self) -> PyResult<Option<Py<PyAny>>> {
        let py = self.py;
        if !self.st.shown.dirty {
            return Ok(self.st.last(py));
        }
        self.st.shown.dirty = false;
        if self.st.complete.done {
            let value = self
                .st
                .complete
                .value
                .as_ref()
                .map(|value| value.clone_ref(py));
            if let Some(value) = &value {
                self.st.shown.last = Last::Value(value.clone_ref(py));
            }
            return Ok(value);
        }
        let leaf = match &self.st.reading.string {
            Some(string) if string.visible => match &string.text {
                Some(text) => Some(text.to_python(py)?.into_any().unbind()),
                None => None,
            },
            _ => None,
        };
        if self.st.frames.is_empty() {
            if let Some(leaf) = &leaf {
                self.st.shown.last = Last::Value(leaf.clone_ref(py));
            }
            return Ok(leaf);
        }
        let turn = self.turn();
        let shown = self.build(turn, leaf)?;
        self.st.shown.last = if shown.is_some() {
            Last::Slot(turn)
        } else {
            Last::Nothing
        };
        Ok(shown)
    }

    /// The slot whose container nobody sees, or else the one that was not handed out last.
    fn turn(&self) -> usize {
        let other = match self.st.shown.last {
            Last::Slot(last) => 1 - last,
            _ => 0,
        };
        let Some(root) = self.st.frames.first() else {
            return other;
        };
        let unseen = |turn: usize| {
            root.slots[turn]
                .as_ref()
                .is_some_and(|slot| slot.is_unseen(self.py, OURS))
        };
        if !unseen(other) && unseen(1 - other) {
            1 - other
        } else {
            other
        }
    }

    fn build(&mut self, turn: usize, leaf: Option<Py<PyAny>>) -> PyResult<Option<Py<PyAny>>> {
        let py = self.py;
        self.st.shown.turns = self.st.shown.turns.wrapping_add(1);
        // From the root inwards: how many slots in a row can be brought up to date. What is
        // inside something that somebody sees is seen as well.
        let mut unseen = 0;
        for frame in &self.st.frames {
            let references = if unseen == 0 { OURS } else { OURS_AND_PARENT };
            match &frame.slots[turn] {
                Some(slot)
                    if slot.is_unseen(py, references)
                        && self.is_blank(frame, slot)
                        && self.is_unchanged(frame, slot) =>
                {
                    unseen += 1;
                }
                _ => break,
            }
        }
        // From the innermost outwards: each needs the object of its child. Where a container
        // is current and nothing further out was touched, all of them are.
        let touched = std::mem::replace(&mut self.st.shown.touched[turn], self.st.frames.len());
        let mut child = leaf;
        for index in (0..self.st.frames.len()).rev() {
            let frame = &self.st.frames[index];
            if self.is_set(frame) || frame.stalled {
                child = None;
            }
            if index < unseen
                && let Some(slot) = &frame.slots[turn]
                && slot.is_current(frame, child.as_ref())
                && slot
                    .parts
                    .as_ref()
                    .is_none_or(|parts| parts.marked == self.is_marked(frame))
            {
                if index < touched {
                    let root = self
                        .st
                        .frames
                        .first()
                        .and_then(|root| root.slots[turn].as_ref());
                    return Ok(root.map(|slot| slot.object.clone_ref(py)));
                }
                child = Some(slot.object.clone_ref(py));
                continue;
            }
            let slot = self.st.frames[index].slots[turn].take();
            let frame = &self.st.frames[index];
            if child.is_none() && self.is_hidden_root(frame) {
                // A root model shows what it wraps, and nothing before that.
                continue;
            }
            let slot = match slot {
                Some(mut slot) if index < unseen && self.can_update(frame) => {
                    self.update(frame, &mut slot, child.as_ref())?;
                    slot
                }
                used => {
                    self.st.shown.copies += 1;
                    let frame = &self.st.frames[index];
                    self.fresh_slot(frame, child.as_ref(), used)?
                }
            };
            child = Some(slot.object.clone_ref(py));
            self.st.frames[index].slots[turn] = Some(slot);
        }
        Ok(child)
    }

    fn is_hidden_root(&self, frame: &Frame) -> bool {
        matches!(self.plan.node(frame.node).on(frame.kind), Action::Root(_))
    }

    /// Whether the container in `slot` holds as much as was put there, and nothing else: no
    /// result that a `cached_property` kept in its `__dict__`, or a method in a private attribute,
    /// of what it was; and no item that the user put in or took out.
    #[inline]
    pub(super) fn is_blank(&self, frame: &Frame, slot: &Slot) -> bool {
        let plan = match &frame.values {
            Values::Items(_) | Values::Map(_) => None,
            Values::Object { .. } => match self.plan.node(frame.node).on(frame.kind) {
                Action::Object(plan) | Action::Root(plan) => Some(plan),
                _ => None,
            },
        };
        let length = match &slot.parts {
            Some(parts) => parts.dict.bind(self.py).len(),
            None => length_of(slot.object.bind(self.py)).unwrap_or(usize::MAX),
        };
        length == slot.entries && plan.is_none_or(|plan| plan.private.is_none() && plan.reusable)
    }

    /// Whether a container of this kind can be changed at all.
    pub(super) fn can_update(&self, frame: &Frame) -> bool {
        match self.plan.node(frame.node).on(frame.kind) {
            Action::Array(plan) => plan.sequence != Sequence::Other || plan.grows,
            Action::Map(plan) => plan.class.is_none() || plan.grows,
            Action::Object(plan) | Action::Root(plan) => matches!(
                plan.flavor,
                Flavor::Model | Flavor::Dataclass | Flavor::TypedDict
            ),
            _ => true,
        }
    }

    /// What tells the serializer of a partial model which of its fields are not validated: the
    /// name of the open one, `True` for all, or `None`.
    pub(super) fn open_mark(&self, frame: &Frame, open: Option<&Py<PyAny>>) -> Bound<'_, PyAny> {
        let py = self.py;
        if self.is_marked(frame) {
            return PyBool::new(py, true).to_owned().into_any();
        }
        match open {
            Some(key) => key.bind(py).clone(),
            None => py.None().into_bound(py),
        }
    }
}

/// How many entries a container has. Lists and dicts, of which most are, are asked directly.
#[inline]
pub(super) fn length_of(container: &Bound<'_, PyAny>) -> PyResult<usize> {
    if let Ok(list) = container.cast_exact::<PyList>() {
        return Ok(list.len());
    }
    match container.cast_exact::<PyDict>() {
        Ok(dict) => Ok(dict.len()),
        Err(_) => container.len(),
    }
}
