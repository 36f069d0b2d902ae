//! A `Sink` that makes Python objects and models.
//!
//! [`Builder`] is what is kept between chunks; [`Run`] is the builder together with the plan and
//! the interpreter for the time of one call. One [`Frame`] stands for each open container that
//! is shown. A value that is not shown while open is not built at all: [`Skip`] counts its
//! brackets, and its own bytes go to its own validator when it closes.

use partialfast_core::json::{Literal, NumberKind, Sink, Span, Text};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::choice::Choosing;
use crate::frame::{Child, Frame, Place, Values, object_values};
use crate::keys::StringCache;
use crate::place::Whereabouts;
use crate::plan::{Action, Kind, NodeId, ObjectPlan, Plan, Sequence, Tag, Unknown};
use crate::scalar;
use crate::text::{self, OpenText};

/// What is known of the value that is to be read next.
#[derive(Clone, Copy)]
pub struct Expected {
    pub node: NodeId,
    /// Do not validate it by itself.
    pub tentative: bool,
    /// Validate it, but an error proves nothing.
    pub lenient: bool,
}

/// A value that is not built while open.
pub struct Skip {
    pub why: Why,
    pub expected: Expected,
    pub kind: Kind,
    pub start: u64,
    /// Brackets open inside it, its own included.
    pub depth: usize,
    pub labels: usize,
}

pub enum Why {
    Ignore,
    Hide,
    Validate,
    Choose(Choosing),
}

/// A string value whose closing quote has not come.
pub struct OpenString {
    start: u64,
    /// Its characters, where they are shown at some time.
    pub text: Option<OpenText>,
    /// Whether they are shown while it is open.
    pub visible: bool,
    /// Whether it is to be validated when it closes.
    validate: bool,
    /// Its characters, where they may decide a union.
    tag: Option<String>,
    expected: Option<Expected>,
    labels: usize,
}

/// How the typed layer validates.
pub struct Validation {
    /// `strict`, `context`, `by_alias`, `by_name`, as far as given.
    pub arguments: Option<Py<PyDict>>,
    /// The whole type's own `validate_json`.
    pub root: Py<PyAny>,
    /// Keep on after an invalid value and report all of them at the end.
    pub defer: bool,
    /// `(error, location) -> ValidationError` with the location from the root.
    pub relocate: Py<PyAny>,
    /// `(location, key) -> ValidationError` for a key that the model forbids.
    pub forbidden: Py<PyAny>,
    pub validation_error: Py<PyAny>,
    pub deepcopy: Py<PyAny>,
}

/// The text received so far, as far as it may still be needed.
#[derive(Default)]
pub struct Raw {
    pub bytes: Vec<u8>,
    /// Offset of `bytes[0]` in the document.
    pub base: u64,
}

impl Raw {
    pub fn slice(&self, start: u64, end: u64) -> &[u8] {
        let at = |offset: u64| usize::try_from(offset.saturating_sub(self.base)).unwrap_or(0);
        self.bytes.get(at(start)..at(end)).unwrap_or_default()
    }
}

pub struct Builder {
    pub frames: Vec<Frame>,
    pub place: Whereabouts,
    pub skip: Option<Skip>,
    pub string: Option<OpenString>,
    /// The complete root value.
    pub result: Option<Py<PyAny>>,
    /// Whether the root value is complete, valid or not.
    pub done: bool,
    /// Something visible changed since the last snapshot.
    pub dirty: bool,
    pub validation: Option<Validation>,
    pub raw: Raw,
    /// Complete items that were not handed out yet (`Sequence::Items`).
    pub items: Vec<Py<PyAny>>,
    /// Offset behind the last of them.
    items_end: u64,
    /// What `on_invalid="defer"` put off.
    pub errors: Vec<Py<PyAny>>,
    /// Keys seen before in this document.
    pub keys: StringCache,
    /// The next value's node, where it is not the innermost frame that knows.
    pub forced: Option<Expected>,
    /// Added to the machine's offsets while a stretch is read again.
    pub origin: u64,
    /// Which slot the last snapshot is in, or the value itself.
    pub shown: Shown,
}

/// The last snapshot.
#[derive(Default)]
pub enum Shown {
    #[default]
    Nothing,
    Slot(usize),
    Value(Py<PyAny>),
}

/// Slots of a builder's own cache: keys of one document, which are few.
const KEY_SLOTS: usize = 256;

impl Default for Builder {
    fn default() -> Self {
        Self {
            frames: Vec::new(),
            place: Whereabouts::default(),
            skip: None,
            string: None,
            result: None,
            done: false,
            dirty: false,
            validation: None,
            raw: Raw::default(),
            items: Vec::new(),
            items_end: 0,
            errors: Vec::new(),
            keys: StringCache::new(KEY_SLOTS),
            forced: None,
            origin: 0,
            shown: Shown::Nothing,
        }
    }
}

