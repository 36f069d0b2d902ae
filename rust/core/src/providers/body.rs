//! The body of a response: bytes in, deltas out, whatever the framing and the dialect.
//!
//! A server that fails often writes something else than the events that it was asked for: a JSON
//! object, a page, a line of words among the events. A body that begins like JSON is read as one event
//! when it is at its end, which is also what an answer is that was not streamed; what is not an event
//! is passed on in the server's own words.

use super::{AnyDialect, Delta, Dialect};
use crate::eventstream::{MessageLimits, MessageMachine};
use crate::lines::{LineLimits, LineMachine};
use crate::sse::{Event, EventLimits, EventMachine};

/// How events stand in the body of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// Server-sent events.
    Events,
    /// Messages of AWS's event stream.
    Messages,
    /// Lines of JSON.
    Lines,
}

/// What a call of [`BodyReader::feed`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Fed {
    /// An event was read, of which this many bytes of the chunk were the end. There may be more.
    Event(usize),
    /// All of the chunk was used.
    All,
}

#[derive(Debug)]
enum Frames {
    Events(Box<EventMachine>),
    Messages(MessageMachine),
    Lines(LineMachine),
    /// The body is one JSON text.
    Body(Vec<u8>),
}

/// Reads the body of a response, an event at a time.
///
/// After [`Delta::Done`], [`Delta::ServerError`] or [`Delta::Corrupt`] nothing is read any more.
///
/// # Examples
///
/// ```
/// use partialfast_core::providers::{AnyDialect, Delta, Fed, BodyReader};
///
/// let mut stream = BodyReader::new(AnyDialect::named("openai_chat").expect("there is such a dialect"));
/// let mut text = String::new();
/// let mut block: &[u8] = b"data: {\"choices\": [{\"delta\": {\"content\": \"Hi\"}}]}\n\ndata: [DONE]\n\n";
/// while let Fed::Event(length) = stream.feed(block, &mut |delta| {
///     if let Delta::Piece { text: piece, .. } = delta {
///         text.push_str(piece);
///     }
/// }) {
///     block = &block[length..];
/// }
/// assert_eq!(text, "Hi");
/// ```
#[derive(Debug)]
pub struct BodyReader {
    frames: Frames,
    reading: Reading,
    /// Something other than a byte order mark and white space has come.
    begun: bool,
    /// How many bytes of a byte order mark came at the start.
    mark: usize,
}

/// Where the reading of events stands.
#[derive(Debug)]
struct Reading {
    dialect: AnyDialect,
    /// What follows is of no interest.
    over: bool,
    /// The last event was the last one of interest, which is still to be said.
    done: bool,
    /// Something was said.
    said: bool,
}

/// A body that is one JSON text may have so many bytes, as an event may.
const MOST_BODY: usize = 16 << 20;
/// So many bytes are shown of a body that cannot be read.
const MOST_SHOWN: usize = 4096;
/// May stand before any text.
const BOM: &[u8] = b"\xEF\xBB\xBF";

impl BodyReader {
    /// A reader that comes before the body.
    #[must_use]
    pub fn new(dialect: AnyDialect) -> Self {
        let frames = match dialect.framing() {
            Framing::Events => Frames::Events(Box::new(EventMachine::new(EventLimits::default()))),
            Framing::Messages => Frames::Messages(MessageMachine::new(MessageLimits::default())),
            Framing::Lines => Frames::Lines(LineMachine::new(LineLimits::default())),
        };
        Self {
            frames,
            reading: Reading {
                dialect,
                over: false,
                done: false,
                said: false,
            },
            begun: false,
            mark: 0,
        }
    }

