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

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFrozenSet, PyList, PySet, PyString, PyTuple, PyType};

use crate::build::builder::{Builder, Shown};
use crate::build::run::Run;
use crate::ffi;
use crate::plan::{Action, Flavor, ObjectPlan, Sequence};
use crate::snapshot::frame::{Frame, Open, Place, Slot, Values, address};

/// References to a container that a slot holds and nobody else.
const OURS: isize = 1;
/// The same, for a container inside another: the outer one holds it too.
const OURS_AND_PARENT: isize = 2;

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
    fn is_unseen(&self, py: Python<'_>, references: isize) -> bool {
        if cfg!(Py_GIL_DISABLED) {
            // Another thread may be taking a reference at this moment.
            return false;
        }
        ffi::references(self.object.bind(py)) == references
            && self
                .dict
                .as_ref()
                .is_none_or(|dict| ffi::references(dict.bind(py)) == OURS_AND_PARENT)
            && self.set.as_ref().is_none_or(|set| {
                ffi::references(set.bind(py)) == OURS_AND_PARENT
                    && !ffi::has_weak_references(set.bind(py))
            })
            && !ffi::has_weak_references(self.object.bind(py))
    }
}

impl Builder {
    /// The last snapshot made.
    pub fn last(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        match &self.shown {
            Shown::Nothing => None,
            Shown::Value(value) => Some(value.clone_ref(py)),
            Shown::Slot(turn) => {
                let visible = self.frames.first()?.slots[*turn].as_ref()?;
                Some(visible.object.clone_ref(py))
            }
        }
    }
}

impl Run<'_, '_> {
    /// The value so far; `None` before anything can be shown.
    pub fn snapshot(&mut self) -> PyResult<Option<Py<PyAny>>> {
        let py = self.py;
        if !self.st.dirty {
            return Ok(self.st.last(py));
        }
        self.st.dirty = false;
        if self.st.done {
            let value = self.st.result.as_ref().map(|value| value.clone_ref(py));
            if let Some(value) = &value {
                self.st.shown = Shown::Value(value.clone_ref(py));
            }
            return Ok(value);
        }
        let leaf = match &self.st.string {
            Some(string) if string.visible => match &string.text {
                Some(text) => Some(text.to_python(py)?.into_any().unbind()),
                None => None,
            },
            _ => None,
        };
        if self.st.frames.is_empty() {
            if let Some(leaf) = &leaf {
                self.st.shown = Shown::Value(leaf.clone_ref(py));
            }
            return Ok(leaf);
        }
        let turn = self.turn();
        let shown = self.build(turn, leaf)?;
        self.st.shown = if shown.is_some() {
            Shown::Slot(turn)
        } else {
            Shown::Nothing
        };
        Ok(shown)
    }

