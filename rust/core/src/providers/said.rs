//! What is known of a text that was passed on in pieces and not kept.
//!
//! Servers say things twice: a summary repeats all pieces, each piece repeats those before it, an
//! event at the end has the whole. To tell what is new, the length and a hash of what was said are
//! enough. To tell arguments that are complete from those that are not, so is an outline of the JSON:
//! how deep it is, and whether it is inside a string.
//!
//! The hash is a polynomial, so that the hash of what came after a [`Mark`] can be told from it.

use super::{Delta, Part};

/// The base of the polynomial: odd, and with bits all over.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    length: u64,
    hash: u64,
}

/// Where in the JSON the text stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Spot {
    /// Nothing but white space came.
    #[default]
    Start,
    /// A value may begin here, an object among others.
    Value,
    /// Anywhere else outside a string.
    Inside,
    String,
    /// After a backslash.
    Escape,
    /// The value is complete.
    Whole,
    /// The text does not begin like an object or an array, or is too deep to follow.
    Other,
}

/// A text that was passed on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    mark: Mark,
    spot: Spot,
    /// How many containers are open.
    depth: u32,
    /// Which of them are arrays; the innermost is the lowest bit.
    arrays: u64,
    /// The first byte that is not white space; 0 before.
    first: u8,
}

impl Mark {
    #[inline]
    fn add(&mut self, byte: u8) {
        self.hash = self
            .hash
            .wrapping_mul(BASE)
            .wrapping_add(u64::from(byte) + 1);
    }

    fn of(text: &str) -> Self {
        let mut mark = Self {
            length: text.len() as u64,
            hash: 0,
        };
        text.bytes().for_each(|byte| mark.add(byte));
        mark
    }
}

impl Said {
    /// Nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.mark.length == 0
    }

    /// Nothing but white space was said.
    pub(super) fn is_blank(&self) -> bool {
        self.spot == Spot::Start
    }

    /// A JSON object or array is complete.
    pub(super) fn is_whole(&self) -> bool {
        self.spot == Spot::Whole
    }

    /// A value may begin at the end of what was said.
    pub(super) fn expects_a_value(&self) -> bool {
        matches!(self.spot, Spot::Start | Spot::Value | Spot::Other)
    }

    /// Whether an object that begins with the text has no place at the end of what was said.
    pub(super) fn excludes(&self, text: &str) -> bool {
        let begins = text.trim_start().starts_with('{');
        begins && matches!(self.spot, Spot::Inside | Spot::Whole)
    }

    /// The first byte that is not white space.
    pub(super) fn first(&self) -> Option<u8> {
        Some(self.first).filter(|byte| *byte != 0)
    }

    /// The place after all that was said.
    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    /// Adds a piece. Where in it the JSON was completed, if that happened.
    pub(super) fn add(&mut self, piece: &str) -> Option<usize> {
        let mut end = None;
        self.mark.length += piece.len() as u64;
        for (at, byte) in piece.bytes().enumerate() {
            self.mark.add(byte);
            // Most bytes are inside a string, and no end of it.
            let inside = self.spot == Spot::String && byte != b'"' && byte != b'\\';
            if !inside && self.step(byte) {
                end = Some(at + 1);
            }
        }
        end
    }

    /// Goes over a byte; whether it completes the value.
    #[inline]
    fn step(&mut self, byte: u8) -> bool {
        match (self.spot, byte) {
            (Spot::Escape, _) => self.spot = Spot::String,
            (Spot::String, b'\\') => self.spot = Spot::Escape,
            (Spot::String, b'"') => self.spot = Spot::Inside,
            (Spot::Whole | Spot::Other | Spot::String, _) | (_, b' ' | b'\n' | b'\r' | b'\t') => {}
            (_, b'{' | b'[') => {
                if self.spot == Spot::Start {
                    self.first = byte;
                }
                if self.depth == u64::BITS {
                    self.spot = Spot::Other;
                    return false;
                }
                self.depth += 1;
                self.arrays = self.arrays << 1 | u64::from(byte == b'[');
                self.spot = if byte == b'[' {
                    Spot::Value
                } else {
                    Spot::Inside
                };
            }
            (Spot::Start, _) => {
                self.first = byte;
                self.spot = Spot::Other;
            }
            (_, b'}' | b']') => {
                self.depth -= 1;
                self.arrays >>= 1;
                self.spot = Spot::Inside;
                if self.depth == 0 {
                    self.spot = Spot::Whole;
                    return true;
                }
            }
            (_, b'"') => self.spot = Spot::String,
            (_, b':') => self.spot = Spot::Value,
            (_, b',') if self.arrays & 1 == 1 => self.spot = Spot::Value,
            _ => self.spot = Spot::Inside,
        }
        false
    }

    /// What a text adds to what was said since the mark, if it begins with all of that.
    pub(super) fn missing<'a>(&self, since: Mark, text: &'a str) -> Option<&'a str> {
        let length = self.mark.length - since.length;
        let (before, rest) = text.split_at_checked(usize::try_from(length).ok()?)?;
        let shifted = since.hash.wrapping_mul(power(length));
        (Mark::of(before).hash == self.mark.hash.wrapping_sub(shifted)).then_some(rest)
    }
}

