//! The resumable machine for AWS's event streams. Everything that affects its state lives in this
//! file.
//!
//! # Theory of operation
//!
//! A message is twelve bytes (its length, that of its headers, a checksum of the two), the headers,
//! the payload, and a checksum of all before it ("Event stream encoding", Amazon Transcribe's
//! developer guide; Smithy's `eventstream` specification). One that lies in a chunk is read where it
//! is; one that a chunk cuts is collected in `buffer` first. The lengths are looked at as soon as
//! they are there: nothing is collected for a message that is too long.
//!
//! An error has the same offset for every way to cut the stream, since each part of a message is
//! looked at when it is there as a whole, and errors of the beginning come first.

use std::fmt;
use std::ops::Range;

use super::crc::crc32;

/// Bounds on what a stream may make grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// How many bytes a message may have. Default 24 MiB: what the services allow is 16 MiB of
    /// payload and 128 KiB of headers.
    pub max_message: usize,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self {
            max_message: 24 << 20,
        }
    }
}

/// What a message is (`:message-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// An event of the service's model.
    Event,
    /// An error of the service's model.
    Exception,
    /// Any other error.
    Error,
}

/// A message, borrowed from the chunk or from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is.
    pub kind: MessageKind,
    /// Its name: `:event-type`, `:exception-type` or `:error-code`.
    pub name: &'a str,
    /// The payload; of an [`MessageKind::Error`], which has none, the `:error-message`.
    pub data: &'a str,
}

impl Message<'_> {
    /// What the service says of its failure; `None` of an event.
    ///
    /// An exception becomes what the SDKs make of it, an object whose member is the exception.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        match self.kind {
            MessageKind::Event => None,
            MessageKind::Exception if self.data.trim_start().starts_with('{') => {
                Some(format!("{{{:?}: {}}}", self.name, self.data))
            }
            _ if self.data.is_empty() => Some(self.name.to_owned()),
            _ => Some(format!("{}: {}", self.name, self.data)),
        }
    }
}

/// What a call of [`MessageMachine::feed`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Fed<'a> {
    /// How many bytes of the chunk were used: all of them, unless a message ended among them.
    pub consumed: usize,
    /// The message that ended. `None`: all was used, and more is needed.
    pub message: Option<Message<'a>>,
}

/// Why the stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageErrorKind {
    /// The lengths do not fit their checksum.
    PreludeChecksum,
    /// A message does not fit its checksum.
    MessageChecksum,
    /// Lengths that no message can have.
    InvalidLength,
    /// A message with more bytes than the configured limit.
    MessageLimit,
    /// Headers that are not as the encoding wants them.
    InvalidHeaders,
    /// A payload or a header that is used is not UTF-8.
    InvalidUtf8,
}

impl MessageErrorKind {
    /// The stable snake-case name, as shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreludeChecksum => "prelude_checksum",
            Self::MessageChecksum => "message_checksum",
            Self::InvalidLength => "invalid_length",
            Self::MessageLimit => "message_limit",
            Self::InvalidHeaders => "invalid_headers",
            Self::InvalidUtf8 => "invalid_utf8",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::PreludeChecksum => "the lengths of a message do not fit their checksum",
            Self::MessageChecksum => "a message does not fit its checksum",
            Self::InvalidLength => "a message with lengths that cannot be",
            Self::MessageLimit => "a message of the stream is longer than the limit",
            Self::InvalidHeaders => "a message whose headers cannot be read",
            Self::InvalidUtf8 => "invalid UTF-8 in a message of the stream",
        }
    }
}

/// An error and where it stands in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageError {
    /// What is wrong.
    pub kind: MessageErrorKind,
    /// Bytes of the stream before the message that it is wrong with.
    pub offset: u64,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.kind.message(), self.offset)
    }
}

impl std::error::Error for MessageError {}

/// The two lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum at the end.
const CHECKSUM: usize = 4;

