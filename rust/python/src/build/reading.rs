//! What is being read: the value that is not built while open, the open string, the value to come.
//!
//! Owned by `run.rs`, and by `choice.rs` while a union is decided.

use crate::convert::keys::StringCache;
use crate::convert::text::OpenText;
use crate::plan::{Choice, Kind, NodeId};

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

/// How far a choice has come.
pub struct Choosing {
    /// Which alternatives are still possible, in a plain union.
    pub possible: Vec<bool>,
    /// The member being read, when it may decide.
    pub key: Option<Box<str>>,
}

impl Choosing {
    pub fn new(choice: &Choice) -> Self {
        let possible = match choice {
            Choice::Tagged { .. } => Vec::new(),
            Choice::Plain(members) => vec![true; members.len()],
        };
        Self {
            possible,
            key: None,
        }
    }
}

/// What the builder reads at the moment.
pub struct Reading {
    /// A value that is not built while open.
    pub skip: Option<Skip>,
    pub string: Option<OpenString>,
    /// The next value's node, where it is not the innermost frame that knows.
    pub forced: Option<Expected>,
    /// Added to the machine's offsets while a stretch is read again.
    pub origin: u64,
    /// Keys seen before in this document.
    pub keys: StringCache,
}

/// Slots of the cache: keys of one document, which are few.
const KEY_SLOTS: usize = 256;

impl Default for Reading {
    fn default() -> Self {
        Self {
            skip: None,
            string: None,
            forced: None,
            origin: 0,
            keys: StringCache::new(KEY_SLOTS),
        }
    }
}

impl Reading {
    /// Forget the keys: no more are read.
    pub fn settle(&mut self) {
        self.keys.clear();
    }

    /// Begin another text, which may have the same keys.
    pub fn reset(&mut self) {
        self.skip = None;
        self.string = None;
        self.forced = None;
        self.origin = 0;
    }
}
