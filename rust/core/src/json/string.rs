//! Inside a string. Everything that affects where the machine stands between the quotes lives in this
//! file, as everything else does in `machine.rs`.
//!
//! # Theory of operation
//!
//! [`Decoder::decode`] walks from one character to the next. Stretches that need no decoding are found
//! in bulk; what stands between them (escapes, and characters that the end of a chunk cuts) goes byte
//! by byte through [`Spot`]. Every byte is accepted or rejected by itself, so that an error comes at
//! the first byte after which no continuation can be a JSON string (RFC 8259, section 7; RFC 3629,
//! section 4), and comes there for every way to cut the text.
//!
//! As long as a single stretch of the chunk is all the text there is, it is not copied but `held`.
//! With the second piece all goes to the buffer.

use super::scan::{self, Plain};
use super::{JsonErrorKind, Text};
use crate::utf8::{self, Window};

/// Where inside a string, between two bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Spot {
    /// Between two characters.
    #[default]
    Plain,
    /// Inside a UTF-8 sequence; its bytes so far are in `Decoder::sequence`.
    Sequence,
    /// After a backslash.
    Backslash,
    /// After `\u` and so many hexadecimal digits; their value is in `Decoder::unit`.
    Hex(u8),
    /// After the escape of a high surrogate, which is in `Decoder::high`.
    High,
    /// After the backslash that must begin the escape of its low surrogate.
    HighBackslash,
    /// After the `\u` of the low surrogate and so many digits.
    LowHex(u8),
}

/// What ended a call of [`Decoder::decode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The closing quote.
    Quote,
    /// The end of the chunk.
    Chunk,
    /// A byte that cannot stand there.
    Error(JsonErrorKind),
}

/// A string that its chunk cuts, or that has escapes, or that is wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    spot: Spot,
    /// The text so far, less what is still held.
    buffer: String,
    /// Whether the text so far is not ASCII. (This way round so that a cleared decoder is all zero.)
    wide: bool,
    sequence: [u8; 4],
    sequence_len: u8,
    unit: u16,
    high: u16,
}

impl Decoder {
    /// Becomes like another one, in its own buffer.
    pub(super) fn copy_from(&mut self, from: &Self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clone_from(&from.buffer);
        *self = Self { buffer, ..*from };
    }
}

