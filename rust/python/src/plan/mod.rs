//! The compiled form of a type: what the builder does at each place of the document.
//!
//! `partialfast/typed/_plan.py` derives it from pydantic's own core schema and hands it over as the
//! nodes of `_nodes.py`; `read` turns them into something the builder can walk without asking Python
//! anything. Nodes refer to each other by index, so a recursive type needs no reference
//! cycle, and the whole plan is one object to the garbage collector.

mod dump;
mod help;
mod read;

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyType};

use crate::ffi::Member;
pub use dump::{Dump, FieldDumps};

pub use self::help::{Help, LazyHelp};

/// Index of a node in its plan. Each open container has a few, so it is no longer than it has to be.
pub type NodeId = u32;

/// What a JSON value is, as far as its first token tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Integer,
    Float,
    Bool,
    Null,
}

/// How many kinds there are.
const KINDS: usize = 7;

/// A validator that is built when first needed: a model has many, a document needs few.
pub struct Validator {
    make: Py<PyAny>,
    built: OnceLock<Py<PyAny>>,
}

impl Validator {
    /// The bound `validate_json` or `validate_python` of the schema validator.
    pub fn get<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<&'a Bound<'py, PyAny>> {
        if self.built.get().is_none() {
            // Made outside the lock: it runs Python code, which may switch threads. Where two
            // threads meet here, the first one's result stays.
            let made = self.make.call0(py)?;
            let _ = self.built.set(made);
        }
        self.built
            .get()
            .map(|built| built.bind(py))
            .ok_or_else(|| PyRuntimeError::new_err("a validator vanished while it was made"))
    }
}

/// What becomes of a container when it closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Its items are validated one by one and nothing is asked of the whole.
    Keep,
    /// The items are validated; the whole goes through `shell`, which looks at no item.
    Shell,
    /// Its own bytes go to its own validator.
    Raw,
    /// Its parts are validated, and nothing is asked of the whole but that all are there: it is put
    /// together.
    Build,
    /// It can only be validated together with what encloses it.
    Leave,
}

/// What a complete or open value of one kind turns into.
pub enum Action {
    /// The native value is final.
    Take,
    /// An integer token for a plain `float`.
    Widen,
    /// A string that is shown while open.
    Text {
        validate: bool,
    },
    /// Absent until complete, then validated from its own bytes.
    Validate,
    /// Absent until the enclosing value closes.
    Hide,
    /// The only member of a union that accepts this kind.
    Goto {
        node: NodeId,
        label: Option<Py<PyAny>>,
    },
    /// A `RootModel`: an instance around the value.
    Root(Box<ObjectPlan>),
    Object(Box<ObjectPlan>),
    Map(Box<MapPlan>),
    Array(Box<ArrayPlan>),
    /// A union whose member is not known yet.
    Choose(Box<Choice>),
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of a schema that are independent of each other"
)]
pub struct Node {
    on: [Action; KINDS],
    pub validator: Option<Validator>,
    pub shell: Option<Validator>,
    pub close: Close,
    /// No user code has a part in what is inside, at any depth.
    pub plain: bool,
    /// User code may still rewrite what is inside: show it, but validate nothing in there.
    pub tentative: bool,
    /// An invalid value is left out silently (`OnErrorOmit`).
    pub omit: bool,
    /// The errors of `validator` name the union members in their locations already.
    pub names_member: bool,
    /// `None` in the plan without types, where everything is dumped as it is.
    pub dump: Option<Dump>,
}

impl Node {
    pub const fn on(&self, kind: Kind) -> &Action {
        &self.on[kind as usize]
    }
}

/// How an instance of the partial class is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavor {
    Model,
    Dataclass,
    /// A dataclass with `__slots__`.
    Slotted,
    TypedDict,
    NamedTuple,
}

