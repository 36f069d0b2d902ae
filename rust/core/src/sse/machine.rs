//! The resumable machine for event streams. Everything that affects its state lives in this file.
//!
//! # Theory of operation
//!
//! The unit is the line (WHATWG HTML, section 9.2.6, "Interpreting an event stream"). A line that lies
//! in one chunk is read where it is; one that a chunk cuts is collected in `line`, and only what is
//! new is searched for its end. Lines end with LF, CR or CRLF. Since a CR ends a line by itself, no
//! LF is waited for: one that comes next belongs to it (`Spot::AfterCr`).
//!
//! A line is a field of the event or, if it is empty, the end of it. As long as an event has one line
//! of data and that lies in the chunk, the data is not copied.
//!
//! The standard decodes the stream with replacement characters. Here nothing may be altered, so bytes
//! that are not UTF-8 are an error where they would reach the caller; what is skipped (comments and
//! unknown fields) is not looked at. For the same reason an event without limit is an error. The
//! error with the lower offset wins, wherever the stream was cut: bytes of a line that meets the
//! limit are checked up to it before the limit is reported.
//!
//! Two things go beyond the standard, because servers write them where they fail. A line `error: ...`
//! is the data of an event of that name. And lines that are not fields are remembered, as far as they
//! are few: they may be all that the server says.

use std::fmt;
use std::ops::Range;

use memchr::{memchr, memchr2};
use simdutf8::basic::from_utf8;

use crate::utf8;

/// Bounds on what a stream may make grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventLimits {
    /// How many bytes the lines of one event may have, without comments and line ends. Default
    /// 16 MiB.
    pub max_event: usize,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self {
            max_event: 16 << 20,
        }
    }
}

/// An event, borrowed from the chunk or from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The type: that of the last `event` field, or `message`.
    pub event: &'a str,
    /// The `data` lines, joined by line feeds.
    pub data: &'a str,
}

/// What a call of [`EventMachine::feed`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Fed<'a> {
    /// How many bytes of the chunk were used: all of them, unless an event ended among them.
    pub consumed: usize,
    /// The event that ended. `None`: all was used, and more is needed.
    pub event: Option<Event<'a>>,
}

/// Why the stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventErrorKind {
    /// Bytes that are not UTF-8 in a field that is used.
    InvalidUtf8,
    /// An event with more bytes than the configured limit.
    EventLimit,
}

impl EventErrorKind {
    /// The stable snake-case name, as shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::EventLimit => "event_limit",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid UTF-8 in the event stream",
            Self::EventLimit => "an event of the stream is longer than the limit",
        }
    }
}

/// An error and where it stands in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventError {
    /// What is wrong.
    pub kind: EventErrorKind,
    /// Bytes of the stream before the offending one.
    pub offset: u64,
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.kind.message(), self.offset)
    }
}

impl std::error::Error for EventError {}

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Where in the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    /// Before a line or inside one.
    Line,
    /// Before a line, after a CR.
    AfterCr,
    /// Inside a comment line, of which nothing is kept.
    Comment,
}

impl Spot {
    /// After the byte that ended a line.
    const fn after(end: u8) -> Self {
        if end == b'\r' {
            Self::AfterCr
        } else {
            Self::Line
        }
    }
}

/// Where the data of the open event is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Data<'c> {
    /// There is none.
    #[default]
    None,
    /// In the chunk.
    Chunk(&'c str),
    /// In `EventMachine::data`.
    Buffer,
}