/// A text that is written for people and programs alike, unlike the arguments of a call.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub said: Said,
    /// Each piece repeats those before it.
    repeats: bool,
}

/// A text that repeats as many bytes exactly does not do so by chance.
const LONG: usize = 64;

impl Content {
    /// What is new in a piece.
    pub(super) fn fresh<'a>(&mut self, text: &'a str) -> &'a str {
        let said = &self.said;
        if said.is_blank() {
            return text;
        }
        let Some(rest) = said.missing(Mark::default(), text) else {
            return text;
        };
        if said.is_whole() || rest.is_empty() && text.len() >= LONG {
            // All of it once more, as in a summary at the end.
            return if rest.trim().is_empty() { "" } else { text };
        }
        // In JSON that goes on, only a value can begin as the whole text does.
        self.repeats |= !said.expects_a_value();
        if self.repeats { rest } else { text }
    }

    /// Passes on a text that is new.
    pub(super) fn pass_on(
        &mut self,
        choice: u64,
        part: Part,
        text: &str,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        if !text.is_empty() {
            let _ = self.said.add(text);
            sink(Delta::Piece { choice, part, text });
        }
    }
}

/// The base to this power.
fn power(mut exponent: u64) -> u64 {
    let (mut result, mut square) = (1_u64, BASE);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result.wrapping_mul(square);
        }
        square = square.wrapping_mul(square);
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pieces: &[&str]) -> Said {
        let mut said = Said::default();
        for piece in pieces {
            let _ = said.add(piece);
        }
        said
    }

    #[test]
    fn what_is_missing_is_told_from_the_hash() {
        let said = said(&["{\"a\"", ": \"é", "\"}"]);
        let start = Mark::default();
        assert_eq!(said.missing(start, "{\"a\": \"é\"} x"), Some(" x"));
        assert_eq!(said.missing(start, "{\"a\": \"é\"}"), Some(""));
        assert_eq!(said.missing(start, "{\"a\": \"e\"}  "), None);
        assert_eq!(said.missing(start, "{\"a\""), None);
        let mut more = said;
        let _ = more.add("next");
        assert_eq!(more.missing(said.mark(), "next one"), Some(" one"));
        assert_eq!(more.missing(said.mark(), "text one"), None);
        assert_eq!(more.missing(more.mark(), "text one"), Some("text one"));
    }

    #[test]
    fn an_outline_ends_where_the_json_does() {
        let text = r#" {"a\"}": [1, {"]": "\\"}, null], "b": {}} {"#;
        let end = text.rfind('{').expect("there") - 1;
        for cut in 0..=text.len() {
            let (left, right) = text.split_at(cut);
            let mut said = Said::default();
            let first = said.add(left);
            let second = said.add(right).map(|at| at + cut);
            assert_eq!(first.or(second), Some(end), "cut at {cut}");
            assert!(said.is_whole());
            assert_eq!(said.first(), Some(b'{'));
        }
    }

    #[test]
    fn values_are_expected_where_json_has_them() {
        for (text, expected) in [
            ("", true),
            ("{", false),
            ("{\"a\"", false),
            ("{\"a\":", true),
            ("{\"a\":1", false),
            ("{\"a\":1,", false),
            ("{\"a\":[", true),
            ("{\"a\":[1", false),
            ("{\"a\":[1,", true),
            ("{\"a\":[1],", false),
            ("{\"a\":\"[", false),
        ] {
            assert_eq!(said(&[text]).expects_a_value(), expected, "{text}");
        }
        let deep = "[".repeat(100);
        assert!(!said(&[&deep, &"]".repeat(100)]).is_whole());
    }
}
