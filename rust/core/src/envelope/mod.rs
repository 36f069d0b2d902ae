//! What a model writes around the wanted value: noise, and an object with one property.
//!
//! # Theory of operation
//!
//! Three machines follow each other, and each sees a character once. `Start` skips
//! prose, code fences and `<think>` blocks until JSON begins. From there on the JSON
//! [`Machine`] itself reads the text, only to know where it ends; so fences and tags inside its
//! strings are data, and what follows is trailing text. Its events go to `Locator`, which notes where
//! in the text the value of one property stands, if the wanted value is wrapped in an object.
//!
//! The characters of the wanted value are handed out as they come, for a parser of their own. If the
//! text is wrong inside the value, the offending character is handed out too: that parser will find
//! the same error, and knows the path to it. If it is wrong outside, [`Envelope::error`] has it.
//!
//! A model may reason without a tag that says so, and write a draft of the value there. The tag that
//! closes its reasoning shows that what came before it was not the answer, and all begins anew
//! ([`Envelope::take_restarted`]).

mod start;
mod tags;

use std::borrow::Cow;

use self::start::{Began, Start};
use self::tags::{MarkupTag, Tags};
use crate::json::{
    Fed, FeedError, JsonError, JsonErrorKind, Limits, Literal, Machine, NumberKind, Sink, Span,
    Status, Text,
};
use crate::lenient::{LenientOptions, LenientSink, Position, Reader, Repair, Wanted};

/// What to expect around the value.
#[derive(Clone, Debug, Default)]
pub struct EnvelopeOptions {
    /// Prose, code fences and `<think>` blocks may stand around the JSON text.
    pub noise: bool,
    /// The property of the root object that holds the wanted value; without it, the root is wanted.
    pub key: Option<String>,
    /// A root that is an array is taken as it is, although a property is named.
    pub bare_array: bool,
    /// How to read what need not be JSON; the value is then handed out as JSON. The target's
    /// questions are not asked here: a parser of the value may ask them.
    pub lenient: Option<LenientOptions>,
    /// Limits of the JSON text; `max_bytes` is also how much noise may come before it and how much
    /// after it.
    pub limits: Limits,
}

/// Takes the wanted value out of what a model writes, in chunks cut anywhere.
///
/// # Examples
///
/// ```
/// use partialfast_core::envelope::{Envelope, EnvelopeOptions};
///
/// let mut envelope = Envelope::new(EnvelopeOptions {
///     noise: true,
///     key: Some("items".to_owned()),
///     ..EnvelopeOptions::default()
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
    key: Option<String>,
    reasoning: Reasoning,
    lenient: Option<LenientOptions>,
    /// What reads in the machine's place, where reading is lenient.
    reader: Option<Box<Reader>>,
    /// The place in all the text of what is read next, where reading is lenient.
    place: Position,
}

/// What is known of a model's reasoning, of which the value may have been a part.
#[derive(Clone, Debug, Default)]
struct Reasoning {
    /// Tags after the JSON text, or after an error.
    tags: Tags,
    /// An opening tag was there.
    is_open: bool,
    /// The JSON text began in the middle of prose.
    in_prose: bool,
    restarted: bool,
}

#[derive(Clone, Debug)]
enum State {
    /// In noise, in front of the JSON text.
    Noise(Start),
    /// In the JSON text.
    Json,
    /// After the JSON text.
    After,
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
    pub fn new(options: EnvelopeOptions) -> Self {
        let (state, around) = if options.noise {
            (
                State::Noise(Start::new(options.lenient.is_some())),
                Around::Prose,
            )
        } else {
            (State::Json, Around::Nothing)
        };
        let lenient = options.lenient.map(|lenient| LenientOptions {
            stops: true,
            keeps_map: true,
            nested: options.key.is_some(),
            coerce: false,
            limits: options.limits,
            ..lenient
        });
        Self {
            state,
            begun: false,
            lenient,
            reader: lenient.map(|lenient| Box::new(Reader::new(lenient))),
            place: Position::START,
            bare_array: options.bare_array,
            around,
            machine: Machine::new(options.limits),
            locator: Locator::new(options.key.clone()),
            trailing: String::new(),
            skipped: 0,
            max_bytes: options.limits.max_bytes,
            error: None,
            key: options.key,
            reasoning: Reasoning::default(),
        }
    }

