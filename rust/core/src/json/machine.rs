//! The resumable machine. Everything that affects its state lives in this file.
//!
//! # Theory of operation
//!
//! [`Machine::feed`] walks over a chunk with an index and a [`State`]. The state says which token may
//! come next, or which token is open; the stack says which containers are open. White space is
//! skipped where a token may begin. A token that lies wholly in the chunk is handed to the sink from
//! the chunk's own bytes, and the state goes on to the next place.
//!
//! A token that the chunk cuts stays open. What must be remembered of it is small: of a literal, how
//! many letters were matched; of a number, its text so far (in `scratch`) and the place in the number
//! grammar; of a key, its decoded text so far (in `scratch`); of a string value nothing but an
//! unfinished escape or UTF-8 sequence, since its text has been handed out. The next chunk goes on from
//! there and looks at no earlier byte.
//!
//! An error is found at the first byte after which no continuation can be a JSON text, wherever the
//! chunks were cut: every branch rejects the byte in front of it, and none looks further ahead than
//! the end of the token. Bulk scans may run past a limit or a bad byte, but the earliest offset wins:
//! this is why `text` and `number` compare the limit with where they stopped before they report.
//! In front of an error, the characters of a string value that were whole are handed out, because a
//! caller who cut the chunk there would have got them.
//!
//! What must change together: a new state needs its branch in `run`, and one in `finish` if the text
//! may end there. A new way out of `run` must leave `state` and `offset` as they are to be found by
//! the next call.

use std::fmt;
use std::mem;

use super::scan::{self, Plain};
use super::utf8::{self, Window};
use super::{JsonError, JsonErrorKind, Literal, NumberKind, Sink, Span, Text};

/// Bounds on everything that a text could make grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many containers may be open at once. Default 200, as in pydantic's parser. The machine
    /// does not recurse: a greater value costs one byte for each level, no more.
    pub max_depth: usize,
    /// How many bytes the text may have, white space included. Default 1 GiB.
    pub max_bytes: u64,
    /// How many characters a number may have. Default 1 MiB: more than any consumer wants, since
    /// `CPython` reads integers of up to 4,300 digits, but floats of any length.
    pub max_number: usize,
    /// How many bytes a key may have, as written between its quotes. Default 1 MiB.
    pub max_key: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_depth: 200,
            max_bytes: 1 << 30,
            max_number: 1 << 20,
            max_key: 1 << 20,
        }
    }
}

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

/// Why [`Machine::feed`] or [`Machine::finish`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedError<E> {
    /// The text is wrong.
    Json(JsonError),
    /// The sink failed.
    Sink(E),
}

impl<E: fmt::Display> fmt::Display for FeedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for FeedError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(_) => None,
            Self::Sink(error) => error.source(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Object,
    Array,
}

/// Where the machine stands between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must begin: at the root, behind `:`, behind `,` in an array.
    Value,
    /// Behind `[`: a value or `]`.
    FirstItem,
    /// Behind `{`: a key or `}`.
    FirstKey,
    /// Behind `,` in an object.
    NextKey,
    /// Behind a key.
    Colon,
    /// Behind a value in a container: `,` or the end of the container.
    Comma,
    /// Behind the root value.
    Done,
    /// Inside a literal, behind so many of its letters.
    Literal(Literal, u8),
    /// Inside a number.
    Number(Place),
    /// Inside a key.
    Key(Spot),
    /// Inside a string value.
    String(Spot),
}

/// Where in the grammar of a number (RFC 8259, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Behind `-`.
    Minus,
    /// Behind a leading `0`.
    Zero,
    /// Among the digits of the integer part.
    Integer,
    /// Behind `.`.
    Point,
    /// Among the digits of the fraction.
    Fraction,
    /// Behind `e` or `E`.
    Exponent,
    /// Behind the sign of the exponent.
    ExponentSign,
    /// Among the digits of the exponent.
    ExponentDigits,
}

impl Place {
    /// The kind of the number, if it may end here.
    const fn kind(self) -> Option<NumberKind> {
        match self {
            Self::Zero | Self::Integer => Some(NumberKind::Integer),
            Self::Fraction | Self::ExponentDigits => Some(NumberKind::Float),
            Self::Minus | Self::Point | Self::Exponent | Self::ExponentSign => None,
        }
    }
}

