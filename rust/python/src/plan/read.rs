//! Reads the nodes of `_nodes.py`; no other file knows what they look like.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyType};

use super::{
    Action, Alternative, ArrayPlan, Choice, Close, Default, Dump, Field, FieldDumps, Flavor, KINDS,
    Key, Kind, MapPlan, ModelMembers, Node, NodeId, ObjectPlan, Preparation, Scalars, Sequence,
    Target, Unknown, Validator,
};
use crate::ffi::Member;

// The words of `_nodes.py`, each table in the order of its literal there. A test holds them to it.

type MakeAction = fn() -> Action;

const SIMPLE: [(&str, MakeAction); 6] = [
    ("take", || Action::Take),
    ("widen", || Action::Widen),
    ("text", || Action::Text { validate: false }),
    ("text-validate", || Action::Text { validate: true }),
    ("validate", || Action::Validate),
    ("hide", || Action::Hide),
];

type Reader = fn(&Bound<'_, PyAny>, usize) -> PyResult<Action>;

/// The classes of the other actions, by their `action`.
const COMPOUND: [(&str, Reader); 7] = [
    ("goto", read_goto),
    ("object", read_object),
    ("root", read_object),
    ("map", read_map),
    ("array", read_array),
    ("tagged", read_tagged),
    ("choose", read_choose),
];

pub(super) const ON: [(&str, Kind); KINDS] = [
    ("object", Kind::Object),
    ("array", Kind::Array),
    ("string", Kind::String),
    ("integer", Kind::Integer),
    ("float", Kind::Float),
    ("bool", Kind::Bool),
    ("null", Kind::Null),
];

const CLOSES: [(&str, Close); 5] = [
    ("keep", Close::Keep),
    ("shell", Close::Shell),
    ("raw", Close::Raw),
    ("build", Close::Build),
    ("leave", Close::Leave),
];

const FLAVORS: [(&str, Flavor); 5] = [
    ("model", Flavor::Model),
    ("dataclass", Flavor::Dataclass),
    ("slotted", Flavor::Slotted),
    ("typed-dict", Flavor::TypedDict),
    ("named-tuple", Flavor::NamedTuple),
];

type MakeDefault = fn(Py<PyAny>) -> Default;

const DEFAULTS: [(&str, MakeDefault); 3] = [
    ("shared", |_| Default::Shared),
    ("copy", Default::Copy),
    ("make", Default::Make),
];

const UNKNOWN: [(&str, Unknown); 3] = [
    ("ignore", Unknown::Ignore),
    ("forbid", Unknown::Forbid),
    ("validate", Unknown::Validate),
];

const ITEMS: [(&str, Sequence); 6] = [
    ("list", Sequence::List),
    ("tuple", Sequence::Tuple),
    ("set", Sequence::Set),
    ("frozenset", Sequence::FrozenSet),
    ("other", Sequence::Other),
    ("items", Sequence::Items),
];

/// The words of all tables, for the test.
pub fn words(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let words = PyDict::new(py);
    words.set_item("JsonKind", ON.map(|(word, _)| word))?;
    words.set_item("Simple", SIMPLE.map(|(word, _)| word))?;
    words.set_item("Compound", COMPOUND.map(|(word, _)| word))?;
    words.set_item("Close", CLOSES.map(|(word, _)| word))?;
    words.set_item("Flavor", FLAVORS.map(|(word, _)| word))?;
    words.set_item("Default", DEFAULTS.map(|(word, _)| word))?;
    words.set_item("Unknown", UNKNOWN.map(|(word, _)| word))?;
    words.set_item("ItemHolder", ITEMS.map(|(word, _)| word))?;
    Ok(words)
}

/// What `word` says in `table`.
fn look_up<T: Copy>(table: &[(&str, T)], word: &Bound<'_, PyAny>) -> PyResult<T> {
    let text = word.extract::<&str>()?;
    table
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| PyValueError::new_err(format!("{text:?} is not a word of a plan")))
}

fn optional<'py>(node: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(Some(node.getattr(name)?).filter(|value| !value.is_none()))
}

fn flag(node: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    node.getattr(name)?.extract()
}

fn node_id(value: &Bound<'_, PyAny>, count: usize) -> PyResult<NodeId> {
    let id = value.extract::<NodeId>()?;
    if (id as usize) < count {
        Ok(id)
    } else {
        Err(PyValueError::new_err(format!("no node {id} in the plan")))
    }
}

