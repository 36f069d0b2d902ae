//! What is known of the containers that are still open.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PySet};

use crate::build::reading::Expected;
use crate::ops::Told;
use crate::plan::{Default, Kind, NodeId, ObjectPlan};

/// Where the next value of a container goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Under `Child::key`.
    Key,
    /// Under `Child::key`, among what the model does not declare.
    Extra,
    /// Nowhere: pydantic ignores it, or reads it only when the object is complete.
    Nowhere,
}

/// The member or item being read.
pub struct Child {
    pub place: Place,
    pub node: NodeId,
    /// Which of the object's fields it is.
    pub field: Option<usize>,
    /// A field name or a validated dict key.
    pub key: Option<Py<PyAny>>,
    /// That it is invalid proves nothing about the whole.
    pub lenient: bool,
}

impl Child {
    /// A value that is read and not kept.
    pub const fn nowhere() -> Self {
        Self {
            place: Place::Nowhere,
            node: 0,
            field: None,
            key: None,
            lenient: false,
        }
    }
}

/// The complete values of an open container. Never handed out while it is open: snapshots get
/// copies, or slots (see `spine.rs`).
pub enum Values {
    Items(Py<PyList>),
    Map(Py<PyDict>),
    Object {
        dict: Py<PyDict>,
        set: Option<Py<PySet>>,
        extra: Option<Py<PyDict>>,
    },
}

/// A container that was handed out as part of a snapshot, and what of the frame it reflects.
pub struct Slot {
    pub object: Py<PyAny>,
    /// Of a model or a dataclass: what it is made of. In a box, since most containers of a deep
    /// document are lists and dicts.
    pub parts: Option<Box<Parts>>,
    /// How many items a tuple has room for; 0 where it has just its own.
    pub room: usize,
    /// How many entries its `__dict__`, or the container itself, had when it was handed out.
    pub entries: usize,
    /// Items, or entries of `Frame::log`, that it reflects.
    pub seen: usize,
    /// Under which key it shows an open child, if that has one.
    pub open: Option<Py<PyAny>>,
    /// The address of that child, which the container keeps alive; 0 where it shows none.
    pub child: usize,
}

impl Slot {
    /// A container that is not an instance.
    pub const fn of(object: Py<PyAny>, seen: usize, open: Option<Py<PyAny>>, child: usize) -> Self {
        Self {
            object,
            parts: None,
            room: 0,
            entries: 0,
            seen,
            open,
            child,
        }
    }

    /// Whether it shows an item that is open.
    pub const fn shows_open_item(&self) -> bool {
        self.child != 0
    }
}

/// What an instance is made of, beside itself.
pub struct Parts {
    /// Its `__dict__`.
    pub dict: Py<PyDict>,
    /// The names of the fields that it received.
    pub set: Option<Py<PySet>>,
    /// How many names that were when it was handed out.
    pub received: usize,
    /// Of a model: its `__pydantic_extra__`.
    pub extra: Option<Extra>,
    /// Whether it was marked as not validated.
    pub marked: bool,
}

/// What an instance holds that its class does not declare.
pub struct Extra {
    pub dict: Py<PyDict>,
    /// How many entries it had when it was handed out.
    pub entries: usize,
}

/// What tells one open child from another, and one key from another: field names are shared objects.
pub fn address(object: Option<&Py<PyAny>>) -> usize {
    object.map_or(0, |object| object.as_ptr().addr())
}

/// A member that was completed.
pub struct Logged {
    pub key: Py<PyAny>,
    /// Among what the model does not declare.
    pub extra: bool,
}

/// A field that was begun.
pub struct Begun {
    pub field: usize,
    /// Under the key that is preferred, so that its value counts.
    pub sure: bool,
}