    /// Reads a chunk and returns what of it belongs to the wanted value.
    ///
    /// After an error, nothing does: one inside the value is for its parser to find. Where the chunk
    /// makes all begin anew, it is what belongs to the new value: see [`Envelope::take_restarted`].
    pub fn feed<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        let mut text = text;
        loop {
            let (wanted, rest) = self.feed_up_to_a_restart(text);
            if self.lenient.is_some() {
                for char in text[..text.len() - rest].chars() {
                    self.place = self.place.after(char, char.len_utf8());
                }
                if let State::Noise(start) = &mut self.state {
                    start.place = self.place;
                }
            }
            if rest == 0 {
                return wanted;
            }
            text = &text[text.len() - rest..];
        }
    }

    /// Whether what was handed out before the last chunk was not the answer: the parser of the
    /// wanted value has to begin anew, with what that chunk gave. Tells it once.
    pub fn take_restarted(&mut self) -> bool {
        std::mem::take(&mut self.reasoning.restarted)
    }

    /// Whether the JSON text may be part of prose, in which a model reasons: what is wrong with it
    /// is not an error before the end of all text.
    #[must_use]
    pub fn is_tentative(&self) -> bool {
        self.reasoning.in_prose
    }

    /// What belongs to the value, and how many bytes of the text are left to be read after a restart.
    fn feed_up_to_a_restart<'a>(&mut self, text: &'a str) -> (Cow<'a, str>, usize) {
        match &mut self.state {
            State::Noise(start) => {
                let Some(Began {
                    at,
                    held,
                    fenced,
                    in_prose,
                    place,
                }) = start.feed(text)
                else {
                    self.skip(text.len());
                    return (Cow::Borrowed(""), 0);
                };
                if let Some(lenient) = self.lenient {
                    self.reader = Some(Box::new(Reader::starting_at(lenient, place)));
                }
                self.state = State::Json;
                self.reasoning.in_prose = in_prose;
                if fenced {
                    self.around = Around::Fence;
                }
                if held.is_empty() {
                    return self.read(&text[at..]);
                }
                let joined = held + &text[at..];
                let (wanted, rest) = self.read(&joined);
                (Cow::Owned(wanted.into_owned()), rest)
            }
            State::Json => self.read(text),
            State::After => (Cow::Borrowed(""), self.read_after(text)),
            State::Stopped => (Cow::Borrowed(""), self.look_for_a_restart(text)),
        }
    }

    /// Looks for a tag that closes reasoning which nothing opened. Returns how much of the text is
    /// left then.
    fn look_for_a_restart(&mut self, text: &str) -> usize {
        if self.around == Around::Nothing {
            return 0;
        }
        for (at, char) in text.char_indices() {
            match self.reasoning.tags.step(char) {
                Some(MarkupTag::Open) => self.reasoning.is_open = true,
                Some(MarkupTag::Close) if self.reasoning.is_open => self.reasoning.is_open = false,
                Some(MarkupTag::Close) => {
                    self.restart(Start::new(self.lenient.is_some()));
                    // There may be nothing left of the text: then the next chunk begins the new
                    // value.
                    return text.len() - at - char.len_utf8();
                }
                None => {}
            }
        }
        0
    }

    fn restart(&mut self, start: Start) {
        self.skip(index(self.read_so_far(), 0) + self.trailing.len());
        if self
            .error
            .is_some_and(|error| error.kind == JsonErrorKind::SizeLimit)
        {
            return;
        }
        self.state = State::Noise(start);
        self.begun = false;
        self.around = Around::Prose;
        self.machine.reset();
        self.reader = self.lenient.map(|lenient| Box::new(Reader::new(lenient)));
        self.locator = Locator::new(self.key.clone());
        self.trailing.clear();
        self.error = None;
        self.reasoning = Reasoning {
            restarted: true,
            ..Reasoning::default()
        };
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
        match &self.reader {
            Some(reader) => reader.is_done(),
            None => self.machine.is_done(),
        }
    }

    /// How many bytes of the JSON text were read; of its strict form, where reading is lenient.
    fn read_so_far(&self) -> u64 {
        match &self.reader {
            Some(reader) => reader.strict_offset(),
            None => self.machine.offset(),
        }
    }

    /// What lenient reading repaired so far. Places are those of all the text, noise included.
    #[must_use]
    pub fn repairs(&self) -> &[Repair] {
        self.reader.as_ref().map_or(&[], |reader| reader.repairs())
    }

    /// Where in all the text the byte at `offset` of the value that was handed out comes from, if
    /// reading is lenient.
    #[must_use]
    pub fn origin(&self, offset: u64) -> Option<Position> {
        let start = self.locator.start?;
        self.reader.as_ref()?.origin(start + offset)
    }

    /// Says that the text ends here. Returns what of the value is only now known to be whole.
    pub fn finish(&mut self) -> String {
        let (State::Json, Some(reader)) = (&self.state, &mut self.reader) else {
            return String::new();
        };
        let base = reader.strict_offset();
        // The parser of the value says what is not complete.
        let _ = reader.finish(&mut self.locator);
        self.locator.cut_strict(base)
    }

    /// What is wrong outside the wanted value. Positions count from where JSON began. In lenient
    /// reading, what is wrong anywhere, with its place in all the text.
    #[must_use]
    pub fn error(&self) -> Option<JsonError> {
        self.error
    }

    /// What followed the JSON text, without the closing fence.
    #[must_use]
    pub fn trailing(&self) -> &str {
        let text = self.trailing.as_str();
        if self.around == Around::Fence {
            let after = text.trim_start();
            if after.starts_with("```") {
                return after.trim_start_matches('`');
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

    /// The text outside the JSON is wrong: there is no place in the JSON to name.
    fn too_long(&mut self) {
        self.fail(JsonError::of_all(JsonErrorKind::SizeLimit));
    }

    fn fail(&mut self, error: JsonError) {
        self.error = Some(error);
        self.state = State::Stopped;
    }

    /// Reads text from the beginning of the JSON on.
    fn read<'a>(&mut self, text: &'a str) -> (Cow<'a, str>, usize) {
        let base = self.read_so_far();
        if !self.begun
            && let Some(at) = text.bytes().position(|byte| !b" \t\r\n".contains(&byte))
        {
            self.begun = true;
            if self.bare_array && text.as_bytes()[at] == b'[' {
                self.locator = Locator::new(None);
                self.locator.start = Some(base + at as u64);
            }
        }
        if self.reader.is_some() {
            let (wanted, rest) = self.read_leniently(text, base);
            return (Cow::Owned(wanted), rest);
        }
        let mut stop = text.len();
        let mut rest = 0;
        match self.machine.feed(text.as_bytes(), &mut self.locator) {
            Ok(Fed { status, consumed }) => {
                if status == Status::Done {
                    stop = consumed;
                    self.state = State::After;
                    rest = self.read_after(&text[consumed..]);
                }
            }
            Err(FeedError::Json(error)) => {
                let at = index(error.offset, base);
                if self.around != Around::Nothing
                    && error.offset == 1
                    && text[at..].starts_with(['T', '/'])
                {
                    // `[THINK]`: no JSON has these after its first bracket.
                    self.restart(Start::after_a_bracket());
                    return (Cow::Borrowed(""), text.len() - at);
                }
                if self.locator.is_open() {
                    self.state = State::Stopped;
                    stop = at + 1;
                    while !text.is_char_boundary(stop) {
                        stop += 1;
                    }
                } else {
                    stop = at;
                    self.fail(error);
                }
                let mut next = at;
                while !text.is_char_boundary(next) {
                    next += 1;
                }
                rest = self.look_for_a_restart(&text[next..]);
            }
            Err(FeedError::Sink(never)) => match never {},
        }
        if self.reasoning.restarted && matches!(self.state, State::Noise(_)) {
            return (Cow::Borrowed(""), rest);
        }
        (self.locator.cut(text, base, stop), rest)
    }

    /// The same where reading is lenient: gives strict text, which begins at offset `base`.
    fn read_leniently(&mut self, text: &str, base: u64) -> (String, usize) {
        let Some(reader) = &mut self.reader else {
            return (String::new(), 0);
        };
        let before = reader.position().offset;
        let result = reader.feed(text.as_bytes(), &mut self.locator);
        let done = reader.is_done();
        let mut rest = 0;
        match result {
            Ok(consumed) if done => {
                self.state = State::After;
                rest = self.read_after(&text[consumed..]);
            }
            Ok(_) => {}
            Err(FeedError::Json(error)) => {
                self.fail(error);
                let at = usize::try_from(error.offset.saturating_sub(before));
                let mut next = at.unwrap_or(text.len()).min(text.len());
                while !text.is_char_boundary(next) {
                    next += 1;
                }
                rest = self.look_for_a_restart(&text[next..]);
            }
            Err(FeedError::Sink(never)) => match never {},
        }
        if self.reasoning.restarted && matches!(self.state, State::Noise(_)) {
            return (String::new(), rest);
        }
        (self.locator.cut_strict(base), rest)
    }

    /// Reads text after the JSON text. Returns how much of it is left after a restart.
    fn read_after(&mut self, text: &str) -> usize {
        if self.around == Around::Nothing {
            if let Err(FeedError::Json(error)) =
                self.machine.feed(text.as_bytes(), &mut self.locator)
            {
                self.fail(error);
            }
            return 0;
        }
        let rest = self.look_for_a_restart(text);
        if matches!(self.state, State::After) {
            if (self.trailing.len() + text.len()) as u64 > self.max_bytes {
                self.too_long();
            } else {
                self.trailing.push_str(text);
            }
        }
        rest
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
    /// The strict text of the piece that is being read, where reading is lenient.
    strict: Vec<u8>,
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
            strict: Vec::new(),
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

    /// The part of the strict text that belongs to the value. That text begins at offset `base`.
    fn cut_strict(&mut self, base: u64) -> String {
        // Characters come whole, so it is UTF-8.
        let strict = String::from_utf8(std::mem::take(&mut self.strict)).unwrap_or_default();
        self.cut(&strict, base, strict.len()).into_owned()
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

impl LenientSink for Locator {
    fn strict(&mut self, text: &[u8]) {
        self.strict.extend_from_slice(text);
    }

    fn wanted(&mut self) -> Result<Wanted, Self::Error> {
        // Of the root it is known that it is an object.
        Ok(if self.depth == 0 && self.start.is_none() {
            Wanted::Container
        } else {
            Wanted::Text
        })
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
            // If the key comes twice, its first value counts.
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