fn node_ids(values: &Bound<'_, PyAny>, count: usize) -> PyResult<Vec<NodeId>> {
    values
        .try_iter()?
        .map(|id| node_id(&id?, count))
        .collect::<PyResult<Vec<_>>>()
}

fn validator(node: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<Validator>> {
    Ok(optional(node, name)?.map(|make| Validator {
        make: make.unbind(),
        built: OnceLock::new(),
    }))
}

pub fn read_node(node: &Bound<'_, PyAny>, count: usize) -> PyResult<Node> {
    let actions = node.getattr("on")?;
    let on = ON
        .iter()
        .map(|(kind, _)| read_action(&actions.get_item(kind)?, count))
        .collect::<PyResult<Vec<_>>>()?;
    let on = <[Action; KINDS]>::try_from(on)
        .map_err(|_| PyValueError::new_err("a node needs one action for each kind"))?;
    Ok(Node {
        on,
        validator: validator(node, "validator")?,
        shell: validator(node, "shell")?,
        close: look_up(&CLOSES, &node.getattr("close")?)?,
        plain: flag(node, "plain")?,
        tentative: flag(node, "tentative")?,
        omit: flag(node, "omit")?,
        names_member: flag(node, "names_member")?,
        dump: optional(node, "dump")?.map(|make| Dump::new(make.unbind())),
    })
}

fn read_action(action: &Bound<'_, PyAny>, count: usize) -> PyResult<Action> {
    if action.is_instance_of::<PyString>() {
        return Ok(look_up(&SIMPLE, action)?());
    }
    look_up(&COMPOUND, &action.getattr("action")?)?(action, count)
}

fn read_goto(action: &Bound<'_, PyAny>, count: usize) -> PyResult<Action> {
    Ok(Action::Goto {
        node: node_id(&action.getattr("node")?, count)?,
        label: optional(action, "label")?.map(Bound::unbind),
    })
}

fn read_field(field: &Bound<'_, PyAny>, count: usize) -> PyResult<Field> {
    let py = field.py();
    let name = field.getattr(intern!(py, "name"))?;
    let default = field.getattr(intern!(py, "default"))?.unbind();
    Ok(Field {
        name: PyString::intern(py, name.extract::<&str>()?).unbind(),
        node: node_id(&field.getattr(intern!(py, "node"))?, count)?,
        default: look_up(&DEFAULTS, &field.getattr(intern!(py, "how"))?)?(default),
    })
}

fn read_key(key: &Bound<'_, PyAny>, fields: usize) -> PyResult<(Box<str>, Key)> {
    let py = key.py();
    let name = key.getattr(intern!(py, "key"))?;
    let text = name.extract::<&str>()?;
    let field = key
        .getattr(intern!(py, "field"))?
        .extract::<Option<usize>>()?;
    if field.is_some_and(|index| index >= fields) {
        return Err(PyValueError::new_err(format!(
            "no such field for key {text}"
        )));
    }
    Ok((
        Box::from(text),
        Key {
            field,
            name: PyString::intern(py, text).unbind(),
            lenient: key.getattr(intern!(py, "lenient"))?.extract()?,
            contested: key.getattr(intern!(py, "contested"))?.extract()?,
            location: optional(key, "location")?.map(Bound::unbind),
        },
    ))
}

fn read_object(plan: &Bound<'_, PyAny>, count: usize) -> PyResult<Action> {
    let action = plan.getattr("action")?;
    let flavor = look_up(&FLAVORS, &plan.getattr("flavor")?)?;
    let fields = plan
        .getattr("fields")?
        .try_iter()?
        .map(|field| read_field(&field?, count))
        .collect::<PyResult<Vec<_>>>()?;
    let keys = plan
        .getattr("keys")?
        .try_iter()?
        .map(|key| read_key(&key?, fields.len()))
        .collect::<PyResult<HashMap<_, _>>>()?;
    let unknown = plan.getattr("unknown")?;
    let unknown = if unknown.is_instance_of::<PyString>() {
        look_up(&UNKNOWN, &unknown)?
    } else {
        Unknown::Allow(node_id(&unknown, count)?)
    };
    let complete = plan.getattr("complete")?.cast_into::<PyType>()?;
    let dict = match flavor {
        Flavor::Model | Flavor::Dataclass => Some(dict_member(&complete)?),
        Flavor::Slotted | Flavor::TypedDict | Flavor::NamedTuple => None,
    };
    let members = optional(plan, "members")?
        .map(|all| {
            let member = |index: usize| Member::new(&all.get_item(index)?);
            Ok::<_, PyErr>(ModelMembers {
                extra: member(0)?,
                private: member(1)?,
                open: member(2)?,
            })
        })
        .transpose()?;
    let keeps_begun = keys.values().any(|key| key.lenient || key.contested)
        || matches!(
            flavor,
            Flavor::Dataclass | Flavor::Slotted | Flavor::NamedTuple
        );
    let object = Box::new(ObjectPlan {
        flavor,
        class: plan.getattr("partial")?.cast_into::<PyType>()?.unbind(),
        complete: complete.unbind(),
        required: plan.getattr("required")?.extract::<Vec<usize>>()?,
        shared: fields
            .iter()
            .all(|field| matches!(field.default, Default::Shared)),
        fields,
        keeps_begun,
        keys,
        unknown,
        template: plan.getattr("template")?.cast_into::<PyDict>()?.unbind(),
        private: optional(plan, "private")?
            .map(Bound::cast_into::<PyDict>)
            .transpose()?
            .map(Bound::unbind),
        has_extra: flag(plan, "has_extra")?,
        reusable: flag(plan, "reusable")?,
        dumps: FieldDumps::new(plan.getattr("dumps")?.unbind()),
        preparation: Preparation::new(optional(plan, "prepare")?.map(Bound::unbind)),
        dict,
        received: optional(plan, "received")?
            .map(|member| Member::new(&member))
            .transpose()?,
        members,
    });
    Ok(if action.eq("root")? {
        Action::Root(object)
    } else {
        Action::Object(object)
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

fn read_map(plan: &Bound<'_, PyAny>, count: usize) -> PyResult<Action> {
    Ok(Action::Map(Box::new(MapPlan {
        grows: flag(plan, "grows")?,
        class: optional(plan, "make")?.map(Bound::unbind),
        keys: validator(plan, "keys")?,
        dumped_keys: validator(plan, "dumped_keys")?,
        values: node_id(&plan.getattr("values")?, count)?,
    })))
}

fn read_array(plan: &Bound<'_, PyAny>, count: usize) -> PyResult<Action> {
    let first = node_ids(&plan.getattr("first")?, count)?;
    Ok(Action::Array(Box::new(ArrayPlan {
        grows: flag(plan, "grows")?,
        sequence: look_up(&ITEMS, &plan.getattr("items")?)?,
        class: optional(plan, "make")?.map(Bound::unbind),
        least: optional(plan, "least")?.map_or(Ok(first.len()), |least| least.extract())?,
        first,
        rest: optional(plan, "rest")?
            .map(|id| node_id(&id, count))
            .transpose()?,
    })))
}

fn read_target(target: &Bound<'_, PyAny>, count: usize) -> PyResult<Target> {
    Ok(Target {
        node: node_id(&target.getattr("node")?, count)?,
        label: target.getattr("label")?.unbind(),
    })
}

fn read_keys<C: FromIterator<Box<str>>>(keys: &Bound<'_, PyAny>) -> PyResult<C> {
    keys.try_iter()?
        .map(|key| Ok(key?.extract::<String>()?.into_boxed_str()))
        .collect()
}

fn read_tagged(plan: &Bound<'_, PyAny>, count: usize) -> PyResult<Action> {
    let mut strings = HashMap::new();
    let mut integers = HashMap::new();
    for (tag, target) in &plan.getattr("members")?.cast_into::<PyDict>()? {
        let target = read_target(&target, count)?;
        if let Ok(text) = tag.extract::<String>() {
            strings.insert(text.into_boxed_str(), target);
        } else {
            integers.insert(tag.extract::<i64>()?, target);
        }
    }
    Ok(Action::Choose(Box::new(Choice::Tagged {
        keys: read_keys(&plan.getattr("keys")?)?,
        strings,
        integers,
    })))
}

fn read_choose(plan: &Bound<'_, PyAny>, count: usize) -> PyResult<Action> {
    let members = plan
        .getattr("members")?
        .try_iter()?
        .map(|member| read_alternative(&member?, count))
        .collect::<PyResult<Vec<_>>>()?;
    Ok(Action::Choose(Box::new(Choice::Plain(members))))
}

fn read_alternative(member: &Bound<'_, PyAny>, count: usize) -> PyResult<Alternative> {
    let mut tags = HashMap::new();
    for (key, values) in &member.getattr("tags")?.cast_into::<PyDict>()? {
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
        target: read_target(&member.getattr("target")?, count)?,
        forbid: flag(member, "forbid")?,
        keys: read_keys::<HashSet<_>>(&member.getattr("keys")?)?,
        tags,
    })
}