impl Decoder {
    /// Forgets the text, not the place in the string.
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.wide = false;
    }

    /// Puts the decoder after an opening quote.
    pub(super) fn reset(&mut self) {
        self.clear();
        self.spot = Spot::Plain;
    }

    /// The text since the last `clear`: all in the buffer, or all still held.
    pub(super) fn text<'a>(&'a self, held: &'a str) -> Text<'a> {
        Text {
            text: if self.buffer.is_empty() {
                held
            } else {
                &self.buffer
            },
            ascii: !self.wide,
        }
    }

    /// Copies what was held, for a chunk that comes to its end.
    pub(super) fn keep(&mut self, held: &str) {
        self.buffer.push_str(held);
    }

    /// Decodes from `at` until something ends it, and leaves `at` there. `ahead` is the stretch at
    /// `at` if it is known already. Returns what was held.
    #[inline(always)]
    pub(super) fn decode<'c>(
        &mut self,
        chunk: &'c [u8],
        at: &mut usize,
        mut ahead: Option<Plain>,
        window: &mut Window<'c>,
    ) -> (End, &'c str) {
        use JsonErrorKind as Kind;

        let mut held = "";
        loop {
            if self.spot == Spot::Plain {
                let plain = match ahead.take() {
                    Some(plain) => plain,
                    None => scan::plain(chunk, *at),
                };
                if let Some(text) = window.get(*at, plain.end) {
                    self.push(text, !plain.ascii, &mut held);
                    *at = plain.end;
                } else {
                    let end = self.push_examined(chunk, at, plain.end, &mut held);
                    return (end, held);
                }
                match chunk.get(*at) {
                    None => return (End::Chunk, held),
                    Some(b'"') => return (End::Quote, held),
                    Some(b'\\') => *at += 1,
                    Some(_) => return (End::Error(Kind::ControlCharacter), held),
                }
                self.spot = Spot::Backslash;
            }
            let Some(&byte) = chunk.get(*at) else {
                return (End::Chunk, held);
            };
            let step = match self.spot {
                Spot::Plain => Ok(Spot::Plain),
                Spot::Sequence => self.step_sequence(byte, &mut held),
                Spot::Backslash => match escape(&chunk[*at..]) {
                    Some((character, more)) => {
                        *at += more;
                        self.push_char(character, &mut held);
                        Ok(Spot::Plain)
                    }
                    None if byte == b'u' => Ok(Spot::Hex(0)),
                    None => Err(Kind::InvalidEscape),
                },
                Spot::Hex(count) => self.step_hex(byte, count, &mut held),
                Spot::High if byte == b'\\' => Ok(Spot::HighBackslash),
                Spot::HighBackslash if byte == b'u' => Ok(Spot::LowHex(0)),
                Spot::High | Spot::HighBackslash => Err(Kind::LoneSurrogate),
                Spot::LowHex(count) => self.step_low_hex(byte, count, &mut held),
            };
            match step {
                Ok(next) => self.spot = next,
                Err(kind) => return (End::Error(kind), held),
            }
            *at += 1;
        }
    }

    /// A stretch up to `end` that is not wholly UTF-8, or ends inside a character.
    #[cold]
    fn push_examined<'c>(
        &mut self,
        chunk: &'c [u8],
        at: &mut usize,
        end: usize,
        held: &mut &'c str,
    ) -> End {
        let stretch = &chunk[*at..end];
        let utf8::Examined { valid, possible } = utf8::examine(stretch);
        self.push(valid, !valid.is_ascii(), held);
        *at += possible;
        if *at < chunk.len() {
            return End::Error(JsonErrorKind::InvalidUtf8);
        }
        self.sequence_len = 0;
        for &byte in &stretch[valid.len()..] {
            self.extend_sequence(byte);
        }
        self.spot = Spot::Sequence;
        End::Chunk
    }

    fn step_sequence(&mut self, byte: u8, held: &mut &str) -> Result<Spot, JsonErrorKind> {
        let begun = &self.sequence[..usize::from(self.sequence_len)];
        if !utf8::fits(begun, byte) {
            return Err(JsonErrorKind::InvalidUtf8);
        }
        self.extend_sequence(byte);
        let begun = &self.sequence[..usize::from(self.sequence_len)];
        if begun.len() < utf8::width(begun[0]) {
            return Ok(Spot::Sequence);
        }
        let text = std::str::from_utf8(begun).map_err(|_| JsonErrorKind::InvalidUtf8)?;
        self.buffer.push_str(held);
        *held = "";
        self.buffer.push_str(text);
        self.wide = true;
        Ok(Spot::Plain)
    }

    fn extend_sequence(&mut self, byte: u8) {
        self.sequence[usize::from(self.sequence_len)] = byte;
        self.sequence_len += 1;
    }

    /// A digit of `\uXXXX`. The second one tells a low surrogate, which only a high one may
    /// precede.
    fn step_hex(&mut self, byte: u8, count: u8, held: &mut &str) -> Result<Spot, JsonErrorKind> {
        self.extend_unit(byte, count)?;
        if count == 1 && (0xDC..=0xDF).contains(&self.unit) {
            return Err(JsonErrorKind::LoneSurrogate);
        }
        if count < 3 {
            return Ok(Spot::Hex(count + 1));
        }
        if let Some(character) = char::from_u32(u32::from(self.unit)) {
            self.push_char(character, held);
            return Ok(Spot::Plain);
        }
        self.high = self.unit;
        Ok(Spot::High)
    }

    /// A digit of the second half of a surrogate pair: `D`, then `C` to `F`, then any two.
    fn step_low_hex(
        &mut self,
        byte: u8,
        count: u8,
        held: &mut &str,
    ) -> Result<Spot, JsonErrorKind> {
        self.extend_unit(byte, count)?;
        if count == 0 && self.unit != 0xD || count == 1 && self.unit < 0xDC {
            return Err(JsonErrorKind::LoneSurrogate);
        }
        if count < 3 {
            return Ok(Spot::LowHex(count + 1));
        }
        let high = u32::from(self.high) & 0x3FF;
        let low = u32::from(self.unit) & 0x3FF;
        let character =
            char::from_u32(0x1_0000 + (high << 10 | low)).ok_or(JsonErrorKind::LoneSurrogate)?;
        self.push_char(character, held);
        Ok(Spot::Plain)
    }

    fn extend_unit(&mut self, byte: u8, count: u8) -> Result<(), JsonErrorKind> {
        let digit = scan::hex(byte).ok_or(JsonErrorKind::InvalidEscape)?;
        let before = if count == 0 { 0 } else { self.unit };
        self.unit = before << 4 | digit;
        Ok(())
    }

    #[inline]
    fn push<'c>(&mut self, text: &'c str, wide: bool, held: &mut &'c str) {
        self.wide |= wide;
        if held.is_empty() && self.buffer.is_empty() {
            *held = text;
        } else {
            self.buffer.push_str(held);
            self.buffer.push_str(text);
            *held = "";
        }
    }

    #[inline]
    fn push_char(&mut self, character: char, held: &mut &str) {
        self.wide |= !character.is_ascii();
        self.buffer.push_str(held);
        *held = "";
        self.buffer.push(character);
    }
}

/// The character that a backslash and the bytes after it stand for, and how many bytes after the
/// first of them it takes: `None` if it is not an escape, is cut, or is one half of a surrogate pair.
#[inline]
fn escape(rest: &[u8]) -> Option<(char, usize)> {
    let character = match rest.first()? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return Some((char::from_u32(scan::hex4(rest, 1)?.into())?, 4)),
        _ => return None,
    };
    Some((character, 0))
}
