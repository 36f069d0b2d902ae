//! A `Sink` that makes Python objects and models of the machine's events.
//!
//! # Theory of operation
//!
//! A value begins: `expect` says which node it has and `route` looks through what needs no token of
//! its own. It gets a frame (`open`), is skipped until it closes, or is a scalar. In front of it may
//! stand a key, for which `keys.rs` finds the field or entry. It ends: `close`,
//! `scalar` or `close_string` make its value (`close.rs`) and `deliver` puts it where it belongs.
//!
//! # What must change together
//!
//! - A frame that is pushed tells the ops so (`op_opened`); a value that ends says what it was
//!   (`op_whole`, `op_text`, `op_container`) before `deliver`, which tells that it is there.
//! - The cursor is moved by every event, also inside what is skipped, and before an error is located:
//!   `advance` or `key` when a value begins, `enter`, `leave` or `scalar` when it does.
//! - Labels of union members are dropped after the last look at them: an error is located by them.
//! - What fails in the middle leaves the frames as they were, so that the last snapshot can be made
//!   again: a frame that was popped goes back, and so does an open string.
//! - What `choice.rs` reads a second time goes through the same functions, with `origin` added to the
//!   machine's offsets: nothing here may count an event twice that `Cursor` has muted.

use partialfast_core::json::{Literal, NumberKind, Sink, Span, Text};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::build::builder::Builder;
use crate::build::reading::Choosing;
use crate::build::reading::{Expected, OpenString, Skip, Why};
use crate::convert::scalar;
use crate::convert::text::{self, OpenText};
use crate::plan::{Action, Close, Kind, ObjectPlan, Plan, Sequence, Tag};
use crate::snapshot::frame::{Child, Frame, Place, Values, object_values};
use crate::snapshot::shown::Last;

/// The builder at work.
pub struct Run<'a, 'py> {
    pub py: Python<'py>,
    pub plan: &'a Plan,
    pub st: &'a mut Builder,
}

/// Where a value of a known kind goes on after unions and root models are looked through.
enum Route<'a> {
    Ignore,
    To {
        expected: Expected,
        action: &'a Action,
    },
}

