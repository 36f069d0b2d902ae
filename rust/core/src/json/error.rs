//! What can be wrong with the text.

use std::fmt;

/// Why the text is not (or not yet) a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// A byte that cannot begin a value where a value must begin.
    ExpectedValue,
    /// Something other than `"` or `}` behind `{`.
    ExpectedKeyOrEnd,
    /// Something other than `"` behind a comma inside an object.
    ExpectedKey,
    /// Something other than `:` behind a key.
    ExpectedColon,
    /// Something other than `,` or `}` behind a member.
    ExpectedCommaOrObjectEnd,
    /// Something other than `,` or `]` behind an item.
    ExpectedCommaOrArrayEnd,
    /// A byte that does not continue `null`, `true` or `false`.
    InvalidLiteral,
    /// A byte that the number grammar does not allow here (a leading zero, a bare sign, ...).
    InvalidNumber,
    /// A raw control character inside a string (RFC 8259, section 7).
    ControlCharacter,
    /// A byte behind a backslash that begins no escape, or a non-hexadecimal digit in `\u`.
    InvalidEscape,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// Bytes that are not UTF-8 (RFC 3629).
    InvalidUtf8,
    /// Something other than white space behind the value.
    TrailingData,
    /// Containers nested deeper than the configured limit.
    DepthLimit,
    /// More bytes than the configured limit.
    SizeLimit,
    /// A number with more characters than the configured limit.
    NumberLimit,
    /// A key with more bytes than the configured limit.
    KeyLimit,
    /// The text ended inside the value. Only `finish` reports this.
    Truncated,
    /// The sink failed at an earlier call; the machine cannot go on.
    Aborted,
}

/// An error and where it stands. `offset` is that of the first byte after which no continuation
/// can be a JSON text; for [`JsonErrorKind::Truncated`] it is the length of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Bytes before the offending one.
    pub offset: u64,
    /// Line, counted from 1. Lines end with a line feed.
    pub line: u64,
    /// Bytes from the start of the line, counted from 1.
    pub column: u64,
}

impl JsonErrorKind {
    /// The stable snake-case name, as shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExpectedValue => "expected_value",
            Self::ExpectedKeyOrEnd => "expected_key_or_end",
            Self::ExpectedKey => "expected_key",
            Self::ExpectedColon => "expected_colon",
            Self::ExpectedCommaOrObjectEnd => "expected_comma_or_object_end",
            Self::ExpectedCommaOrArrayEnd => "expected_comma_or_array_end",
            Self::InvalidLiteral => "invalid_literal",
            Self::InvalidNumber => "invalid_number",
            Self::ControlCharacter => "control_character",
            Self::InvalidEscape => "invalid_escape",
            Self::LoneSurrogate => "lone_surrogate",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::TrailingData => "trailing_data",
            Self::DepthLimit => "depth_limit",
            Self::SizeLimit => "size_limit",
            Self::NumberLimit => "number_limit",
            Self::KeyLimit => "key_limit",
            Self::Truncated => "truncated",
            Self::Aborted => "aborted",
        }
    }

    /// One sentence for people: what is wrong and what to do.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::ExpectedValue => "expected a value",
            Self::ExpectedKeyOrEnd => "expected a key in double quotes or `}`",
            Self::ExpectedKey => "expected a key in double quotes",
            Self::ExpectedColon => "expected `:` behind the key",
            Self::ExpectedCommaOrObjectEnd => "expected `,` or `}`",
            Self::ExpectedCommaOrArrayEnd => "expected `,` or `]`",
            Self::InvalidLiteral => "expected `null`, `true` or `false`",
            Self::InvalidNumber => "invalid number",
            Self::ControlCharacter => {
                "raw control character inside a string; it must be written as an escape"
            }
            Self::InvalidEscape => "invalid escape inside a string",
            Self::LoneSurrogate => "half of a surrogate pair inside a string",
            Self::InvalidUtf8 => "invalid UTF-8",
            Self::TrailingData => "unexpected text behind the end of the value",
            Self::DepthLimit => "nested deeper than `max_depth`",
            Self::SizeLimit => "longer than `max_bytes`",
            Self::NumberLimit => "number too long",
            Self::KeyLimit => "key too long",
            Self::Truncated => "the text ended before the value was complete",
            Self::Aborted => "reading was stopped here by an earlier error of the consumer",
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at line {} column {} (byte {})",
            self.kind.message(),
            self.line,
            self.column,
            self.offset
        )
    }
}

impl std::error::Error for JsonError {}

/// Why [`Machine::feed`](super::Machine::feed) or [`Machine::finish`](super::Machine::finish) stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedError<E> {
    /// The text is wrong.
    Json(JsonError),
    /// The sink failed.
    Sink(E),
}

impl<E: fmt::Display> fmt::Display for FeedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for FeedError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(_) => None,
            Self::Sink(error) => error.source(),
        }
    }
}
