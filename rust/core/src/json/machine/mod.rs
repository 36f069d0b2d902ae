//! The resumable machine. Everything that affects its state lives in this file, and in `tokens.rs` what
//! goes on inside a token that is open: it says which state follows, and `run` goes there.
//!
//! # Theory of operation
//!
//! [`Machine::feed`] walks over a chunk with an index and a [`State`]. The state says which token may
//! come next, or which token is open; the stack says which containers are open. White space is
//! skipped where a token may begin. A token that lies wholly in the chunk is handed to the sink from
//! the chunk's own bytes, and the state goes on to the next place.
//!
//! A token that the chunk cuts stays open. What must be remembered of it is small: of a literal, how
//! many letters were matched; of a number, its text so far and the place in the number grammar; of a
//! key, its decoded text so far; of a string value only an unfinished escape or UTF-8 sequence, since
//! its text has been handed out. The next chunk goes on from there and looks at no earlier byte. Two
//! tokens have machines of their own for what happens inside them: `string::Decoder` between the
//! quotes of a string, and `number::walk` between the characters of a number.
//!
//! An error is found at the first byte after which no continuation can be a JSON text, wherever the
//! chunks were cut: every branch accepts or rejects the byte in front of it. Bulk scans may run past a
//! limit or a bad byte, but the earliest offset wins: this is why `key` and `number` compare the limit
//! with where they stopped before they report anything else. In front of an error, the characters of a
//! string value that were whole are handed out, because a caller who cut the chunk there would have
//! got them.
//!
//! What must change together: a new state needs its branch in `run`, and one in `finish` if the text
//! may end there. `run` may leave by `break` only with `at` after the last byte used and `state`
//! saying where that is.

use std::mem;

use super::number::NumberPlace;
use super::scan;
use super::string::Decoder;
use super::{FeedError, JsonError, JsonErrorKind, Limits, Literal, NumberKind, Sink, Span, Text};
use crate::utf8::Window;

/// Whether the root value is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The root value is not complete.
    NeedMore,
    /// The root value is complete; only white space may follow.
    Done,
}

/// What a call of [`Machine::feed`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Fed {
    /// Where the machine stands now.
    pub status: Status,
    /// How many bytes of the chunk were used: all of them, unless the root value ended among them.
    pub consumed: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Object,
    Array,
}

/// Where the machine stands between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must begin: at the root, after `:`, after `,` in an array.
    Value,
    /// After `[`: a value or `]`.
    FirstItem,
    /// After `{`: a key or `}`.
    FirstKey,
    /// After `,` in an object.
    NextKey,
    /// After a key.
    Colon,
    /// After a value in a container: `,` or the end of the container.
    Comma,
    /// After the root value.
    Done,
    /// Inside a literal, after so many of its letters.
    Literal(Literal, u8),
    /// Inside a number.
    Number(NumberPlace),
    /// Inside a key; the decoder knows where.
    Key,
    /// Inside a string value; the decoder knows where.
    String,
}

/// Why `run` stopped, and the index where.
enum Stop<E> {
    Json(JsonErrorKind, u64),
    Sink(E, u64),
}

/// Calls the sink; its error stops the machine at the offset.
macro_rules! emit {
    ($event:expr, $offset:expr) => {
        if let Err(error) = $event {
            return Err(Stop::Sink(error, $offset));
        }
    };
}

mod tokens;

/// Reads one JSON text (RFC 8259), in chunks cut anywhere.
///
/// # Examples
///
/// ```
/// use partialfast_core::json::{Limits, Machine, NullSink, Status};
///
/// let mut machine = Machine::new(Limits::default());
/// let fed = machine.feed(br#"{"a": [1, "tw"#, &mut NullSink)?;
/// assert_eq!(fed.status, Status::NeedMore);
/// let fed = machine.feed(br#"o"]} and more"#, &mut NullSink)?;
/// assert_eq!((fed.status, fed.consumed), (Status::Done, 4));
/// machine.finish(&mut NullSink)?;
/// # Ok::<(), partialfast_core::json::FeedError<std::convert::Infallible>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Machine {
    limits: Limits,
    state: State,
    stack: Vec<Container>,
    /// Offset of the next byte.
    offset: u64,
    line: u64,
    /// Offset of the first byte of the line.
    line_start: u64,
    /// Offset of the first byte of the open token.
    token_start: u64,
    /// Text of the open number so far.
    number: String,
    /// Text of the open string so far (of a value only what is not yet handed out), and the place.
    decoder: Decoder,
    /// Whether `begin_string` was sent for the open string value.
    begun: bool,
    error: Option<JsonError>,
}