impl<'a> Run<'a, '_> {
    /// What the innermost frame expects next.
    fn expect(&mut self) -> Option<Expected> {
        if let Some(forced) = self.st.reading.forced.take() {
            return Some(forced);
        }
        self.st.cursor.advance();
        let Some(frame) = self.st.frames.last_mut() else {
            return Some(Expected {
                node: 0,
                outer: 0,
                tentative: false,
                lenient: false,
                labels: 0,
            });
        };
        let tentative = frame.tentative || self.plan.node(frame.node).tentative;
        if let Action::Array(plan) = self.plan.node(frame.node).on(frame.kind) {
            let Some(node) = plan.item(self.st.cursor.index()) else {
                // An item too many: pydantic says what becomes of the whole.
                frame.contested = true;
                return None;
            };
            return Some(Expected {
                node,
                outer: node,
                tentative,
                lenient: frame.lenient,
                labels: 0,
            });
        }
        if frame.child.place == Place::Nowhere {
            return None;
        }
        Some(Expected {
            node: frame.child.node,
            outer: frame.child.node,
            tentative,
            lenient: frame.lenient || frame.child.lenient,
            labels: 0,
        })
    }

    /// Look through what needs no token of its own: unions that the kind decides, root models.
    fn route(&mut self, kind: Kind, at: u64) -> PyResult<Route<'a>> {
        let labels = self.st.cursor.label_count();
        let Some(mut expected) = self.expect() else {
            return Ok(Route::Ignore);
        };
        expected.labels = labels;
        loop {
            let node = self.plan.node(expected.node);
            match node.on(kind) {
                Action::Goto { node, label } => {
                    if let Some(label) = label {
                        self.st.cursor.label(label.clone_ref(self.py));
                    }
                    expected.node = *node;
                }
                Action::Root(root) => {
                    self.open_root(expected, kind, at, root)?;
                    expected.tentative |= node.tentative;
                    expected.node = root.fields.first().map_or(0, |field| field.node);
                    expected.outer = expected.node;
                }
                action => return Ok(Route::To { expected, action }),
            }
        }
    }

    fn open_root(
        &mut self,
        expected: Expected,
        kind: Kind,
        at: u64,
        root: &ObjectPlan,
    ) -> PyResult<()> {
        let labels = self.st.cursor.label_count();
        let values = self.object(root)?;
        let mut frame = Frame::new(expected, kind, at, labels, values);
        frame.child = Child {
            place: Place::Key,
            node: 0,
            field: Some(0),
            key: root
                .fields
                .first()
                .map(|field| field.name.clone_ref(self.py).into_any()),
            lenient: false,
        };
        self.st.frames.push(frame);
        self.op_opened()
    }

    fn object(&self, plan: &ObjectPlan) -> PyResult<Values> {
        match self.st.verdict.validation() {
            Some(validation) => object_values(self.py, plan, &validation.deepcopy),
            None => Ok(Values::Map(PyDict::new(self.py).unbind())),
        }
    }

    fn open(&mut self, kind: Kind, at: u64) -> PyResult<()> {
        let at = at + self.st.reading.origin;
        let array = kind == Kind::Array;
        if let Some(skip) = &mut self.st.reading.skip {
            skip.depth += 1;
            self.st.cursor.advance();
            self.st.cursor.enter(array);
            return Ok(());
        }
        let labels = self.st.cursor.label_count();
        let route = self.route(kind, at)?;
        self.st.cursor.enter(array);
        let (why, expected) = match route {
            Route::Ignore => (
                Why::Ignore,
                Expected {
                    node: 0,
                    outer: 0,
                    tentative: true,
                    lenient: false,
                    labels,
                },
            ),
            Route::To { expected, action } => {
                let values = match action {
                    Action::Object(plan) => self.object(plan)?,
                    Action::Map(_) => Values::Map(PyDict::new(self.py).unbind()),
                    Action::Array(_) => Values::Items(PyList::empty(self.py).unbind()),
                    action => {
                        let why = match action {
                            // Around the root there is nothing that it could wait for.
                            Action::Hide if !self.st.frames.is_empty() => Why::Hide,
                            Action::Choose(choice) => Why::Choose(Choosing::new(choice)),
                            _ => Why::Validate,
                        };
                        self.st.reading.skip = Some(Skip {
                            why,
                            expected,
                            kind,
                            start: at,
                            depth: 1,
                            labels,
                        });
                        return Ok(());
                    }
                };
                let frame = Frame::new(expected, kind, at, labels, values);
                self.st.frames.push(frame);
                self.st.shown.change();
                return self.op_opened();
            }
        };
        self.st.reading.skip = Some(Skip {
            why,
            expected,
            kind,
            start: at,
            depth: 1,
            labels,
        });
        Ok(())
    }

    fn close(&mut self, end: u64) -> PyResult<()> {
        let end = end + self.st.reading.origin;
        self.st.cursor.leave(self.py);
        if let Some(skip) = &mut self.st.reading.skip {
            skip.depth -= 1;
            if skip.depth == 0
                && let Some(skip) = self.st.reading.skip.take()
            {
                let leaves = self.plan.node(skip.expected.node).close == Close::Leave;
                let value = match skip.why {
                    Why::Ignore | Why::Hide => None,
                    // Whether it is valid can only be told with what is around it.
                    Why::Choose(_) if leaves => None,
                    Why::Validate | Why::Choose(_) => {
                        self.validated(skip.expected, skip.start, end)?
                    }
                };
                self.st.cursor.drop_labels(skip.labels);
                self.op_whole(skip.expected.outer);
                return self.deliver(value, end);
            }
            return Ok(());
        }
        if let Some(frame) = self.st.frames.pop() {
            let value = self.finish(frame, end)?;
            self.deliver(value, end)?;
        }
        Ok(())
    }

    /// Finish `frame`, which was taken off the stack. Where that fails it goes back, so that the
    /// last snapshot stays what it was.
    fn finish(&mut self, mut frame: Frame, end: u64) -> PyResult<Option<Py<PyAny>>> {
        match self.finish_frame(&frame, end) {
            Ok((value, made)) => {
                self.st.cursor.drop_labels(frame.labels);
                self.op_container(&mut frame, made)?;
                Ok(value)
            }
            Err(error) => {
                self.st.frames.push(frame);
                Err(error)
            }
        }
    }

    /// Hand a complete value to the innermost frame; `None` where it is not to be shown.
    pub fn deliver(&mut self, mut value: Option<Py<PyAny>>, end: u64) -> PyResult<()> {
        loop {
            let innermost = self.st.frames.len().saturating_sub(1);
            self.st.shown.touch(innermost);
            if self.st.frames.is_empty() {
                if let Some(value) = &value {
                    self.op_settled(value)?;
                } else if let Last::Value(value) = self.st.shown.last() {
                    let value = value.clone_ref(self.py);
                    self.op_spoilt_root(&value)?;
                }
            }
            let Some(frame) = self.st.frames.last_mut() else {
                if value.is_some() {
                    self.st.shown.change();
                }
                self.st.complete.value = value;
                self.st.complete.done = true;
                return Ok(());
            };
            let left_out = self.st.verdict.take_left_out();
            let action = self.plan.node(frame.node).on(frame.kind);
            if let Action::Array(plan) = action
                && plan.sequence == Sequence::Items
                && std::mem::take(&mut frame.failed)
            {
                // The item is invalid and its error was put off: what there is of it is not an
                // item.
                value = None;
            }
            if let Some(value) = value {
                match action {
                    // What comes before it is not there yet.
                    _ if frame.stalled => {}
                    Action::Array(plan) if plan.sequence == Sequence::Items => {
                        self.st.complete.items.push(value);
                        self.st.complete.items_end = end;
                        self.st.shown.change();
                    }
                    Action::Array(plan)
                        if matches!(plan.sequence, Sequence::Set | Sequence::FrozenSet)
                            && value.bind(self.py).hash().is_err() =>
                    {
                        // pydantic will say what is wrong with it, when the set closes.
                        frame.failed = true;
                        self.st.shown.change();
                    }
                    _ if self.st.ops.is_none() => {
                        frame.keep(self.py, value)?;
                        self.st.shown.change();
                    }
                    _ => {
                        self.op_settled(&value)?;
                        self.op_seen(&value)?;
                        if let Some(frame) = self.st.frames.last_mut() {
                            frame.keep(self.py, value)?;
                        }
                        self.st.shown.change();
                    }
                }
            } else {
                if let Action::Array(plan) = action {
                    frame.stalled |= plan.has_places(left_out);
                }
                self.op_vanished()?;
            }
            if !matches!(action, Action::Root(_)) {
                return Ok(());
            }
            let Some(frame) = self.st.frames.pop() else {
                return Ok(());
            };
            value = self.finish(frame, end)?;
        }
    }

    /// A whole scalar: `make` gives its native value.
    fn scalar(
        &mut self,
        kind: Kind,
        span: Span,
        tag: Tag<'_>,
        make: impl FnOnce(&mut Self) -> PyResult<Py<PyAny>>,
    ) -> PyResult<()> {
        let start = span.start + self.st.reading.origin;
        let end = span.end + self.st.reading.origin;
        if self.st.reading.skip.is_some() {
            self.st.cursor.advance();
            self.st.cursor.scalar(self.py);
            return self.watch_value(tag, end);
        }
        let labels = self.st.cursor.label_count();
        let route = self.route(kind, start)?;
        let Route::To { expected, action } = route else {
            self.st.cursor.scalar(self.py);
            return Ok(());
        };
        let value = if self.st.frames.is_empty() && self.st.is_typed() {
            self.validated(expected, start, end)?
        } else {
            match action {
                Action::Take | Action::Text { validate: false } => match make(self) {
                    // An integer of more digits than `int()` reads. pydantic has a limit too.
                    Err(error)
                        if self.st.is_typed() && error.is_instance_of::<PyValueError>(self.py) =>
                    {
                        self.validated(expected, start, end)?
                    }
                    result => Some(result?),
                },
                Action::Text { validate: true } if expected.tentative => Some(make(self)?),
                Action::Text { validate: true } if !self.inside_set() => {
                    match self.validated(expected, start, end)? {
                        Some(value) => Some(value),
                        // Invalid, and no error (yet): it may have been shown before it ended.
                        None => Some(make(self)?),
                    }
                }
                Action::Widen => {
                    let raw = self.st.raw.slice(start, end);
                    match scalar::widened(self.py, raw) {
                        Some(value) => Some(value),
                        None => self.validated(expected, start, end)?,
                    }
                }
                Action::Hide => None,
                _ => self.validated(expected, start, end)?,
            }
        };
        // After the last look at the labels: an error is located with them.
        self.st.cursor.drop_labels(labels);
        self.st.cursor.scalar(self.py);
        self.op_whole(expected.outer);
        self.deliver(value, end)
    }

    fn open_string(&mut self, at: u64) -> PyResult<()> {
        let start = at + self.st.reading.origin;
        if self.st.reading.skip.is_some() {
            self.st.cursor.advance();
            let tag = self.wants_tag().then(String::new);
            self.st.reading.string = Some(OpenString {
                start,
                text: None,
                visible: false,
                validate: false,
                tag,
                expected: None,
                labels: 0,
                told: None,
            });
            return Ok(());
        }
        let labels = self.st.cursor.label_count();
        let route = self.route(Kind::String, start)?;
        let Route::To { expected, action } = route else {
            self.st.reading.string = Some(OpenString {
                start,
                text: None,
                visible: false,
                validate: false,
                tag: None,
                expected: None,
                labels,
                told: None,
            });
            return Ok(());
        };
        let (shown, validate) = match action {
            Action::Take => (true, false),
            Action::Text { validate } => (true, *validate && !expected.tentative),
            Action::Hide => (false, false),
            _ => (false, true),
        };
        // Items of a set are only shown complete.
        let visible = shown && !self.inside_set();
        if visible {
            self.st.shown.change();
        }
        self.st.reading.string = Some(OpenString {
            start,
            text: shown.then(OpenText::new),
            visible,
            validate,
            tag: None,
            expected: Some(expected),
            labels,
            told: None,
        });
        Ok(())
    }

    pub fn inside_set(&self) -> bool {
        self.st
            .frames
            .last()
            .is_some_and(|frame| self.is_set(frame))
    }

    pub fn is_set(&self, frame: &Frame) -> bool {
        matches!(
            self.plan.node(frame.node).on(frame.kind),
            Action::Array(plan) if matches!(plan.sequence, Sequence::Set | Sequence::FrozenSet)
        )
    }

    fn close_string(&mut self, end: u64) -> PyResult<()> {
        let end = end + self.st.reading.origin;
        let Some(string) = self.st.reading.string.take() else {
            return Ok(());
        };
        if self.st.reading.skip.is_some() {
            self.st.cursor.scalar(self.py);
            return match &string.tag {
                Some(tag) => self.watch_value(Tag::String(tag), end),
                None => Ok(()),
            };
        }
        let Some(expected) = string.expected else {
            self.st.cursor.scalar(self.py);
            return Ok(());
        };
        let whole = self.st.frames.is_empty() && self.st.is_typed();
        let value = if string.validate || whole {
            match self.validated(expected, string.start, end) {
                // Invalid, and no error (yet): what was shown does not vanish.
                Ok(None) if string.visible && !whole => match &string.text {
                    Some(text) => Some(text.to_python(self.py)?.into_any().unbind()),
                    None => None,
                },
                Ok(value) => value,
                Err(error) => {
                    // It stays in the last snapshot.
                    self.st.reading.string = Some(string);
                    return Err(error);
                }
            }
        } else if let Some(text) = &string.text {
            Some(text.to_python(self.py)?.into_any().unbind())
        } else {
            None
        };
        self.st.cursor.drop_labels(string.labels);
        self.st.cursor.scalar(self.py);
        self.op_text(string);
        self.deliver(value, end)
    }
}

