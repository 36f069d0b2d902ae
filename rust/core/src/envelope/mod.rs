//! What a model writes around the wanted value: noise, and an object with one property.
//!
//! # Theory of operation
//!
//! Three machines stand one behind the other, and each sees a character once. `Start` skips
//! prose, code fences and `<think>` blocks until JSON begins. From there on the JSON
//! [`Machine`] itself reads the text, only to know where it ends; so fences and tags inside its
//! strings are data, and what follows is trailing text. Its events go to `Locator`, which notes where
//! in the text the value of one property stands, if the wanted value is wrapped in an object.
//!
//! The characters of the wanted value are handed out as they come, for a parser of their own. If the
//! text is wrong inside the value, the offending character is handed out too: that parser will find
//! the same error, and knows the path to it. If it is wrong outside, [`Envelope::error`] has it.

mod start;

use std::borrow::Cow;

use self::start::{Began, Start};
use crate::json::{
    Fed, FeedError, JsonError, JsonErrorKind, Limits, Literal, Machine, NumberKind, Sink, Span,
    Status, Text,
};

/// What to expect around the value.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Prose, code fences and `<think>` blocks may stand around the JSON text.
    pub noise: bool,
    /// The property of the root object that holds the wanted value; without it, the root is wanted.
    pub key: Option<String>,
    /// A root that is an array is taken as it is, although a property is named.
    pub bare_array: bool,
    /// Limits of the JSON text; `max_bytes` is also how much noise may stand in front of it and how
    /// much behind it.
    pub limits: Limits,
}

/// Takes the wanted value out of what a model writes, in chunks cut anywhere.
///
/// # Examples
///
/// ```
/// use partialfast_core::envelope::{Envelope, Options};
///
/// let mut envelope = Envelope::new(Options {
///     noise: true,
///     key: Some("items".to_owned()),
///     ..Options::default()
/// });
/// assert_eq!(envelope.feed("Here it is:\n```json\n{\"items\": [1, "), "[1, ");
/// assert_eq!(envelope.feed("2]}\n```\nAnything else?"), "2]");
/// assert_eq!(envelope.trailing(), "\nAnything else?");
/// assert!(envelope.is_done());
/// ```
#[derive(Clone, Debug)]
pub struct Envelope {
    state: State,
    /// Whether JSON began.
    begun: bool,
    bare_array: bool,
    around: Around,
    machine: Machine,
    locator: Locator,
    trailing: String,
    /// Bytes in front of the JSON text.
    skipped: u64,
    max_bytes: u64,
    error: Option<JsonError>,
}

#[derive(Clone, Debug)]
enum State {
    /// In noise, in front of the JSON text.
    Noise(Start),
    /// In the JSON text.
    Json,
    /// Behind the JSON text.
    Behind,
    /// There was an error, inside the value or outside.
    Stopped,
}

/// What may stand around the JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Around {
    Nothing,
    Prose,
    Fence,
}

impl Envelope {
    /// An envelope of which nothing was read.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let (state, around) = if options.noise {
            (State::Noise(Start::default()), Around::Prose)
        } else {
            (State::Json, Around::Nothing)
        };
        Self {
            state,
            begun: false,
            bare_array: options.bare_array,
            around,
            machine: Machine::new(options.limits),
            locator: Locator::new(options.key),
            trailing: String::new(),
            skipped: 0,
            max_bytes: options.limits.max_bytes,
            error: None,
        }
    }

    /// Reads a chunk and returns what of it belongs to the wanted value.
    ///
    /// After an error, nothing does: one inside the value is for its parser to find.
    pub fn feed<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        match &mut self.state {
            State::Noise(start) => {
                let Some(Began { at, held, fenced }) = start.feed(text) else {
                    self.skip(text.len());
                    return Cow::Borrowed("");
                };
                self.state = State::Json;
                if fenced {
                    self.around = Around::Fence;
                }
                if held.is_empty() {
                    return self.read(&text[at..]);
                }
                let joined = held + &text[at..];
                Cow::Owned(self.read(&joined).into_owned())
            }
            State::Json => self.read(text),
            State::Behind => {
                self.read_behind(text);
                Cow::Borrowed("")
            }
            State::Stopped => Cow::Borrowed(""),
        }
    }

    /// Whether JSON began. White space in front does not count.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.begun
    }

    /// Whether the wanted value began, or was there at once.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.locator.start.is_some()
    }

    /// Whether the JSON text is complete, with what the value is wrapped in.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.machine.is_done()
    }

    /// What is wrong outside the wanted value. Positions count from where JSON began.
    #[must_use]
    pub fn error(&self) -> Option<JsonError> {
        self.error
    }

    /// What followed the JSON text, without the closing fence.
    #[must_use]
    pub fn trailing(&self) -> &str {
        let text = self.trailing.as_str();
        if self.around == Around::Fence {
            let behind = text.trim_start();
            if behind.starts_with("```") {
                return behind.trim_start_matches('`');
            }
        }
        text
    }

    fn skip(&mut self, bytes: usize) {
        self.skipped = self.skipped.saturating_add(bytes as u64);
        if self.skipped > self.max_bytes {
            self.too_long();
        }
    }

    /// The text outside the JSON is: there is no place in the JSON to name.
    fn too_long(&mut self) {
        self.fail(JsonError {
            kind: JsonErrorKind::SizeLimit,
            offset: 0,
            line: 1,
            column: 1,
        });
    }

    fn fail(&mut self, error: JsonError) {
        self.error = Some(error);
        self.state = State::Stopped;
    }

    /// Reads text from the beginning of the JSON on.
    fn read<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        let base = self.machine.offset();
        if !self.begun
            && let Some(at) = text.bytes().position(|byte| !b" \t\r\n".contains(&byte))
        {
            self.begun = true;
            if self.bare_array && text.as_bytes()[at] == b'[' {
                self.locator = Locator::new(None);
                self.locator.start = Some(base + at as u64);
            }
        }
        let mut stop = text.len();
        match self.machine.feed(text.as_bytes(), &mut self.locator) {
            Ok(Fed { status, consumed }) => {
                if status == Status::Done {
                    stop = consumed;
                    self.state = State::Behind;
                    self.read_behind(&text[consumed..]);
                }
            }
            Err(FeedError::Json(error)) if self.locator.is_open() => {
                self.state = State::Stopped;
                stop = index(error.offset, base) + 1;
                while !text.is_char_boundary(stop) {
                    stop += 1;
                }
            }
            Err(FeedError::Json(error)) => {
                stop = index(error.offset, base);
                self.fail(error);
            }
            Err(FeedError::Sink(never)) => match never {},
        }
        self.locator.cut(text, base, stop)
    }

    fn read_behind(&mut self, text: &str) {
        if self.around != Around::Nothing {
            if (self.trailing.len() + text.len()) as u64 > self.max_bytes {
                self.too_long();
            } else {
                self.trailing.push_str(text);
            }
        } else if let Err(FeedError::Json(error)) =
            self.machine.feed(text.as_bytes(), &mut self.locator)
        {
            self.fail(error);
        }
    }
}

