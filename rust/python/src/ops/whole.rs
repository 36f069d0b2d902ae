//! Objects of which two parts are dumped under one key.
//!
//! Which of the two a dump shows is up to pydantic: of a dataclass it is the one declared last,
//! whichever came last. So nothing inside such an object is told by itself. When ops are taken it is
//! dumped, and what differs from its shadow is told.

use pyo3::prelude::*;

use crate::build::run::Run;
use crate::plan::{Action, Flavor};

impl Run<'_, '_> {
    /// Whether two fields of frame `index` are dumped under one key.
    pub(super) fn op_shares_keys(&self, index: usize) -> PyResult<bool> {
        let Some(ops) = &self.st.ops else {
            return Ok(false);
        };
        let frame = &self.st.frames[index];
        let Action::Object(plan) = self.plan.node(frame.node).on(frame.kind) else {
            return Ok(false);
        };
        if matches!(plan.flavor, Flavor::NamedTuple) || self.plan.node(frame.node).dump.is_none() {
            return Ok(false);
        }
        let by_alias = ops.dumping.by_alias;
        let fields = plan.dumps.get(self.py)?;
        Ok(fields.iter().any(|field| field.is_shared(by_alias)))
    }

    /// Tell what changed in the open object that is told as a whole. There is one at most: nothing
    /// inside it is told.
    pub(super) fn op_tell_whole(&mut self) -> PyResult<()> {
        let whole = |told: &super::Told| told.whole;
        let found = (0..self.st.frames.len()).find(|&index| self.told(index).is_some_and(whole));
        let Some(index) = found else {
            return Ok(());
        };
        let Some(value) = self.op_shown(index)? else {
            return Ok(());
        };
        match self.op_dumped(self.op_dump(self.st.frames[index].outer, &value))? {
            Some(dumped) => self.op_told_again(index, &dumped),
            None => Ok(()),
        }
    }

    /// The value of frame `index` as a snapshot shows it, which is made for this alone.
    fn op_shown(&self, index: usize) -> PyResult<Option<Py<PyAny>>> {
        let string = self.st.reading.string.as_ref();
        let text = string.filter(|string| string.visible);
        let mut child = match text.and_then(|string| string.text.as_ref()) {
            Some(text) => Some(text.to_python(self.py)?.into_any().unbind()),
            None => None,
        };
        for frame in self.st.frames[index..].iter().rev() {
            if self.is_set(frame) || frame.stalled {
                child = None;
            }
            let is_root = matches!(self.plan.node(frame.node).on(frame.kind), Action::Root(_));
            if child.is_some() || !is_root {
                child = Some(self.fresh(frame, child.as_ref())?);
            }
        }
        Ok(child)
    }
}
