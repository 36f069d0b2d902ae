//! Arguments that were encoded twice.

use crate::json::{Limits, Literal, Machine, NumberKind, Sink, Span, Text};

/// Reads arguments that were encoded twice: a JSON string with the JSON text in it.
#[derive(Debug)]
pub(super) struct Encoded {
    machine: Machine,
}

impl Default for Encoded {
    fn default() -> Self {
        Self {
            machine: Machine::new(Limits::default()),
        }
    }
}

impl Encoded {
    /// What a piece of the string says; `None` if it is not a JSON string.
    pub(super) fn decode(&mut self, piece: &str) -> Option<String> {
        let mut text = Decoded(String::new());
        let mut rest = piece.as_bytes();
        while !rest.is_empty() {
            let fed = self.machine.feed(rest, &mut text).ok()?;
            rest = &rest[fed.consumed..];
        }
        Some(text.0)
    }
}

/// Collects the characters of a string. Anything else is not a string, and stops the machine.
#[derive(Debug)]
struct Decoded(String);

impl Sink for Decoded {
    type Error = ();

    fn begin_object(&mut self, _: u64) -> Result<(), ()> {
        Err(())
    }
    fn key(&mut self, _: Text<'_>, _: Span) -> Result<(), ()> {
        Err(())
    }
    fn end_object(&mut self, _: u64) -> Result<(), ()> {
        Err(())
    }
    fn begin_array(&mut self, _: u64) -> Result<(), ()> {
        Err(())
    }
    fn end_array(&mut self, _: u64) -> Result<(), ()> {
        Err(())
    }
    fn string(&mut self, text: Text<'_>, _: Span) -> Result<(), ()> {
        self.0.push_str(text.text);
        Ok(())
    }
    fn begin_string(&mut self, _: u64) -> Result<(), ()> {
        Ok(())
    }
    fn string_part(&mut self, text: Text<'_>) -> Result<(), ()> {
        self.0.push_str(text.text);
        Ok(())
    }
    fn end_string(&mut self, _: u64) -> Result<(), ()> {
        Ok(())
    }
    fn number(&mut self, _: &str, _: NumberKind, _: Span) -> Result<(), ()> {
        Err(())
    }
    fn literal(&mut self, _: Literal, _: Span) -> Result<(), ()> {
        Err(())
    }
}