// None of these is inlined into the machine where it drops a reference: what `PyO3` asks before it does
// (whether the thread is attached) is then asked once for each chunk, and chunks are a few bytes long.
impl Sink for Run<'_, '_> {
    type Error = PyErr;

    #[inline(never)]
    fn begin_object(&mut self, at: u64) -> PyResult<()> {
        self.open(Kind::Object, at)
    }

    #[inline(never)]
    fn key(&mut self, key: Text<'_>, span: Span) -> PyResult<()> {
        if self.st.reading.skip.is_some() {
            let step = self.st.reading.keys.get(self.py, key)?;
            self.st.cursor.key(step.into_any());
            return self.watch_key(key.text, span.end + self.st.reading.origin);
        }
        self.find(
            key,
            span.start + self.st.reading.origin,
            span.end + self.st.reading.origin,
        )
    }

    #[inline(never)]
    fn end_object(&mut self, end: u64) -> PyResult<()> {
        self.close(end)
    }

    #[inline(never)]
    fn begin_array(&mut self, at: u64) -> PyResult<()> {
        self.open(Kind::Array, at)
    }

    #[inline(never)]
    fn end_array(&mut self, end: u64) -> PyResult<()> {
        self.close(end)
    }

    #[inline(never)]
    fn string(&mut self, text: Text<'_>, span: Span) -> PyResult<()> {
        self.scalar(Kind::String, span, Tag::String(text.text), |run| {
            Ok(text::string(run.py, text.text, text.ascii)?
                .into_any()
                .unbind())
        })
    }

