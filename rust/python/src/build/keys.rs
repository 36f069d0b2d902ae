//! Which field or entry a key belongs to.

use std::ops::Range;

use partialfast_core::json::Text;
use pyo3::prelude::*;

use crate::build::run::Run;
use crate::plan::{Action, Key, MapPlan, ObjectPlan, Unknown};
use crate::snapshot::frame::{Child, Place};

impl Run<'_, '_> {
    /// Note where the value of `key` goes.
    pub(super) fn find(&mut self, key: Text<'_>, start: u64, end: u64) -> PyResult<()> {
        let Some(frame) = self.st.frames.last() else {
            return Ok(());
        };
        let node = self.plan.node(frame.node);
        let sure = !frame.tentative && !node.tentative;
        let lenient = frame.lenient;
        match node.on(frame.kind) {
            Action::Object(plan) => self.find_field(plan, key, sure && !lenient),
            Action::Map(plan) => self.find_entry(plan, key, start..end, sure),
            _ => Ok(()),
        }
    }

    /// The field of `plan` that `key` belongs to. `sure` says that an unknown key is an error.
    fn find_field(&mut self, plan: &ObjectPlan, key: Text<'_>, sure: bool) -> PyResult<()> {
        let py = self.py;
        let index = self.st.frames.len().saturating_sub(1);
        let Some(frame) = self.st.frames.last_mut() else {
            return Ok(());
        };
        frame.child = Child::nowhere();
        if let Some(known) = plan.keys.get(key.text) {
            if (known.lenient || known.contested) && !frame.doubtful {
                // What a snapshot shows of it is not dumped as validated any more.
                frame.doubtful = true;
                self.st.shown.change();
                self.st.shown.touch(index);
            }
            frame.contested |= known.contested;
            // A second-best key does not replace what is shown already.
            let taken =
                |index| known.lenient && frame.begun.iter().any(|begun| begun.field == index);
            if let Some(index) = known.field {
                let taken = taken(index);
                if plan.keeps_begun {
                    frame.begin(index, !known.lenient);
                }
                if taken {
                    self.enter_key(known);
                    return Ok(());
                }
                let field = &plan.fields[index];
                frame.child = Child {
                    place: Place::Key,
                    node: field.node,
                    field: Some(index),
                    key: Some(field.name.clone_ref(py).into_any()),
                    lenient: known.lenient,
                };
            }
            self.enter_key(known);
            return Ok(());
        }
        let step = self.st.reading.keys.get(py, key)?.into_any();
        match plan.unknown {
            Unknown::Allow(node) => {
                frame.child = Child {
                    place: if plan.has_extra {
                        Place::Extra
                    } else {
                        Place::Key
                    },
                    node,
                    field: None,
                    key: Some(step.clone_ref(py)),
                    lenient: false,
                };
            }
            Unknown::Forbid if sure => return self.forbidden(step, plan.flavor),
            // Under a second-best key it is an error only where that key counts: pydantic says.
            Unknown::Forbid => frame.failed |= frame.lenient && !frame.tentative,
            Unknown::Ignore => {}
            Unknown::Validate => frame.contested = true,
        }
        self.st.cursor.key(step);
        Ok(())
    }

    fn enter_key(&mut self, known: &Key) {
        let py = self.py;
        self.st.cursor.key(known.name.clone_ref(py).into_any());
        if let Some(location) = &known.location {
            self.st.cursor.name(location.clone_ref(py));
        }
    }

    /// The Python key for `key`, written from `start` to `end`, of a dict.
    fn find_entry(
        &mut self,
        plan: &MapPlan,
        key: Text<'_>,
        span: Range<u64>,
        sure: bool,
    ) -> PyResult<()> {
        let step = self.st.reading.keys.get(self.py, key)?.into_any();
        let python = match &plan.keys {
            None => Some(step.clone_ref(self.py)),
            Some(keys) => {
                self.st.cursor.key(step.clone_ref(self.py));
                // Inside something tentative a key validator is user code that may not run.
                if sure {
                    self.validated_key(keys, span)?
                } else {
                    None
                }
            }
        };
        self.st.cursor.key(step);
        if let Some(frame) = self.st.frames.last_mut() {
            frame.child = Child {
                place: if python.is_some() {
                    Place::Key
                } else {
                    Place::Nowhere
                },
                node: plan.values,
                field: None,
                key: python,
                lenient: false,
            };
        }
        Ok(())
    }
}
