//! What a value becomes when it is complete: validated by its own validator, once.

use std::ops::Range;

use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFrozenSet, PyList, PySet, PyTuple};

use crate::build::reading::Expected;
use crate::build::run::Run;
use crate::build::verdict::Validation;
use crate::ops::Made;
use crate::plan::{Action, Close, Flavor, ObjectPlan, Sequence, Validator};
use crate::snapshot::frame::{Frame, Values};
use crate::snapshot::instance::complete_instance;

impl Validation {
    fn call(&self, validator: &Bound<'_, PyAny>, input: Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = validator.py();
        let made = match &self.arguments {
            Some(arguments) => validator.call((input,), Some(arguments.bind(py))),
            None => validator.call1((input,)),
        };
        made.map(Bound::unbind)
    }

    fn is_invalid(&self, py: Python<'_>, error: &PyErr) -> bool {
        error.is_instance(py, self.error_class.bind(py))
    }

    /// Whether `error` is what pydantic makes of an exception that asks it to use the default, or to
    /// leave the value out: it knows what to do with that only where the value stands.
    fn is_directive(&self, py: Python<'_>, error: &PyErr) -> bool {
        error.is_instance(py, self.directive_class.bind(py))
    }
}

impl Run<'_, '_> {
    /// The value written between `start` and `end`, validated by its node, or by the whole type
    /// where it is the root. `None` where it is not to be shown.
    pub fn validated(
        &mut self,
        expected: Expected,
        start: u64,
        end: u64,
    ) -> PyResult<Option<Py<PyAny>>> {
        let py = self.py;
        let Some(validation) = self.st.verdict.validation() else {
            return Ok(None);
        };
        let node = self.plan.node(expected.node);
        let root = self.st.frames.is_empty();
        if (expected.tentative && !root) || (root && self.st.verdict.more_errors() > 0) {
            // To find all the errors once more would take memory for each.
            return Ok(None);
        }
        let validator = if root {
            validation.root.bind(py)
        } else {
            match &node.validator {
                Some(validator) => validator.get(py)?,
                None => return Ok(None),
            }
        };
        let input = PyBytes::new(py, self.st.raw.slice(start, end)).into_any();
        match validation.call(validator, input) {
            Ok(value) => Ok(Some(value)),
            Err(error) if !root && validation.is_directive(py, &error) => {
                self.leave_to_outer();
                Ok(None)
            }
            // What is left out if it is invalid, pydantic leaves out whatever is raised. What is in
            // doubt it may not look at: if it does, it raises with what encloses the value.
            Err(error)
                if !validation.is_invalid(py, &error)
                    && (root
                        || !(node.omit || expected.lenient)
                        || !error.is_instance_of::<PyException>(py)) =>
            {
                Err(error)
            }
            Err(_) if !root && (expected.lenient || node.omit) => {
                self.st.verdict.leave_out(true);
                if let Some(frame) = self.st.frames.last_mut() {
                    // Within the doubtful value it spoils all around it.
                    frame.failed |= frame.lenient && !node.omit;
                    frame.contested |= expected.lenient;
                }
                Ok(None)
            }
            Err(error) => {
                let labels = node.names_member.then_some(expected.labels);
                let location = self.st.cursor.location(py, labels)?;
                self.invalid(error, &location, root)?;
                Ok(None)
            }
        }
    }

    /// What becomes of the value that just ended, pydantic says of what encloses it.
    fn leave_to_outer(&mut self) {
        if let Some(frame) = self.st.frames.last_mut() {
            frame.contested = true;
        }
    }

    /// An invalid value: raise, or remember it and let what encloses it go unvalidated.
    fn invalid(&mut self, error: PyErr, location: &Bound<'_, PyTuple>, root: bool) -> PyResult<()> {
        let py = self.py;
        let Some(validation) = self.st.verdict.validation() else {
            return Err(error);
        };
        if validation.defer {
            if let Some(frame) = self.st.frames.last_mut() {
                frame.failed = true;
            }
            let kept = if root {
                Some(error.into_value(py).into_any())
            } else if self.st.verdict.is_full() {
                None
            } else {
                let moved = (error.into_value(py), location);
                Some(validation.relocate.call1(py, moved)?)
            };
            self.st.verdict.leave_out(true);
            match kept {
                Some(error) => self.st.verdict.put_off(error),
                None => self.st.verdict.count(),
            }
            return Ok(());
        }
        if root {
            return Err(error);
        }
        let moved = validation
            .relocate
            .call1(py, (error.into_value(py), location))?;
        Err(PyErr::from_value(moved.into_bound(py)))
    }