/// Reads a stream of messages, in chunks cut anywhere.
///
/// # Examples
///
/// ```
/// use partialfast_core::eventstream::{MessageKind, MessageLimits, MessageMachine};
///
/// let stream = b"\0\0\0\x2a\0\0\0\x12\x1d\xea\x99\x84\x0b:event-type\x07\0\x03endnot JSON\xe8\x1c\xbb\x12";
/// let mut machine = MessageMachine::new(MessageLimits::default());
/// let fed = machine.feed(stream)?;
/// let message = fed.message.expect("one message");
/// assert_eq!((message.kind, message.name, message.data), (MessageKind::Event, "end", "not JSON"));
/// # Ok::<(), partialfast_core::eventstream::MessageError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageMachine {
    limits: MessageLimits,
    /// Offset of the message that is open.
    start: u64,
    /// What came of it.
    buffer: Vec<u8>,
    /// The buffer holds a message that was handed out.
    handed_out: bool,
    error: Option<MessageError>,
}

/// Where the parts of a message are.
struct Parts {
    kind: MessageKind,
    name: Range<usize>,
    data: Range<usize>,
}

impl MessageMachine {
    /// A machine in front of a stream.
    #[must_use]
    pub fn new(limits: MessageLimits) -> Self {
        Self {
            limits,
            start: 0,
            buffer: Vec::new(),
            handed_out: false,
            error: None,
        }
    }

    /// Whether the stream stands inside a message. (An error is inside a message.)
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.error.is_some() || !self.handed_out && !self.buffer.is_empty()
    }

    /// Reads up to the end of the next message. Call again with the rest of the chunk until there is
    /// none; a rest that is empty may be fed or not.
    ///
    /// # Errors
    ///
    /// Any [`MessageErrorKind`], with the same offset for every way to cut the stream. All later
    /// calls return the same error.
    pub fn feed<'a>(&'a mut self, chunk: &'a [u8]) -> Result<Fed<'a>, MessageError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.handed_out {
            self.buffer.clear();
            self.handed_out = false;
        }
        let (consumed, parts) = match self.run(chunk) {
            Ok(done) => done,
            Err(kind) => {
                let error = MessageError {
                    kind,
                    offset: self.start,
                };
                self.error = Some(error);
                return Err(error);
            }
        };
        let Some(parts) = parts else {
            return Ok(Fed {
                consumed,
                message: None,
            });
        };
        let bytes = if self.handed_out { &self.buffer } else { chunk };
        self.start += bytes_of(bytes) as u64;
        // It was checked before; this is a change of type.
        let text = |range| str::from_utf8(&bytes[range]).unwrap_or_default();
        Ok(Fed {
            consumed,
            message: Some(Message {
                kind: parts.kind,
                name: text(parts.name),
                data: text(parts.data),
            }),
        })
    }

    fn run(&mut self, chunk: &[u8]) -> Result<(usize, Option<Parts>), MessageErrorKind> {
        let mut consumed = 0;
        if self.buffer.is_empty() {
            if chunk.len() >= PRELUDE {
                let length = self.length(chunk)?;
                if let Some(message) = chunk.get(..length) {
                    return Ok((length, Some(parts(message)?)));
                }
            }
        } else if self.buffer.len() < PRELUDE {
            consumed = chunk.len().min(PRELUDE - self.buffer.len());
            self.buffer.extend_from_slice(&chunk[..consumed]);
        }
        let rest = &chunk[consumed..];
        if self.buffer.len() < PRELUDE {
            // The chunk ends inside its message.
            self.buffer.extend_from_slice(rest);
            return Ok((chunk.len(), None));
        }
        let length = self.length(&self.buffer)?;
        let wanted = rest.len().min(length - self.buffer.len());
        self.buffer.extend_from_slice(&rest[..wanted]);
        consumed += wanted;
        if self.buffer.len() < length {
            return Ok((consumed, None));
        }
        let parts = parts(&self.buffer)?;
        self.handed_out = true;
        Ok((consumed, Some(parts)))
    }

    /// The length of the message that begins here.
    fn length(&self, bytes: &[u8]) -> Result<usize, MessageErrorKind> {
        if word(bytes, 8) as usize != crc32(&bytes[..8]) as usize {
            return Err(MessageErrorKind::PreludeChecksum);
        }
        let (length, headers) = (bytes_of(bytes), word(bytes, 4) as usize);
        if length < PRELUDE + CHECKSUM || length - PRELUDE - CHECKSUM < headers {
            return Err(MessageErrorKind::InvalidLength);
        }
        if length > self.limits.max_message {
            return Err(MessageErrorKind::MessageLimit);
        }
        Ok(length)
    }
}

