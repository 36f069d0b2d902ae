//! What stands between tokens without quotes: names of values, numbers, single words. Pure functions
//! of a token's text.

use super::numbers::{self, Number};
use crate::json::JsonErrorKind;

/// A token without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// `null`, `true`, `false` or a number, as JSON writes it.
    Strict,
    /// The same, written in another way.
    Number(String),
    /// A literal that JSON writes like this.
    Literal(&'static str),
    /// A float that JSON has no way to write, as Python reads it.
    NonFinite(&'static str),
    /// One word.
    Text,
    /// Neither.
    Refused(JsonErrorKind),
}

/// The most bytes of a token that is not a number: a longer one is prose without spaces.
pub(super) const MAX_WORD: usize = 1024;

/// Whether a token without quotes may begin so.
pub(super) fn begins(character: char) -> bool {
    matches!(character, '+' | '-' | '.' | '_' | '$') || character.is_alphanumeric()
}

/// Whether it may go on so.
pub(super) fn continues(character: char) -> bool {
    begins(character) || matches!(character, '@' | '%') || is_mark(character)
}

/// Combining marks belong to the letter before them.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{903}' | '\u{93a}'..='\u{94f}')
}

/// Whether a key without quotes may have the character.
pub(super) fn is_key(character: char) -> bool {
    matches!(character, '_' | '$' | '-') || character.is_alphanumeric() || is_mark(character)
}

/// Whether a token of these characters may be a number of any length.
pub(super) const fn is_numeric(character: char) -> bool {
    matches!(character, '0'..='9' | '+' | '-' | '.' | '_' | 'e' | 'E')
}

const LITERALS: &[(&str, &str)] = &[
    ("true", "true"),
    ("false", "false"),
    ("null", "null"),
    ("none", "null"),
    ("undefined", "null"),
];

const NON_FINITE: &[(&str, &str)] = &[
    ("NaN", "NaN"),
    ("Infinity", "Infinity"),
    ("+Infinity", "Infinity"),
    ("-Infinity", "-Infinity"),
];

/// What `token`, which is over, is.
pub(super) fn read(token: &str) -> Word {
    let begins_as_number = |byte: &u8| matches!(byte, b'+' | b'-' | b'.') || byte.is_ascii_digit();
    if token.as_bytes().first().is_some_and(begins_as_number) {
        return number(token);
    }
    if matches!(token, "null" | "true" | "false") {
        return Word::Strict;
    }
    for &(name, value) in LITERALS {
        if token.eq_ignore_ascii_case(name) {
            return Word::Literal(value);
        }
    }
    non_finite(token).unwrap_or(Word::Text)
}

fn non_finite(token: &str) -> Option<Word> {
    let found = NON_FINITE.iter().find(|(name, _)| token == *name)?;
    Some(Word::NonFinite(found.1))
}

fn number(token: &str) -> Word {
    match numbers::read(token) {
        Number::Strict => return Word::Strict,
        Number::Rewritten(text) => return Word::Number(text),
        Number::Begun if has_leading_zero(token) => {
            return Word::Refused(JsonErrorKind::LeadingZero);
        }
        Number::Begun => return Word::Refused(JsonErrorKind::InvalidNumber),
        Number::Refused(kind) => return Word::Refused(kind),
        Number::Other => {}
    }
    if let Some(word) = non_finite(token) {
        return word;
    }
    Word::Refused(if numbers::is_date(token) {
        JsonErrorKind::UnquotedDate
    } else if numbers::has_points(token) {
        JsonErrorKind::ThousandsSeparator
    } else if has_leading_zero(token) {
        JsonErrorKind::LeadingZero
    } else if is_identifier(token) {
        return Word::Text;
    } else {
        JsonErrorKind::InvalidNumber
    })
}

fn has_leading_zero(token: &str) -> bool {
    let digits = token.trim_start_matches(['+', '-']).as_bytes();
    digits.first() == Some(&b'0') && digits.get(1).is_some_and(u8::is_ascii_digit)
}

/// A word that begins with a digit: a name with letters in it, or digits that no number has so, as in
/// a version or an address. Nothing in it makes it a number gone wrong or an expression: a point or a
/// slash stands between two of its characters, and without letters there is no dash. `0x` begins a
/// number.
fn is_identifier(token: &str) -> bool {
    let hexadecimal = token.starts_with("0x") || token.starts_with("0X");
    let begins = token.starts_with(|first: char| first.is_ascii_digit());
    let plain = token.strip_suffix('%').unwrap_or(token);
    let parts_fit = plain
        .split(['.', '/', '@'])
        .all(|part| !part.is_empty() && part.chars().all(is_key));
    let has_letters = plain.chars().any(char::is_alphabetic);
    let is_no_number =
        !plain.contains(['-', '_']) && (plain.len() < token.len() || plain.contains(['.', '/']));
    begins && !hexadecimal && parts_fit && (has_letters || is_no_number)
}

/// What `token` is if the text ends with it: `None` if it may be the beginning of something.
pub(super) fn at_end(token: &str) -> Option<Word> {
    let begun = |name: &str| {
        name.len() > token.len()
            && name.is_char_boundary(token.len())
            && name[..token.len()].eq_ignore_ascii_case(token)
    };
    let unfinished = LITERALS.iter().any(|(name, _)| begun(name))
        || NON_FINITE.iter().any(|(name, _)| begun(name));
    let word = read(token);
    match word {
        Word::Strict | Word::Literal(_) | Word::NonFinite(_) => Some(word),
        // A digit may follow.
        Word::Number(_) if token.ends_with('.') => None,
        Word::Refused(JsonErrorKind::InvalidNumber) if numbers::read(token) == Number::Begun => {
            None
        }
        _ if unfinished => None,
        _ => Some(word),
    }
}
