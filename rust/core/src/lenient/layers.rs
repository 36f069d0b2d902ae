//! One level of escapes taken off: a document inside a string, or with all its quotes escaped.

use super::quotes::{self, Quote};
use crate::json::JsonErrorKind;

/// How many levels deep text inside text is read. Each costs the time of reading once more.
pub(super) const MAX_LAYERS: usize = 4;

/// Where in an escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    Plain,
    Backslash,
    /// After `\u` and so many digits.
    Hex(u8),
}

/// What a character of the outer text is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inner {
    /// Nothing yet, or these characters.
    Characters(Characters),
    /// The quote that ends it.
    Close,
    Wrong(JsonErrorKind),
}

/// A few characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Characters {
    buffer: [char; 8],
    len: usize,
}

impl Characters {
    const fn none() -> Self {
        Self {
            buffer: ['\0'; 8],
            len: 0,
        }
    }

    fn of(character: char) -> Self {
        let mut characters = Self::none();
        characters.push(character);
        characters
    }

    fn push(&mut self, character: char) {
        if let Some(free) = self.buffer.get_mut(self.len) {
            *free = character;
            self.len += 1;
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = char> + use<> {
        self.buffer.into_iter().take(self.len)
    }
}

/// Takes one level of escapes off.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// The quotes around it; `None` for a document whose quotes are escaped.
    quote: Option<Quote>,
    /// How many containers are open around it.
    pub depth: usize,
    spot: Spot,
    unit: u16,
    digits: [char; 4],
    high: Option<u16>,
}

impl Layer {
    pub const fn new(quote: Option<Quote>, depth: usize) -> Self {
        Self {
            quote,
            depth,
            spot: Spot::Plain,
            unit: 0,
            digits: ['0'; 4],
            high: None,
        }
    }

    /// Whether a quote ends it.
    pub const fn is_string(&self) -> bool {
        self.quote.is_some()
    }

    /// Reads a character.
    pub fn read(&mut self, character: char) -> Inner {
        match self.spot {
            Spot::Plain if character == '\\' => {
                self.spot = Spot::Backslash;
                Inner::Characters(Characters::none())
            }
            _ if self.high.is_some() && self.spot == Spot::Plain => {
                Inner::Wrong(JsonErrorKind::LoneSurrogate)
            }
            Spot::Plain if self.quote.is_some_and(|quote| quote.closes(character)) => Inner::Close,
            Spot::Plain => Inner::Characters(Characters::of(character)),
            Spot::Backslash => self.after_backslash(character),
            Spot::Hex(count) => self.digit(character, count),
        }
    }

    fn after_backslash(&mut self, character: char) -> Inner {
        self.spot = Spot::Plain;
        if character == 'u' {
            self.spot = Spot::Hex(0);
            self.unit = 0;
            return Inner::Characters(Characters::none());
        }
        if self.high.is_some() {
            return Inner::Wrong(JsonErrorKind::LoneSurrogate);
        }
        let own = self.quote.is_some_and(|quote| quote.closes(character));
        if let Some(plain) = quotes::escaped(character).or_else(|| own.then_some(character)) {
            return Inner::Characters(Characters::of(plain));
        }
        // Kept with its backslash.
        let mut characters = Characters::of('\\');
        characters.push(character);
        Inner::Characters(characters)
    }

    fn digit(&mut self, character: char, count: u8) -> Inner {
        let Some(digit) = character.to_digit(16) else {
            return self.short(character, count);
        };
        self.digits[usize::from(count & 3)] = character;
        self.unit = self.unit << 4 | u16::try_from(digit).unwrap_or_default();
        if count < 3 {
            self.spot = Spot::Hex(count + 1);
            return Inner::Characters(Characters::none());
        }
        self.spot = Spot::Plain;
        let made = match (self.high.take(), self.unit) {
            (None, 0xD800..=0xDBFF) => {
                self.high = Some(self.unit);
                return Inner::Characters(Characters::none());
            }
            (None, unit) => char::from_u32(unit.into()),
            (Some(high), low @ 0xDC00..=0xDFFF) => {
                let pair = (u32::from(high) & 0x3FF) << 10 | u32::from(low) & 0x3FF;
                char::from_u32(0x1_0000 + pair)
            }
            (Some(_), _) => None,
        };
        made.map_or(Inner::Wrong(JsonErrorKind::LoneSurrogate), |character| {
            Inner::Characters(Characters::of(character))
        })
    }

    /// A `\u` of less than four digits is kept with its backslash.
    fn short(&mut self, character: char, count: u8) -> Inner {
        self.spot = Spot::Plain;
        if self.high.is_some() {
            return Inner::Wrong(JsonErrorKind::LoneSurrogate);
        }
        if self.quote.is_some_and(|quote| quote.closes(character)) {
            return Inner::Close;
        }
        let mut characters = Characters::of('\\');
        characters.push('u');
        for &digit in self.digits.iter().take(usize::from(count)) {
            characters.push(digit);
        }
        if character == '\\' {
            self.spot = Spot::Backslash;
        } else {
            characters.push(character);
        }
        Inner::Characters(characters)
    }
}