impl Builder {
    pub fn reset(&mut self) {
        self.frames.clear();
        self.place.reset();
        self.skip = None;
        self.string = None;
        self.result = None;
        self.done = false;
        self.dirty = false;
        self.raw = Raw::default();
        self.items.clear();
        self.items_end = 0;
        self.errors.clear();
        self.forced = None;
        self.origin = 0;
        self.shown = Shown::Nothing;
    }

    /// Drop the text of the items that were read.
    pub fn drop_read_items(&mut self) {
        let read = self.items_end.saturating_sub(self.raw.base);
        let read = usize::try_from(read)
            .unwrap_or(usize::MAX)
            .min(self.raw.bytes.len());
        self.raw.bytes.drain(..read);
        self.raw.base += read as u64;
    }

    pub fn is_typed(&self) -> bool {
        self.validation.is_some()
    }
}

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
        if let Some(forced) = self.st.forced.take() {
            return Some(forced);
        }
        self.st.place.advance();
        let Some(frame) = self.st.frames.last_mut() else {
            return Some(Expected {
                node: 0,
                tentative: false,
                lenient: false,
            });
        };
        let tentative = frame.tentative || self.plan.node(frame.node).tentative;
        if let Action::Array(plan) = self.plan.node(frame.node).on(frame.kind) {
            let node = plan.item(self.st.place.index())?;
            return Some(Expected {
                node,
                tentative,
                lenient: false,
            });
        }
        if frame.child.place == Place::Nowhere {
            return None;
        }
        let lenient = frame.child.lenient;
        Some(Expected {
            node: frame.child.node,
            tentative: tentative || lenient,
            lenient: lenient && !tentative,
        })
    }

    /// Look through what needs no token of its own: unions that the kind decides, root models.
    fn route(&mut self, kind: Kind, at: u64) -> PyResult<Route<'a>> {
        let Some(mut expected) = self.expect() else {
            return Ok(Route::Ignore);
        };
        loop {
            let node = self.plan.node(expected.node);
            match node.on(kind) {
                Action::Goto { node, label } => {
                    if let Some(label) = label {
                        self.st.place.label(label.clone_ref(self.py));
                    }
                    expected.node = *node;
                }
                Action::Root(root) => {
                    self.open_root(expected, kind, at, root)?;
                    expected.tentative |= node.tentative;
                    expected.lenient = false;
                    expected.node = root.fields.first().map_or(0, |field| field.node);
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
        let labels = self.st.place.label_count();
        let values = self.object(root)?;
        let mut frame = Frame::new(expected.node, kind, at, labels, values);
        frame.tentative = expected.tentative;
        frame.child = Child {
            place: Place::Key,
            node: 0,
            key: root
                .fields
                .first()
                .map(|field| field.name.clone_ref(self.py).into_any()),
            lenient: false,
        };
        self.st.frames.push(frame);
        Ok(())
    }

    fn object(&self, plan: &ObjectPlan) -> PyResult<Values> {
        match &self.st.validation {
            Some(validation) => object_values(self.py, plan, &validation.deepcopy),
            None => Ok(Values::Map(PyDict::new(self.py).unbind())),
        }
    }

    fn open(&mut self, kind: Kind, at: u64) -> PyResult<()> {
        let at = at + self.st.origin;
        let array = kind == Kind::Array;
        if let Some(skip) = &mut self.st.skip {
            skip.depth += 1;
            self.st.place.advance();
            self.st.place.enter(array);
            return Ok(());
        }
        let labels = self.st.place.label_count();
        let route = self.route(kind, at)?;
        self.st.place.enter(array);
        let (why, expected) = match route {
            Route::Ignore => (
                Why::Ignore,
                Expected {
                    node: 0,
                    tentative: true,
                    lenient: false,
                },
            ),
            Route::To { expected, action } => {
                let values = match action {
                    Action::Object(plan) => self.object(plan)?,
                    Action::Map(_) => Values::Map(PyDict::new(self.py).unbind()),
                    Action::Array(_) => Values::Items(PyList::empty(self.py).unbind()),
                    action => {
                        let why = match action {
                            Action::Hide => Why::Hide,
                            Action::Choose(choice) => Why::Choose(Choosing::new(choice)),
                            _ => Why::Validate,
                        };
                        self.st.skip = Some(Skip {
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
                let mut frame = Frame::new(expected.node, kind, at, labels, values);
                frame.tentative = expected.tentative;
                self.st.frames.push(frame);
                self.st.dirty = true;
                return Ok(());
            }
        };
        self.st.skip = Some(Skip {
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
        let end = end + self.st.origin;
        self.st.place.leave(self.py);
        if let Some(skip) = &mut self.st.skip {
            skip.depth -= 1;
            if skip.depth == 0
                && let Some(skip) = self.st.skip.take()
            {
                let value = match skip.why {
                    Why::Ignore | Why::Hide => None,
                    Why::Validate | Why::Choose(_) => {
                        self.validated(skip.expected, skip.start, end)?
                    }
                };
                self.st.place.drop_labels(skip.labels);
                return self.deliver(value, end);
            }
            return Ok(());
        }
        if let Some(frame) = self.st.frames.pop() {
            let labels = frame.labels;
            let value = self.finish_frame(frame, end)?;
            self.st.place.drop_labels(labels);
            self.deliver(value, end)?;
        }
        Ok(())
    }

    /// Hand a complete value to the innermost frame; `None` where it is not to be shown.
    pub fn deliver(&mut self, mut value: Option<Py<PyAny>>, end: u64) -> PyResult<()> {
        loop {
            let Some(frame) = self.st.frames.last_mut() else {
                self.st.dirty |= value.is_some();
                self.st.result = value;
                self.st.done = true;
                return Ok(());
            };
            if let Some(value) = value {
                match self.plan.node(frame.node).on(frame.kind) {
                    Action::Array(plan) if plan.sequence == Sequence::Items => {
                        self.st.items.push(value);
                        self.st.items_end = end;
                    }
                    Action::Array(plan)
                        if matches!(plan.sequence, Sequence::Set | Sequence::FrozenSet)
                            && value.bind(self.py).hash().is_err() =>
                    {
                        // pydantic will say what is wrong with it, when the set closes.
                        frame.failed = true;
                    }
                    _ => frame.keep(self.py, value)?,
                }
                self.st.dirty = true;
            }
            if !matches!(self.plan.node(frame.node).on(frame.kind), Action::Root(_)) {
                return Ok(());
            }
            let Some(frame) = self.st.frames.pop() else {
                return Ok(());
            };
            let labels = frame.labels;
            value = self.finish_frame(frame, end)?;
            self.st.place.drop_labels(labels);
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
        let start = span.start + self.st.origin;
        let end = span.end + self.st.origin;
        if self.st.skip.is_some() {
            self.st.place.advance();
            self.st.place.scalar(self.py);
            return self.watch_value(tag, end);
        }
        let labels = self.st.place.label_count();
        let route = self.route(kind, start)?;
        let Route::To { expected, action } = route else {
            self.st.place.scalar(self.py);
            return Ok(());
        };
        let value = if self.st.frames.is_empty() && self.st.is_typed() {
            self.validated(expected, start, end)?
        } else {
            match action {
                Action::Take | Action::Text { validate: false } => Some(make(self)?),
                Action::Text { validate: true } if expected.tentative => Some(make(self)?),
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
        self.st.place.drop_labels(labels);
        self.st.place.scalar(self.py);
        self.deliver(value, end)
    }

    /// The field that `key` belongs to, and the Python key to file its value under.
    fn find(&mut self, key: Text<'_>, start: u64, end: u64) -> PyResult<()> {
        let py = self.py;
        let Some(frame) = self.st.frames.last_mut() else {
            return Ok(());
        };
        let (child, step) = match self.plan.node(frame.node).on(frame.kind) {
            Action::Object(plan) => match plan.keys.get(key.text) {
                Some(known) => {
                    let step = known.key.clone_ref(py).into_any();
                    frame.doubtful |= known.lenient || known.field.is_none();
                    let child = match known.field {
                        Some(index) => Child {
                            place: Place::Key,
                            node: plan.fields[index].node,
                            key: Some(plan.fields[index].name.clone_ref(py).into_any()),
                            lenient: known.lenient,
                        },
                        None => Child {
                            place: Place::Nowhere,
                            node: 0,
                            key: None,
                            lenient: false,
                        },
                    };
                    (child, step)
                }
                None => {
                    let step = self.st.keys.get(py, key)?.into_any();
                    let child = match plan.unknown {
                        Unknown::Allow(node) => Child {
                            place: if plan.has_extra {
                                Place::Extra
                            } else {
                                Place::Key
                            },
                            node,
                            key: Some(step.clone_ref(py)),
                            lenient: false,
                        },
                        Unknown::Ignore | Unknown::Forbid => Child {
                            place: Place::Nowhere,
                            node: 0,
                            key: None,
                            lenient: false,
                        },
                    };
                    let sure = !frame.tentative && !self.plan.node(frame.node).tentative;
                    if sure && matches!(plan.unknown, Unknown::Forbid) {
                        frame.child = child;
                        return self.forbidden(step);
                    }
                    (child, step)
                }
            },
            Action::Map(plan) => {
                let step = self.st.keys.get(py, key)?.into_any();
                let sure = !frame.tentative && !self.plan.node(frame.node).tentative;
                let mut child = Child {
                    place: Place::Key,
                    node: plan.values,
                    key: Some(step.clone_ref(py)),
                    lenient: false,
                };
                if let Some(keys) = &plan.keys {
                    self.st.place.key(step);
                    // Inside something tentative a key validator is user code that may not run.
                    let key = if sure {
                        self.validated_key(keys, start, end)?
                    } else {
                        None
                    };
                    if key.is_none() {
                        child.place = Place::Nowhere;
                    }
                    child.key = key;
                    if let Some(frame) = self.st.frames.last_mut() {
                        frame.child = child;
                    }
                    return Ok(());
                }
                (child, step)
            }
            _ => return Ok(()),
        };
        frame.child = child;
        self.st.place.key(step);
        Ok(())
    }

    fn open_string(&mut self, at: u64) -> PyResult<()> {
        let start = at + self.st.origin;
        if self.st.skip.is_some() {
            self.st.place.advance();
            let tag = self.wants_tag().then(String::new);
            self.st.string = Some(OpenString {
                start,
                text: None,
                visible: false,
                validate: false,
                tag,
                expected: None,
                labels: 0,
            });
            return Ok(());
        }
        let labels = self.st.place.label_count();
        let route = self.route(Kind::String, start)?;
        let Route::To { expected, action } = route else {
            self.st.string = Some(OpenString {
                start,
                text: None,
                visible: false,
                validate: false,
                tag: None,
                expected: None,
                labels,
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
        self.st.dirty |= visible;
        self.st.string = Some(OpenString {
            start,
            text: shown.then(OpenText::new),
            visible,
            validate,
            tag: None,
            expected: Some(expected),
            labels,
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
        let end = end + self.st.origin;
        let Some(string) = self.st.string.take() else {
            return Ok(());
        };
        if self.st.skip.is_some() {
            self.st.place.scalar(self.py);
            return match &string.tag {
                Some(tag) => self.watch_value(Tag::String(tag), end),
                None => Ok(()),
            };
        }
        let Some(expected) = string.expected else {
            self.st.place.scalar(self.py);
            return Ok(());
        };
        let whole = self.st.frames.is_empty() && self.st.is_typed();
        let value = if string.validate || whole {
            self.validated(expected, string.start, end)?
        } else if let Some(text) = &string.text {
            Some(text.to_python(self.py)?.into_any().unbind())
        } else {
            None
        };
        self.st.place.drop_labels(string.labels);
        self.st.place.scalar(self.py);
        self.deliver(value, end)
    }
}

impl Sink for Run<'_, '_> {
    type Error = PyErr;

    fn begin_object(&mut self, at: u64) -> PyResult<()> {
        self.open(Kind::Object, at)
    }

    fn key(&mut self, key: Text<'_>, span: Span) -> PyResult<()> {
        if self.st.skip.is_some() {
            let step = self.st.keys.get(self.py, key)?;
            self.st.place.key(step.into_any());
            return self.watch_key(key.text, span.end + self.st.origin);
        }
        self.find(key, span.start + self.st.origin, span.end + self.st.origin)
    }

    fn end_object(&mut self, end: u64) -> PyResult<()> {
        self.close(end)
    }

    fn begin_array(&mut self, at: u64) -> PyResult<()> {
        self.open(Kind::Array, at)
    }

    fn end_array(&mut self, end: u64) -> PyResult<()> {
        self.close(end)
    }

    fn string(&mut self, text: Text<'_>, span: Span) -> PyResult<()> {
        self.scalar(Kind::String, span, Tag::String(text.text), |run| {
            Ok(text::string(run.py, text.text, text.ascii)?
                .into_any()
                .unbind())
        })
    }

    fn begin_string(&mut self, at: u64) -> PyResult<()> {
        self.open_string(at)
    }

    fn string_part(&mut self, text: Text<'_>) -> PyResult<()> {
        if let Some(string) = &mut self.st.string {
            if let Some(kept) = &mut string.text {
                kept.push(text.text, text.ascii);
                self.st.dirty |= string.visible;
            }
            if let Some(tag) = &mut string.tag {
                tag.push_str(text.text);
            }
        }
        Ok(())
    }

    fn end_string(&mut self, end: u64) -> PyResult<()> {
        self.close_string(end)
    }

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