/// Where inside a string (RFC 8259, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    /// Between two characters.
    Plain,
    /// Inside a UTF-8 sequence; its bytes so far are in `Machine::sequence`.
    Sequence,
    /// Behind a backslash.
    Backslash,
    /// Behind `\u` and so many hexadecimal digits; their value is in `Machine::unit`.
    Hex(u8),
    /// Behind the escape of a high surrogate, which is in `Machine::high`.
    High,
    /// Behind the backslash that must begin its low surrogate.
    HighBackslash,
    /// Behind the `\u` of the low surrogate and so many digits.
    LowHex(u8),
}

/// How a walk over string bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextEnd {
    Quote,
    Chunk,
    Error(JsonErrorKind),
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
    /// Text of the open key or number so far; of a string value, what this chunk decoded to.
    scratch: String,
    /// Whether `scratch` is ASCII.
    ascii: bool,
    /// Whether `begin_string` was sent for the open string value.
    begun: bool,
    sequence: [u8; 4],
    sequence_len: u8,
    unit: u16,
    high: u16,
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
            scratch: String::new(),
            ascii: true,
            begun: false,
            sequence: [0; 4],
            sequence_len: 0,
            unit: 0,
            high: 0,
            error: None,
        }
    }

    /// Puts the machine in front of a new text. Limits and buffers are kept.
    pub fn reset(&mut self) {
        let mut stack = mem::take(&mut self.stack);
        let mut scratch = mem::take(&mut self.scratch);
        stack.clear();
        scratch.clear();
        *self = Self {
            stack,
            scratch,
            ..Self::new(self.limits)
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

    /// Reads a chunk and tells the sink what it says.
    ///
    /// The whole chunk is used, unless the root value ends in it: then `consumed` ends just behind
    /// the value's last byte, and a caller may look at what follows. (A number at the root ends when
    /// the byte behind it is seen; `consumed` may then be 0.) Fed further, a machine that is done
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
        if let Some(error) = self.error {
            return Err(FeedError::Json(error));
        }
        let room = usize::try_from(self.limits.max_bytes - self.offset).unwrap_or(usize::MAX);
        let allowed = &chunk[..chunk.len().min(room)];
        let result = if self.state == State::Done {
            self.run_behind(allowed)
        } else {
            self.run(allowed, sink)
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
                    let sent = sink.number(&self.scratch, kind, span);
                    self.scratch.clear();
                    return sent.map_err(|error| self.stop(Stop::Sink(error, self.offset)));
                }
            }
            _ => {}
        }
        Err(self.stop(Stop::Json(JsonErrorKind::Truncated, self.offset)))
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

    /// Behind the root value: `ws` and nothing else (RFC 8259, section 2).
    fn run_behind<E>(&mut self, chunk: &[u8]) -> Result<usize, Stop<E>> {
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
    fn run<S: Sink>(&mut self, chunk: &[u8], sink: &mut S) -> Result<usize, Stop<S::Error>> {
        use JsonErrorKind as Kind;

        let base = self.offset;
        let mut window = Window::new(chunk);
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
                                self.behind_value()
                            } else {
                                self.open_token(start);
                                let ahead = Some(plain);
                                let place = State::String(Spot::Plain);
                                (at, state) =
                                    self.text(chunk, at, place, ahead, &mut window, sink)?;
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
                                b'-' => Place::Minus,
                                b'0' => Place::Zero,
                                _ => Place::Integer,
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
                            self.behind_value()
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
                                State::Colon
                            } else {
                                self.open_token(start);
                                let ahead = Some(plain);
                                let place = State::Key(Spot::Plain);
                                (at, state) =
                                    self.text(chunk, at, place, ahead, &mut window, sink)?;
                                state
                            }
                        }
                        b'}' if state == State::FirstKey => {
                            at += 1;
                            let end = base + at as u64;
                            emit!(sink.end_object(end), end);
                            self.stack.pop();
                            self.behind_value()
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
                            self.behind_value()
                        }
                        (Some(Container::Array), b']') => {
                            emit!(sink.end_array(end), end);
                            self.stack.pop();
                            self.behind_value()
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
                    self.behind_value()
                }
                State::Number(place) => {
                    (at, state) = self.number(chunk, at, at, place, &mut window, sink)?;
                    state
                }
                State::Key(_) | State::String(_) => {
                    (at, state) = self.text(chunk, at, state, None, &mut window, sink)?;
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

    /// Remembers where a string that may be cut began.
    #[inline]
    fn open_token(&mut self, start: u64) {
        self.token_start = start;
        self.ascii = true;
        self.begun = false;
    }

    #[inline]
    fn open<E>(&mut self, container: Container, at: u64) -> Result<(), Stop<E>> {
        if self.stack.len() >= self.limits.max_depth {
            return Err(Stop::Json(JsonErrorKind::DepthLimit, at));
        }
        self.stack.push(container);
        Ok(())
    }

    /// The state behind a value that has just ended.
    #[inline]
    fn behind_value(&self) -> State {
        if self.stack.is_empty() {
            State::Done
        } else {
            State::Comma
        }
    }

    /// Index behind the white space (`ws`, RFC 8259, section 2) from `at` on. Lines are counted here
    /// and nowhere else: a line feed is legal nowhere else.
    #[inline]
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

    /// Reads on in a number from `at`, of which this chunk holds the bytes from `start` on.
    #[inline]
    fn number<S: Sink>(
        &mut self,
        chunk: &[u8],
        start: usize,
        mut at: usize,
        mut place: Place,
        window: &mut Window<'_>,
        sink: &mut S,
    ) -> Result<(usize, State), Stop<S::Error>> {
        let invalid = loop {
            let byte = chunk.get(at);
            place = match (place, byte) {
                (_, None) => break false,
                (Place::Minus, Some(b'0')) => Place::Zero,
                (Place::Minus, Some(b'1'..=b'9')) => Place::Integer,
                (Place::Integer, Some(b'0'..=b'9')) => {
                    at = scan::digits(chunk, at);
                    continue;
                }
                (Place::Zero | Place::Integer, Some(b'.')) => Place::Point,
                (Place::Point | Place::Fraction, Some(b'0'..=b'9')) => {
                    at = scan::digits(chunk, at);
                    place = Place::Fraction;
                    continue;
                }
                (Place::Zero | Place::Integer | Place::Fraction, Some(b'e' | b'E')) => {
                    Place::Exponent
                }
                (Place::Exponent, Some(b'+' | b'-')) => Place::ExponentSign,
                (
                    Place::Exponent | Place::ExponentSign | Place::ExponentDigits,
                    Some(b'0'..=b'9'),
                ) => Place::ExponentDigits,
                (Place::Zero, Some(b'0'..=b'9')) => break true,
                _ => break place.kind().is_none(),
            };
            at += 1;
        };
        let end = self.offset + at as u64;
        if end - self.token_start > self.limits.max_number as u64 {
            let offset = self.token_start + self.limits.max_number as u64;
            return Err(Stop::Json(JsonErrorKind::NumberLimit, offset));
        }
        if invalid {
            return Err(Stop::Json(JsonErrorKind::InvalidNumber, end));
        }
        // A number is ASCII, so this is no more than a change of type.
        let piece = window.get(start, at).unwrap_or_default();
        if let Some(kind) = place.kind()
            && at < chunk.len()
        {
            let span = Span {
                start: self.token_start,
                end,
            };
            if self.scratch.is_empty() {
                emit!(sink.number(piece, kind, span), end);
            } else {
                self.scratch.push_str(piece);
                emit!(sink.number(&self.scratch, kind, span), end);
                self.scratch.clear();
            }
            return Ok((at, self.behind_value()));
        }
        self.scratch.push_str(piece);
        Ok((at, State::Number(place)))
    }

    /// Reads on in a string from `at`; `state` is where in it, `ahead` what is known of the next
    /// stretch. Only strings with escapes, cut ones and wrong ones come here.
    fn text<'c, S: Sink>(
        &mut self,
        chunk: &'c [u8],
        mut at: usize,
        state: State,
        ahead: Option<Plain>,
        window: &mut Window<'c>,
        sink: &mut S,
    ) -> Result<(usize, State), Stop<S::Error>> {
        let (is_key, spot) = match state {
            State::Key(spot) => (true, spot),
            State::String(spot) => (false, spot),
            other => return Ok((at, other)),
        };
        let mut held = "";
        let (ending, spot) = self.decode(chunk, &mut at, spot, ahead, window, &mut held);
        let here = self.offset + at as u64;

        if is_key {
            let limit = self.token_start + 1 + self.limits.max_key as u64;
            if here > limit {
                return Err(Stop::Json(JsonErrorKind::KeyLimit, limit));
            }
            match ending {
                TextEnd::Error(kind) => return Err(Stop::Json(kind, here)),
                TextEnd::Chunk => {
                    self.scratch.push_str(held);
                    return Ok((at, State::Key(spot)));
                }
                TextEnd::Quote => {}
            }
            let span = Span {
                start: self.token_start,
                end: here + 1,
            };
            let text = self.whole(held);
            emit!(sink.key(text, span), span.end);
            self.scratch.clear();
            return Ok((at + 1, State::Colon));
        }

        let text = self.whole(held);
        if ending == TextEnd::Quote && !self.begun {
            let span = Span {
                start: self.token_start,
                end: here + 1,
            };
            emit!(sink.string(text, span), span.end);
            self.scratch.clear();
            return Ok((at + 1, self.behind_value()));
        }
        if !self.begun {
            emit!(sink.begin_string(self.token_start), self.token_start);
        }
        if !text.text.is_empty() {
            emit!(sink.string_part(text), here);
        }
        self.begun = true;
        self.ascii = true;
        self.scratch.clear();
        match ending {
            TextEnd::Error(kind) => Err(Stop::Json(kind, here)),
            TextEnd::Chunk => Ok((at, State::String(spot))),
            TextEnd::Quote => {
                emit!(sink.end_string(here + 1), here + 1);
                Ok((at + 1, self.behind_value()))
            }
        }
    }

    /// What was decoded: either all in `scratch` or all still in the chunk.
    #[inline]
    fn whole<'a>(&'a self, held: &'a str) -> Text<'a> {
        Text {
            text: if self.scratch.is_empty() {
                held
            } else {
                &self.scratch
            },
            ascii: self.ascii,
        }
    }

    /// Decodes string bytes until something ends them, and leaves `at` there. The text goes to
    /// `scratch`, except that a single stretch of the chunk is left in `held`, uncopied.
    fn decode<'c>(
        &mut self,
        chunk: &'c [u8],
        at: &mut usize,
        mut spot: Spot,
        mut ahead: Option<Plain>,
        window: &mut Window<'c>,
        held: &mut &'c str,
    ) -> (TextEnd, Spot) {
        use JsonErrorKind as Kind;

        loop {
            if spot == Spot::Plain {
                let plain = ahead.take().unwrap_or_else(|| scan::plain(chunk, *at));
                if let Some(text) = window.get(*at, plain.end) {
                    self.push(text, plain.ascii, held);
                    *at = plain.end;
                } else {
                    let stretch = &chunk[*at..plain.end];
                    let utf8::Examined { valid, possible } = utf8::examine(stretch);
                    self.push(valid, valid.is_ascii(), held);
                    *at += possible;
                    if *at < chunk.len() {
                        return (TextEnd::Error(Kind::InvalidUtf8), spot);
                    }
                    let begun = &stretch[valid.len()..];
                    self.sequence_len = 0;
                    for &byte in begun {
                        self.extend_sequence(byte);
                    }
                    return (TextEnd::Chunk, Spot::Sequence);
                }
            }
            let Some(&byte) = chunk.get(*at) else {
                return (TextEnd::Chunk, spot);
            };
            let step = match spot {
                Spot::Plain => match byte {
                    b'"' => return (TextEnd::Quote, spot),
                    b'\\' => Ok(Spot::Backslash),
                    _ => Err(Kind::ControlCharacter),
                },
                Spot::Sequence => self.step_sequence(byte, held),
                Spot::Backslash => match byte {
                    b'u' => match scan::hex4(chunk, *at + 1).and_then(|unit| {
                        // Anything but a surrogate is a character of its own.
                        char::from_u32(u32::from(unit))
                    }) {
                        Some(character) => {
                            self.push_char(character, held);
                            *at += 4;
                            Ok(Spot::Plain)
                        }
                        None => Ok(Spot::Hex(0)),
                    },
                    _ => match scan::short_escape(byte) {
                        Some(character) => {
                            self.push_char(character, held);
                            Ok(Spot::Plain)
                        }
                        None => Err(Kind::InvalidEscape),
                    },
                },
                Spot::Hex(count) => self.step_hex(byte, count, held),
                Spot::High if byte == b'\\' => Ok(Spot::HighBackslash),
                Spot::HighBackslash if byte == b'u' => Ok(Spot::LowHex(0)),
                Spot::High | Spot::HighBackslash => Err(Kind::LoneSurrogate),
                Spot::LowHex(count) => self.step_low_hex(byte, count, held),
            };
            match step {
                Ok(next) => spot = next,
                Err(kind) => return (TextEnd::Error(kind), spot),
            }
            *at += 1;
        }
    }

    fn step_sequence(&mut self, byte: u8, held: &mut &str) -> Result<Spot, JsonErrorKind> {
        if !utf8::fits(self.begun_sequence(), byte) {
            return Err(JsonErrorKind::InvalidUtf8);
        }
        self.extend_sequence(byte);
        let sequence = self.begun_sequence();
        if sequence.len() < utf8::width(sequence[0]) {
            return Ok(Spot::Sequence);
        }
        let sequence = self.sequence;
        let sequence = &sequence[..usize::from(self.sequence_len)];
        let text = std::str::from_utf8(sequence).map_err(|_| JsonErrorKind::InvalidUtf8)?;
        self.spill(held);
        self.ascii = false;
        self.scratch.push_str(text);
        Ok(Spot::Plain)
    }

    fn begun_sequence(&self) -> &[u8] {
        &self.sequence[..usize::from(self.sequence_len)]
    }

    fn extend_sequence(&mut self, byte: u8) {
        self.sequence[usize::from(self.sequence_len)] = byte;
        self.sequence_len += 1;
    }

    /// A digit of `\uXXXX`. The second one tells a low surrogate, which nothing can precede.
    fn step_hex(&mut self, byte: u8, count: u8, held: &mut &str) -> Result<Spot, JsonErrorKind> {
        let unit = self.next_unit(byte, count)?;
        if count == 1 && (0xDC..=0xDF).contains(&unit) {
            return Err(JsonErrorKind::LoneSurrogate);
        }
        self.unit = unit;
        if count < 3 {
            return Ok(Spot::Hex(count + 1));
        }
        if let Some(character) = char::from_u32(u32::from(unit)) {
            self.push_char(character, held);
            return Ok(Spot::Plain);
        }
        self.high = unit;
        Ok(Spot::High)
    }

    /// A digit of the second half of a surrogate pair: `D`, then `C` to `F`, then any two.
    fn step_low_hex(
        &mut self,
        byte: u8,
        count: u8,
        held: &mut &str,
    ) -> Result<Spot, JsonErrorKind> {
        let unit = self.next_unit(byte, count)?;
        if count == 0 && unit != 0xD || count == 1 && unit < 0xDC {
            return Err(JsonErrorKind::LoneSurrogate);
        }
        self.unit = unit;
        if count < 3 {
            return Ok(Spot::LowHex(count + 1));
        }
        let pair = 0x1_0000 + ((u32::from(self.high) & 0x3FF) << 10 | u32::from(unit) & 0x3FF);
        let character = char::from_u32(pair).ok_or(JsonErrorKind::LoneSurrogate)?;
        self.push_char(character, held);
        Ok(Spot::Plain)
    }

    fn next_unit(&self, byte: u8, count: u8) -> Result<u16, JsonErrorKind> {
        let digit = scan::hex(byte).ok_or(JsonErrorKind::InvalidEscape)?;
        let before = if count == 0 { 0 } else { self.unit };
        Ok(before << 4 | digit)
    }

    #[inline]
    fn push<'c>(&mut self, text: &'c str, ascii: bool, held: &mut &'c str) {
        self.ascii &= ascii;
        if held.is_empty() && self.scratch.is_empty() {
            *held = text;
        } else {
            self.spill(held);
            self.scratch.push_str(text);
        }
    }

    #[inline]
    fn push_char(&mut self, character: char, held: &mut &str) {
        self.ascii &= character.is_ascii();
        self.spill(held);
        self.scratch.push(character);
    }

    #[inline]
    fn spill(&mut self, held: &mut &str) {
        self.scratch.push_str(held);
        *held = "";
    }
}