    /// The slot whose container nobody sees, or else the one that was not handed out last.
    fn turn(&self) -> usize {
        let other = match self.st.shown {
            Shown::Slot(last) => 1 - last,
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
        // From the root inwards: how many slots in a row can be brought up to date. What is
        // inside something that somebody sees is seen as well.
        let mut unseen = 0;
        for frame in &self.st.frames {
            let references = if unseen == 0 { OURS } else { OURS_AND_PARENT };
            match &frame.slots[turn] {
                Some(slot) if slot.is_unseen(py, references) && self.is_blank(frame, slot) => {
                    unseen += 1;
                }
                _ => break,
            }
            if matches!(frame.values, Values::Object { extra: Some(_), .. }) {
                // Its extra values can be reached past what was looked at.
                break;
            }
        }
        // From the innermost outwards: each needs the object of its child. Where a container
        // is current and nothing further out was touched, all of them are.
        let touched = std::mem::replace(&mut self.st.touched[turn], self.st.frames.len());
        let mut child = leaf;
        for index in (0..self.st.frames.len()).rev() {
            let frame = &self.st.frames[index];
            if self.is_set(frame) || frame.stalled {
                child = None;
            }
            if index < unseen
                && let Some(slot) = &frame.slots[turn]
                && slot.is_current(frame, child.as_ref())
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
                _ => self.fresh(frame, child.as_ref())?,
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
    fn is_blank(&self, frame: &Frame, slot: &Slot) -> bool {
        let (Action::Object(plan) | Action::Root(plan)) = self.plan.node(frame.node).on(frame.kind)
        else {
            let object = slot.object.bind(self.py);
            return match (object.cast::<PyList>(), object.cast::<PyDict>()) {
                (Ok(list), _) => list.len() == slot.entries,
                (_, Ok(dict)) => dict.len() == slot.entries,
                _ => true,
            };
        };
        let dict = match &slot.dict {
            Some(dict) => Some(dict.bind(self.py)),
            None => slot.object.bind(self.py).cast::<PyDict>().ok(),
        };
        plan.private.is_none()
            && plan.reusable
            && dict.is_none_or(|dict| dict.len() == slot.entries)
    }

    /// Whether a container of this kind can be changed at all.
    fn can_update(&self, frame: &Frame) -> bool {
        match self.plan.node(frame.node).on(frame.kind) {
            Action::Array(plan) => plan.sequence == Sequence::List,
            Action::Map(plan) => plan.class.is_none(),
            Action::Object(plan) | Action::Root(plan) => {
                !plan.has_extra
                    && matches!(
                        plan.flavor,
                        Flavor::Model | Flavor::Dataclass | Flavor::TypedDict
                    )
            }
            _ => true,
        }
    }

    /// Bring the container in `slot` up to date with `frame`.
    fn update(&self, frame: &Frame, slot: &mut Slot, child: Option<&Py<PyAny>>) -> PyResult<()> {
        let py = self.py;
        match &frame.values {
            Values::Items(items) => {
                update_list(slot, items.bind(py), child.map(|child| child.bind(py)))
            }
            Values::Map(dict) => {
                let target = slot.object.bind(py).cast::<PyDict>()?.clone();
                update_dict(frame, slot, dict.bind(py), &target, child)?;
                slot.entries = target.len();
                Ok(())
            }
            Values::Object { dict, .. } => {
                let target = match &slot.dict {
                    Some(dict) => dict.bind(py).clone(),
                    None => slot.object.bind(py).cast::<PyDict>()?.clone(),
                };
                let before = slot.open.address();
                update_dict(frame, slot, dict.bind(py), &target, child)?;
                slot.entries = target.len();
                drop(target);
                if slot.open.address() == before {
                    return Ok(());
                }
                let (Action::Object(plan) | Action::Root(plan)) =
                    self.plan.node(frame.node).on(frame.kind)
                else {
                    return Ok(());
                };
                if let Some(members) = &plan.members {
                    let open = self.open_mark(frame, &slot.open);
                    members.open.set(slot.object.bind(py), &open)?;
                }
                Ok(())
            }
        }
    }

    /// What tells the serializer of a partial model which of its fields are not validated: the
    /// name of the open one, `True` for all, or `None`.
    fn open_mark(&self, frame: &Frame, open: &Open) -> Bound<'_, PyAny> {
        let py = self.py;
        let tentative = frame.tentative || self.plan.node(frame.node).tentative;
        if tentative || frame.failed || frame.doubtful {
            return PyBool::new(py, true).to_owned().into_any();
        }
        match open {
            Open::Key(key) => key.bind(py).clone(),
            Open::No | Open::Item => py.None().into_bound(py),
        }
    }

    /// A new container with what `frame` holds, and `child` as its open member.
    pub fn fresh(&self, frame: &Frame, child: Option<&Py<PyAny>>) -> PyResult<Slot> {
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
                let seen = frame.log.len();
                Ok(Slot {
                    object: object.unbind(),
                    dict: None,
                    entries,
                    set: None,
                    seen,
                    open,
                    child: address(shown),
                })
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
                let set = set
                    .as_ref()
                    .map(|set| copy_set(set.bind(py), &open))
                    .transpose()?;
                let mark = self.open_mark(frame, &open);
                let object = instance(plan, &made, set.as_ref(), extra.as_ref(), &mark)?;
                let entries = made.len();
                let dict =
                    matches!(plan.flavor, Flavor::Model | Flavor::Dataclass).then(|| made.unbind());
                Ok(Slot {
                    object: object.unbind(),
                    dict,
                    entries,
                    set: set.map(Bound::unbind),
                    seen: frame.log.len(),
                    open,
                    child: address(shown),
                })
            }
            (Values::Object { dict, .. }, _) => {
                let made = dict.bind(py).copy()?;
                let open = set_child(&made, frame, shown)?;
                let entries = made.len();
                let object = made.into_any().unbind();
                Ok(Slot {
                    object,
                    dict: None,
                    entries,
                    set: None,
                    seen: frame.log.len(),
                    open,
                    child: address(shown),
                })
            }
        }
    }
}

const fn is_items(frame: &Frame) -> bool {
    matches!(frame.values, Values::Items(_))
}

fn copy_set<'py>(set: &Bound<'py, PySet>, open: &Open) -> PyResult<Bound<'py, PySet>> {
    let copy = PySet::new(set.py(), set)?;
    if let Open::Key(key) = open {
        copy.add(key)?;
    }
    Ok(copy)
}

