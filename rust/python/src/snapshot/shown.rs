//! What the caller was shown. Only this folder changes it; others say what has changed.

use pyo3::prelude::*;

/// The last snapshot: which slot it is in, or the value itself.
#[derive(Default)]
pub enum Last {
    #[default]
    Nothing,
    Slot(usize),
    Value(Py<PyAny>),
}

/// What the caller was shown.
#[derive(Default)]
pub struct Shown {
    /// Something visible changed since the last snapshot.
    pub(super) dirty: bool,
    /// For each slot: frames further out than this have not changed since it was handed out.
    pub(super) touched: [usize; 2],
    /// How many snapshots were made.
    pub(super) turns: usize,
    /// How many containers were made for snapshots, and not handed out again.
    pub(super) copies: u64,
    pub(super) last: Last,
}

impl Shown {
    /// Whether something visible changed since the last snapshot.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// How many containers were made for snapshots, and not handed out again.
    pub fn copies(&self) -> u64 {
        self.copies
    }

    /// The last snapshot.
    pub fn last(&self) -> &Last {
        &self.last
    }

    /// Something visible changed.
    #[inline]
    pub fn change(&mut self) {
        self.dirty = true;
    }

    /// What the frame `index` holds changed, visibly or not.
    #[inline]
    pub fn touch(&mut self, index: usize) {
        for touched in &mut self.touched {
            *touched = index.min(*touched);
        }
    }

    /// The document ended in an invalid value: `left`, what was received of it, stays.
    pub fn end_with(&mut self, left: Py<PyAny>) {
        self.last = Last::Value(left);
        self.dirty = false;
    }
}
