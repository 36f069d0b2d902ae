//! The compiled form of a type: what the builder does at each place of the document.
//!
//! `partialfast/_plan.py` derives it from pydantic's own core schema and hands it over as plain
//! lists and dicts; this file reads them once, into something the builder can walk without asking
//! Python anything. Nodes refer to each other by index, so a recursive type needs no reference
//! cycle, and the whole plan is one object to the garbage collector.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyKeyError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

use crate::ffi::Member;

/// Index of a node in its plan.
pub type NodeId = usize;

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

/// All kinds, in the order in which `_plan.py` lists a node's actions.
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
    /// No user code has a part in it, and its fields are validated: the instance is put together.
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
}

impl Node {
    pub const fn on(&self, kind: Kind) -> &Action {
        &self.on[kind as usize]
    }
}

/// How an instance of the partial class is made.
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
}

pub enum Unknown {
    Ignore,
    Forbid,
    Allow(NodeId),
}

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
    pub has_lenient_keys: bool,
    pub unknown: Unknown,
    /// Declared defaults by field name, in declared order.
    pub template: Py<PyDict>,
    /// Whether every default can be shared between objects.
    pub shared: bool,
    pub private: Option<Py<PyDict>>,
    pub has_extra: bool,
    /// `__dict__`, where instances have one.
    pub dict: Option<Member>,
    pub members: Option<ModelMembers>,
}

/// The slots that every pydantic model instance has, and the one that partial instances add.
pub struct ModelMembers {
    pub fields_set: Member,
    pub extra: Member,
    pub private: Member,
    pub open: Member,
}

