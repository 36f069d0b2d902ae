//! The characters of a string that is still open.

use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::ffi;

/// Characters, kept the way `CPython` will store them (PEP 393), so that each snapshot of an open
/// string is one copy of what is there and no conversion.
pub enum OpenText {
    /// All below U+0080.
    Ascii(Vec<u8>),
    /// All below U+0100, at least one above U+007F.
    Latin1(Vec<u8>),
    /// All below U+10000, at least one above U+00FF.
    Ucs2(Vec<u16>),
    /// At least one above U+FFFF.
    Ucs4(Vec<u32>),
}

/// How many characters more than its first piece a string gets room for at once.
const USUAL: usize = 48;

impl OpenText {
    pub const fn new() -> Self {
        Self::Ascii(Vec::new())
    }

    /// Append `text`; `ascii` says that it has only ASCII characters.
    ///
    /// The storage is widened at most three times over a string's life, so appending stays linear.
    pub fn push(&mut self, text: &str, ascii: bool) {
        let widest = if ascii {
            '\0'
        } else {
            text.chars().max().unwrap_or('\0')
        };
        self.widen_for(widest);
        match self {
            Self::Ascii(units) => {
                if units.capacity() == 0 {
                    units.reserve(text.len() + USUAL);
                }
                units.extend_from_slice(text.as_bytes());
            }
            Self::Latin1(units) if ascii => units.extend_from_slice(text.as_bytes()),
            // `widen_for` made sure that each character fits.
            Self::Latin1(units) => {
                units.extend(
                    text.chars()
                        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')),
                );
            }
            Self::Ucs2(units) => {
                units.extend(
                    text.chars()
                        .map(|c| u16::try_from(u32::from(c)).unwrap_or(0xfffd)),
                );
            }
            Self::Ucs4(units) => units.extend(text.chars().map(u32::from)),
        }
    }

    fn widen_for(&mut self, widest: char) {
        let wide = u32::from(widest);
        match self {
            Self::Ascii(units) if wide > 0x7f => {
                let units = std::mem::take(units);
                *self = Self::Latin1(units);
                self.widen_for(widest);
            }
            Self::Latin1(units) if wide > 0xffff => {
                *self = Self::Ucs4(units.iter().map(|&unit| u32::from(unit)).collect());
            }
            Self::Latin1(units) if wide > 0xff => {
                *self = Self::Ucs2(units.iter().map(|&unit| u16::from(unit)).collect());
            }
            Self::Ucs2(units) if wide > 0xffff => {
                *self = Self::Ucs4(units.iter().map(|&unit| u32::from(unit)).collect());
            }
            _ => {}
        }
    }

    /// How many characters there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::Ascii(units) | Self::Latin1(units) => units.len(),
            Self::Ucs2(units) => units.len(),
            Self::Ucs4(units) => units.len(),
        }
    }

    /// A new Python string of the characters from `start` on.
    pub fn since<'py>(&self, py: Python<'py>, start: usize) -> PyResult<Bound<'py, PyString>> {
        self.part(py, start..self.len())
    }

    /// A new Python string of the characters before `end`.
    pub fn until<'py>(&self, py: Python<'py>, end: usize) -> PyResult<Bound<'py, PyString>> {
        self.part(py, 0..end)
    }

    fn part<'py>(&self, py: Python<'py>, range: Range<usize>) -> PyResult<Bound<'py, PyString>> {
        match self {
            Self::Ascii(units) => ffi::string_of(py, units.get(range).unwrap_or_default(), 0x7f),
            Self::Latin1(units) => part_of(py, units.get(range).unwrap_or_default()),
            Self::Ucs2(units) => part_of(py, units.get(range).unwrap_or_default()),
            Self::Ucs4(units) => part_of(py, units.get(range).unwrap_or_default()),
        }
    }

    /// A new Python string of all characters so far.
    pub fn to_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        match self {
            Self::Ascii(units) => ffi::string_of(py, units, 0x7f),
            Self::Latin1(units) => ffi::string_of(py, units, 0xff),
            Self::Ucs2(units) => ffi::string_of(py, units, 0xffff),
            Self::Ucs4(units) => ffi::string_of(py, units, 0x10_ffff),
        }
    }
}

/// A new string of a part of the characters, which may be narrower than the whole.
fn part_of<'py, T>(py: Python<'py>, units: &[T]) -> PyResult<Bound<'py, PyString>>
where
    T: ffi::Unit + Into<u32>,
{
    let widest = units.iter().map(|&unit| unit.into()).max().unwrap_or(0);
    let units_of = || units.iter().map(|&unit| unit.into());
    match widest {
        #[expect(clippy::cast_possible_truncation, reason = "the widest was looked for")]
        0..0x100 => ffi::string_from(
            py,
            units.len(),
            widest,
            units_of().map(|unit: u32| unit as u8),
        ),
        #[expect(clippy::cast_possible_truncation, reason = "the widest was looked for")]
        0x100..0x1_0000 => ffi::string_from(
            py,
            units.len(),
            widest,
            units_of().map(|unit: u32| unit as u16),
        ),
        _ => ffi::string_from(py, units.len(), widest, units_of()),
    }
}

/// A new Python string of `text`; `ascii` says that it has only ASCII characters.
pub fn string<'py>(py: Python<'py>, text: &str, ascii: bool) -> PyResult<Bound<'py, PyString>> {
    if ascii {
        return ffi::string_of(py, text.as_bytes(), 0x7f);
    }
    // The first byte of a character tells how wide it is to be stored, and is not a continuation.
    let bytes = text.as_bytes();
    let widest = bytes.iter().copied().max().unwrap_or(0);
    let length = bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
    let units = text.chars().map(u32::from);
    match widest {
        0..0x80 => ffi::string_of(py, bytes, 0x7f),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "C2 and C3 lead characters up to FF"
        )]
        0x80..0xc4 => ffi::string_from(py, length, 0xff, units.map(|unit| unit as u8)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "up to EF they are in the BMP"
        )]
        0xc4..0xf0 => ffi::string_from(py, length, 0xffff, units.map(|unit| unit as u16)),
        0xf0.. => ffi::string_from(py, length, 0x10_ffff, units),
    }
}
