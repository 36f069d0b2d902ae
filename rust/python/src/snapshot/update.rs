//! Brings containers that nobody sees any more up to date, to be handed out again.
//!
//! What must change together: each kind of container that `Run::can_update` names has its branch in
//! `Run::update`, and `Run::is_blank` and `Run::is_unchanged` tell for it whether a user changed it.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyTuple};

use crate::build::run::Run;
use crate::ffi::{self, Member};
use crate::plan::{Action, Sequence};
use crate::snapshot::frame::{Frame, Place, Slot, Values, address};
use crate::snapshot::fresh::{assign, set_child, tuple_of};
use crate::snapshot::spine::{OURS_AND_PARENT, length_of};

impl Run<'_, '_> {
    /// Bring the container in `slot` up to date with `frame`.
    pub(super) fn update(
        &self,
        frame: &Frame,
        slot: &mut Slot,
        child: Option<&Py<PyAny>>,
    ) -> PyResult<()> {
        let py = self.py;
        let action = self.plan.node(frame.node).on(frame.kind);
        match (&frame.values, action) {
            (Values::Items(items), Action::Array(plan)) => {
                let (items, child) = (items.bind(py), child.map(|child| child.bind(py)));
                match plan.sequence {
                    Sequence::Tuple => update_tuple(slot, items, child)?,
                    Sequence::Set | Sequence::FrozenSet => update_set(slot, items)?,
                    Sequence::Other => update_sequence(slot, items, child)?,
                    Sequence::List | Sequence::Items => return update_list(slot, items, child),
                }
                slot.entries = slot.object.bind(py).len()?;
                Ok(())
            }
            (Values::Items(items), _) => {
                update_list(slot, items.bind(py), child.map(|child| child.bind(py)))
            }
            (Values::Map(dict), _) => {
                update_dict(frame, slot, dict.bind(py), child)?;
                slot.entries = length_of(slot.object.bind(py))?;
                Ok(())
            }
            (Values::Object { dict, extra, .. }, _) => {
                let before = address(slot.open.as_ref());
                let extra = extra.as_ref().map(|extra| extra.bind(py));
                let seen = slot.seen;
                update_object(frame, slot, dict.bind(py), extra, child)?;
                let (Action::Object(plan) | Action::Root(plan)) = action else {
                    return Ok(());
                };
                let opened = address(slot.open.as_ref()) != before;
                if let Some(received) = &plan.received
                    && (opened || seen < slot.seen)
                {
                    update_fields_set(py, frame, slot, seen, received)?;
                }
                let marked = self.is_marked(frame);
                let remarked = slot
                    .parts
                    .as_mut()
                    .is_some_and(|parts| std::mem::replace(&mut parts.marked, marked) != marked);
                let Some(members) = &plan.members else {
                    return Ok(());
                };
                if opened || remarked {
                    let open = self.open_mark(frame, slot.open.as_ref());
                    members.open.set(slot.object.bind(py), &open)?;
                }
                Ok(())
            }
        }
    }
}

fn update_list(
    slot: &mut Slot,
    items: &Bound<'_, PyList>,
    child: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let list = slot.object.bind(items.py()).cast::<PyList>()?.clone();
    let complete = items.len();
    let open = is_still_open(slot, complete, child);
    if !open && slot.shows_open_item() {
        list.del_item(slot.seen)?;
    }
    for index in slot.seen..complete {
        list.append(items.get_item(index)?)?;
    }
    match child {
        Some(child) if open => list.set_item(complete, child)?,
        Some(child) => list.append(child)?,
        None => {}
    }
    slot.entries = list.len();
    shows(slot, complete, child);
    Ok(())
}

/// Whether the item that was open when the container in `slot` was handed out still is: else it is
/// complete now, or has gone.
fn is_still_open(slot: &Slot, complete: usize, child: Option<&Bound<'_, PyAny>>) -> bool {
    slot.shows_open_item() && slot.seen == complete && child.is_some()
}

/// Note that the container in `slot` shows so many `complete` items, and `child` after them.
fn shows(slot: &mut Slot, complete: usize, child: Option<&Bound<'_, PyAny>>) {
    slot.seen = complete;
    slot.child = child.map_or(0, |child| child.as_ptr().addr());
}

fn update_tuple(
    slot: &mut Slot,
    items: &Bound<'_, PyList>,
    child: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let py = items.py();
    let complete = items.len();
    let length = complete + usize::from(child.is_some());
    if length <= slot.room {
        let tuple = slot.object.bind(py).cast::<PyTuple>()?;
        if slot.shows_open_item() {
            ffi::shorten_tuple(tuple, slot.seen);
        }
        for index in slot.seen..complete {
            ffi::lengthen_tuple(tuple, items.get_item(index)?, slot.room)?;
        }
        if let Some(child) = child {
            ffi::lengthen_tuple(tuple, child.clone(), slot.room)?;
        }
    } else {
        let list = ffi::list_with(items, child)?;
        let (tuple, room) = tuple_of(&list)?;
        slot.object = tuple.into_any().unbind();
        slot.room = room;
    }
    shows(slot, complete, child);
    Ok(())
}