/// What an absent field reads as.
pub enum Default {
    /// Whatever the template holds already.
    Shared,
    /// A fresh copy of a mutable default.
    Copy(Py<PyAny>),
    /// A fresh empty builtin container.
    Make(Py<PyAny>),
}

pub struct Field {
    pub name: Py<PyString>,
    pub node: NodeId,
    pub default: Default,
}

/// The field that a key of the document belongs to.
pub struct Key {
    /// `None`: known to pydantic, but only read when the object is complete (an alias path).
    pub field: Option<usize>,
    pub name: Py<PyString>,
    /// Another key would be preferred, so this one's value proves nothing.
    pub lenient: bool,
    /// It takes the whole object to say what becomes of it: an alias path, a second field, or what
    /// else the object allows may want it too.
    pub contested: bool,
    /// What pydantic calls it in the location of an error, where that is not the key.
    pub location: Option<Py<PyAny>>,
}

/// What becomes of a key that no field has.
#[derive(Clone, Copy, Debug)]
pub enum Unknown {
    Ignore,
    Forbid,
    /// pydantic says, when the object is complete.
    Validate,
    Allow(NodeId),
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of a class that are independent of each other"
)]
pub struct ObjectPlan {
    pub flavor: Flavor,
    /// The partial class.
    pub class: Py<PyType>,
    /// The class itself.
    pub complete: Py<PyType>,
    pub fields: Vec<Field>,
    /// Fields that a complete object has received.
    pub required: Vec<usize>,
    pub keys: HashMap<Box<str>, Key>,
    /// Whether to note which fields have begun: where a field has several keys, and where neither
    /// the instance nor its dict tells what was received.
    pub keeps_begun: bool,
    pub unknown: Unknown,
    /// Declared defaults by field name, in declared order.
    pub template: Py<PyDict>,
    /// Whether every default can be shared between objects.
    pub shared: bool,
    pub private: Option<Py<PyDict>>,
    pub has_extra: bool,
    /// Instances have no place for anything but their fields and the set of these, so that one
    /// that nobody sees can be brought up to date.
    pub reusable: bool,
    pub dumps: FieldDumps,
    pub preparation: Preparation,
    /// `__dict__`, where instances have one.
    pub dict: Option<Member>,
    /// Where an instance of the partial class keeps the names of the fields that it received.
    pub received: Option<Member>,
    pub members: Option<ModelMembers>,
}

/// What is to be done before the first instance of a partial class is made.
pub struct Preparation {
    make: Option<Py<PyAny>>,
    done: OnceLock<()>,
}

impl Preparation {
    pub const fn new(make: Option<Py<PyAny>>) -> Self {
        Self {
            make,
            done: OnceLock::new(),
        }
    }

    #[inline]
    pub fn ensure(&self, py: Python<'_>) -> PyResult<()> {
        if self.done.get().is_some() {
            return Ok(());
        }
        if let Some(make) = &self.make {
            make.call0(py)?;
        }
        // Two threads that meet here did the same.
        let _ = self.done.set(());
        Ok(())
    }
}

/// The other slots that every pydantic model instance has, and the one that partial ones add.
pub struct ModelMembers {
    pub extra: Member,
    pub private: Member,
    pub open: Member,
}

pub struct MapPlan {
    /// `None` for `dict` itself.
    pub class: Option<Py<PyAny>>,
    /// A mapping of the class is filled by assignment, and holds nothing else.
    pub grows: bool,
    /// `None`: keys are plain strings.
    pub keys: Option<Validator>,
    /// The `to_python` of a dict's serializer, where keys are dumped as something else.
    pub dumped_keys: Option<Validator>,
    pub values: NodeId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    List,
    Tuple,
    Set,
    FrozenSet,
    /// Made by calling `class`.
    Other,
    /// The items are handed out one by one and not kept.
    Items,
}

pub struct ArrayPlan {
    pub sequence: Sequence,
    pub class: Option<Py<PyAny>>,
    /// A sequence of the class is filled by `append`, and holds nothing else.
    pub grows: bool,
    pub first: Vec<NodeId>,
    pub rest: Option<NodeId>,
    /// How many items a complete one has at least.
    pub least: usize,
}