/// A number in network order.
fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
    u32::from_be_bytes(word.unwrap_or_default())
}

/// How long the message that begins here says it is.
fn bytes_of(bytes: &[u8]) -> usize {
    word(bytes, 0) as usize
}

fn parts(message: &[u8]) -> Result<Parts, MessageErrorKind> {
    let end = message.len() - CHECKSUM;
    if word(message, end) != crc32(&message[..end]) {
        return Err(MessageErrorKind::MessageChecksum);
    }
    let payload = PRELUDE + word(message, 4) as usize;
    let headers = Headers::read(message, PRELUDE..payload)?;
    let kind = match headers.kind.map(|range| &message[range]) {
        Some(b"exception") => MessageKind::Exception,
        Some(b"error") => MessageKind::Error,
        _ => MessageKind::Event,
    };
    let none = payload..payload;
    let (name, data) = match kind {
        MessageKind::Event => (headers.event, payload..end),
        MessageKind::Exception => (headers.exception, payload..end),
        MessageKind::Error => {
            let said = headers.message.filter(|said| !said.is_empty());
            (headers.code, said.unwrap_or(payload..end))
        }
    };
    let name = name.unwrap_or(none);
    for used in [&name, &data] {
        if str::from_utf8(&message[used.clone()]).is_err() {
            return Err(MessageErrorKind::InvalidUtf8);
        }
    }
    Ok(Parts { kind, name, data })
}

/// The headers that were not read yet.
struct Rest(Range<usize>);

impl Rest {
    fn take(&mut self, length: usize) -> Result<Range<usize>, MessageErrorKind> {
        let taken = self.0.start..self.0.start + length;
        if taken.end > self.0.end {
            return Err(MessageErrorKind::InvalidHeaders);
        }
        self.0.start = taken.end;
        Ok(taken)
    }
}

/// Where the texts of the headers are that matter.
#[derive(Default)]
struct Headers {
    kind: Option<Range<usize>>,
    event: Option<Range<usize>>,
    exception: Option<Range<usize>>,
    code: Option<Range<usize>>,
    message: Option<Range<usize>>,
}

impl Headers {
    fn read(message: &[u8], place: Range<usize>) -> Result<Self, MessageErrorKind> {
        let mut rest = Rest(place);
        let mut headers = Self::default();
        while !rest.0.is_empty() {
            let byte = |range: Range<usize>| usize::from(message[range.start]);
            let name = byte(rest.take(1)?);
            let name = rest.take(name)?;
            let kind = byte(rest.take(1)?);
            let length = match kind {
                // true, false
                0 | 1 => 0,
                // The numbers, a time, a UUID
                2 => 1,
                3 => 2,
                4 => 4,
                5 | 8 => 8,
                9 => 16,
                // Bytes and a text
                6 | 7 => {
                    let length = rest.take(2)?;
                    byte(length.clone()) << 8 | usize::from(message[length.start + 1])
                }
                _ => return Err(MessageErrorKind::InvalidHeaders),
            };
            let value = rest.take(length)?;
            if kind == 7 {
                headers.keep(&message[name], value);
            }
        }
        Ok(headers)
    }

    fn keep(&mut self, name: &[u8], value: Range<usize>) {
        let place = match name {
            b":message-type" => &mut self.kind,
            b":event-type" => &mut self.event,
            b":exception-type" => &mut self.exception,
            b":error-code" => &mut self.code,
            b":error-message" => &mut self.message,
            _ => return,
        };
        *place = Some(value);
    }
}
