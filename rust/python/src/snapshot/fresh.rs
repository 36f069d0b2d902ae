//! New containers for a snapshot: where the ones that were handed out are still seen.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyTuple};

use crate::build::run::Run;
use crate::ffi;
use crate::plan::{Action, Flavor, Sequence};
use crate::snapshot::frame::{Extra, Frame, Parts, Place, Slot, Values, address};
use crate::snapshot::instance::instance;
use crate::snapshot::spine::length_of;

/// From how many items on a tuple gets room for more: a shorter one is as quickly copied.
const LONG: usize = 32;

impl Run<'_, '_> {
    /// A new container with what `frame` holds, and `child` as its open member.
    pub fn fresh(&self, frame: &Frame, child: Option<&Py<PyAny>>) -> PyResult<Py<PyAny>> {
        Ok(self.made(frame, child, None)?.object)
    }

    /// The same in a slot, in the place of `used`, whose container somebody sees.
    pub(super) fn fresh_slot(
        &self,
        frame: &Frame,
        child: Option<&Py<PyAny>>,
        used: Option<Box<Slot>>,
    ) -> PyResult<Box<Slot>> {
        let Some(mut slot) = used else {
            return Ok(Box::new(self.made(frame, child, None)?));
        };
        // Who keeps all snapshots gets a new container at each, but the same boxes do for it.
        let spare = slot.parts.take();
        *slot = self.made(frame, child, spare)?;
        Ok(slot)
    }

    fn made(
        &self,
        frame: &Frame,
        child: Option<&Py<PyAny>>,
        spare: Option<Box<Parts>>,
    ) -> PyResult<Slot> {
        let py = self.py;
        let shown = child.filter(|_| frame.child.place != Place::Nowhere || is_items(frame));
        match (&frame.values, self.plan.node(frame.node).on(frame.kind)) {
            (Values::Items(items), action) => {
                fresh_sequence(items.bind(py), action, shown.map(|child| child.bind(py)))
            }
            (Values::Map(dict), action) => {
                let made = dict.bind(py).copy()?;
                let open = set_child(&made, frame, shown)?;
                let entries = made.len();
                let object = match action {
                    Action::Map(plan) if plan.class.is_some() => match &plan.class {
                        Some(class) => class.bind(py).call1((made,))?,
                        None => made.into_any(),
                    },
                    _ => made.into_any(),
                };
                let mut slot = Slot::of(object.unbind(), frame.log.len(), open, address(shown));
                slot.entries = entries;
                Ok(slot)
            }
            (Values::Object { dict, set, extra }, Action::Object(plan) | Action::Root(plan)) => {
                let made = dict.bind(py).copy()?;
                let extra = extra
                    .as_ref()
                    .map(|extra| extra.bind(py).copy())
                    .transpose()?;
                let open = match (&extra, frame.child.place) {
                    (Some(extra), Place::Extra) => set_child(extra, frame, shown)?,
                    _ => set_child(&made, frame, shown)?,
                };
                let set = match set {
                    Some(set) => Some(fields_set(frame, set.bind(py), open.as_ref())?),
                    None => None,
                };
                let mark = self.open_mark(frame, open.as_ref());
                let object = instance(plan, &made, set.as_ref(), extra.as_ref(), &mark)?;
                let entries = made.len();
                let mut slot = Slot::of(object.unbind(), frame.log.len(), open, address(shown));
                slot.entries = entries;
                if matches!(plan.flavor, Flavor::Model | Flavor::Dataclass) {
                    let parts = Parts {
                        dict: made.unbind(),
                        received: set.as_ref().map_or(0, PySetMethods::len),
                        set: set.map(Bound::unbind),
                        extra: extra.map(|dict| Extra {
                            entries: dict.len(),
                            dict: dict.unbind(),
                        }),
                        marked: self.is_marked(frame),
                    };
                    slot.parts = Some(boxed(spare, parts));
                }
                Ok(slot)
            }
            (Values::Object { dict, .. }, _) => {
                let made = dict.bind(py).copy()?;
                let open = set_child(&made, frame, shown)?;
                let entries = made.len();
                let object = made.into_any().unbind();
                let mut slot = Slot::of(object, frame.log.len(), open, address(shown));
                slot.entries = entries;
                Ok(slot)
            }
        }
    }
}