/// A set shows complete items only.
fn update_set(slot: &mut Slot, items: &Bound<'_, PyList>) -> PyResult<()> {
    let set = slot.object.bind(items.py());
    let complete = items.len();
    for index in slot.seen..complete {
        let item = items.get_item(index)?;
        match set.cast::<PyFrozenSet>() {
            Ok(set) => ffi::add_to_frozen(set, &item)?,
            Err(_) => set.cast::<PySet>()?.add(item)?,
        }
    }
    shows(slot, complete, None);
    Ok(())
}

/// A sequence that grows by `append` (`ArrayPlan::grows`).
fn update_sequence(
    slot: &mut Slot,
    items: &Bound<'_, PyList>,
    child: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let py = items.py();
    let sequence = slot.object.bind(py);
    let complete = items.len();
    if slot.shows_open_item() {
        sequence.call_method0(intern!(py, "pop"))?;
    }
    for index in slot.seen..complete {
        sequence.call_method1(intern!(py, "append"), (items.get_item(index)?,))?;
    }
    if let Some(child) = child {
        sequence.call_method1(intern!(py, "append"), (child,))?;
    }
    shows(slot, complete, child);
    Ok(())
}

/// A dict, or a mapping that grows by assignment (`MapPlan::grows`).
fn update_dict(
    frame: &Frame,
    slot: &mut Slot,
    values: &Bound<'_, PyDict>,
    child: Option<&Py<PyAny>>,
) -> PyResult<()> {
    let py = values.py();
    let target = slot.object.bind(py);
    for logged in &frame.log[slot.seen..] {
        if let Some(value) = values.get_item(&logged.key)? {
            assign(target, &logged.key, &value)?;
        }
    }
    slot.seen = frame.log.len();
    let shown = child.filter(|_| frame.child.place != Place::Nowhere);
    slot.open = set_child(target, frame, shown)?;
    slot.child = address(shown);
    Ok(())
}

fn update_object(
    frame: &Frame,
    slot: &mut Slot,
    values: &Bound<'_, PyDict>,
    extra: Option<&Bound<'_, PyDict>>,
    child: Option<&Py<PyAny>>,
) -> PyResult<()> {
    let py = values.py();
    let target = match &slot.parts {
        Some(parts) => parts.dict.bind(py),
        None => slot.object.bind(py).cast::<PyDict>()?,
    };
    let extra_target = slot
        .parts
        .as_ref()
        .and_then(|parts| parts.extra.as_ref())
        .map(|extra| extra.dict.bind(py));
    for logged in &frame.log[slot.seen..] {
        let (from, to) = match (extra, extra_target) {
            (Some(extra), Some(target)) if logged.extra => (extra, target),
            _ => (values, target),
        };
        if let Some(value) = from.get_item(&logged.key)? {
            to.set_item(&logged.key, value)?;
        }
    }
    let shown = child.filter(|_| frame.child.place != Place::Nowhere);
    let holder = extra_target.filter(|_| frame.child.place == Place::Extra);
    let open = set_child(holder.unwrap_or(target), frame, shown)?;
    let entries = target.len();
    if let Some(parts) = &mut slot.parts
        && let Some(extra) = &mut parts.extra
    {
        extra.entries = extra.dict.bind(py).len();
    }
    slot.entries = entries;
    slot.seen = frame.log.len();
    slot.open = open;
    slot.child = address(shown);
    Ok(())
}

/// Add what the instance in `slot` received since `seen` to the names of its fields. Another
/// snapshot may have the same set: then this one gets its own.
fn update_fields_set(
    py: Python<'_>,
    frame: &Frame,
    slot: &mut Slot,
    seen: usize,
    received: &Member,
) -> PyResult<()> {
    let Some(parts) = &mut slot.parts else {
        return Ok(());
    };
    let Some(set) = parts.set.as_ref().map(|set| set.bind(py)) else {
        return Ok(());
    };
    let is_ours = ffi::has_references(set, OURS_AND_PARENT) && !ffi::has_weak_references(set);
    let set = if is_ours {
        set.clone()
    } else {
        let own = ffi::copy_set(set)?;
        received.set(slot.object.bind(py), &own)?;
        own
    };
    for logged in &frame.log[seen..] {
        set.add(&logged.key)?;
    }
    if let Some(key) = &slot.open {
        set.add(key)?;
    }
    parts.received = set.len();
    parts.set = Some(set.unbind());
    Ok(())
}