/// One open container that is being built.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of each other, each learnt at an event of its own"
)]
pub struct Frame {
    pub node: NodeId,
    /// The node that says how it is dumped.
    pub outer: NodeId,
    /// The kind under which `node` says how it is built.
    pub kind: Kind,
    pub start: u64,
    /// User code will see it before anything is certain: it is not validated by itself.
    pub tentative: bool,
    /// It stands under a second-best key: its being invalid proves nothing.
    pub lenient: bool,
    /// Something inside is invalid, or could not be kept.
    pub failed: bool,
    /// A second-best key was used: its value may not be the one that counts.
    pub doubtful: bool,
    /// Which values count, or whether they are valid, is for pydantic to say.
    pub contested: bool,
    /// An item is not shown that will be: nothing after it can have its place until then.
    pub stalled: bool,
    /// Fields that were begun, where the plan wants them noted.
    pub begun: Vec<Begun>,
    /// How many union labels were there before it.
    pub labels: usize,
    pub values: Values,
    pub child: Child,
    /// Members in the order in which they were completed, once there is a slot to bring up to date.
    pub log: Vec<Logged>,
    /// Boxed, since most frames never fill one: a chunk brings all of their container.
    pub slots: [Option<Box<Slot>>; 2],
    /// Items kept so far, in an array.
    pub kept: usize,
    /// What the ops told of it, where it is part of the dump.
    pub told: Option<Box<Told>>,
}

impl Frame {
    pub fn new(expected: Expected, kind: Kind, start: u64, labels: usize, values: Values) -> Self {
        Self {
            node: expected.node,
            outer: expected.outer,
            kind,
            start,
            tentative: expected.tentative,
            lenient: expected.lenient,
            failed: false,
            doubtful: false,
            contested: false,
            stalled: false,
            begun: Vec::new(),
            labels,
            values,
            child: Child::nowhere(),
            log: Vec::new(),
            slots: [None, None],
            kept: 0,
            told: None,
        }
    }

    /// Note that the value of `field` begins, under its preferred key if `sure`.
    pub fn begin(&mut self, field: usize, sure: bool) {
        match self.begun.iter_mut().find(|begun| begun.field == field) {
            Some(begun) => {
                self.contested |= !(begun.sure && sure);
                begun.sure |= sure;
            }
            None => self.begun.push(Begun { field, sure }),
        }
    }

    /// Keep `value` where the child that was being read belongs.
    pub fn keep(&mut self, py: Python<'_>, value: Py<PyAny>) -> PyResult<()> {
        match (&self.values, self.child.place) {
            (Values::Items(items), _) => {
                self.kept += 1;
                items.bind(py).append(value)
            }
            (_, Place::Nowhere) => Ok(()),
            (Values::Map(dict), _) => {
                let Some(key) = &self.child.key else {
                    return Ok(());
                };
                dict.bind(py).set_item(key, value)?;
                self.note(py);
                Ok(())
            }
            (Values::Object { dict, set, extra }, place) => {
                let Some(key) = &self.child.key else {
                    return Ok(());
                };
                if place == Place::Extra {
                    if let Some(extra) = extra {
                        extra.bind(py).set_item(key, value)?;
                    }
                } else {
                    dict.bind(py).set_item(key, value)?;
                }
                if let Some(set) = set {
                    set.bind(py).add(key)?;
                }
                self.note(py);
                Ok(())
            }
        }
    }

    /// Remember for the slots that the current key has a new value.
    fn note(&mut self, py: Python<'_>) {
        if self.slots.iter().any(Option::is_some)
            && let Some(key) = &self.child.key
        {
            self.log.push(Logged {
                key: key.clone_ref(py),
                extra: self.child.place == Place::Extra,
            });
        }
    }
}

/// The values of a fresh object: its declared defaults, nothing received.
pub fn object_values(py: Python<'_>, plan: &ObjectPlan, deepcopy: &Py<PyAny>) -> PyResult<Values> {
    plan.preparation.ensure(py)?;
    let dict = plan.template.bind(py).copy()?;
    if !plan.shared {
        for field in &plan.fields {
            match &field.default {
                Default::Shared => {}
                Default::Copy(value) => {
                    dict.set_item(&field.name, deepcopy.call1(py, (value,))?)?;
                }
                Default::Make(class) => dict.set_item(&field.name, class.call0(py)?)?,
            }
        }
    }
    let set = if plan.received.is_some() {
        Some(PySet::empty(py)?.unbind())
    } else {
        None
    };
    let extra = plan.has_extra.then(|| PyDict::new(py).unbind());
    Ok(Values::Object {
        dict: dict.unbind(),
        set,
        extra,
    })
}
