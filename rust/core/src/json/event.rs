//! What the machine tells its consumer.

use std::convert::Infallible;

/// A piece of decoded string text.
///
/// `text` is valid UTF-8 with escapes already resolved. `ascii` is true when every character is
/// below U+0080; it is found while scanning, so a consumer need not look at the bytes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// The decoded characters.
    pub text: &'a str,
    /// Whether all of them are ASCII.
    pub ascii: bool,
}

/// The grammar of a number's text (RFC 8259, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    /// No fraction and no exponent.
    Integer,
    /// A fraction, an exponent, or both.
    Float,
}

/// The three literal names of RFC 8259, section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `null`
    Null,
    /// `false`
    False,
    /// `true`
    True,
}

/// Half-open range of byte offsets into the whole text, counted from its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u64,
    /// Offset just after the last byte.
    pub end: u64,
}

/// Receives what the machine finds, in document order.
///
/// The machine is monomorphised over its sink, so an empty method costs nothing. A method that
/// returns an error stops the machine at once; the error reaches the caller of `feed` unchanged.
///
/// A string value arrives either whole ([`Sink::string`]: its first and its last byte were in one
/// chunk) or as [`Sink::begin_string`], any number of [`Sink::string_part`], [`Sink::end_string`].
/// At the end of a chunk all characters that are certain have been handed out: an unfinished
/// escape, surrogate pair or UTF-8 sequence is held back, nothing else. So it is in front of an
/// error. Parts are never empty.
///
/// A key always arrives whole. So do numbers and literals, at the byte that ends them: a number at
/// the byte after it (or at the end of the text), a literal at its last byte.
#[allow(
    clippy::missing_errors_doc,
    reason = "what the methods fail with, and what that does, is said once above"
)]
pub trait Sink {
    /// What the sink may fail with.
    type Error;

    /// `{` at `at`.
    fn begin_object(&mut self, at: u64) -> Result<(), Self::Error>;
    /// The key of the next member, decoded. `span` includes the quotes.
    fn key(&mut self, key: Text<'_>, span: Span) -> Result<(), Self::Error>;
    /// `}`; `end` is the offset just after it.
    fn end_object(&mut self, end: u64) -> Result<(), Self::Error>;
    /// `[` at `at`.
    fn begin_array(&mut self, at: u64) -> Result<(), Self::Error>;
    /// `]`; `end` is the offset just after it.
    fn end_array(&mut self, end: u64) -> Result<(), Self::Error>;
    /// A whole string value. `span` includes the quotes.
    fn string(&mut self, text: Text<'_>, span: Span) -> Result<(), Self::Error>;
    /// The opening quote, at `at`, of a string value that did not end in its first chunk.
    fn begin_string(&mut self, at: u64) -> Result<(), Self::Error>;
    /// More characters of the open string value.
    fn string_part(&mut self, text: Text<'_>) -> Result<(), Self::Error>;
    /// The closing quote of the open string value; `end` is the offset just after it.
    fn end_string(&mut self, end: u64) -> Result<(), Self::Error>;
    /// A whole number, as written.
    fn number(&mut self, text: &str, kind: NumberKind, span: Span) -> Result<(), Self::Error>;
    /// `null`, `false` or `true`.
    fn literal(&mut self, literal: Literal, span: Span) -> Result<(), Self::Error>;
}

/// A sink that wants nothing: the machine only checks the text.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullSink;

impl Sink for NullSink {
    type Error = Infallible;

    fn begin_object(&mut self, _at: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn key(&mut self, _key: Text<'_>, _span: Span) -> Result<(), Infallible> {
        Ok(())
    }
    fn end_object(&mut self, _end: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn begin_array(&mut self, _at: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn end_array(&mut self, _end: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn string(&mut self, _text: Text<'_>, _span: Span) -> Result<(), Infallible> {
        Ok(())
    }
    fn begin_string(&mut self, _at: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn string_part(&mut self, _text: Text<'_>) -> Result<(), Infallible> {
        Ok(())
    }
    fn end_string(&mut self, _end: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn number(&mut self, _text: &str, _kind: NumberKind, _span: Span) -> Result<(), Infallible> {
        Ok(())
    }
    fn literal(&mut self, _literal: Literal, _span: Span) -> Result<(), Infallible> {
        Ok(())
    }
}