/// The place in a chunk of an offset that is known to lie in it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it is less than the length of a chunk"
)]
const fn index(offset: u64, base: u64) -> usize {
    (offset - base) as usize
}

/// Notes where the value of one property of the root object stands.
#[derive(Clone, Debug)]
struct Locator {
    /// Without a key, the root is wanted.
    key: Option<String>,
    depth: usize,
    /// The next value at depth 1 is the wanted one.
    armed: bool,
    start: Option<u64>,
    end: Option<u64>,
    /// A wanted number or literal: known when it is over, when its bytes may be gone.
    scalar: String,
}

impl Locator {
    fn new(key: Option<String>) -> Self {
        Self {
            start: key.is_none().then_some(0),
            key,
            depth: 0,
            armed: false,
            end: None,
            scalar: String::new(),
        }
    }

    fn is_open(&self) -> bool {
        self.start.is_some() && self.end.is_none()
    }

    /// The part of `text` that belongs to the value. The text begins at offset `base`, and `stop` is
    /// how much of it was read.
    fn cut<'a>(&mut self, text: &'a str, base: u64, stop: usize) -> Cow<'a, str> {
        if !self.scalar.is_empty() {
            return Cow::Owned(std::mem::take(&mut self.scalar));
        }
        let Some(start) = self.start else {
            return Cow::Borrowed("");
        };
        let first = start.max(base);
        let end = self.end.unwrap_or(base + stop as u64);
        if end <= first {
            return Cow::Borrowed("");
        }
        Cow::Borrowed(&text[index(first, base)..index(end, base)])
    }

    fn begins(&mut self, at: u64) {
        if self.armed && self.depth == 1 {
            self.armed = false;
            self.start = Some(at);
        }
    }

    fn ends(&mut self, at: u64) {
        if self.depth == 1 && self.key.is_some() && self.is_open() {
            self.end = Some(at);
        }
    }

    fn scalar(&mut self, text: &str, span: Span) {
        if self.armed && self.depth == 1 {
            self.armed = false;
            self.start = Some(span.end);
            self.end = Some(span.end);
            self.scalar.push_str(text);
        }
    }
}

impl Sink for Locator {
    type Error = std::convert::Infallible;

    fn begin_object(&mut self, at: u64) -> Result<(), Self::Error> {
        self.begins(at);
        self.depth += 1;
        Ok(())
    }

    fn key(&mut self, key: Text<'_>, _span: Span) -> Result<(), Self::Error> {
        if self.depth == 1 {
            // Should the key come twice, its first value stands.
            self.armed = self.start.is_none() && self.key.as_deref() == Some(key.text);
        }
        Ok(())
    }

    fn end_object(&mut self, end: u64) -> Result<(), Self::Error> {
        self.depth -= 1;
        self.ends(end);
        Ok(())
    }

    fn begin_array(&mut self, at: u64) -> Result<(), Self::Error> {
        self.begins(at);
        self.depth += 1;
        Ok(())
    }

    fn end_array(&mut self, end: u64) -> Result<(), Self::Error> {
        self.depth -= 1;
        self.ends(end);
        Ok(())
    }

    fn string(&mut self, _text: Text<'_>, span: Span) -> Result<(), Self::Error> {
        self.begins(span.start);
        self.ends(span.end);
        Ok(())
    }

    fn begin_string(&mut self, at: u64) -> Result<(), Self::Error> {
        self.begins(at);
        Ok(())
    }

    fn string_part(&mut self, _text: Text<'_>) -> Result<(), Self::Error> {
        Ok(())
    }

    fn end_string(&mut self, end: u64) -> Result<(), Self::Error> {
        self.ends(end);
        Ok(())
    }

    fn number(&mut self, text: &str, _kind: NumberKind, span: Span) -> Result<(), Self::Error> {
        self.scalar(text, span);
        Ok(())
    }

    fn literal(&mut self, literal: Literal, span: Span) -> Result<(), Self::Error> {
        let text = match literal {
            Literal::Null => "null",
            Literal::False => "false",
            Literal::True => "true",
        };
        self.scalar(text, span);
        Ok(())
    }
}
