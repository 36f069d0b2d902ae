//! Takes the values at known places out of a JSON text and steps over the rest.
//!
//! A [`WantedMembers`] is an object of which some members are wanted; a static tree of them is the whole
//! description of a message. [`Picker`] walks it beside the machine: it keeps the places on the way
//! from the root, and inside anything else only counts how deep it is.
//!
//! A value of another kind than wanted is stepped over, as is `null`: servers write `null` for what is
//! not there, and put objects where others put text.

use std::convert::Infallible;

use crate::json::{Literal, NumberKind, Sink, Span, Text};

/// An object and the members that are wanted of it.
#[derive(Debug)]
pub(super) struct WantedMembers<N: 'static> {
    pub members: &'static [(&'static str, Want<N>)],
}

/// What is wanted of a value. `N` names where it goes.
#[derive(Debug)]
pub(super) enum Want<N: 'static> {
    /// The characters of a string.
    Text(N),
    /// A whole number that is not negative, also as a string.
    Index(N),
    /// The characters of a string, or an object or an array as the range of the text where it stands.
    TextOrJson(N),
    /// Whatever it is but `null`, as the range of the text where it stands.
    Raw(N),
    /// The members of an object.
    Members(&'static WantedMembers<N>),
    /// The members of an object, which is told of first: it may have none.
    Object(N, &'static WantedMembers<N>),
    /// The members of each object in an array, which is told of first. An object that stands alone in
    /// the place of the array is the only one.
    Each(N, &'static WantedMembers<N>),
    /// The characters of a string or, as before, the objects of an array.
    TextOrEach(N, N, &'static WantedMembers<N>),
}

/// The names of what is wanted of the events of one dialect.
pub(super) trait DialectNames: Copy + 'static {
    /// What is wanted of the root.
    const ROOT: &'static Want<Self>;
}

/// Receives what is wanted.
pub(super) trait Picked<N> {
    /// Forgets the text before.
    fn clear(&mut self);
    /// Becomes like another one, in its own buffers.
    fn copy_from(&mut self, from: &Self);
    /// The object `name` begins, or an item of the array `name`.
    fn begin_item(&mut self, name: N);
    /// A whole text.
    fn text(&mut self, name: N, text: &str);
    /// A whole number.
    fn index(&mut self, name: N, index: u64);
    /// Any value, by its place.
    fn raw(&mut self, name: N, span: Span);
}

/// A container on the way from the root to a wanted value.
#[derive(Clone, Copy, Debug)]
enum Level<N: 'static> {
    Object(&'static WantedMembers<N>),
    Array(N, &'static WantedMembers<N>),
}

/// The part of [`Picker`] that can be kept from one text to the next.
#[derive(Debug)]
pub(super) struct Way<N: 'static> {
    levels: Vec<Level<N>>,
    /// What is wanted of the value that comes next; `None`: nothing.
    want: Option<&'static Want<N>>,
    /// How many containers are open that nothing is wanted of.
    skipped: u64,
    /// The unwanted container is itself wanted as it stands: its name and where it began.
    raw: Option<(N, u64)>,
    /// The text of a string that came in parts.
    parts: String,
}

impl<N> Default for Way<N> {
    fn default() -> Self {
        Self {
            levels: Vec::new(),
            want: None,
            skipped: 0,
            raw: None,
            parts: String::new(),
        }
    }
}

impl<N: Copy> Way<N> {
    /// Becomes like another one, in its own buffers.
    pub(super) fn copy_from(&mut self, from: &Self) {
        let Self {
            levels,
            want,
            skipped,
            raw,
            parts,
        } = from;
        self.levels.clone_from(levels);
        self.want = *want;
        self.skipped = *skipped;
        self.raw = *raw;
        self.parts.clone_from(parts);
    }
}

impl<N> Way<N> {
    /// Goes back before a text whose root is `root`.
    pub(super) fn reset(&mut self, root: &'static Want<N>) {
        self.levels.clear();
        self.want = Some(root);
        self.skipped = 0;
        self.raw = None;
        self.parts.clear();
    }
}

/// The sink that does it.
#[derive(Debug)]
pub(super) struct Picker<'p, N: 'static, P> {
    pub way: &'p mut Way<N>,
    pub picked: &'p mut P,
}

impl<N: Copy, P: Picked<N>> Picker<'_, N, P> {
    /// What is wanted of a value that begins here, which is not in an unwanted container.
    #[inline]
    fn want(&mut self) -> Option<&'static Want<N>> {
        self.way.want.take()
    }

    fn scalar(&mut self, span: Span) {
        if let Some(Want::Raw(name)) = self.want() {
            self.picked.raw(*name, span);
        }
    }

    fn whole_text(&mut self, text: &str, span: Span) {
        match self.want() {
            Some(Want::Text(name) | Want::TextOrJson(name) | Want::TextOrEach(name, ..)) => {
                self.picked.text(*name, text);
            }
            Some(Want::Index(name)) => {
                if let Ok(index) = text.parse() {
                    self.picked.index(*name, index);
                }
            }
            Some(Want::Raw(name)) => self.picked.raw(*name, span),
            _ => {}
        }
    }

    /// A container that is not entered.
    fn skip(&mut self, want: Option<&'static Want<N>>, at: u64) {
        self.way.skipped = 1;
        if let Some(Want::Raw(name) | Want::TextOrJson(name)) = want {
            self.way.raw = Some((*name, at));
        }
    }

    fn close(&mut self, end: u64) {
        if self.way.skipped == 0 {
            self.way.levels.pop();
            return;
        }
        self.way.skipped -= 1;
        if self.way.skipped == 0
            && let Some((name, start)) = self.way.raw.take()
        {
            self.picked.raw(name, Span { start, end });
        }
    }
}

