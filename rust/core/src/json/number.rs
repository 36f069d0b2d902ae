//! Inside a number. Everything that affects where the machine stands there lives in this file, as
//! everything else does in `machine.rs`.
//!
//! [`walk`] goes through the grammar in its order, from wherever the last chunk left off. It stops at
//! the first byte that is not part of the number, or cannot be: `Walked::impossible` tells which.

use super::{NumberKind, scan};

/// Where in the grammar of a number (RFC 8259, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberPlace {
    /// After `-`.
    Minus,
    /// After a leading `0`.
    Zero,
    /// Among the digits of the integer part.
    Integer,
    /// After `.`.
    Point,
    /// Among the digits of the fraction.
    Fraction,
    /// After `e` or `E`.
    Exponent,
    /// After the sign of the exponent.
    ExponentSign,
    /// Among the digits of the exponent.
    ExponentDigits,
}

impl NumberPlace {
    /// The kind of the number, if it may end here.
    pub const fn kind(self) -> Option<NumberKind> {
        match self {
            Self::Zero | Self::Integer => Some(NumberKind::Integer),
            Self::Fraction | Self::ExponentDigits => Some(NumberKind::Float),
            Self::Minus | Self::Point | Self::Exponent | Self::ExponentSign => None,
        }
    }
}

/// How far [`walk`] got.
pub(super) struct Walked {
    /// Index of the first byte that was not taken, or the length of the chunk.
    pub at: usize,
    /// Where in the grammar that is.
    pub place: NumberPlace,
    /// Whether no number can go on with that byte.
    pub impossible: bool,
}

/// Goes on in a number from `place`, at index `at` of the chunk.
#[inline(always)]
pub(super) fn walk(chunk: &[u8], mut at: usize, mut place: NumberPlace) -> Walked {
    // In the order of the grammar: number = [ minus ] int [ frac ] [ exp ].
    let impossible = 'number: {
        if place == NumberPlace::Minus {
            place = match chunk.get(at) {
                Some(b'0') => NumberPlace::Zero,
                Some(b'1'..=b'9') => NumberPlace::Integer,
                other => break 'number other.is_some(),
            };
            at += 1;
        }
        if matches!(place, NumberPlace::Zero | NumberPlace::Integer) {
            if place == NumberPlace::Integer {
                at = scan::digits(chunk, at);
            }
            place = match chunk.get(at) {
                Some(b'.') => NumberPlace::Point,
                Some(b'e' | b'E') => NumberPlace::Exponent,
                // Only after a leading zero can there be one more digit.
                Some(b'0'..=b'9') => break 'number true,
                _ => break 'number false,
            };
            at += 1;
        }
        if place == NumberPlace::Point {
            match chunk.get(at) {
                Some(b'0'..=b'9') => place = NumberPlace::Fraction,
                other => break 'number other.is_some(),
            }
        }
        if place == NumberPlace::Fraction {
            at = scan::digits(chunk, at);
            match chunk.get(at) {
                Some(b'e' | b'E') => place = NumberPlace::Exponent,
                _ => break 'number false,
            }
            at += 1;
        }
        if place == NumberPlace::Exponent && matches!(chunk.get(at), Some(b'+' | b'-')) {
            place = NumberPlace::ExponentSign;
            at += 1;
        }
        if matches!(place, NumberPlace::Exponent | NumberPlace::ExponentSign) {
            match chunk.get(at) {
                Some(b'0'..=b'9') => place = NumberPlace::ExponentDigits,
                other => break 'number other.is_some(),
            }
        }
        at = scan::digits(chunk, at);
        false
    };
    Walked {
        at,
        place,
        impossible,
    }
}
