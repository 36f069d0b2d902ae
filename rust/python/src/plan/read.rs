//! Reads what `_plan.py` hands over: plain lists and dicts.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

use super::{
    Action, Alternative, ArrayPlan, Choice, Close, Default, Field, Flavor, KINDS, Key, MapPlan,
    ModelMembers, Node, NodeId, ObjectPlan, Scalars, Sequence, Target, Unknown, Validator,
};
use crate::ffi::Member;

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

pub fn read_node(node: &Bound<'_, PyDict>, count: usize) -> PyResult<Node> {
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
        let (key, field, lenient, contested) =
            item?.extract::<(Bound<'_, PyString>, Option<usize>, bool, bool)>()?;
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
                contested,
            },
        );
    }
    let unknown = entry(plan, "unknown")?;
    let unknown = match unknown.extract::<&str>() {
        Ok("ignore") => Unknown::Ignore,
        Ok("forbid") => Unknown::Forbid,
        Ok("judge") => Unknown::Judge,
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
    let keeps_begun = keys.values().any(|key| key.lenient || key.contested)
        || matches!(
            flavor,
            Flavor::Dataclass | Flavor::Slotted | Flavor::NamedTuple
        );
    Ok(ObjectPlan {
        flavor,
        class: class.unbind(),
        complete: complete.unbind(),
        required: entry(plan, "required")?.extract::<Vec<usize>>()?,
        shared: fields
            .iter()
            .all(|field| matches!(field.default, Default::Shared)),
        fields,
        keeps_begun,
        keys,
        unknown,
        template: entry(plan, "template")?.cast_into::<PyDict>()?.unbind(),
        private: optional(plan, "private")?
            .map(Bound::cast_into::<PyDict>)
            .transpose()?
            .map(Bound::unbind),
        has_extra: flag(plan, "has_extra")?,
        reusable: optional(plan, "reusable")?.map_or(Ok(true), |value| value.is_truthy())?,
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
    let first = entry(plan, "first")?
        .try_iter()?
        .map(|id| node_id(&id?, count))
        .collect::<PyResult<Vec<_>>>()?;
    Ok(ArrayPlan {
        sequence,
        class: optional(plan, "class")?.map(Bound::unbind),
        least: optional(plan, "least")?.map_or(Ok(first.len()), |least| least.extract())?,
        first,
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
