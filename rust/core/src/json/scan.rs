//! Looking at many bytes at once. Pure functions of the bytes: nothing here knows a state.
//!
//! Words of eight bytes find the exact place; blocks of 32, which the compiler turns into vector
//! instructions, get over long stretches. Tokens of model output are short, so the words come first.

/// A stretch of string bytes that need no decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    /// Index of the first byte that is `"`, `\` or a control character, or the length of the chunk.
    pub end: usize,
    /// Whether every byte of the stretch is below 0x80.
    pub ascii: bool,
}

const WORD: usize = 8;
const BLOCK: usize = 32;
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// One for each byte of a word, all equal.
const fn splat(byte: u8) -> u64 {
    ONES * byte as u64
}

/// The high bit of each zero byte. Borrows may also mark bytes above the first zero one, never
/// below it, so the lowest mark is exact.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[inline(always)]
fn word_at(chunk: &[u8], at: usize) -> Option<u64> {
    let bytes = chunk.get(at..)?.first_chunk::<WORD>()?;
    Some(u64::from_le_bytes(*bytes))
}

/// Index of the lowest marked byte of a word of high bits.
#[inline(always)]
fn lowest(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}

/// The stretch of plain string bytes from `start` on.
#[inline(always)]
pub(crate) fn plain(chunk: &[u8], start: usize) -> Plain {
    let mut at = start;
    let mut high = 0;
    // Two words cover most keys and values.
    for _ in 0..2 {
        let Some(word) = word_at(chunk, at) else {
            return plain_tail(chunk, at, high);
        };
        let marks = specials(word);
        if marks != 0 {
            return Plain {
                end: at + lowest(marks),
                ascii: (high | word & HIGHS & (marks - 1)) == 0,
            };
        }
        high |= word & HIGHS;
        at += WORD;
    }
    plain_long(chunk, at, high)
}

/// The high bit of each byte that ends a plain stretch; exact in its lowest mark. A marked byte is
/// ASCII: so of the high bits of a word, `marks - 1` leaves those in front of the lowest mark.
#[inline(always)]
fn specials(word: u64) -> u64 {
    let controls = word.wrapping_sub(splat(0x20)) & !word & HIGHS;
    zeros(word ^ splat(b'"')) | zeros(word ^ splat(b'\\')) | controls
}

fn plain_long(chunk: &[u8], mut at: usize, mut high: u64) -> Plain {
    while let Some(block) = chunk[at..].first_chunk::<BLOCK>() {
        let mut special = false;
        let mut bits = 0;
        for &byte in block {
            special |= is_special(byte);
            bits |= byte;
        }
        if special {
            break;
        }
        high |= u64::from(bits & 0x80);
        at += BLOCK;
    }
    while let Some(word) = word_at(chunk, at) {
        let marks = specials(word);
        if marks != 0 {
            return Plain {
                end: at + lowest(marks),
                ascii: (high | word & HIGHS & (marks - 1)) == 0,
            };
        }
        high |= word & HIGHS;
        at += WORD;
    }
    plain_tail(chunk, at, high)
}

/// Fewer than eight bytes are left.
///
/// They are looked at as one word: chunks of model output are a few bytes long, and where a loop over
/// so few ends cannot be predicted.
#[inline(always)]
fn plain_tail(chunk: &[u8], at: usize, high: u64) -> Plain {
    let word = short_word(chunk.get(at..).unwrap_or_default());
    // The zeros after the last byte end the stretch, as control characters do.
    let marks = specials(word);
    Plain {
        end: at + lowest(marks),
        ascii: (high | word & HIGHS & (marks - 1)) == 0,
    }
}

/// A word of fewer than eight bytes, with zeros after them.
#[inline(always)]
fn short_word(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        // The two overlap, where they say the same.
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return u64::from(first) | u64::from(last) << (8 * (length - 4));
    }
    match *bytes {
        [] => 0,
        [first] => u64::from(first),
        [first, second] => u64::from(u16::from_le_bytes([first, second])),
        [first, second, third, ..] => u64::from(u32::from_le_bytes([first, second, third, 0])),
    }
}

/// Index after the decimal digits from `at` on.
#[inline(always)]
pub(super) fn digits(chunk: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(chunk, at) {
        // `0`..=`9` become 0..=9; 0x76 carries everything above into the high bit, or it is there.
        let distance = word ^ splat(b'0');
        let marks = (distance.wrapping_add(splat(0x76)) | distance) & HIGHS;
        if marks != 0 {
            return at + lowest(marks);
        }
        at += WORD;
    }
    while chunk.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// Index after the spaces (only U+0020) from `at` on.
#[inline(always)]
pub(super) fn blanks(chunk: &[u8], mut at: usize) -> usize {
    while let Some(word) = word_at(chunk, at) {
        let other = word ^ splat(b' ');
        if other != 0 {
            return at + lowest(other);
        }
        at += WORD;
    }
    while chunk.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// The value of a hexadecimal digit.
#[inline(always)]
pub(super) fn hex(byte: u8) -> Option<u16> {
    match byte {
        b'0'..=b'9' => Some(u16::from(byte - b'0')),
        b'a'..=b'f' => Some(u16::from(byte - b'a') + 10),
        b'A'..=b'F' => Some(u16::from(byte - b'A') + 10),
        _ => None,
    }
}

/// The value of the four hexadecimal digits at `at`, if all of them are there.
#[inline(always)]
pub(super) fn hex4(chunk: &[u8], at: usize) -> Option<u16> {
    let digits = chunk.get(at..)?.first_chunk::<4>()?;
    let mut value = 0;
    for &digit in digits {
        value = value << 4 | hex(digit)?;
    }
    Some(value)
}