    #[inline(never)]
    fn begin_string(&mut self, at: u64) -> PyResult<()> {
        self.open_string(at)
    }

    fn string_part(&mut self, text: Text<'_>) -> PyResult<()> {
        if let Some(string) = &mut self.st.reading.string {
            if let Some(kept) = &mut string.text {
                kept.push(text.text, text.ascii);
                if string.visible {
                    self.st.shown.change();
                }
            }
            if let Some(tag) = &mut string.tag {
                tag.push_str(text.text);
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn end_string(&mut self, end: u64) -> PyResult<()> {
        self.close_string(end)
    }

    #[inline(never)]
    fn number(&mut self, text: &str, kind: NumberKind, span: Span) -> PyResult<()> {
        match kind {
            NumberKind::Integer => {
                let tag = text.parse::<i64>().map_or(Tag::Other, Tag::Integer);
                self.scalar(Kind::Integer, span, tag, |run| {
                    scalar::integer(run.py, text)
                })
            }
            NumberKind::Float => self.scalar(Kind::Float, span, Tag::Other, |run| {
                scalar::float(run.py, text)
            }),
        }
    }

    #[inline(never)]
    fn literal(&mut self, literal: Literal, span: Span) -> PyResult<()> {
        let kind = if literal == Literal::Null {
            Kind::Null
        } else {
            Kind::Bool
        };
        self.scalar(kind, span, Tag::Other, |run| {
            Ok(scalar::literal(run.py, literal))
        })
    }
}
