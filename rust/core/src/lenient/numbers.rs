//! Numbers that JSON would write in another way. Pure functions of a token's text.

use crate::json::JsonErrorKind;

/// What a token that begins as a number does is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// A number of JSON's grammar.
    Strict,
    /// A number that JSON writes like this.
    Rewritten(String),
    /// It may become a number if the text goes on.
    Begun,
    /// A number that means more than one thing.
    Refused(JsonErrorKind),
    /// Not a number.
    Other,
}

/// Digits of a hexadecimal number: as many as 128 bits hold.
const MAX_HEX: usize = 32;

/// What `token` is.
pub(super) fn read(token: &str) -> Number {
    let (sign, rest) = match token.as_bytes().first() {
        Some(b'-') => ("-", &token[1..]),
        Some(b'+') => ("", &token[1..]),
        _ => ("", token),
    };
    if rest.is_empty() {
        return Number::Begun;
    }
    if let Some(digits) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        return hexadecimal(sign, digits);
    }
    let plain = token.as_bytes()[0] != b'+';
    decimal(sign, rest, plain)
}

fn hexadecimal(sign: &str, digits: &str) -> Number {
    if digits.is_empty() {
        return Number::Begun;
    }
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Number::Other;
    }
    if digits.len() > MAX_HEX {
        return Number::Refused(JsonErrorKind::NumberLimit);
    }
    match u128::from_str_radix(digits, 16) {
        Ok(value) => Number::Rewritten(format!("{sign}{value}")),
        Err(_) => Number::Other,
    }
}

/// The grammar of RFC 8259, section 6, with underscores between digits, and without digits on one
/// side of the point. `plain` says that the sign is one that JSON allows.
fn decimal(sign: &str, rest: &str, plain: bool) -> Number {
    let bytes = rest.as_bytes();
    let integer_end = digits(bytes, 0);
    let integer = &rest[..integer_end];
    let mut at = integer_end;
    let mut fraction = None;
    if bytes.get(at) == Some(&b'.') {
        let end = digits(bytes, at + 1);
        fraction = Some(&rest[at + 1..end]);
        at = end;
    }
    if integer.is_empty() && fraction.is_none_or(str::is_empty) {
        return if at == bytes.len() {
            Number::Begun
        } else {
            Number::Other
        };
    }
    let mut exponent = "";
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let signed = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let end = digits(bytes, signed);
        if end == signed {
            return if end == bytes.len() {
                Number::Begun
            } else {
                Number::Other
            };
        }
        exponent = &rest[at..end];
        at = end;
    }
    if at < bytes.len() {
        return Number::Other;
    }
    let parts = [integer, fraction.unwrap_or_default(), exponent];
    if parts.iter().any(|part| !underscores_fit(part)) {
        // One at the end may have a digit after it.
        return if rest.ends_with('_') {
            Number::Begun
        } else {
            Number::Other
        };
    }
    if integer.len() > 1 && integer.starts_with('0') {
        return Number::Refused(JsonErrorKind::LeadingZero);
    }
    let whole = !integer.is_empty() && fraction != Some("");
    if plain && whole && !rest.contains('_') {
        return Number::Strict;
    }
    let or_zero = |digits: &str| {
        if digits.is_empty() {
            "0".to_owned()
        } else {
            digits.replace('_', "")
        }
    };
    let mut text = format!("{sign}{}", or_zero(integer));
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(&or_zero(fraction));
    }
    text.push_str(&exponent.replace('_', ""));
    Number::Rewritten(text)
}

/// Index after the digits and underscores from `at` on.
fn digits(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || **byte == b'_')
        .count()
}

/// Whether each underscore stands between two digits.
fn underscores_fit(part: &str) -> bool {
    let digits = part.trim_start_matches(['e', 'E', '+', '-']);
    digits.is_empty() || digits.split('_').all(|group| !group.is_empty())
}

/// Whether the token is a date, or the beginning of a date and time: digits, a dash or a slash, one or
/// two digits.
pub(super) fn is_date(token: &str) -> bool {
    ['-', '/'].into_iter().any(|dash| is_date_with(dash, token))
}

fn is_date_with(dash: char, token: &str) -> bool {
    let mut parts = token.splitn(3, dash);
    let is_number = |part: &str, longest: usize| {
        (1..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    parts.next().is_some_and(|part| is_number(part, 4))
        && parts.next().is_some_and(|part| is_number(part, 2))
        && parts.next().is_none_or(|rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && matches!(rest.as_bytes().get(digits), None | Some(b'T' | b't'))
        })
}

/// Whether the token is three digits: what stands between two thousands separators.
pub(super) fn is_group(token: &str) -> bool {
    token.len() == 3 && token.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the token is a number with points between its thousands: `1.000.000`.
pub(super) fn has_points(token: &str) -> bool {
    let mut groups = token.trim_start_matches(['+', '-']).split('.');
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_digit())
        && groups.clone().count() > 1
        && groups.all(is_group)
}
