//! What can be wrong with the text.

use std::fmt;

/// Why the text is not (or not yet) a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// A byte that cannot begin a value where a value must begin.
    ExpectedValue,
    /// Something other than `"` or `}` after `{`.
    ExpectedKeyOrEnd,
    /// Something other than `"` after a comma inside an object.
    ExpectedKey,
    /// Something other than `:` after a key.
    ExpectedColon,
    /// Something other than `,` or `}` after a member.
    ExpectedCommaOrObjectEnd,
    /// Something other than `,` or `]` after an item.
    ExpectedCommaOrArrayEnd,
    /// A byte that does not continue `null`, `true` or `false`.
    InvalidLiteral,
    /// A byte that the number grammar does not allow here (a leading zero, a bare sign, ...).
    InvalidNumber,
    /// A raw control character inside a string (RFC 8259, section 7).
    ControlCharacter,
    /// A byte after a backslash that begins no escape, or a non-hexadecimal digit in `\u`.
    InvalidEscape,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// Bytes that are not UTF-8 (RFC 3629).
    InvalidUtf8,
    /// Something other than white space after the value.
    TrailingData,
    /// Containers nested deeper than the configured limit.
    DepthLimit,
    /// More bytes than the configured limit.
    SizeLimit,
    /// A number with more characters than the configured limit.
    NumberLimit,
    /// A key with more bytes than the configured limit.
    KeyLimit,
    /// Text without quotes that is more than one word, or stands where no word may
    /// ([`crate::lenient`] alone reports this and the kinds up to [`Self::RepairLimit`]).
    UnquotedText,
    /// A date or a time without quotes.
    UnquotedDate,
    /// An integer with a leading zero.
    LeadingZero,
    /// A number whose thousands are set apart.
    ThousandsSeparator,
    /// Strings that are to be put together.
    ConcatenatedStrings,
    /// A quote inside a string that is not escaped, or a comma that is missing after the string.
    UnescapedQuote,
    /// A key without a colon after it.
    MissingColon,
    /// A second value after the first.
    SeveralDocuments,
    /// More repairs than the configured limit.
    RepairLimit,
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

impl JsonError {
    /// An error of the whole text, which has no place in it.
    #[must_use]
    pub const fn of_all(kind: JsonErrorKind) -> Self {
        Self {
            kind,
            offset: 0,
            line: 1,
            column: 1,
        }
    }
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
            Self::UnquotedText => "unquoted_text",
            Self::UnquotedDate => "unquoted_date",
            Self::LeadingZero => "leading_zero",
            Self::ThousandsSeparator => "thousands_separator",
            Self::ConcatenatedStrings => "concatenated_strings",
            Self::UnescapedQuote => "unescaped_quote",
            Self::MissingColon => "missing_colon",
            Self::SeveralDocuments => "several_documents",
            Self::RepairLimit => "repair_limit",
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
            Self::ExpectedColon => "expected `:` after the key",
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
            Self::TrailingData => "unexpected text after the value",
            Self::DepthLimit => "nested deeper than `max_depth`",
            Self::SizeLimit => "longer than `max_bytes`",
            Self::NumberLimit => "number too long",
            Self::KeyLimit => "key too long",
            Self::UnquotedText => {
                "text without quotes that is more than one word; where it ends could only be guessed"
            }
            Self::UnquotedDate => {
                "a date or time without quotes; whether it is text could only be guessed"
            }
            Self::LeadingZero => {
                "a number with a leading zero; whether it is a number could only be guessed"
            }
            Self::ThousandsSeparator => {
                "a number with its thousands set apart; what it means could only be guessed"
            }
            Self::ConcatenatedStrings => {
                "strings that are put together by an operator or by standing side by side"
            }
            Self::UnescapedQuote => {
                "text right after a closing quote; a quote inside a string must be escaped"
            }
            Self::MissingColon => "a key without `:` after it",
            Self::SeveralDocuments => "a second value after the end of the first",
            Self::RepairLimit => "more repairs than `max_repairs`",
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
