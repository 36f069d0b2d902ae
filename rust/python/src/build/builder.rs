//! What the builder keeps between chunks; `run.rs` has what it does with them.
//!
//! One [`Frame`] stands for each open container that is shown. A value that is not shown while
//! open is not built at all: `Skip` counts its brackets, and its own bytes go to its own
//! validator when it closes.
//!
//! Each group has an owner, the one file that says when it changes; the others read it, or call
//! what the owner offers. What is found out and what was shown are private to their owners.

use pyo3::prelude::*;

use crate::build::cursor::Cursor;
use crate::build::raw::Raw;
use crate::build::reading::Reading;
use crate::build::verdict::Verdict;
use crate::ops::Ops;
use crate::snapshot::frame::Frame;
use crate::snapshot::shown::Shown;

/// What is complete: the root, or its items where these are handed out one by one.
#[derive(Default)]
pub struct Completed {
    /// The root value.
    pub value: Option<Py<PyAny>>,
    /// Whether the root value is complete, valid or not.
    pub done: bool,
    /// Items that were not handed out yet (`Sequence::Items`).
    pub items: Vec<Py<PyAny>>,
    /// Offset after the last of them.
    pub items_end: u64,
}

#[derive(Default)]
pub struct Builder {
    /// The open containers that are shown, the root first. Owned by `run.rs`.
    pub frames: Vec<Frame>,
    /// Where the machine stands. Owned by `run.rs`.
    pub cursor: Cursor,
    /// What is being read. Owned by `run.rs`, and by `choice.rs` while a union is decided.
    pub reading: Reading,
    /// What pydantic said. Owned by `verdict.rs`; `close.rs` asks it.
    pub verdict: Verdict,
    /// What is complete. Owned by `run.rs`; the items are taken by whoever asks for them.
    pub complete: Completed,
    /// What was received. Owned by `driver.rs`.
    pub raw: Raw,
    /// What was shown. Owned by `snapshot`; whoever changes a value says so.
    pub shown: Shown,
    /// What changed, where somebody asked for it. Owned by `ops`.
    pub ops: Option<Box<Ops>>,
}

impl Builder {
    pub fn reset(&mut self) {
        self.frames.clear();
        self.cursor.reset();
        self.reading.reset();
        self.verdict.reset();
        self.complete = Completed::default();
        self.raw = Raw::default();
        self.shown = Shown::default();
        if let Some(ops) = &mut self.ops {
            ops.reset();
        }
    }

    /// Give back the room that reading took, once the text has ended.
    pub fn settle(&mut self) {
        self.frames.shrink_to_fit();
        self.cursor.settle();
        self.reading.settle();
        self.raw.bytes.shrink_to_fit();
        self.raw.floats.shrink_to_fit();
        self.complete.items.shrink_to_fit();
    }

    /// Drop the text of the items that were read.
    pub fn drop_read_items(&mut self) {
        let read = self.complete.items_end.saturating_sub(self.raw.base);
        let read = usize::try_from(read)
            .unwrap_or(usize::MAX)
            .min(self.raw.bytes.len());
        self.raw.bytes.drain(..read);
        self.raw.base += read as u64;
    }

    pub fn is_typed(&self) -> bool {
        self.verdict.validation().is_some()
    }
}
