//! White space and comments.

/// White space between tokens that JSON does not know: Unicode's, and the marks without a width that
/// copying from a page brings along.
pub(super) fn is_foreign(character: char) -> bool {
    matches!(
        character,
        '\u{b}' | '\u{c}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
    ) || !character.is_ascii() && character.is_whitespace()
}

/// JSON's own white space (RFC 8259, section 2).
pub(super) const fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// How a comment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comment {
    /// With the line.
    Line,
    /// With `*/`.
    Block,
    /// The same, after a star.
    BlockStar,
}

impl Comment {
    /// The comment after `character`; `None` if it ends there.
    pub const fn step(self, character: char) -> Option<Self> {
        match (self, character) {
            (Self::Line, '\n' | '\r') | (Self::BlockStar, '/') => None,
            (Self::Line, _) => Some(Self::Line),
            (_, '*') => Some(Self::BlockStar),
            _ => Some(Self::Block),
        }
    }
}