/// What a line says.
enum Field<'l> {
    Event(&'l [u8]),
    Data(&'l [u8]),
    /// Not in the standard.
    Error(&'l [u8]),
    /// One that nobody here reads: `id` and `retry` are for clients that connect again.
    Unread,
    /// An unknown field, or none.
    Other,
}

/// Reads a stream of server-sent events, in chunks cut anywhere.
///
/// # Examples
///
/// ```
/// use partialfast_core::sse::{EventLimits, EventMachine};
///
/// let mut machine = EventMachine::new(EventLimits::default());
/// let mut seen = Vec::new();
/// for mut chunk in [&b"data: on"[..], b"e\n\ndata: two\r\n\r", b"\n: ping\n\n"] {
///     loop {
///         let fed = machine.feed(chunk)?;
///         chunk = &chunk[fed.consumed..];
///         match fed.event {
///             Some(event) => seen.push(event.data.to_owned()),
///             None => break,
///         }
///     }
/// }
/// assert_eq!(seen, ["one", "two"]);
/// assert!(!machine.is_open());
/// # Ok::<(), partialfast_core::sse::EventError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EventMachine {
    limits: EventLimits,
    /// Offset of the next byte.
    offset: u64,
    /// How many bytes of a byte order mark came at the start of the stream; `None`: that is over.
    mark: Option<usize>,
    spot: Spot,
    /// The open line, if a chunk cut it.
    line: Vec<u8>,
    /// How many bytes the lines of the open event have, without the open line.
    size: usize,
    /// `data`, `event` and `size` are those of an event that was handed out.
    handed_out: bool,
    event: String,
    /// The data lines so far, unless there is one alone and it lies in the chunk.
    data: String,
    /// Whether a chunk before this one had a data line of the open event.
    has_data: bool,
    /// The beginning of the lines that are not fields.
    stray: String,
    error: Option<EventError>,
}

/// How many bytes are remembered of the lines that are not fields.
const MOST_STRAY: usize = 4096;

impl EventMachine {
    /// A machine at the start of a stream.
    #[must_use]
    pub fn new(limits: EventLimits) -> Self {
        Self {
            limits,
            offset: 0,
            mark: Some(0),
            spot: Spot::Line,
            line: Vec::new(),
            size: 0,
            handed_out: false,
            event: String::new(),
            data: String::new(),
            has_data: false,
            stray: String::new(),
            error: None,
        }
    }

    /// How many bytes of the stream were used: up to the offending one, if there was an error.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The lines of the stream so far that are not fields, an open one included: what a server writes that
    /// fails before it comes to events, or among them. The beginning, if there is much of it.
    #[must_use]
    pub fn stray(&self) -> &str {
        &self.stray
    }

    /// Whether the stream stands inside an event. At its end such an event is dropped, as the standard
    /// says; a caller who wants to know that something was cut off can ask here, or have what there is
    /// of it with [`EventMachine::end`]. (An error is inside an event.)
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.error.is_some() || !self.handed_out && (self.size > 0 || !self.line.is_empty())
    }

    /// Reads up to the end of the next event. Call again with the rest of the chunk until there is no
    /// event; a rest that is empty may be fed or not.
    ///
    /// # Errors
    ///
    /// [`EventErrorKind::InvalidUtf8`] and [`EventErrorKind::EventLimit`], with the same offset for
    /// every way to cut the stream. All later calls return the same error.
    pub fn feed<'a>(&'a mut self, chunk: &'a [u8]) -> Result<Fed<'a>, EventError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.handed_out {
            self.forget_event();
        }
        match self.run(chunk) {
            Ok((consumed, data)) => {
                self.offset += consumed as u64;
                let data = match data {
                    Data::None => {
                        return Ok(Fed {
                            consumed,
                            event: None,
                        });
                    }
                    Data::Chunk(data) => data,
                    Data::Buffer => &self.data,
                };
                Ok(Fed {
                    consumed,
                    event: Some(Event {
                        event: self.name(),
                        data,
                    }),
                })
            }
            Err(error) => {
                self.offset = error.offset;
                self.error = Some(error);
                Err(error)
            }
        }
    }

    /// Ends the stream: the event that it stands in, if that has data. Its last line may have been cut.
    ///
    /// # Errors
    ///
    /// As those of [`EventMachine::feed`].
    pub fn end(&mut self) -> Result<Option<Event<'_>>, EventError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.handed_out {
            self.forget_event();
        }
        let mut data = if self.has_data {
            Data::Buffer
        } else {
            Data::None
        };
        if !self.line.is_empty() && self.spot != Spot::Comment {
            self.read_line(&[], 0..0, &mut data)
                .inspect_err(|error| self.error = Some(*error))?;
        }
        if data == Data::None {
            return Ok(None);
        }
        self.handed_out = true;
        Ok(Some(Event {
            event: self.name(),
            data: &self.data,
        }))
    }

    fn name(&self) -> &str {
        if self.event.is_empty() {
            "message"
        } else {
            &self.event
        }
    }

    /// Forgets the stream. Limits and buffers are kept.
    pub fn reset(&mut self) {
        self.forget_event();
        self.line.clear();
        self.offset = 0;
        self.mark = Some(0);
        self.spot = Spot::Line;
        self.stray.clear();
        self.error = None;
    }

    fn forget_event(&mut self) {
        self.event.clear();
        self.data.clear();
        self.has_data = false;
        self.size = 0;
        self.handed_out = false;
    }

    fn run<'c>(&mut self, chunk: &'c [u8]) -> Result<(usize, Data<'c>), EventError> {
        let mut at = self.skip_mark(chunk);
        let mut data = if self.has_data {
            Data::Buffer
        } else {
            Data::None
        };
        while at < chunk.len() {
            if self.spot == Spot::AfterCr {
                self.spot = Spot::Line;
                if chunk[at] == b'\n' {
                    at += 1;
                    continue;
                }
            }
            if self.line.is_empty() && chunk[at] == b':' {
                self.spot = Spot::Comment;
            }
            let end = memchr2(b'\n', b'\r', &chunk[at..]).map(|length| at + length);
            if self.spot == Spot::Comment {
                let Some(end) = end else {
                    at = chunk.len();
                    break;
                };
                self.spot = Spot::after(chunk[end]);
                at = end + 1;
                continue;
            }
            let piece = at..end.unwrap_or(chunk.len());
            self.check_size(chunk, &piece)?;
            let Some(end) = end else {
                self.line.extend_from_slice(&chunk[piece]);
                at = chunk.len();
                break;
            };
            self.spot = Spot::after(chunk[end]);
            at = end + 1;
            if self.line.is_empty() && piece.is_empty() {
                if data == Data::None {
                    // No data, no event: what else it had is dropped.
                    self.forget_event();
                    continue;
                }
                self.handed_out = true;
                return Ok((at, data));
            }
            self.read_line(chunk, piece, &mut data)?;
        }
        if let Data::Chunk(data) = data {
            self.keep(data);
        }
        Ok((at, Data::None))
    }

    /// The open line, of which `piece` is what this chunk has, must not make the event too long.
    #[inline]
    fn check_size(&self, chunk: &[u8], piece: &Range<usize>) -> Result<(), EventError> {
        let before = self.size + self.line.len();
        if before + piece.len() <= self.limits.max_event {
            return Ok(());
        }
        let allowed = self.limits.max_event - before;
        let mut line = self.line.clone();
        line.extend_from_slice(&chunk[piece.start..piece.start + allowed]);
        let start = self.line_start(piece);
        if let Field::Event(value) | Field::Data(value) | Field::Error(value) = field(&line) {
            let possible = utf8::examine(value).possible;
            if possible < value.len() {
                return Err(invalid_utf8(start, line.len() - value.len() + possible));
            }
        }
        Err(EventError {
            kind: EventErrorKind::EventLimit,
            offset: start + line.len() as u64,
        })
    }

    /// Offset of the first byte of the open line.
    fn line_start(&self, piece: &Range<usize>) -> u64 {
        self.offset + piece.start as u64 - self.line.len() as u64
    }

    /// Reads a line that has come to its end.
    fn read_line<'c>(
        &mut self,
        chunk: &'c [u8],
        piece: Range<usize>,
        data: &mut Data<'c>,
    ) -> Result<(), EventError> {
        let start = self.line_start(&piece);
        let piece = &chunk[piece];
        if self.line.is_empty() {
            return self.read_field(piece, start, data, |text| Some(Data::Chunk(text)));
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(piece);
        self.read_field(&line, start, data, |_| None)?;
        line.clear();
        self.line = line;
        Ok(())
    }

    /// Reads what a line says that begins at `start`. `in_chunk` makes data of text that lies in the
    /// chunk.
    #[inline]
    fn read_field<'l, 'c>(
        &mut self,
        line: &'l [u8],
        start: u64,
        data: &mut Data<'c>,
        in_chunk: impl FnOnce(&'l str) -> Option<Data<'c>>,
    ) -> Result<(), EventError> {
        let check = |value: &'l [u8]| checked(value, start, line.len() - value.len());
        self.size += line.len();
        let field = field(line);
        let is_error = matches!(field, Field::Error(_));
        match field {
            Field::Event(value) => {
                self.event.clear();
                self.event.push_str(check(value)?);
            }
            Field::Data(value) | Field::Error(value) => {
                let text = check(value)?;
                if is_error {
                    "error".clone_into(&mut self.event);
                }
                match *data {
                    Data::None => {
                        if let Some(alone) = in_chunk(text) {
                            *data = alone;
                            return Ok(());
                        }
                    }
                    Data::Chunk(first) => {
                        self.keep(first);
                        self.data.push('\n');
                    }
                    Data::Buffer => self.data.push('\n'),
                }
                self.keep(text);
                *data = Data::Buffer;
            }
            Field::Other => add_stray(&mut self.stray, line),
            Field::Unread => {}
        }
        Ok(())
    }

    /// Copies data that the chunk will take with it.
    fn keep(&mut self, data: &str) {
        self.data.push_str(data);
        self.has_data = true;
    }

    /// A byte order mark at the start of the stream is skipped, also when it comes in pieces.
    fn skip_mark(&mut self, chunk: &[u8]) -> usize {
        let Some(mut seen) = self.mark else {
            return 0;
        };
        let mut at = 0;
        while at < chunk.len() {
            if seen < BOM.len() && chunk[at] == BOM[seen] {
                seen += 1;
                at += 1;
                continue;
            }
            if seen < BOM.len() {
                // It was not one: these bytes begin the first line. (Those of this chunk are still there.)
                self.line.extend_from_slice(&BOM[..seen - at]);
                at = 0;
            }
            self.mark = None;
            return at;
        }
        self.mark = Some(seen);
        at
    }
}

/// Takes a line apart: the name ends at the first colon, and one space after it is not part of the
/// value.
fn field(line: &[u8]) -> Field<'_> {
    let (name, value) = match memchr(b':', line) {
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        None => (line, &line[line.len()..]),
    };
    let value = value.strip_prefix(b" ").unwrap_or(value);
    match name {
        b"data" => Field::Data(value),
        b"event" => Field::Event(value),
        b"id" | b"retry" => Field::Unread,
        b"error" => Field::Error(value),
        _ => Field::Other,
    }
}

/// Remembers a line that is not a field, as far as there is room.
#[cold]
fn add_stray(stray: &mut String, line: &[u8]) {
    if stray.len() >= MOST_STRAY {
        return;
    }
    let length = line.len().min(MOST_STRAY - stray.len());
    stray.push_str(&String::from_utf8_lossy(&line[..length]));
    stray.push('\n');
}

/// The text of a value that stands at `at` in the line that begins at `start`.
#[inline]
fn checked(value: &[u8], start: u64, at: usize) -> Result<&str, EventError> {
    from_utf8(value).map_err(|_| invalid_utf8(start, at + utf8::examine(value).possible))
}

#[cold]
fn invalid_utf8(start: u64, at: usize) -> EventError {
    EventError {
        kind: EventErrorKind::InvalidUtf8,
        offset: start + at as u64,
    }
}