impl Machine {
    /// A machine in front of a text.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::Value,
            stack: Vec::new(),
            offset: 0,
            line: 1,
            line_start: 0,
            token_start: 0,
            number: String::new(),
            decoder: Decoder::default(),
            begun: false,
            error: None,
        }
    }

    /// Puts the machine in front of a new text. Limits and buffers are kept.
    pub fn reset(&mut self) {
        let mut stack = mem::take(&mut self.stack);
        let mut number = mem::take(&mut self.number);
        // It starts anew with each string.
        let decoder = mem::take(&mut self.decoder);
        stack.clear();
        number.clear();
        *self = Self {
            stack,
            number,
            decoder,
            ..Self::new(self.limits)
        };
    }

    /// Becomes like another one, in its own buffers.
    pub(crate) fn copy_from(&mut self, from: &Self) {
        let mut stack = mem::take(&mut self.stack);
        let mut number = mem::take(&mut self.number);
        let mut decoder = mem::take(&mut self.decoder);
        stack.clone_from(&from.stack);
        number.clone_from(&from.number);
        decoder.copy_from(&from.decoder);
        *self = Self {
            stack,
            number,
            decoder,
            ..*from
        };
    }

    /// How many bytes of the text were used: up to the offending one, if there was an error.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many containers are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.stack.len()
    }

    /// Whether the root value is complete.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the text stands inside a number or a literal, of which the sink knows nothing yet.
    #[must_use]
    pub fn is_in_scalar(&self) -> bool {
        matches!(self.state, State::Number(_) | State::Literal(..))
    }

    /// Reads a chunk and tells the sink what it says.
    ///
    /// The whole chunk is used, unless the root value ends in it: then `consumed` ends just after
    /// the value's last byte, and a caller may look at what follows. (A number at the root ends when
    /// the byte after it is seen; `consumed` may then be 0.) Fed further, a machine that is done
    /// uses up white space and rejects anything else.
    ///
    /// # Errors
    ///
    /// [`FeedError::Json`] at the first byte after which no continuation can be a JSON text, the
    /// same for every way to cut it. All later calls return the same error.
    ///
    /// [`FeedError::Sink`] if the sink failed. The machine then stands in the middle of a chunk and
    /// cannot go on: later calls return [`JsonErrorKind::Aborted`] with the place of that event.
    #[inline]
    pub fn feed<S: Sink>(
        &mut self,
        chunk: &[u8],
        sink: &mut S,
    ) -> Result<Fed, FeedError<S::Error>> {
        self.feed_within(Window::new(chunk), sink)
    }

    /// Does the same with a chunk that is known to be UTF-8, which is not looked at again.
    ///
    /// # Errors
    ///
    /// As those of [`Machine::feed`].
    #[inline]
    pub fn feed_text<S: Sink>(
        &mut self,
        chunk: &str,
        sink: &mut S,
    ) -> Result<Fed, FeedError<S::Error>> {
        self.feed_within(Window::of(chunk), sink)
    }

    fn feed_within<S: Sink>(
        &mut self,
        mut window: Window<'_>,
        sink: &mut S,
    ) -> Result<Fed, FeedError<S::Error>> {
        if let Some(error) = self.error {
            return Err(FeedError::Json(error));
        }
        let chunk = window.chunk;
        let room = usize::try_from(self.limits.max_bytes - self.offset).unwrap_or(usize::MAX);
        if room < chunk.len() {
            // The limit on the text may lie in the middle of a character.
            window = Window::new(&chunk[..room]);
        }
        let allowed = window.chunk;
        let result = if self.state == State::Done {
            self.run_after(allowed)
        } else {
            self.run(window, sink)
        };
        let consumed = match result {
            Ok(consumed) => consumed,
            Err(stop) => return Err(self.stop(stop)),
        };
        self.offset += consumed as u64;
        if consumed == allowed.len() && consumed < chunk.len() && (room == 0 || !self.is_done()) {
            return Err(self.stop(Stop::Json(JsonErrorKind::SizeLimit, self.offset)));
        }
        let status = if self.is_done() {
            Status::Done
        } else {
            Status::NeedMore
        };
        Ok(Fed { status, consumed })
    }

    /// Says that the text ends here. A number at the root is only now known to be whole.
    ///
    /// # Errors
    ///
    /// [`JsonErrorKind::Truncated`] if the root value is not complete; otherwise as
    /// [`Machine::feed`].
    pub fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), FeedError<S::Error>> {
        if let Some(error) = self.error {
            return Err(FeedError::Json(error));
        }
        match self.state {
            State::Done => return Ok(()),
            State::Number(place) if self.stack.is_empty() => {
                if let Some(kind) = place.kind() {
                    let span = Span {
                        start: self.token_start,
                        end: self.offset,
                    };
                    self.state = State::Done;
                    let sent = sink.number(&self.number, kind, span);
                    self.number.clear();
                    return sent.map_err(|error| self.stop(Stop::Sink(error, self.offset)));
                }
            }
            _ => {}
        }
        Err(self.stop(Stop::Json(JsonErrorKind::Truncated, self.offset)))
    }

    /// Says that a number which stands at the end of the text so far is over, as a byte after it
    /// would. Does nothing anywhere else.
    ///
    /// # Errors
    ///
    /// [`FeedError::Json`] if no number may end here; [`FeedError::Sink`] as [`Machine::feed`].
    #[cold]
    pub fn end_number<S: Sink>(&mut self, sink: &mut S) -> Result<(), FeedError<S::Error>> {
        if let Some(error) = self.error {
            return Err(FeedError::Json(error));
        }
        let State::Number(place) = self.state else {
            return Ok(());
        };
        let Some(kind) = place.kind() else {
            return Err(self.stop(Stop::Json(JsonErrorKind::InvalidNumber, self.offset)));
        };
        let span = Span {
            start: self.token_start,
            end: self.offset,
        };
        let sent = sink.number(&self.number, kind, span);
        self.number.clear();
        self.state = self.after_value(&[], &mut 0);
        sent.map_err(|error| self.stop(Stop::Sink(error, self.offset)))
    }

    /// Takes `text` as the next value: a float that JSON has no way to write (`NaN`, `Infinity`).
    ///
    /// The text counts as read. Only [`crate::lenient`] knows such numbers.
    ///
    /// # Errors
    ///
    /// [`JsonErrorKind::ExpectedValue`] if no value may stand here; otherwise as [`Machine::feed`].
    #[cold]
    pub fn non_finite<S: Sink>(
        &mut self,
        text: &str,
        sink: &mut S,
    ) -> Result<(), FeedError<S::Error>> {
        if let Some(error) = self.error {
            return Err(FeedError::Json(error));
        }
        if !matches!(self.state, State::Value | State::FirstItem) {
            return Err(self.stop(Stop::Json(JsonErrorKind::ExpectedValue, self.offset)));
        }
        let start = self.offset;
        let end = start + text.len() as u64;
        if let Err(error) = sink.number(text, NumberKind::Float, Span { start, end }) {
            return Err(self.stop(Stop::Sink(error, end)));
        }
        self.offset = end;
        self.state = self.after_value(&[], &mut 0);
        Ok(())
    }

    #[cold]
    fn stop<E>(&mut self, stop: Stop<E>) -> FeedError<E> {
        let (kind, offset) = match &stop {
            Stop::Json(kind, offset) => (*kind, *offset),
            Stop::Sink(_, offset) => (JsonErrorKind::Aborted, *offset),
        };
        let error = JsonError {
            kind,
            offset,
            line: self.line,
            column: offset - self.line_start + 1,
        };
        self.offset = offset;
        self.error = Some(error);
        match stop {
            Stop::Json(..) => FeedError::Json(error),
            Stop::Sink(error, _) => FeedError::Sink(error),
        }
    }

    /// After the root value: `ws` and nothing else (RFC 8259, section 2).
    fn run_after<E>(&mut self, chunk: &[u8]) -> Result<usize, Stop<E>> {
        let at = self.skip_space(chunk, 0);
        if at < chunk.len() {
            return Err(Stop::Json(
                JsonErrorKind::TrailingData,
                self.offset + at as u64,
            ));
        }
        Ok(at)
    }

    #[allow(
        clippy::too_many_lines,
        reason = "one branch for each state; cut up, the transitions could not be read at a glance"
    )]
    fn run<S: Sink>(
        &mut self,
        mut window: Window<'_>,
        sink: &mut S,
    ) -> Result<usize, Stop<S::Error>> {
        use JsonErrorKind as Kind;

        let base = self.offset;
        let chunk = window.chunk;
        let mut state = self.state;
        let mut at = 0;
        loop {
            state = match state {
                State::Value | State::FirstItem => {
                    at = self.skip_space(chunk, at);
                    let Some(&byte) = chunk.get(at) else { break };
                    let start = base + at as u64;
                    match byte {
                        b'"' => {
                            at += 1;
                            let plain = scan::plain(chunk, at);
                            if chunk.get(plain.end) == Some(&b'"')
                                && let Some(text) = window.get(at, plain.end)
                            {
                                at = plain.end + 1;
                                let ascii = plain.ascii;
                                let end = base + at as u64;
                                emit!(sink.string(Text { text, ascii }, Span { start, end }), end);
                                self.after_value(chunk, &mut at)
                            } else {
                                self.open_string(start);
                                (at, state) =
                                    self.string(chunk, at, Some(plain), &mut window, sink)?;
                                state
                            }
                        }
                        b'{' => {
                            self.open(Container::Object, start)?;
                            emit!(sink.begin_object(start), start);
                            at += 1;
                            State::FirstKey
                        }
                        b'[' => {
                            self.open(Container::Array, start)?;
                            emit!(sink.begin_array(start), start);
                            at += 1;
                            State::FirstItem
                        }
                        b'-' | b'0'..=b'9' => {
                            let place = match byte {
                                b'-' => NumberPlace::Minus,
                                b'0' => NumberPlace::Zero,
                                _ => NumberPlace::Integer,
                            };
                            self.token_start = start;
                            (at, state) =
                                self.number(chunk, at, at + 1, place, &mut window, sink)?;
                            state
                        }
                        b't' => State::Literal(Literal::True, 0),
                        b'f' => State::Literal(Literal::False, 0),
                        b'n' => State::Literal(Literal::Null, 0),
                        b']' if state == State::FirstItem => {
                            at += 1;
                            let end = base + at as u64;
                            emit!(sink.end_array(end), end);
                            self.stack.pop();
                            self.after_value(chunk, &mut at)
                        }
                        _ => return Err(Stop::Json(Kind::ExpectedValue, start)),
                    }
                }
                State::FirstKey | State::NextKey => {
                    at = self.skip_space(chunk, at);
                    let Some(&byte) = chunk.get(at) else { break };
                    let start = base + at as u64;
                    match byte {
                        b'"' => {
                            at += 1;
                            let plain = scan::plain(chunk, at);
                            if chunk.get(plain.end) == Some(&b'"')
                                && plain.end - at <= self.limits.max_key
                                && let Some(text) = window.get(at, plain.end)
                            {
                                at = plain.end + 1;
                                let ascii = plain.ascii;
                                let end = base + at as u64;
                                emit!(sink.key(Text { text, ascii }, Span { start, end }), end);
                                if chunk.get(at) == Some(&b':') {
                                    at += 1;
                                    State::Value
                                } else {
                                    State::Colon
                                }
                            } else {
                                self.open_string(start);
                                (at, state) =
                                    self.key(chunk, at, Some(plain), &mut window, sink)?;
                                state
                            }
                        }
                        b'}' if state == State::FirstKey => {
                            at += 1;
                            let end = base + at as u64;
                            emit!(sink.end_object(end), end);
                            self.stack.pop();
                            self.after_value(chunk, &mut at)
                        }
                        _ if state == State::FirstKey => {
                            return Err(Stop::Json(Kind::ExpectedKeyOrEnd, start));
                        }
                        _ => return Err(Stop::Json(Kind::ExpectedKey, start)),
                    }
                }
                State::Colon => {
                    at = self.skip_space(chunk, at);
                    match chunk.get(at) {
                        Some(b':') => at += 1,
                        Some(_) => return Err(Stop::Json(Kind::ExpectedColon, base + at as u64)),
                        None => break,
                    }
                    State::Value
                }
                State::Comma => {
                    at = self.skip_space(chunk, at);
                    let Some(&byte) = chunk.get(at) else { break };
                    at += 1;
                    let end = base + at as u64;
                    match (self.stack.last(), byte) {
                        (Some(Container::Object), b',') => State::NextKey,
                        (Some(Container::Array), b',') => State::Value,
                        (Some(Container::Object), b'}') => {
                            emit!(sink.end_object(end), end);
                            self.stack.pop();
                            self.after_value(chunk, &mut at)
                        }
                        (Some(Container::Array), b']') => {
                            emit!(sink.end_array(end), end);
                            self.stack.pop();
                            self.after_value(chunk, &mut at)
                        }
                        (Some(Container::Object), _) => {
                            return Err(Stop::Json(Kind::ExpectedCommaOrObjectEnd, end - 1));
                        }
                        _ => return Err(Stop::Json(Kind::ExpectedCommaOrArrayEnd, end - 1)),
                    }
                }
                State::Literal(literal, matched) => {
                    if matched == 0 {
                        self.token_start = base + at as u64;
                    }
                    let word = match literal {
                        Literal::Null => &b"null"[usize::from(matched)..],
                        Literal::False => &b"false"[usize::from(matched)..],
                        Literal::True => &b"true"[usize::from(matched)..],
                    };
                    let mut letters = word.iter().zip(&chunk[at..]);
                    if let Some(wrong) = letters.position(|(expected, byte)| expected != byte) {
                        let offset = base + (at + wrong) as u64;
                        return Err(Stop::Json(Kind::InvalidLiteral, offset));
                    }
                    let left = chunk.len() - at;
                    if left < word.len() {
                        at = chunk.len();
                        #[allow(clippy::cast_possible_truncation, reason = "less than five")]
                        let matched = matched + left as u8;
                        state = State::Literal(literal, matched);
                        break;
                    }
                    at += word.len();
                    let span = Span {
                        start: self.token_start,
                        end: base + at as u64,
                    };
                    emit!(sink.literal(literal, span), span.end);
                    self.after_value(chunk, &mut at)
                }
                State::Number(place) => {
                    (at, state) = self.number(chunk, at, at, place, &mut window, sink)?;
                    state
                }
                State::Key => {
                    (at, state) = self.key(chunk, at, None, &mut window, sink)?;
                    state
                }
                State::String => {
                    (at, state) = self.string(chunk, at, None, &mut window, sink)?;
                    state
                }
                State::Done => break,
            };
            if at == chunk.len() {
                break;
            }
        }
        self.state = state;
        Ok(at)
    }

    /// Remembers where a string began that must be decoded.
    #[inline]
    fn open_string(&mut self, start: u64) {
        self.token_start = start;
        self.decoder.reset();
        self.begun = false;
    }

    #[inline(always)]
    fn open<E>(&mut self, container: Container, at: u64) -> Result<(), Stop<E>> {
        if self.stack.len() >= self.limits.max_depth {
            return Err(Stop::Json(JsonErrorKind::DepthLimit, at));
        }
        self.stack.push(container);
        Ok(())
    }

    /// The state after a value that ended at `at`. A comma that follows at once, as it nearly
    /// always does, is taken along: a dispatch less for each value.
    #[inline(always)]
    fn after_value(&self, chunk: &[u8], at: &mut usize) -> State {
        let Some(container) = self.stack.last() else {
            return State::Done;
        };
        if chunk.get(*at) != Some(&b',') {
            return State::Comma;
        }
        *at += 1;
        match container {
            Container::Object => State::NextKey,
            Container::Array => State::Value,
        }
    }

    /// Index after the white space (`ws`, RFC 8259, section 2) from `at` on. Lines are counted here
    /// and nowhere else: a line feed is legal nowhere else.
    #[inline(always)]
    fn skip_space(&mut self, chunk: &[u8], at: usize) -> usize {
        match chunk.get(at) {
            Some(b' ') if chunk.get(at + 1).is_some_and(|&byte| byte > b' ') => at + 1,
            Some(b'\t' | b'\n' | b'\r' | b' ') => self.skip_run(chunk, at),
            _ => at,
        }
    }

    fn skip_run(&mut self, chunk: &[u8], mut at: usize) -> usize {
        loop {
            match chunk.get(at) {
                Some(b' ') => at = scan::blanks(chunk, at + 1),
                Some(b'\n') => {
                    at += 1;
                    self.line += 1;
                    self.line_start = self.offset + at as u64;
                }
                Some(b'\t' | b'\r') => at += 1,
                _ => return at,
            }
        }
    }
}
