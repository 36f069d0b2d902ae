//! Lenient reading: what the builder tells the reader of the type, and what is kept of the model's own
//! text.

use partialfast_core::json::{JsonErrorKind, Limits};
use partialfast_core::lenient::{LenientOptions, LenientSink, Reader, Wanted};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList};

use crate::build::run::Run;
use crate::errors::repair;
use crate::plan::{Action, Help, Key, Kind, NodeId, ObjectPlan};
use crate::snapshot::frame::{Frame, Place};

/// What the caller said of lenient reading.
#[derive(Clone, Copy)]
pub struct LenientSettings {
    pub quotes: bool,
    pub coerce: bool,
    pub max_repairs: usize,
}

/// `lenient=`: `True`, `False` or `"quotes"`.
pub fn settings(
    lenient: Option<&Bound<'_, PyAny>>,
    max_repairs: usize,
    coerce: bool,
) -> PyResult<Option<LenientSettings>> {
    let quotes = match lenient {
        None => None,
        Some(value) if value.is_instance_of::<PyBool>() => {
            value.extract::<bool>()?.then_some(false)
        }
        Some(value) if value.extract::<&str>().is_ok_and(|text| text == "quotes") => Some(true),
        Some(value) => {
            return Err(PyValueError::new_err(format!(
                "lenient must be True, False or \"quotes\", not {}",
                value.repr()?
            )));
        }
    };
    if quotes.is_none() && coerce {
        return Err(PyValueError::new_err(
            "coerce is a part of lenient reading: it needs lenient=True",
        ));
    }
    Ok(quotes.map(|quotes| LenientSettings {
        quotes,
        coerce,
        max_repairs,
    }))
}

/// A lenient reader, and the text that it got.
pub struct Lenience {
    pub reader: Reader,
    /// The model's own text. Of items that were handed out, what came in earlier chunks is dropped.
    pub received: Vec<u8>,
    /// How much of it came before the last chunk.
    before: usize,
    /// What was dropped of the strict text when that chunk came.
    base: u64,
    keeps: bool,
}

impl Lenience {
    /// `typed` says that there is a type to ask, and that the text is to be kept.
    pub fn new(settings: LenientSettings, limits: Limits, typed: bool) -> Self {
        Self {
            reader: Reader::new(LenientOptions {
                quotes: settings.quotes,
                nested: typed,
                coerce: settings.coerce && typed,
                max_repairs: settings.max_repairs,
                limits,
                ..LenientOptions::default()
            }),
            received: Vec::new(),
            before: 0,
            base: 0,
            keeps: typed,
        }
    }

    pub fn reset(&mut self) {
        self.reader.reset();
        self.received = Vec::new();
        self.before = 0;
        self.base = 0;
    }

    /// Keeps `bytes`, which are read next. `base` is what was dropped of the strict text so far.
    pub fn keep(&mut self, bytes: &[u8], base: u64) {
        if !self.keeps {
            return;
        }
        if base != self.base {
            // The last chunk completed items.
            self.received.drain(..self.before);
            self.base = base;
        }
        self.before = self.received.len();
        self.received.extend_from_slice(bytes);
    }

    pub fn repairs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let repairs = self.reader.repairs().iter();
        let made = repairs.map(|made| repair(py, made));
        PyList::new(py, made.collect::<PyResult<Vec<_>>>()?)
    }
}

/// Whether an error stands in a number, a literal or a word.
pub const fn is_of_token(kind: JsonErrorKind) -> bool {
    matches!(
        kind,
        JsonErrorKind::UnquotedText
            | JsonErrorKind::UnquotedDate
            | JsonErrorKind::LeadingZero
            | JsonErrorKind::ThousandsSeparator
    )
}