impl ArrayPlan {
    /// Whether an item that is not shown leaves a gap that nothing else may fill.
    ///
    /// `left_out` says that it never will be shown.
    pub fn has_places(&self, left_out: bool) -> bool {
        match self.sequence {
            Sequence::Set | Sequence::FrozenSet | Sequence::Items => false,
            Sequence::List | Sequence::Tuple | Sequence::Other => {
                !left_out || !self.first.is_empty()
            }
        }
    }

    /// The node of item `index`, or `None` where the type allows no such item.
    pub fn item(&self, index: usize) -> Option<NodeId> {
        self.first.get(index).copied().or(self.rest)
    }
}

/// Where a decided union goes on.
pub struct Target {
    pub node: NodeId,
    pub label: Py<PyAny>,
}

/// Scalars that a `Literal` or `Enum` lists.
#[derive(Default)]
pub struct Scalars {
    strings: HashSet<Box<str>>,
    integers: HashSet<i64>,
}

pub struct Alternative {
    pub target: Target,
    /// Unknown keys make it impossible.
    forbid: bool,
    keys: HashSet<Box<str>>,
    tags: HashMap<Box<str>, Scalars>,
}

pub enum Choice {
    Tagged {
        keys: Vec<Box<str>>,
        strings: HashMap<Box<str>, Target>,
        integers: HashMap<i64, Target>,
    },
    Plain(Vec<Alternative>),
}

/// A scalar that may decide a union.
#[derive(Clone, Copy)]
pub enum Tag<'a> {
    String(&'a str),
    Integer(i64),
    Other,
}

impl Alternative {
    /// Whether an object with this key can still be this member.
    pub fn allows_key(&self, key: &str) -> bool {
        !self.forbid || self.keys.contains(key)
    }

    /// Whether an object with this value under `key` can still be this member.
    pub fn allows_value(&self, key: &str, value: Tag<'_>) -> bool {
        self.tags.get(key).is_none_or(|scalars| match value {
            Tag::String(text) => scalars.strings.contains(text),
            Tag::Integer(number) => scalars.integers.contains(&number),
            Tag::Other => true,
        })
    }
}

impl Choice {
    /// The member that `value` under `key` names, in a tagged union.
    pub fn by_tag(&self, key: &str, value: Tag<'_>) -> Option<&Target> {
        match self {
            Self::Tagged {
                keys,
                strings,
                integers,
            } if keys.iter().any(|k| **k == *key) => match value {
                Tag::String(text) => strings.get(text),
                Tag::Integer(number) => integers.get(&number),
                Tag::Other => None,
            },
            _ => None,
        }
    }
}

/// A compiled type. Immutable; one serves any number of streams at once.
#[pyclass(frozen, module = "partialfast._core")]
pub struct Plan {
    nodes: Vec<Node>,
    /// For lenient reading, of each node that may be asked about; none in the plan without types.
    helps: Vec<Option<LazyHelp>>,
}