    /// A key that an object of `flavor` forbids.
    pub fn forbidden(&mut self, key: Py<PyAny>, flavor: Flavor) -> PyResult<()> {
        let py = self.py;
        self.st.cursor.key(key.clone_ref(py));
        let Some(validation) = self.st.verdict.validation() else {
            return Ok(());
        };
        let location = self.st.cursor.location(py, None)?;
        // As pydantic names it: to a dataclass, keys are arguments.
        let kind = match flavor {
            Flavor::Dataclass | Flavor::Slotted => "unexpected_keyword_argument",
            _ => "extra_forbidden",
        };
        let defer = validation.defer;
        if defer && self.st.verdict.is_full() {
            if let Some(frame) = self.st.frames.last_mut() {
                frame.failed = true;
            }
            self.st.verdict.count();
            return Ok(());
        }
        let error = validation.forbidden.call1(py, (kind, &location, key))?;
        if defer {
            if let Some(frame) = self.st.frames.last_mut() {
                frame.failed = true;
            }
            self.st.verdict.put_off(error);
            return Ok(());
        }
        Err(PyErr::from_value(error.into_bound(py)))
    }

    /// A dict key by the rules of the declared key type; `None` where it is invalid.
    ///
    /// The validator is that of a dict with this key type, and gets an object with this one key:
    /// `start` and `end` are those of the key, quotes included. pydantic reads keys by other rules
    /// than values (`"1"` is an `int` key even when strict).
    pub fn validated_key(
        &mut self,
        keys: &Validator,
        span: Range<u64>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let py = self.py;
        let Some(validation) = self.st.verdict.validation() else {
            return Ok(None);
        };
        let input = [b"{", self.st.raw.slice(span.start, span.end), b":null}"].concat();
        let input = PyBytes::new(py, &input).into_any();
        match validation.call(keys.get(py)?, input) {
            Ok(made) => {
                let made = made.bind(py).cast::<PyDict>()?;
                Ok(made.keys().iter().next().map(Bound::unbind))
            }
            Err(error) if validation.is_directive(py, &error) => {
                self.leave_to_outer();
                Ok(None)
            }
            Err(error) if !validation.is_invalid(py, &error) => Err(error),
            Err(error) => {
                if let Some(frame) = self.st.frames.last_mut()
                    && frame.lenient
                {
                    frame.failed = true;
                    return Ok(None);
                }
                let location = self.st.cursor.location(py, None)?;
                // The error's own location begins with the key.
                let location = location.get_slice(0, location.len().saturating_sub(1));
                self.invalid(error, &location, false)?;
                // That was the key; the value is still to come.
                self.st.verdict.leave_out(false);
                Ok(None)
            }
        }
    }

    /// What the container of `frame` becomes, now that its last byte stands before `end`.
    pub fn finish_frame(&mut self, frame: &Frame, end: u64) -> PyResult<(Option<Py<PyAny>>, Made)> {
        let node = self.plan.node(frame.node);
        let expected = Expected {
            node: frame.node,
            outer: frame.outer,
            tentative: frame.tentative,
            lenient: frame.lenient,
            labels: frame.labels,
        };
        if self.st.frames.is_empty() && self.st.is_typed() {
            return self.finish_root(frame, expected, end);
        }
        if frame.tentative {
            return Ok((self.left(frame)?, Made::Frozen));
        }
        if frame.failed {
            return Ok((self.spoilt(frame, expected, end)?, Made::Validated));
        }
        Ok(match node.close {
            Close::Keep if !frame.contested => (self.container(frame)?, Made::Parts),
            Close::Shell if !frame.contested => (self.shelled(frame, end)?, Made::Validated),
            Close::Build if self.can_build(frame)? => (self.built(frame)?, Made::Parts),
            Close::Keep | Close::Shell | Close::Raw | Close::Build => {
                let value = match self.validated(expected, frame.start, end)? {
                    Some(value) if node.close == Close::Build => Some(self.grafted(frame, value)?),
                    Some(value) => Some(value),
                    None if node.omit => None,
                    None => self.left(frame)?,
                };
                (value, Made::Validated)
            }
            Close::Leave => (self.left(frame)?, Made::Frozen),
        })
    }