impl<'a> Run<'a, '_> {
    /// The node of the value that begins next, if it is known and may be validated by itself.
    fn next_node(&self) -> Option<NodeId> {
        if self.st.reading.skip.is_some() || !self.st.is_typed() {
            return None;
        }
        let Some(frame) = self.st.frames.last() else {
            return Some(0);
        };
        if frame.tentative || self.plan.node(frame.node).tentative {
            return None;
        }
        match self.plan.node(frame.node).on(frame.kind) {
            Action::Array(plan) => plan.item(self.st.cursor.next_index()),
            _ if frame.child.place == Place::Nowhere => None,
            _ => Some(frame.child.node),
        }
    }

    /// The object whose members are being read, if what becomes of them is known.
    fn open_object(&self) -> Option<(&'a ObjectPlan, &Frame)> {
        if self.st.reading.skip.is_some() || !self.st.is_typed() {
            return None;
        }
        let frame = self.st.frames.last()?;
        let node = self.plan.node(frame.node);
        let is_sure = !frame.tentative && !node.tentative && !frame.failed && !frame.contested;
        match node.on(frame.kind) {
            Action::Object(plan) if is_sure => Some((plan, frame)),
            _ => None,
        }
    }

    fn help(&self, node: NodeId) -> PyResult<Option<&'a Help>> {
        self.plan.help(self.py, node)
    }
}

impl LenientSink for Run<'_, '_> {
    fn strict(&mut self, text: &[u8]) {
        if self.st.is_typed() {
            self.st.raw.append(text);
        }
    }

    fn non_finite(&mut self, at: u64, text: &'static str) {
        self.st.raw.floats.push((at, text));
    }

    fn wanted(&mut self) -> PyResult<Wanted> {
        let Some(node) = self.next_node() else {
            return Ok(Wanted::Text);
        };
        Ok(match self.help(node)? {
            Some(help) if help.wants_container() => Wanted::Container,
            Some(help) if help.has_members() => Wanted::Member,
            _ => Wanted::Text,
        })
    }

    fn wants_list(&mut self) -> PyResult<bool> {
        let Some(node) = self.next_node() else {
            return Ok(false);
        };
        if !self.help(node)?.is_some_and(Help::wants_list) {
            return Ok(false);
        }
        let mut node = self.plan.node(node);
        while let Action::Goto { node: next, .. } = node.on(Kind::Array) {
            node = self.plan.node(*next);
        }
        // A wrapped object must be an item that the list can have.
        match node.on(Kind::Array) {
            Action::Array(plan) if !node.tentative => match plan.item(0) {
                Some(item) => Ok(self.help(item)?.is_some_and(Help::takes_object)),
                None => Ok(false),
            },
            _ => Ok(false),
        }
    }

    fn is_absence(&mut self, key: &[u8]) -> PyResult<bool> {
        let Some((plan, _)) = self.open_object() else {
            return Ok(false);
        };
        let known = str::from_utf8(key).ok().and_then(|key| plan.keys.get(key));
        let Some(index) = known.and_then(|known| known.field) else {
            return Ok(false);
        };
        if plan.required.contains(&index) {
            return Ok(false);
        }
        let help = self.help(plan.fields[index].node)?;
        Ok(help.is_some_and(|help| help.wants_container() && !help.takes_null()))
    }

    fn lacks(&mut self) -> PyResult<Vec<&str>> {
        let Some((plan, frame)) = self.open_object() else {
            return Ok(Vec::new());
        };
        let mut keys = Vec::new();
        for &index in &plan.required {
            if self.has_received(frame, plan, index)? {
                continue;
            }
            let node = plan.fields[index].node;
            let Some(help) = self.help(node)? else {
                continue;
            };
            // What is hidden may be there.
            let hides = matches!(self.plan.node(node).on(Kind::Null), Action::Hide);
            if help.wants_container() && help.takes_null() && !hides {
                let own = |key: &&Key| key.field == Some(index) && !key.lenient && !key.contested;
                let found = plan.keys.iter().find(|(_, key)| own(key));
                keys.extend(found.map(|(key, _)| &**key));
            }
        }
        Ok(keys)
    }

    fn member(&mut self, text: &str) -> PyResult<Option<String>> {
        match self.next_node() {
            Some(node) => Ok(self.help(node)?.and_then(|help| help.member(text))),
            None => Ok(None),
        }
    }
}