impl<N: Copy, P: Picked<N>> Sink for Picker<'_, N, P> {
    type Error = Infallible;

    #[inline]
    fn begin_object(&mut self, at: u64) -> Result<(), Infallible> {
        if self.way.skipped > 0 {
            self.way.skipped += 1;
            return Ok(());
        }
        if let Some(Level::Array(name, place)) = self.way.levels.last() {
            let (name, place) = (*name, *place);
            self.picked.begin_item(name);
            self.way.levels.push(Level::Object(place));
            return Ok(());
        }
        match self.want() {
            Some(Want::Members(place)) => self.way.levels.push(Level::Object(place)),
            Some(
                Want::Object(name, place)
                | Want::Each(name, place)
                | Want::TextOrEach(_, name, place),
            ) => {
                self.picked.begin_item(*name);
                self.way.levels.push(Level::Object(place));
            }
            want => self.skip(want, at),
        }
        Ok(())
    }

    #[inline]
    fn key(&mut self, key: Text<'_>, _span: Span) -> Result<(), Infallible> {
        if self.way.skipped == 0
            && let Some(Level::Object(place)) = self.way.levels.last()
        {
            let member = place.members.iter().find(|(name, _)| *name == key.text);
            self.way.want = member.map(|(_, want)| want);
        }
        Ok(())
    }

    #[inline]
    fn end_object(&mut self, end: u64) -> Result<(), Infallible> {
        self.close(end);
        Ok(())
    }

    #[inline]
    fn begin_array(&mut self, at: u64) -> Result<(), Infallible> {
        if self.way.skipped > 0 {
            self.way.skipped += 1;
            return Ok(());
        }
        match self.want() {
            Some(Want::Each(name, place) | Want::TextOrEach(_, name, place)) => {
                self.way.levels.push(Level::Array(*name, place));
            }
            want => self.skip(want, at),
        }
        Ok(())
    }

    #[inline]
    fn end_array(&mut self, end: u64) -> Result<(), Infallible> {
        self.close(end);
        Ok(())
    }

    #[inline]
    fn string(&mut self, text: Text<'_>, span: Span) -> Result<(), Infallible> {
        if self.way.skipped == 0 {
            self.whole_text(text.text, span);
        }
        Ok(())
    }

    fn begin_string(&mut self, at: u64) -> Result<(), Infallible> {
        if self.way.skipped == 0 {
            self.way.parts.clear();
            // Where it began is remembered as for a container, but nothing is skipped.
            if let Some(Want::Raw(name)) = self.way.want {
                self.way.raw = Some((*name, at));
            }
        }
        Ok(())
    }

    fn string_part(&mut self, text: Text<'_>) -> Result<(), Infallible> {
        if self.way.skipped == 0
            && matches!(
                self.way.want,
                Some(Want::Text(_) | Want::TextOrJson(_) | Want::TextOrEach(..) | Want::Index(_))
            )
        {
            self.way.parts.push_str(text.text);
        }
        Ok(())
    }

    fn end_string(&mut self, end: u64) -> Result<(), Infallible> {
        if self.way.skipped == 0 {
            let start = self.way.raw.take().map_or(end, |(_, start)| start);
            let parts = std::mem::take(&mut self.way.parts);
            self.whole_text(&parts, Span { start, end });
            self.way.parts = parts;
        }
        Ok(())
    }

    #[inline]
    fn number(&mut self, text: &str, _kind: NumberKind, span: Span) -> Result<(), Infallible> {
        if self.way.skipped > 0 {
            return Ok(());
        }
        match self.want() {
            // A fraction, an exponent or a sign does not parse.
            Some(Want::Index(name)) => {
                if let Ok(index) = text.parse() {
                    self.picked.index(*name, index);
                }
            }
            Some(Want::Raw(name)) => self.picked.raw(*name, span),
            _ => {}
        }
        Ok(())
    }

    #[inline]
    fn literal(&mut self, literal: Literal, span: Span) -> Result<(), Infallible> {
        if self.way.skipped > 0 {
            return Ok(());
        }
        if literal == Literal::Null {
            self.way.want = None;
        } else {
            self.scalar(span);
        }
        Ok(())
    }
}

/// The part of the data that a span means.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it is a place in the data, which is in memory"
)]
pub(super) fn slice(data: &str, span: Span) -> &str {
    data.get(span.start as usize..span.end as usize)
        .unwrap_or_default()
}

/// Whether an error is one: servers write `null` and other empty values where there is none.
pub(super) fn says_something(error: &str) -> bool {
    !matches!(error, "{}" | "[]" | "\"\"" | "false" | "0")
}

/// What is empty is not reported.
pub(super) fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
