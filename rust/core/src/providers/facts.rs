//! What an event says, as a list in the order of its text.
//!
//! A dialect describes with a tree of [`Want`](super::pick::Want)s which values it needs; [`EventFacts`]
//! keeps these, and the dialect goes through them. So a dialect is its tree and its rules.

use std::ops::Range;

use super::Delta;
use super::pick::{DialectNames, Picked, says_something, slice};
use super::reader::Reader;
use crate::json::Span;

#[derive(Clone, Debug)]
enum Kept<N> {
    Item(N),
    Text(N, Range<usize>),
    Index(N, u64),
    Raw(N, Span),
}

/// One thing that an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventFact<'a, N> {
    /// An item of the array begins: what follows is of this item.
    Item(N),
    /// A text, which may be empty.
    Text(N, &'a str),
    /// A whole number.
    Index(N, u64),
    /// A value as it stands in the data.
    Raw(N, &'a str),
}

/// All that is wanted of one event.
#[derive(Debug)]
pub(super) struct EventFacts<N> {
    /// All texts, one after the other.
    arena: String,
    list: Vec<Kept<N>>,
}

impl<N> Default for EventFacts<N> {
    fn default() -> Self {
        Self {
            arena: String::new(),
            list: Vec::new(),
        }
    }
}

impl<N: Copy + PartialEq> EventFacts<N> {
    /// The facts in the order of the data, which is the text that they were read from.
    pub(super) fn iter<'a>(&'a self, data: &'a str) -> impl Iterator<Item = EventFact<'a, N>> {
        self.list.iter().map(|kept| match kept {
            Kept::Item(name) => EventFact::Item(*name),
            Kept::Text(name, range) => {
                EventFact::Text(*name, self.arena.get(range.clone()).unwrap_or_default())
            }
            Kept::Index(name, index) => EventFact::Index(*name, *index),
            Kept::Raw(name, span) => EventFact::Raw(*name, slice(data, *span)),
        })
    }

    /// The text with a name, unless it is empty. Where a member stands twice, the last one counts.
    pub(super) fn text(&self, wanted: N) -> Option<&str> {
        let range = self.list.iter().rev().find_map(|kept| match kept {
            Kept::Text(name, range) if *name == wanted => Some(range.clone()),
            _ => None,
        })?;
        self.arena.get(range).filter(|text| !text.is_empty())
    }

    /// The number with a name.
    pub(super) fn index(&self, wanted: N) -> Option<u64> {
        self.list.iter().rev().find_map(|kept| match kept {
            Kept::Index(name, index) if *name == wanted => Some(*index),
            _ => None,
        })
    }

    /// The value with a name, as it stands in the data, unless there is nothing in it.
    pub(super) fn raw<'d>(&self, wanted: N, data: &'d str) -> Option<&'d str> {
        let span = self.list.iter().rev().find_map(|kept| match kept {
            Kept::Raw(name, span) if *name == wanted => Some(*span),
            _ => None,
        })?;
        Some(slice(data, span)).filter(|json| says_something(json))
    }

    /// The value with a name, whether it is a text or stands as JSON in the data.
    pub(super) fn text_or_raw<'a>(&'a self, wanted: N, data: &'a str) -> Option<&'a str> {
        self.raw(wanted, data).or_else(|| self.text(wanted))
    }

    /// Whether there is a value with a name, whatever it is.
    pub(super) fn has(&self, wanted: N) -> bool {
        self.list.iter().any(|kept| match kept {
            Kept::Item(name) | Kept::Text(name, _) | Kept::Index(name, _) | Kept::Raw(name, _) => {
                *name == wanted
            }
        })
    }
}

impl<N: Copy> Picked<N> for EventFacts<N> {
    fn clear(&mut self) {
        self.arena.clear();
        self.list.clear();
    }

    fn copy_from(&mut self, from: &Self) {
        self.arena.clone_from(&from.arena);
        self.list.clone_from(&from.list);
    }

    fn begin_item(&mut self, name: N) {
        self.list.push(Kept::Item(name));
    }

    fn text(&mut self, name: N, text: &str) {
        let start = self.arena.len();
        self.arena.push_str(text);
        self.list.push(Kept::Text(name, start..self.arena.len()));
    }

    fn index(&mut self, name: N, index: u64) {
        self.list.push(Kept::Index(name, index));
    }

    fn raw(&mut self, name: N, span: Span) {
        self.list.push(Kept::Raw(name, span));
    }
}

/// Reads the facts of an event, and the data that they were read from; tells the sink where it is not
/// JSON.
pub(super) fn read<'r, N: DialectNames + PartialEq>(
    reader: &'r mut Reader<N, EventFacts<N>>,
    data: &'r str,
    sink: &mut impl FnMut(Delta<'_>),
) -> Option<(&'r EventFacts<N>, &'r str)> {
    match reader.read(data) {
        Ok(read) => Some(read),
        Err(error) => {
            sink(Delta::Corrupt {
                why: &error.to_string(),
            });
            None
        }
    }
}