fn set_child(dict: &Bound<'_, PyDict>, frame: &Frame, child: Option<&Py<PyAny>>) -> PyResult<Open> {
    match (child, &frame.child.key) {
        (Some(child), Some(key)) => {
            dict.set_item(key, child)?;
            Ok(Open::Key(key.clone_ref(dict.py())))
        }
        _ => Ok(Open::No),
    }
}

fn fresh_sequence(
    items: &Bound<'_, PyList>,
    action: &Action,
    child: Option<&Bound<'_, PyAny>>,
) -> PyResult<Slot> {
    let py = items.py();
    let seen = items.len();
    let list = items.get_slice(0, seen);
    let mut open = Open::No;
    if let Some(child) = child {
        list.append(child)?;
        open = Open::Item;
    }
    let entries = list.len();
    let object = match action {
        Action::Array(plan) => match plan.sequence {
            Sequence::List | Sequence::Items => list.into_any(),
            Sequence::Tuple => list.to_tuple().into_any(),
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
    Ok(Slot {
        object: object.unbind(),
        dict: None,
        entries,
        set: None,
        seen,
        open,
        child,
    })
}

fn update_list(
    slot: &mut Slot,
    items: &Bound<'_, PyList>,
    child: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let list = slot.object.bind(items.py()).cast::<PyList>()?.clone();
    let complete = items.len();
    let mut open = matches!(slot.open, Open::Item);
    if open && (slot.seen < complete || child.is_none()) {
        // What was open when this list was handed out is complete now, or has gone.
        list.del_item(slot.seen)?;
        open = false;
    }
    for index in slot.seen..complete {
        list.append(items.get_item(index)?)?;
    }
    slot.seen = complete;
    match child {
        Some(child) if open => list.set_item(complete, child)?,
        Some(child) => list.append(child)?,
        None => {}
    }
    slot.entries = list.len();
    slot.open = if child.is_some() {
        Open::Item
    } else {
        Open::No
    };
    slot.child = child.map_or(0, |child| child.as_ptr().addr());
    Ok(())
}

fn update_dict(
    frame: &Frame,
    slot: &mut Slot,
    values: &Bound<'_, PyDict>,
    target: &Bound<'_, PyDict>,
    child: Option<&Py<PyAny>>,
) -> PyResult<()> {
    let py = values.py();
    let set = slot.set.as_ref().map(|set| set.bind(py));
    for key in &frame.log[slot.seen..] {
        if let Some(value) = values.get_item(key)? {
            target.set_item(key, value)?;
            if let Some(set) = set {
                set.add(key)?;
            }
        }
    }
    slot.seen = frame.log.len();
    let shown = child.filter(|_| frame.child.place != Place::Nowhere);
    let open = set_child(target, frame, shown)?;
    if let (Open::Key(key), Some(set)) = (&open, set) {
        set.add(key)?;
    }
    slot.open = open;
    slot.child = address(shown);
    Ok(())
}

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
    if let (Some(members), Some(set)) = (&plan.members, set) {
        let none = py.None().into_bound(py);
        // A copy: a set that was filled one by one has up to four times the room it needs.
        let set = py.get_type::<PySet>().call1((set,))?;
        members.fields_set.set(&made, &set)?;
        members
            .extra
            .set(&made, extra.map_or(&none, |extra| extra.bind(py).as_any()))?;
        members.private.set(&made, &none)?;
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
fn instance<'py>(
    plan: &ObjectPlan,
    dict: &Bound<'py, PyDict>,
    set: Option<&Bound<'py, PySet>>,
    extra: Option<&Bound<'py, PyDict>>,
    open: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = dict.py();
    let class: &Bound<'py, PyType> = plan.class.bind(py);
    match plan.flavor {
        Flavor::Model => {
            let made = ffi::allocate(class)?;
            if let Some(member) = &plan.dict {
                member.set(&made, dict)?;
            }
            let Some(members) = &plan.members else {
                return Ok(made);
            };
            let none = py.None().into_bound(py);
            members
                .fields_set
                .set(&made, set.map_or(&none, |set| set.as_any()))?;
            members
                .extra
                .set(&made, extra.map_or(&none, |extra| extra.as_any()))?;
            let private = plan.private.as_ref().map(|private| private.bind(py).copy());
            let private = private.transpose()?;
            members
                .private
                .set(&made, private.as_ref().map_or(&none, |dict| dict.as_any()))?;
            members.open.set(&made, open)?;
            Ok(made)
        }
        Flavor::Dataclass => {
            let made = ffi::allocate(class)?;
            if let Some(member) = &plan.dict {
                member.set(&made, dict)?;
            }
            Ok(made)
        }
        Flavor::Slotted => slotted(class, dict),
        Flavor::TypedDict => Ok(dict.clone().into_any()),
        Flavor::NamedTuple => named_tuple(class, dict),
    }
}
