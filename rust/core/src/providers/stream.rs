//! The body of a response: bytes in, deltas out, whatever the framing and the dialect.

use super::{AnyDialect, Delta, Dialect};
use crate::eventstream::{MessageLimits, MessageMachine};
use crate::lines::{LineLimits, LineMachine};
use crate::sse::{EventLimits, EventMachine};

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

/// What a call of [`Stream::feed`] did.
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
}

/// Reads the body of a response, an event at a time.
///
/// After [`Delta::Done`], [`Delta::ServerError`] or [`Delta::Corrupt`] nothing is read any more.
///
/// # Examples
///
/// ```
/// use partialfast_core::providers::{AnyDialect, Delta, Fed, Stream};
///
/// let mut stream = Stream::new(AnyDialect::named("openai_chat").expect("there is such a dialect"));
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
pub struct Stream {
    frames: Frames,
    dialect: AnyDialect,
    over: bool,
}

impl Stream {
    /// A reader in front of the body.
    #[must_use]
    pub fn new(dialect: AnyDialect) -> Self {
        let frames = match dialect.framing() {
            Framing::Events => Frames::Events(Box::new(EventMachine::new(EventLimits::default()))),
            Framing::Messages => Frames::Messages(MessageMachine::new(MessageLimits::default())),
            Framing::Lines => Frames::Lines(LineMachine::new(LineLimits::default())),
        };
        Self {
            frames,
            dialect,
            over: false,
        }
    }

    /// Whether what follows is of no interest.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Reads nothing any more.
    pub fn stop(&mut self) {
        self.over = true;
    }

    /// Reads up to the end of the next event.
    pub fn feed(&mut self, chunk: &[u8], sink: &mut impl FnMut(Delta<'_>)) -> Fed {
        let Self {
            frames,
            dialect,
            over,
        } = self;
        if *over {
            return Fed::All;
        }
        let (consumed, name, data) = match frames {
            Frames::Events(machine) => match machine.feed(chunk) {
                Ok(fed) => match fed.event {
                    // What the standard calls an event that has no name.
                    Some(event) if event.event == "message" => (fed.consumed, "", event.data),
                    Some(event) => (fed.consumed, event.event, event.data),
                    None => return Fed::All,
                },
                Err(error) => return corrupt(over, &error.to_string(), sink),
            },
            Frames::Messages(machine) => match machine.feed(chunk) {
                Ok(fed) => match fed.message {
                    Some(message) => {
                        if let Some(said) = message.failure() {
                            *over = true;
                            sink(Delta::ServerError { said: &said });
                            return Fed::All;
                        }
                        (fed.consumed, message.name, message.data)
                    }
                    None => return Fed::All,
                },
                Err(error) => return corrupt(over, &error.to_string(), sink),
            },
            Frames::Lines(machine) => match machine.feed(chunk) {
                Ok(fed) => match fed.line {
                    Some(line) => (fed.consumed, "", line),
                    None => return Fed::All,
                },
                Err(error) => return corrupt(over, &error.to_string(), sink),
            },
        };
        read(dialect, over, name, data, sink);
        Fed::Event(consumed)
    }

    /// Reads an event that came by other ways than as bytes.
    pub fn event(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        if !self.over {
            read(&mut self.dialect, &mut self.over, name, data, sink);
        }
    }

    /// Nothing follows: the connection was closed as it should be.
    pub fn end(&mut self, sink: &mut impl FnMut(Delta<'_>)) {
        let Self {
            frames,
            dialect,
            over,
        } = self;
        if *over {
            return;
        }
        if let Frames::Lines(machine) = frames {
            match machine.end() {
                Ok(None) => {}
                Ok(Some(line)) => read(dialect, over, "", line, sink),
                Err(error) => {
                    let _ = corrupt(over, &error.to_string(), sink);
                }
            }
        }
        if !*over {
            *over = true;
            dialect.end(sink);
        }
    }
}

/// Reads an event. What comes after the last delta of interest is not passed on.
fn read(
    dialect: &mut AnyDialect,
    over: &mut bool,
    name: &str,
    data: &str,
    sink: &mut impl FnMut(Delta<'_>),
) {
    // A heartbeat.
    if data.trim().is_empty() {
        return;
    }
    dialect.read(name, data, &mut |delta: Delta<'_>| {
        if !*over {
            *over = matches!(
                delta,
                Delta::Done | Delta::ServerError { .. } | Delta::Corrupt { .. }
            );
            sink(delta);
        }
    });
}

#[cold]
fn corrupt(over: &mut bool, why: &str, sink: &mut impl FnMut(Delta<'_>)) -> Fed {
    *over = true;
    sink(Delta::Corrupt { why });
    Fed::All
}