    /// Whether what follows is of no interest.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.reading.over
    }

    /// Reads nothing any more.
    pub fn stop(&mut self) {
        self.reading.over = true;
    }

    /// Reads up to the end of the next event.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut impl FnMut(Delta<'_>)) -> Fed {
        if self.reading.over {
            return Fed::All;
        }
        let chunk = if self.begun { chunk } else { self.begin(chunk) };
        let reading = &mut self.reading;
        let consumed = match &mut self.frames {
            Frames::Events(machine) => match machine.feed(chunk) {
                Ok(fed) => {
                    let Some(event) = fed.event else {
                        return Fed::All;
                    };
                    reading.read(name_of(&event), event.data, sink);
                    fed.consumed
                }
                Err(error) => return reading.corrupt(&error.to_string(), sink),
            },
            Frames::Messages(machine) => match machine.feed(chunk) {
                Ok(fed) => {
                    let Some(message) = fed.message else {
                        return Fed::All;
                    };
                    if let Some(said) = message.failure() {
                        reading.over = true;
                        sink(Delta::ServerError { said: &said });
                        return Fed::All;
                    }
                    reading.read(message.name, message.data, sink);
                    fed.consumed
                }
                Err(error) => return reading.corrupt(&error.to_string(), sink),
            },
            Frames::Lines(machine) => match machine.feed(chunk) {
                Ok(fed) => {
                    let Some(line) = fed.line else {
                        return Fed::All;
                    };
                    reading.read("", line, sink);
                    fed.consumed
                }
                Err(error) => return reading.corrupt(&error.to_string(), sink),
            },
            Frames::Body(body) => {
                if body.len() + chunk.len() > MOST_BODY {
                    return reading.corrupt("a body of JSON is longer than the limit", sink);
                }
                body.extend_from_slice(chunk);
                return Fed::All;
            }
        };
        self.conclude(sink);
        Fed::Event(consumed)
    }

    /// Tells from the beginning of the body what it is. The chunk, without what stands before JSON.
    fn begin<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        let mut at = 0;
        while let Some(byte) = chunk.get(at) {
            if BOM.get(self.mark) == Some(byte) {
                self.mark += 1;
            } else if byte.is_ascii_whitespace() && matches!(self.mark, 0 | 3) {
                // No mark comes after it.
                self.mark = BOM.len();
            } else {
                break;
            }
            at += 1;
        }
        if at == chunk.len() {
            return chunk;
        }
        self.begun = true;
        // A line of server-sent events cannot begin so, nor can a message. Lines of JSON do.
        let is_json = matches!(chunk[at], b'{' | b'[') && matches!(self.mark, 0 | 3);
        if is_json && !matches!(self.frames, Frames::Lines(_)) {
            self.frames = Frames::Body(Vec::new());
            return &chunk[at..];
        }
        chunk
    }

    /// Reads an event that came by other ways than as bytes.
    pub fn event(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        if !self.reading.over {
            self.reading.read(name, data, sink);
            self.conclude(sink);
        }
    }

    /// Nothing follows: the connection was closed as it should be.
    ///
    /// The last event need not have come to its end. One that was cut off is not read: that the answer
    /// lacks something is seen from what there is of it.
    pub fn end(&mut self, sink: &mut impl FnMut(Delta<'_>)) {
        let reading = &mut self.reading;
        if reading.over {
            return;
        }
        match &mut self.frames {
            Frames::Events(machine) => match machine.end() {
                Ok(Some(event)) => reading.read_if_whole(name_of(&event), event.data, sink),
                Ok(None) => {}
                Err(error) => {
                    let _ = reading.corrupt(&error.to_string(), sink);
                }
            },
            Frames::Lines(machine) => match machine.end() {
                Ok(Some(line)) => reading.read_if_whole("", line, sink),
                Ok(None) => {}
                Err(error) => {
                    let _ = reading.corrupt(&error.to_string(), sink);
                }
            },
            Frames::Body(body) => {
                if let Ok(body) = str::from_utf8(body) {
                    reading.read_if_whole("", body, sink);
                }
                if !reading.said {
                    let shown = &body[..body.len().min(MOST_SHOWN)];
                    sink(Delta::Stray {
                        said: &String::from_utf8_lossy(shown),
                    });
                }
            }
            Frames::Messages(_) => {}
        }
        if !self.reading.over {
            self.reading.dialect.end(sink);
            self.reading.over = true;
            self.say_stray(sink);
        }
        self.conclude(sink);
    }

    /// Says at last that all is over, after what was not an event.
    fn conclude(&mut self, sink: &mut impl FnMut(Delta<'_>)) {
        if std::mem::take(&mut self.reading.done) {
            self.say_stray(sink);
            sink(Delta::Done);
        }
    }

    fn say_stray(&self, sink: &mut impl FnMut(Delta<'_>)) {
        if let Frames::Events(machine) = &self.frames
            && let said = machine.stray().trim()
            && !said.is_empty()
        {
            sink(Delta::Stray { said });
        }
    }
}

impl Reading {
    /// Reads an event. What comes after the last delta of interest is not passed on.
    fn read(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        let Self {
            dialect,
            over,
            done,
            said,
        } = self;
        // A heartbeat.
        if data.trim_ascii().is_empty() {
            return;
        }
        dialect.read(name, data, &mut |delta: Delta<'_>| {
            if *over {
                return;
            }
            *said = true;
            match delta {
                Delta::Done => {
                    *over = true;
                    *done = true;
                }
                Delta::ServerError { .. } | Delta::Corrupt { .. } => {
                    *over = true;
                    sink(delta);
                }
                _ => sink(delta),
            }
        });
    }

    /// Reads an event that may have been cut off.
    fn read_if_whole(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        let mut cut = false;
        self.read(name, data, &mut |delta: Delta<'_>| {
            if matches!(delta, Delta::Corrupt { .. }) {
                cut = true;
            } else {
                sink(delta);
            }
        });
        if cut {
            self.over = false;
            self.said = false;
        }
    }

    #[cold]
    fn corrupt(&mut self, why: &str, sink: &mut impl FnMut(Delta<'_>)) -> Fed {
        self.over = true;
        sink(Delta::Corrupt { why });
        Fed::All
    }
}

/// What an event is called; empty for what the standard calls an event that has no name.
fn name_of<'a>(event: &Event<'a>) -> &'a str {
    if event.event == "message" {
        ""
    } else {
        event.event
    }
}
