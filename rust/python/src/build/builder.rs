//! What the builder keeps between chunks; `run.rs` has what it does with them.
//!
//! One [`Frame`] stands for each open container that is shown. A value that is not shown while
//! open is not built at all: [`Skip`] counts its brackets, and its own bytes go to its own
//! validator when it closes.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::build::choice::Choosing;
use crate::build::place::Whereabouts;
use crate::convert::keys::StringCache;
use crate::convert::text::OpenText;
use crate::ops::Ops;
use crate::plan::{Kind, NodeId};
use crate::snapshot::frame::Frame;

/// What is known of the value that is to be read next.
#[derive(Clone, Copy)]
pub struct Expected {
    pub node: NodeId,
    /// The node that says how it is dumped: the one that was asked for, before unions were looked
    /// through.
    pub outer: NodeId,
    /// Do not validate it by itself.
    pub tentative: bool,
    /// Validate it, but an error proves nothing.
    pub lenient: bool,
    /// How many union labels were there before it.
    pub labels: usize,
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
    pub start: u64,
    /// Its characters, where they are shown at some time.
    pub text: Option<OpenText>,
    /// Whether they are shown while it is open.
    pub visible: bool,
    /// Whether it is to be validated when it closes.
    pub validate: bool,
    /// Its characters, where they may decide a union.
    pub tag: Option<String>,
    pub expected: Option<Expected>,
    pub labels: usize,
    /// How many of its characters the ops told.
    pub told: Option<usize>,
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
    /// `(kind, location, key) -> ValidationError` for a key that its object forbids.
    pub forbidden: Py<PyAny>,
    pub error_class: Py<PyAny>,
    /// What pydantic raises where an exception of a validator's is a directive to it.
    pub directive_class: Py<PyAny>,
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
    /// Append `bytes`. A long text grows by an eighth at a time and not to its double: what is
    /// reserved and never used counts as memory too.
    pub fn append(&mut self, bytes: &[u8]) {
        const LONG: usize = 1 << 20;
        let held = self.bytes.len();
        if self.bytes.capacity() - held < bytes.len() && held > LONG {
            self.bytes.reserve_exact(bytes.len() + held / 8);
        }
        self.bytes.extend_from_slice(bytes);
    }

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
    pub items_end: u64,
    /// What `on_invalid="defer"` put off.
    pub errors: Vec<Py<PyAny>>,
    /// How many more there were, beyond [`MOST_ERRORS`].
    pub more_errors: usize,
    /// Keys seen before in this document.
    pub keys: StringCache,
    /// The value that just ended is invalid and was left out for good, not only for now.
    pub left_out: bool,
    /// The next value's node, where it is not the innermost frame that knows.
    pub forced: Option<Expected>,
    /// Added to the machine's offsets while a stretch is read again.
    pub origin: u64,
    /// Where in the strict text floats stand that JSON has no way to write, and which.
    pub floats: Vec<(u64, &'static str)>,
    /// For each slot: frames further out than this have not changed since it was handed out.
    pub touched: [usize; 2],
    /// How many containers were made for snapshots, and not handed out again.
    pub copies: u64,
    /// Which slot the last snapshot is in, or the value itself.
    pub shown: Shown,
    /// What changed, where somebody asked for it.
    pub ops: Option<Box<Ops>>,
}

/// The last snapshot.
#[derive(Default)]
pub enum Shown {
    #[default]
    Nothing,
    Slot(usize),
    Value(Py<PyAny>),
}

/// How many errors are kept that were put off. A document can have one for each of its values, and
/// nobody reads more.
pub const MOST_ERRORS: usize = 100;

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
            more_errors: 0,
            keys: StringCache::new(KEY_SLOTS),
            left_out: false,
            forced: None,
            origin: 0,
            floats: Vec::new(),
            touched: [0; 2],
            copies: 0,
            shown: Shown::Nothing,
            ops: None,
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
        self.more_errors = 0;
        self.left_out = false;
        self.forced = None;
        self.origin = 0;
        self.floats.clear();
        self.touched = [0; 2];
        self.copies = 0;
        self.shown = Shown::Nothing;
        if let Some(ops) = &mut self.ops {
            ops.reset();
        }
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