/// `parts` in a box: one that is not needed any more, if there is one.
fn boxed(spare: Option<Box<Parts>>, parts: Parts) -> Box<Parts> {
    match spare {
        Some(mut spare) => {
            *spare = parts;
            spare
        }
        None => Box::new(parts),
    }
}

const fn is_items(frame: &Frame) -> bool {
    matches!(frame.values, Values::Items(_))
}

/// The names of the fields that an instance has: a set that the last snapshot has, where it is the
/// same, so that a program that keeps its snapshots has one for each field and not for each chunk.
fn fields_set<'py>(
    frame: &Frame,
    set: &Bound<'py, PySet>,
    open: Option<&Py<PyAny>>,
) -> PyResult<Bound<'py, PySet>> {
    let same = frame
        .slots
        .iter()
        .flatten()
        .filter(|slot| slot.seen == frame.log.len() && address(slot.open.as_ref()) == address(open))
        .find_map(|slot| {
            let parts = slot.parts.as_ref()?;
            let same = parts.set.as_ref()?.bind(set.py());
            // Else somebody changed it.
            (same.len() == parts.received).then_some(same)
        });
    match same {
        Some(same) => Ok(same.clone()),
        None => copy_set(set, open),
    }
}

fn copy_set<'py>(set: &Bound<'py, PySet>, open: Option<&Py<PyAny>>) -> PyResult<Bound<'py, PySet>> {
    let copy = ffi::copy_set(set)?;
    if let Some(key) = open {
        copy.add(key)?;
    }
    Ok(copy)
}

/// `target[key] = value`: a dict is asked directly, a mapping of another class by its own method.
pub(super) fn assign(
    target: &Bound<'_, PyAny>,
    key: &Py<PyAny>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match target.cast_exact::<PyDict>() {
        Ok(dict) => dict.set_item(key, value),
        Err(_) => target.set_item(key, value),
    }
}

pub(super) fn set_child(
    target: &Bound<'_, PyAny>,
    frame: &Frame,
    child: Option<&Py<PyAny>>,
) -> PyResult<Option<Py<PyAny>>> {
    match (child, &frame.child.key) {
        (Some(child), Some(key)) => {
            assign(target, key, child.bind(target.py()))?;
            Ok(Some(key.clone_ref(target.py())))
        }
        _ => Ok(None),
    }
}

fn fresh_sequence(
    items: &Bound<'_, PyList>,
    action: &Action,
    child: Option<&Bound<'_, PyAny>>,
) -> PyResult<Slot> {
    let py = items.py();
    let seen = items.len();
    let list = ffi::list_with(items, child)?;
    let mut room = 0;
    let object = match action {
        Action::Array(plan) => match plan.sequence {
            Sequence::List | Sequence::Items => list.into_any(),
            Sequence::Tuple => {
                let made;
                (made, room) = tuple_of(&list)?;
                made.into_any()
            }
            Sequence::Set => PySet::new(py, &list)?.into_any(),
            Sequence::FrozenSet => PyFrozenSet::new(py, &list)?.into_any(),
            Sequence::Other => match &plan.class {
                Some(class) => class.bind(py).call1((list,))?,
                None => list.into_any(),
            },
        },
        _ => list.into_any(),
    };
    let child = child.map_or(0, |child| child.as_ptr().addr());
    let entries = length_of(&object)?;
    let mut slot = Slot::of(object.unbind(), seen, None, child);
    slot.entries = entries;
    slot.room = room;
    Ok(slot)
}

/// A tuple of the items of `list`, and for how many it has room, if there is more to come.
pub(super) fn tuple_of<'py>(list: &Bound<'py, PyList>) -> PyResult<(Bound<'py, PyTuple>, usize)> {
    let length = list.len();
    if length < LONG {
        return Ok((list.to_tuple(), 0));
    }
    let room = length + length / 2;
    Ok((ffi::roomy_tuple(list, room)?, room))
}