pub struct MapPlan {
    /// `None` for `dict` itself.
    pub class: Option<Py<PyAny>>,
    /// `None`: keys are plain strings.
    pub keys: Option<Validator>,
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
    pub first: Vec<NodeId>,
    pub rest: Option<NodeId>,
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
                        keys: None,
                        values: 0,
                    })),
                    Action::Array(Box::new(ArrayPlan {
                        sequence: Sequence::List,
                        class: None,
                        first: Vec::new(),
                        rest: Some(0),
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
            };
            Py::new(py, Self { nodes: vec![node] })
        })?;
        Ok(plan.clone_ref(py))
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }
}

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (nodes, /))]
    fn new(nodes: &Bound<'_, PyList>) -> PyResult<Self> {
        let count = nodes.len();
        let nodes = nodes
            .iter()
            .map(|node| read_node(node.cast::<PyDict>()?, count))
            .collect::<PyResult<Vec<_>>>()?;
        if nodes.is_empty() {
            return Err(PyValueError::new_err("a plan needs at least one node"));
        }
        Ok(Self { nodes })
    }

    fn __len__(&self) -> usize {
        self.nodes.len()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for node in &self.nodes {
            for action in &node.on {
                visit_action(action, &visit)?;
            }
            for validator in [&node.validator, &node.shell].into_iter().flatten() {
                visit_validator(validator, &visit)?;
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
            if let Some(dict) = &plan.dict {
                visit.call(dict.descriptor())?;
            }
            if let Some(members) = &plan.members {
                for member in [
                    &members.fields_set,
                    &members.extra,
                    &members.private,
                    &members.open,
                ] {
                    visit.call(member.descriptor())?;
                }
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
            plan.keys
                .as_ref()
                .map_or(Ok(()), |keys| visit_validator(keys, visit))
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

// ---------------------------------------------------------------------------------------------
// Reading what `_plan.py` hands over.

fn entry<'py>(dict: &Bound<'py, PyDict>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    dict.get_item(name)?
        .ok_or_else(|| PyKeyError::new_err(name.to_owned()))
}

fn optional<'py>(dict: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(dict.get_item(name)?.filter(|value| !value.is_none()))
}

fn flag(dict: &Bound<'_, PyDict>, name: &str) -> PyResult<bool> {
    optional(dict, name)?.map_or(Ok(false), |value| value.is_truthy())
}

fn node_id(value: &Bound<'_, PyAny>, count: usize) -> PyResult<NodeId> {
    let id = value.extract::<NodeId>()?;
    if id < count {
        Ok(id)
    } else {
        Err(PyValueError::new_err(format!("no node {id} in the plan")))
    }
}

fn validator(dict: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<Validator>> {
    Ok(optional(dict, name)?.map(|make| Validator {
        make: make.unbind(),
        built: OnceLock::new(),
    }))
}

fn read_node(node: &Bound<'_, PyDict>, count: usize) -> PyResult<Node> {
    let actions = entry(node, "on")?
        .try_iter()?
        .map(|action| read_action(&action?, count))
        .collect::<PyResult<Vec<_>>>()?;
    let on = <[Action; KINDS]>::try_from(actions)
        .map_err(|_| PyValueError::new_err("a node needs one action for each kind"))?;
    let close = match entry(node, "close")?.extract::<&str>()? {
        "keep" => Close::Keep,
        "shell" => Close::Shell,
        "raw" => Close::Raw,
        "build" => Close::Build,
        "leave" => Close::Leave,
        other => return Err(PyValueError::new_err(format!("unknown close {other:?}"))),
    };
    Ok(Node {
        on,
        validator: validator(node, "validator")?,
        shell: validator(node, "shell")?,
        close,
        plain: flag(node, "plain")?,
        tentative: flag(node, "tentative")?,
        omit: flag(node, "omit")?,
    })
}

fn read_action(action: &Bound<'_, PyAny>, count: usize) -> PyResult<Action> {
    if let Ok(name) = action.cast::<PyString>() {
        return Ok(match name.to_str()? {
            "take" => Action::Take,
            "widen" => Action::Widen,
            "text" => Action::Text { validate: false },
            "text-validate" => Action::Text { validate: true },
            "validate" => Action::Validate,
            "hide" => Action::Hide,
            other => return Err(PyValueError::new_err(format!("unknown action {other:?}"))),
        });
    }
    let action = action.cast::<PyTuple>()?;
    let argument = action.get_item(1)?;
    let name = action.get_item(0)?;
    Ok(match name.extract::<&str>()? {
        "goto" => Action::Goto {
            node: node_id(&argument, count)?,
            label: Some(action.get_item(2)?)
                .filter(|label| !label.is_none())
                .map(Bound::unbind),
        },
        "root" => Action::Root(Box::new(read_object(argument.cast::<PyDict>()?, count)?)),
        "object" => Action::Object(Box::new(read_object(argument.cast::<PyDict>()?, count)?)),
        "map" => Action::Map(Box::new(read_map(argument.cast::<PyDict>()?, count)?)),
        "array" => Action::Array(Box::new(read_array(argument.cast::<PyDict>()?, count)?)),
        "tagged" => Action::Choose(Box::new(read_tagged(argument.cast::<PyDict>()?, count)?)),
        "plain" => Action::Choose(Box::new(read_plain(argument.cast::<PyList>()?, count)?)),
        other => return Err(PyValueError::new_err(format!("unknown action {other:?}"))),
    })
}

fn read_object(plan: &Bound<'_, PyDict>, count: usize) -> PyResult<ObjectPlan> {
    let py = plan.py();
    let class = entry(plan, "class")?.cast_into::<PyType>()?;
    let flavor = match entry(plan, "flavor")?.extract::<&str>()? {
        "model" => Flavor::Model,
        "dataclass" => Flavor::Dataclass,
        "slotted" => Flavor::Slotted,
        "typed-dict" => Flavor::TypedDict,
        "named-tuple" => Flavor::NamedTuple,
        other => return Err(PyValueError::new_err(format!("unknown flavor {other:?}"))),
    };
    let fields = entry(plan, "fields")?
        .try_iter()?
        .map(|field| {
            let (name, node, how, default) =
                field?.extract::<(Bound<'_, PyString>, Bound<'_, PyAny>, String, Py<PyAny>)>()?;
            Ok(Field {
                name: PyString::intern(py, name.to_str()?).unbind(),
                node: node_id(&node, count)?,
                default: match how.as_str() {
                    "shared" => Default::Shared,
                    "copy" => Default::Copy(default),
                    "make" => Default::Make(default),
                    other => {
                        return Err(PyValueError::new_err(format!("unknown default {other:?}")));
                    }
                },
            })
        })
        .collect::<PyResult<Vec<_>>>()?;
    let mut keys = HashMap::new();
    for item in entry(plan, "keys")?.try_iter()? {
        let (key, field, lenient) =
            item?.extract::<(Bound<'_, PyString>, Option<usize>, bool)>()?;
        if field.is_some_and(|index| index >= fields.len()) {
            return Err(PyValueError::new_err(format!(
                "no such field for key {key}"
            )));
        }
        let text = key.to_str()?;
        let interned = PyString::intern(py, text).unbind();
        keys.insert(
            Box::from(text),
            Key {
                field,
                name: interned,
                lenient,
            },
        );
    }
    let unknown = entry(plan, "unknown")?;
    let unknown = match unknown.extract::<&str>() {
        Ok("ignore") => Unknown::Ignore,
        Ok("forbid") => Unknown::Forbid,
        _ => Unknown::Allow(node_id(&unknown, count)?),
    };
    let complete = entry(plan, "complete")?.cast_into::<PyType>()?;
    let dict = match flavor {
        Flavor::Model | Flavor::Dataclass => Some(dict_member(&complete)?),
        Flavor::Slotted | Flavor::TypedDict | Flavor::NamedTuple => None,
    };
    let members = if matches!(flavor, Flavor::Model) {
        let all = entry(plan, "members")?;
        let member = |index: usize| Member::new(&all.get_item(index)?);
        Some(ModelMembers {
            fields_set: member(0)?,
            extra: member(1)?,
            private: member(2)?,
            open: member(3)?,
        })
    } else {
        None
    };
    Ok(ObjectPlan {
        flavor,
        class: class.unbind(),
        complete: complete.unbind(),
        required: entry(plan, "required")?.extract::<Vec<usize>>()?,
        shared: fields
            .iter()
            .all(|field| matches!(field.default, Default::Shared)),
        fields,
        has_lenient_keys: keys.values().any(|key| key.lenient),
        keys,
        unknown,
        template: entry(plan, "template")?.cast_into::<PyDict>()?.unbind(),
        private: optional(plan, "private")?
            .map(Bound::cast_into::<PyDict>)
            .transpose()?
            .map(Bound::unbind),
        has_extra: flag(plan, "has_extra")?,
        dict,
        members,
    })
}

/// The descriptor of `__dict__`, which stands in the class where instances began to have one.
fn dict_member(class: &Bound<'_, PyType>) -> PyResult<Member> {
    let name = pyo3::intern!(class.py(), "__dict__");
    for base in class.mro().iter() {
        let namespace = base.getattr(name)?;
        if namespace.contains(name)? {
            return Member::new(&namespace.get_item(name)?);
        }
    }
    Err(PyTypeError::new_err(format!(
        "instances of {class} have no `__dict__`"
    )))
}

fn read_map(plan: &Bound<'_, PyDict>, count: usize) -> PyResult<MapPlan> {
    Ok(MapPlan {
        class: optional(plan, "class")?.map(Bound::unbind),
        keys: validator(plan, "keys")?,
        values: node_id(&entry(plan, "values")?, count)?,
    })
}

fn read_array(plan: &Bound<'_, PyDict>, count: usize) -> PyResult<ArrayPlan> {
    let sequence = match entry(plan, "sequence")?.extract::<&str>()? {
        "list" => Sequence::List,
        "tuple" => Sequence::Tuple,
        "set" => Sequence::Set,
        "frozenset" => Sequence::FrozenSet,
        "other" => Sequence::Other,
        "items" => Sequence::Items,
        other => return Err(PyValueError::new_err(format!("unknown sequence {other:?}"))),
    };
    Ok(ArrayPlan {
        sequence,
        class: optional(plan, "class")?.map(Bound::unbind),
        first: entry(plan, "first")?
            .try_iter()?
            .map(|id| node_id(&id?, count))
            .collect::<PyResult<Vec<_>>>()?,
        rest: optional(plan, "rest")?
            .map(|id| node_id(&id, count))
            .transpose()?,
    })
}

fn read_member(member: &Bound<'_, PyAny>, count: usize) -> PyResult<Target> {
    Ok(Target {
        node: node_id(&member.get_item(0)?, count)?,
        label: member.get_item(1)?.unbind(),
    })
}

fn read_tagged(plan: &Bound<'_, PyDict>, count: usize) -> PyResult<Choice> {
    let mut strings = HashMap::new();
    let mut integers = HashMap::new();
    for (tag, member) in &entry(plan, "members")?.cast_into::<PyDict>()? {
        let member = read_member(&member, count)?;
        if let Ok(text) = tag.extract::<String>() {
            strings.insert(text.into_boxed_str(), member);
        } else {
            integers.insert(tag.extract::<i64>()?, member);
        }
    }
    Ok(Choice::Tagged {
        keys: entry(plan, "keys")?
            .try_iter()?
            .map(|key| Ok(key?.extract::<String>()?.into_boxed_str()))
            .collect::<PyResult<Vec<_>>>()?,
        strings,
        integers,
    })
}

fn read_plain(members: &Bound<'_, PyList>, count: usize) -> PyResult<Choice> {
    let read = |member: Bound<'_, PyAny>| {
        let member = member.cast_into::<PyDict>()?;
        let mut tags = HashMap::new();
        for (key, values) in &entry(&member, "tags")?.cast_into::<PyDict>()? {
            let mut scalars = Scalars::default();
            for value in values.try_iter()? {
                let value = value?;
                if let Ok(text) = value.extract::<String>() {
                    scalars.strings.insert(text.into_boxed_str());
                } else {
                    scalars.integers.insert(value.extract::<i64>()?);
                }
            }
            tags.insert(key.extract::<String>()?.into_boxed_str(), scalars);
        }
        Ok(Alternative {
            target: read_member(&entry(&member, "target")?, count)?,
            forbid: flag(&member, "forbid")?,
            keys: entry(&member, "keys")?
                .try_iter()?
                .map(|key| Ok(key?.extract::<String>()?.into_boxed_str()))
                .collect::<PyResult<HashSet<_>>>()?,
            tags,
        })
    };
    Ok(Choice::Plain(
        members.iter().map(read).collect::<PyResult<Vec<_>>>()?,
    ))
}
