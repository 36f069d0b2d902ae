//! Beginning and taking ops: what is told only when somebody asks.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet};

use super::diff::{copied, difference};
use super::{Closed, Dumping, Moment, Ops, Told};
use crate::api::op::{Op, Verb};
use crate::build::run::Run;
use crate::ops::destination::{Destination, Spot};
use crate::plan::Action;
use crate::snapshot::frame::Values;

impl Run<'_, '_> {
    /// Keep ops from now on. What is shown already is the first of them.
    pub fn op_begin(&mut self, dumping: Dumping) -> PyResult<()> {
        let py = self.py;
        let shown = self.snapshot()?;
        self.st.ops = Some(Box::new(Ops::new(dumping)));
        let Some(shown) = shown else {
            return Ok(());
        };
        let root = Destination {
            frame: None,
            at: None,
        };
        let dumped = if self.st.complete.done && self.st.complete.value.is_some() {
            match &self.plan.node(0).dump {
                Some(_) => self.op_dump_root(&shown),
                None => Ok(shown),
            }
        } else {
            let node = self.st.frames.first().map_or(0, |frame| frame.outer);
            self.op_dump(node, &shown)
        };
        let Some(dumped) = self.op_dumped(dumped)? else {
            return Ok(());
        };
        let value = copied(dumped.bind(py))?;
        self.op_push(Verb::Set, &root, value)?;
        self.op_adopt(dumped)
    }

    /// Note that the open containers were told, as part of `dumped`.
    fn op_adopt(&mut self, dumped: Py<PyAny>) -> PyResult<()> {
        let py = self.py;
        let mut inside = Some(dumped);
        for index in 0..self.st.frames.len() {
            let spot = match index.checked_sub(1) {
                None => Spot::Here,
                Some(parent) if self.is_set(&self.st.frames[parent]) => Spot::Hidden,
                Some(parent) => self.op_place(parent)?,
            };
            let at = match spot {
                Spot::Hidden => return Ok(()),
                Spot::Here => None,
                Spot::At(at) => Some(at),
            };
            if let (Some(at), Some(around)) = (&at, &inside) {
                let found = around.bind(py).get_item(at);
                inside = found.ok().map(Bound::unbind);
            }
            let whole = self.op_shares_keys(index)?;
            let frame = &mut self.st.frames[index];
            let seen = match &frame.values {
                Values::Items(items) => Some(items.clone_ref(py)),
                _ => None,
            };
            frame.told = Some(Box::new(Told {
                at,
                opened: Moment {
                    batch: 0,
                    length: 0,
                },
                fresh: None,
                shadow: inside.as_ref().map(|inside| inside.clone_ref(py)),
                keeps: true,
                seen: None,
                marked: false,
                lacks: false,
                whole,
            }));
            let frame = &self.st.frames[index];
            let marked = self.is_marked(frame);
            let is_set = self.is_set(frame);
            let is_root_model =
                matches!(self.plan.node(frame.node).on(frame.kind), Action::Root(_));
            if let Some(told) = &mut self.st.frames[index].told {
                told.marked = marked;
                if is_root_model {
                    told.shadow = None;
                }
                if let Some(items) = seen.filter(|_| is_set) {
                    told.seen = Some(PySet::new(py, items.bind(py))?.unbind());
                }
            }
        }
        if let Some(string) = &mut self.st.reading.string
            && string.visible
        {
            string.told = string
                .text
                .as_ref()
                .map(crate::convert::text::OpenText::len);
        }
        Ok(())
    }

    /// The ops since the last ones were taken.
    pub fn op_take(&mut self) -> PyResult<Vec<Py<Op>>> {
        let py = self.py;
        self.op_grown()?;
        for index in 0..self.st.frames.len() {
            self.op_remark(index)?;
        }
        self.op_tell_whole()?;
        let ops = self.ops()?;
        ops.batch += 1;
        ops.closed = Closed::Nothing;
        if ops.list.is_empty()
            && let Some(refused) = ops.refused.take()
        {
            return Err(PyErr::from_value(refused.into_bound(py).into_any()));
        }
        Ok(std::mem::take(&mut ops.list))
    }