impl Plan {
    /// The plan of a document without a type: every value is what `json.loads` would give.
    pub fn untyped(py: Python<'_>) -> PyResult<Py<Self>> {
        static PLAN: PyOnceLock<Py<Plan>> = PyOnceLock::new();
        let plan = PLAN.get_or_try_init(py, || {
            let node = Node {
                on: [
                    Action::Map(Box::new(MapPlan {
                        class: None,
                        grows: false,
                        keys: None,
                        dumped_keys: None,
                        values: 0,
                    })),
                    Action::Array(Box::new(ArrayPlan {
                        sequence: Sequence::List,
                        class: None,
                        grows: false,
                        first: Vec::new(),
                        rest: Some(0),
                        least: 0,
                    })),
                    Action::Take,
                    Action::Take,
                    Action::Take,
                    Action::Take,
                    Action::Take,
                ],
                validator: None,
                shell: None,
                close: Close::Keep,
                plain: true,
                tentative: false,
                omit: false,
                names_member: false,
                dump: None,
            };
            Py::new(
                py,
                Self {
                    nodes: vec![node],
                    helps: Vec::new(),
                },
            )
        })?;
        Ok(plan.clone_ref(py))
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    /// What lenient reading may know of a node.
    pub fn help(&self, py: Python<'_>, id: NodeId) -> PyResult<Option<&Help>> {
        let help = self.helps.get(id as usize).and_then(Option::as_ref);
        help.map(|help| help.get(py)).transpose()
    }
}

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (nodes, /))]
    fn new(nodes: &Bound<'_, PyList>) -> PyResult<Self> {
        let count = nodes.len();
        let helps = nodes
            .iter()
            .map(|node| {
                let make = node.getattr("help")?;
                Ok((!make.is_none()).then(|| LazyHelp::new(make.unbind())))
            })
            .collect::<PyResult<Vec<_>>>()?;
        let nodes = nodes
            .iter()
            .map(|node| read::read_node(&node, count))
            .collect::<PyResult<Vec<_>>>()?;
        if nodes.is_empty() {
            return Err(PyValueError::new_err("a plan needs at least one node"));
        }
        Ok(Self { nodes, helps })
    }

    /// The words that a plan is made of, by the name of their literal in `_nodes.py`.
    #[staticmethod]
    fn words(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        read::words(py)
    }

    fn __len__(&self) -> usize {
        self.nodes.len()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for help in self.helps.iter().flatten() {
            visit.call(&help.make)?;
        }
        for node in &self.nodes {
            for action in &node.on {
                visit_action(action, &visit)?;
            }
            for validator in [&node.validator, &node.shell].into_iter().flatten() {
                visit_validator(validator, &visit)?;
            }
            if let Some(dump) = &node.dump {
                dump.visit(&visit)?;
            }
        }
        Ok(())
    }
}

fn visit_validator(validator: &Validator, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    visit.call(&validator.make)?;
    visit.call(validator.built.get())
}

fn visit_action(action: &Action, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    match action {
        Action::Root(plan) | Action::Object(plan) => {
            visit.call(&plan.class)?;
            visit.call(&plan.complete)?;
            visit.call(&plan.template)?;
            visit.call(&plan.private)?;
            plan.dumps.visit(visit)?;
            visit.call(&plan.preparation.make)?;
            if let Some(dict) = &plan.dict {
                visit.call(dict.descriptor())?;
            }
            if let Some(received) = &plan.received {
                visit.call(received.descriptor())?;
            }
            if let Some(members) = &plan.members {
                for member in [&members.extra, &members.private, &members.open] {
                    visit.call(member.descriptor())?;
                }
            }
            for key in plan.keys.values() {
                visit.call(&key.location)?;
            }
            for field in &plan.fields {
                match &field.default {
                    Default::Copy(value) | Default::Make(value) => visit.call(value)?,
                    Default::Shared => {}
                }
            }
            Ok(())
        }
        Action::Map(plan) => {
            visit.call(&plan.class)?;
            [&plan.keys, &plan.dumped_keys]
                .into_iter()
                .flatten()
                .try_for_each(|keys| visit_validator(keys, visit))
        }
        Action::Array(plan) => visit.call(&plan.class),
        Action::Goto { label, .. } => visit.call(label),
        Action::Choose(choice) => match &**choice {
            Choice::Tagged {
                strings, integers, ..
            } => strings
                .values()
                .chain(integers.values())
                .try_for_each(|m| visit.call(&m.label)),
            Choice::Plain(members) => members.iter().try_for_each(|m| visit.call(&m.target.label)),
        },
        Action::Take | Action::Widen | Action::Text { .. } | Action::Validate | Action::Hide => {
            Ok(())
        }
    }
}
