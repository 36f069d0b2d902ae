//! Where a value stands in the dump.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Told;
use crate::build::run::Run;
use crate::plan::{Action, Flavor, Sequence};
use crate::snapshot::frame::Place;

/// Where the open child of a frame stands in the dump.
pub(super) enum Spot {
    /// Nowhere.
    Hidden,
    /// In the place of the frame itself, which is a root model.
    Here,
    At(Py<PyAny>),
}

/// Where a value goes: into a frame's container, or to the root.
pub(super) struct Destination {
    pub frame: Option<usize>,
    pub at: Option<Py<PyAny>>,
}

impl Run<'_, '_> {
    pub(super) fn told(&self, index: usize) -> Option<&Told> {
        self.st.frames.get(index)?.told.as_deref()
    }

    /// Where the child that frame `index` is reading stands in its dump.
    pub(super) fn op_place(&self, index: usize) -> PyResult<Spot> {
        let py = self.py;
        let Some(ops) = &self.st.ops else {
            return Ok(Spot::Hidden);
        };
        let Some(frame) =
            self.st.frames.get(index).filter(|frame| {
                !frame.stalled && frame.told.as_ref().is_some_and(|told| !told.whole)
            })
        else {
            return Ok(Spot::Hidden);
        };
        let action = self.plan.node(frame.node).on(frame.kind);
        let spot = match action {
            Action::Root(plan) => {
                let hidden = plan.dumps.get(py)?.first().is_some_and(|dump| dump.hidden);
                if hidden { Spot::Hidden } else { Spot::Here }
            }
            Action::Array(plan) => match plan.sequence {
                Sequence::Items => Spot::Hidden,
                Sequence::Set | Sequence::FrozenSet => {
                    let told = frame.told.as_ref().and_then(|told| told.seen.as_ref());
                    let count = told.map_or(0, |seen| seen.bind(py).len());
                    Spot::At(count.into_pyobject(py)?.into_any().unbind())
                }
                _ => Spot::At(frame.kept.into_pyobject(py)?.into_any().unbind()),
            },
            _ if frame.child.place == Place::Nowhere => Spot::Hidden,
            Action::Object(plan) => match (frame.child.field, &frame.child.key) {
                (Some(field), Some(name)) => {
                    let dump = &plan.dumps.get(py)?[field];
                    if dump.hidden {
                        Spot::Hidden
                    } else if matches!(plan.flavor, Flavor::NamedTuple) {
                        Spot::At(field.into_pyobject(py)?.into_any().unbind())
                    } else {
                        let alias = dump.alias(ops.dumping.by_alias);
                        Spot::At(alias.unwrap_or(name).clone_ref(py))
                    }
                }
                // A dataclass is dumped by its fields.
                (None, Some(key)) if !matches!(plan.flavor, Flavor::Dataclass) => {
                    Spot::At(key.clone_ref(py))
                }
                _ => Spot::Hidden,
            },
            Action::Map(plan) => match (&frame.child.key, &plan.dumped_keys) {
                (Some(key), Some(dump)) => {
                    let one = PyDict::new(py);
                    one.set_item(key, py.None())?;
                    let dumped = self.op_call(dump.get(py)?, one.into_any());
                    let Some(dumped) = self.op_dumped(dumped)? else {
                        return Ok(Spot::Hidden);
                    };
                    let dumped = dumped.bind(py).cast::<PyDict>()?.keys();
                    Spot::At(dumped.get_item(0)?.unbind())
                }
                (Some(key), None) => Spot::At(key.clone_ref(py)),
                (None, _) => Spot::Hidden,
            },
            _ => Spot::Hidden,
        };
        Ok(spot)
    }

    /// Where the value that is being read goes, if it is shown while open.
    pub(super) fn op_open_target(&self) -> PyResult<Option<Destination>> {
        let Some(parent) = self.st.frames.len().checked_sub(1) else {
            return Ok(Some(Destination {
                frame: None,
                at: None,
            }));
        };
        if self.inside_set() {
            return Ok(None);
        }
        self.op_target(parent)
    }

    pub(super) fn op_target(&self, parent: usize) -> PyResult<Option<Destination>> {
        Ok(match self.op_place(parent)? {
            Spot::Hidden => None,
            Spot::At(at) => Some(Destination {
                frame: Some(parent),
                at: Some(at),
            }),
            Spot::Here => Some(self.op_target_of(parent)),
        })
    }

    /// Where frame `index` itself stands.
    pub(super) fn op_target_of(&self, index: usize) -> Destination {
        let mut index = index;
        loop {
            let at = self.told(index).and_then(|told| told.at.as_ref());
            let Some(parent) = index.checked_sub(1) else {
                return Destination {
                    frame: None,
                    at: None,
                };
            };
            if let Some(at) = at {
                return Destination {
                    frame: Some(parent),
                    at: Some(at.clone_ref(self.py)),
                };
            }
            index = parent;
        }
    }

    pub(super) fn op_path(&self, target: &Destination) -> Vec<Py<PyAny>> {
        let mut path = Vec::with_capacity(self.st.frames.len() + 1);
        if let Some(last) = target.frame {
            for frame in &self.st.frames[..=last] {
                if let Some(at) = frame.told.as_ref().and_then(|told| told.at.as_ref()) {
                    path.push(at.clone_ref(self.py));
                }
            }
        }
        path.extend(target.at.as_ref().map(|at| at.clone_ref(self.py)));
        path
    }
}