    /// Tell what the open string grew by.
    fn op_grown(&mut self) -> PyResult<()> {
        let py = self.py;
        let Some(string) = self
            .st
            .reading
            .string
            .as_ref()
            .filter(|string| string.visible)
        else {
            return Ok(());
        };
        let Some(text) = &string.text else {
            return Ok(());
        };
        let length = text.len();
        let told = string.told;
        if told == Some(length) {
            return Ok(());
        }
        let Some(target) = self.op_open_target()? else {
            return Ok(());
        };
        let grown = text.since(py, told.unwrap_or(0))?.into_any().unbind();
        if told.is_some() {
            self.op_push(Verb::Append, &target, grown)?;
        } else {
            self.op_set(&target, grown)?;
            // A mark that there is something: what it is at its end is noted there.
            let begun = pyo3::intern!(py, "").clone().into_any().unbind();
            self.op_shadow(&target, begun)?;
        }
        if let Some(string) = &mut self.st.reading.string {
            string.told = Some(length);
        }
        Ok(())
    }

    /// Where the instance of frame `index` is not taken for validated any more, its fields are
    /// dumped without code of the user's.
    fn op_remark(&mut self, index: usize) -> PyResult<()> {
        let py = self.py;
        let frame = &self.st.frames[index];
        let marked = self.is_marked(frame);
        let Some(told) = frame.told.as_ref().filter(|told| told.marked != marked) else {
            return Ok(());
        };
        let shadow = told.shadow.as_ref().filter(|_| !told.whole);
        let shadow = shadow.map(|shadow| shadow.clone_ref(py));
        let mut changes = Vec::new();
        if let (
            Action::Object(plan),
            Values::Object {
                dict,
                set: Some(set),
                ..
            },
            Some(shadow),
        ) = (
            self.plan.node(frame.node).on(frame.kind),
            &frame.values,
            &shadow,
        ) {
            let by_alias = self.st.ops.as_ref().and_then(|ops| ops.dumping.by_alias);
            for (field, dumps) in plan.dumps.get(py)?.iter().enumerate() {
                let name = &plan.fields[field].name;
                if !dumps.guarded || dumps.hidden || !set.bind(py).contains(name)? {
                    continue;
                }
                let open = frame.child.field == Some(field) && self.st.frames.len() > index + 1;
                let Some(value) = dict.bind(py).get_item(name)?.filter(|_| !open) else {
                    continue;
                };
                let at = dumps.alias(by_alias).map_or_else(
                    || name.clone_ref(py).into_any(),
                    |alias| alias.clone_ref(py),
                );
                let old = shadow.bind(py).cast::<PyDict>()?.get_item(&at)?;
                let new = self.op_dumped(self.op_guarded(frame, field, &value.unbind()))?;
                if let Some(Some(new)) = new {
                    changes.push((at, old.map(Bound::unbind), new));
                }
            }
        }
        if let Some(told) = &mut self.st.frames[index].told {
            told.marked = marked;
        }
        for (at, old, new) in changes {
            let target = Destination {
                frame: Some(index),
                at: Some(at),
            };
            self.op_changed(&target, old, &new)?;
        }
        Ok(())
    }

    fn op_changed(
        &mut self,
        target: &Destination,
        old: Option<Py<PyAny>>,
        new: &Py<PyAny>,
    ) -> PyResult<()> {
        let py = self.py;
        let mut list = Vec::new();
        if let Some(old) = old {
            difference(&mut Vec::new(), old.bind(py), new.bind(py), &mut list)?;
            if list.is_empty() {
                return Ok(());
            }
        }
        self.op_set(target, copied(new.bind(py))?)?;
        self.op_shadow(target, copied(new.bind(py))?)
    }

    fn op_dump_root(&self, value: &Py<PyAny>) -> PyResult<Py<PyAny>> {
        let Some(ops) = &self.st.ops else {
            return Ok(value.clone_ref(self.py));
        };
        let options = ops
            .dumping
            .options
            .as_ref()
            .map(|options| options.bind(self.py));
        let made = ops.dumping.root.bind(self.py).call((value,), options)?;
        Ok(made.unbind())
    }
}