    /// The final value, or `None` where it is invalid and that was put off.
    fn finish_root(
        &mut self,
        frame: &Frame,
        expected: Expected,
        end: u64,
    ) -> PyResult<(Option<Py<PyAny>>, Made)> {
        if let Action::Array(plan) = self.plan.node(frame.node).on(frame.kind)
            && plan.sequence == Sequence::Items
        {
            return Ok((Some(self.freeze(frame)?), Made::Frozen));
        }
        if !frame.tentative && !frame.failed {
            // Where validating the fields one by one is all that pydantic does, it was done. To
            // validate the text once more would hold two of everything, and make the last chunk
            // cost as much as the whole text.
            let node = self.plan.node(frame.node);
            if node.close == Close::Build && node.plain && self.can_build(frame)? {
                return Ok((self.built(frame)?, Made::Parts));
            }
            if node.close == Close::Keep && node.plain && !frame.contested {
                return Ok((self.container(frame)?, Made::Parts));
            }
        }
        let value = self.validated(expected, frame.start, end)?;
        if value.is_none() {
            // Invalid as a whole: what was received stays to be looked at.
            self.st.shown.end_with(self.freeze(frame)?);
        }
        Ok((value, Made::Validated))
    }

    /// Whether what `frame` holds is all that pydantic would ask of it.
    fn can_build(&self, frame: &Frame) -> PyResult<bool> {
        if frame.contested || frame.stalled {
            return Ok(false);
        }
        match (&frame.values, self.plan.node(frame.node).on(frame.kind)) {
            // One item too many made it contested.
            (Values::Items(_), Action::Array(plan)) => Ok(frame.kept >= plan.least),
            (Values::Object { .. }, Action::Object(plan) | Action::Root(plan)) => {
                for &index in &plan.required {
                    if !self.has_received(frame, plan, index)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether `frame`, an object of `plan`, has the field at `index`.
    pub fn has_received(&self, frame: &Frame, plan: &ObjectPlan, index: usize) -> PyResult<bool> {
        let name = &plan.fields[index].name;
        match &frame.values {
            Values::Object { set: Some(set), .. } if plan.flavor == Flavor::Model => {
                set.bind(self.py).contains(name)
            }
            Values::Object { dict, .. } if plan.flavor == Flavor::TypedDict => {
                dict.bind(self.py).contains(name)
            }
            _ => Ok(frame.begun.iter().any(|begun| begun.field == index)),
        }
    }

    /// What pydantic would make of the parts of `frame`, which are validated.
    ///
    /// Reading its bytes again would give an equal one, of new parts: for a tree, each node once
    /// for every level above it.
    fn built(&self, frame: &Frame) -> PyResult<Option<Py<PyAny>>> {
        match (self.plan.node(frame.node).on(frame.kind), &frame.values) {
            (Action::Object(plan) | Action::Root(plan), Values::Object { dict, set, extra }) => {
                complete_instance(self.py, plan, dict, set.as_ref(), extra.as_ref()).map(Some)
            }
            _ => self.container(frame),
        }
    }

    /// `value`, made by pydantic of all of `frame`, with the parts that were handed out before in
    /// place of their equals. (There is no other way to keep them the same objects where some other
    /// field's value was for pydantic to say.)
    fn grafted(&self, frame: &Frame, value: Py<PyAny>) -> PyResult<Py<PyAny>> {
        let py = self.py;
        let (Action::Object(plan), Values::Object { dict, .. }) =
            (self.plan.node(frame.node).on(frame.kind), &frame.values)
        else {
            return Ok(value);
        };
        let made = value.bind(py);
        let target = match plan.flavor {
            Flavor::Model | Flavor::Dataclass => made.getattr(intern!(py, "__dict__"))?,
            Flavor::TypedDict => made.clone(),
            Flavor::Slotted | Flavor::NamedTuple => return Ok(value),
        };
        let target = target.cast_into::<PyDict>()?;
        for begun in frame.begun.iter().filter(|begun| begun.sure) {
            let name = &plan.fields[begun.field].name;
            if let Some(part) = dict.bind(py).get_item(name)? {
                target.set_item(name, part)?;
            }
        }
        drop(target);
        Ok(value)
    }

    /// A container in which something failed: what holds it cannot be validated either.
    fn spoilt(
        &mut self,
        frame: &Frame,
        expected: Expected,
        end: u64,
    ) -> PyResult<Option<Py<PyAny>>> {
        if self.st.verdict.errors().is_empty() && !frame.lenient {
            // Nothing was found invalid by itself: an item that no set can hold.
            if let Some(value) = self.validated(expected, frame.start, end)? {
                return Ok(Some(value));
            }
        }
        if let Some(parent) = self.st.frames.last_mut() {
            parent.failed |= parent.lenient || !frame.lenient;
            parent.contested |= frame.lenient;
        }
        self.left(frame)
    }

    /// A container whose items are final, as an object of its declared class.
    fn container(&self, frame: &Frame) -> PyResult<Option<Py<PyAny>>> {
        let py = self.py;
        let made = match (&frame.values, self.plan.node(frame.node).on(frame.kind)) {
            (Values::Items(items), Action::Array(plan)) => {
                let items = items.bind(py);
                match plan.sequence {
                    Sequence::List | Sequence::Items => items.clone().into_any(),
                    Sequence::Tuple => items.to_tuple().into_any(),
                    Sequence::Set => PySet::new(py, items)?.into_any(),
                    Sequence::FrozenSet => PyFrozenSet::new(py, items)?.into_any(),
                    Sequence::Other => made_by(plan.class.as_ref(), items)?,
                }
            }
            (Values::Map(dict), Action::Map(plan)) => match &plan.class {
                Some(class) => class.bind(py).call1((dict,))?,
                None => dict.bind(py).clone().into_any(),
            },
            _ => return self.freeze(frame).map(Some),
        };
        Ok(Some(made.unbind()))
    }

    /// A container whose items are final and whose whole is still to be validated.
    fn shelled(&mut self, frame: &Frame, end: u64) -> PyResult<Option<Py<PyAny>>> {
        let py = self.py;
        let node = self.plan.node(frame.node);
        let (Some(shell), Some(value)) = (&node.shell, self.container(frame)?) else {
            let expected = Expected {
                node: frame.node,
                outer: frame.outer,
                tentative: false,
                lenient: frame.lenient,
                labels: frame.labels,
            };
            return self.validated(expected, frame.start, end);
        };
        let Some(validation) = self.st.verdict.validation() else {
            return Ok(Some(value));
        };
        match validation.call(shell.get(py)?, value.into_bound(py)) {
            Ok(value) => Ok(Some(value)),
            Err(error) if validation.is_directive(py, &error) => {
                self.leave_to_outer();
                self.freeze(frame).map(Some)
            }
            Err(error) if !validation.is_invalid(py, &error) => Err(error),
            Err(_) if node.omit => {
                self.st.verdict.leave_out(true);
                Ok(None)
            }
            Err(_) if frame.lenient => {
                if let Some(parent) = self.st.frames.last_mut() {
                    parent.contested = true;
                }
                self.freeze(frame).map(Some)
            }
            Err(error) => {
                let labels = node.names_member.then_some(frame.labels);
                let location = self.st.cursor.location(py, labels)?;
                self.invalid(error, &location, false)?;
                self.freeze(frame).map(Some)
            }
        }
    }

    /// What is shown of a container that is closed, and whose validity is not known yet. A root model
    /// is nothing but what it wraps: it is absent where that is.
    fn left(&self, frame: &Frame) -> PyResult<Option<Py<PyAny>>> {
        if let Action::Root(plan) = self.plan.node(frame.node).on(frame.kind)
            && !self.has_received(frame, plan, 0)?
        {
            return Ok(None);
        }
        self.freeze(frame).map(Some)
    }

    /// A container as it stands, closed but not validated.
    fn freeze(&self, frame: &Frame) -> PyResult<Py<PyAny>> {
        self.fresh(frame, None)
    }
}

fn made_by<'py>(
    class: Option<&Py<PyAny>>,
    items: &Bound<'py, PyList>,
) -> PyResult<Bound<'py, PyAny>> {
    let class = class.ok_or_else(|| PyTypeError::new_err("a sequence without a class"))?;
    class.bind(items.py()).call1((items,))
}
