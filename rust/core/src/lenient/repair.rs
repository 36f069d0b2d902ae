//! What was repaired in the text.

/// What a repair took for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RepairKind {
    /// A raw control character in a string is itself.
    ControlCharacter,
    /// A comma with nothing before or after it is skipped.
    ExtraComma,
    /// A comma is put between two values.
    MissingComma,
    /// Other quotes than `"` are quotes.
    Quotes,
    /// A key without quotes is a key.
    UnquotedKey,
    /// A comment is skipped.
    Comment,
    /// `True`, `None` and the like are JSON's literals.
    Literal,
    /// `NaN`, `Infinity` and `-Infinity` are floats.
    NonFinite,
    /// A number in another notation is that number.
    Number,
    /// One word without quotes is a string.
    UnquotedWord,
    /// An escape that JSON does not have is its character, or stays as it is.
    Escape,
    /// White space that JSON does not know, or the escape of a line break between tokens, is skipped.
    Blank,
    /// A container is closed by the end of the one around it.
    MissingClose,
    /// A key without a value is skipped.
    AbsentValue,
    /// An ellipsis between items is skipped.
    Ellipsis,
    /// A document with its quotes escaped is read one level down.
    EscapedDocument,
    /// Text where an object or a list is wanted is read one level down.
    NestedText,
    /// A guess: a quote inside a string is text.
    UnescapedQuote,
    /// An object where a list is wanted is its only item.
    WrappedItem,
    /// The text of an enumeration's member, in other case or by its name, is that member.
    Member,
    /// A null for a container that may be absent is absence.
    NullAbsent,
    /// A container that may be null and is absent is null.
    AbsentNull,
}

impl RepairKind {
    /// The stable snake-case name, as shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ControlCharacter => "control_character",
            Self::ExtraComma => "extra_comma",
            Self::MissingComma => "missing_comma",
            Self::Quotes => "quotes",
            Self::UnquotedKey => "unquoted_key",
            Self::Comment => "comment",
            Self::Literal => "literal",
            Self::NonFinite => "non_finite",
            Self::Number => "number",
            Self::UnquotedWord => "unquoted_word",
            Self::Escape => "escape",
            Self::Blank => "blank",
            Self::MissingClose => "missing_close",
            Self::AbsentValue => "absent_value",
            Self::Ellipsis => "ellipsis",
            Self::EscapedDocument => "escaped_document",
            Self::NestedText => "nested_text",
            Self::UnescapedQuote => "unescaped_quote",
            Self::WrappedItem => "wrapped_item",
            Self::Member => "member",
            Self::NullAbsent => "null_absent",
            Self::AbsentNull => "absent_null",
        }
    }
}

/// A repair and its place in the model's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repair {
    /// What was repaired.
    pub kind: RepairKind,
    /// Bytes of the text before it.
    pub offset: u64,
    /// Line, counted from 1.
    pub line: u64,
    /// Bytes from the start of the line, counted from 1.
    pub column: u64,
}
