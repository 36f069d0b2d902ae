//! UTF-8 (RFC 3629, section 4), a sequence at a time and a chunk at a time.

use std::str;

/// Whether `byte` may follow `sequence`, the bytes of a character so far (none: it may begin one).
pub(crate) fn fits(sequence: &[u8], byte: u8) -> bool {
    match sequence {
        [] => matches!(byte, 0x00..=0x7F | 0xC2..=0xF4),
        // The second byte is where overlong forms, surrogates and values above U+10FFFF are told.
        [0xE0] => matches!(byte, 0xA0..=0xBF),
        [0xED] => matches!(byte, 0x80..=0x9F),
        [0xF0] => matches!(byte, 0x90..=0xBF),
        [0xF4] => matches!(byte, 0x80..=0x8F),
        _ => matches!(byte, 0x80..=0xBF),
    }
}

/// How many bytes the character that begins with `lead` has.
pub(crate) fn width(lead: u8) -> usize {
    match lead {
        0x00..=0x7F => 1,
        0x80..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

/// How far a stretch of bytes is UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Examined<'c> {
    /// The whole characters at its start.
    pub valid: &'c str,
    /// Length up to the first byte that cannot stand there; that of the stretch if there is none.
    pub possible: usize,
}

/// Finds the first impossible byte of a stretch.
#[cold]
pub(crate) fn examine(stretch: &[u8]) -> Examined<'_> {
    let valid = longest_prefix(stretch);
    let rest = &stretch[valid.len()..];
    let mut possible = 0;
    // At most one character: had it been whole, it would belong to the valid part.
    while possible < rest.len() && fits(&rest[..possible], rest[possible]) {
        possible += 1;
    }
    Examined {
        valid,
        possible: valid.len() + possible,
    }
}

fn longest_prefix(bytes: &[u8]) -> &str {
    match simdutf8::compat::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// Turns ranges of a chunk into text.
///
/// Validation runs ahead in windows: one call for many short tokens. A token that reaches over the
/// end of a window is validated again from its own start, so that no byte is looked at more than
/// twice; and a caller who stops early has wasted at most one window.
#[derive(Debug)]
pub(crate) struct Window<'c> {
    pub chunk: &'c [u8],
    text: &'c str,
    start: usize,
}

impl<'c> Window<'c> {
    /// Large enough to amortise the call, small enough to be thrown away.
    const SIZE: usize = 4096;

    /// Up to which size a chunk is looked at whole, and at once.
    const SMALL: usize = 32;

    #[inline(always)]
    pub(crate) fn new(chunk: &'c [u8]) -> Self {
        let text = if chunk.len() <= Self::SMALL {
            str::from_utf8(chunk).unwrap_or_default()
        } else {
            ""
        };
        Self {
            chunk,
            text,
            start: 0,
        }
    }

    /// A window on a chunk that is known to be text.
    #[inline(always)]
    pub(crate) fn of(text: &'c str) -> Self {
        Self {
            chunk: text.as_bytes(),
            text,
            start: 0,
        }
    }

    /// The text of a range, or `None` if it is not UTF-8 (or ends inside a character). Ranges must
    /// be asked for in ascending order.
    #[inline(always)]
    pub(crate) fn get(&mut self, start: usize, end: usize) -> Option<&'c str> {
        match self.text.get(start - self.start..end - self.start) {
            Some(text) => Some(text),
            None => self.advance(start, end),
        }
    }

    #[inline(never)]
    fn advance(&mut self, start: usize, end: usize) -> Option<&'c str> {
        let ahead = end.max(start + Self::SIZE).min(self.chunk.len());
        self.text = longest_prefix(&self.chunk[start..ahead]);
        self.start = start;
        self.text.get(..end - start)
    }
}
