//! Amazon Bedrock's `ConverseStream`, and the chunks of `InvokeModelWithResponseStream`.
//!
//! An event's name is its type; where events are listed without their framing (and in `boto3`),
//! the type is the one member of an object around the event. Usage comes after the end of the
//! message, so there is no last event but the end of the stream.
//!
//! `InvokeModelWithResponseStream` wraps what the model itself writes in base64; Anthropic's models
//! write what they write everywhere.

use std::collections::HashMap;

use super::anthropic::Anthropic;
use super::facts::{self, Fact, Facts};
use super::pick::{Place, Want};
use super::reader::Reader;
use super::{Delta, Dialect, Outcome, Part};
use crate::json::Limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// An event inside the object around it.
    MessageStart,
    BlockStart,
    BlockDelta,
    BlockStop,
    MessageStop,
    Metadata,
    Chunk,
    Exception,
    Message,
    Block,
    // What the events say
    Index,
    ToolUse,
    ToolId,
    ToolFunction,
    ToolType,
    Input,
    Text,
    Reasoning,
    StopReason,
    Usage,
    Bytes,
    Type,
}

static ROOT: Want<Name> = Want::Members(&Place {
    members: &[
        ("contentBlockIndex", Want::Index(Name::Index)),
        ("delta", Want::Members(&DELTA)),
        ("start", Want::Members(&START)),
        ("stopReason", Want::Text(Name::StopReason)),
        ("usage", Want::Raw(Name::Usage)),
        ("bytes", Want::Text(Name::Bytes)),
        // What Anthropic's models write, out of its chunk.
        ("type", Want::Text(Name::Type)),
        ("messageStart", Want::Object(Name::MessageStart, &EVENT)),
        ("contentBlockStart", Want::Object(Name::BlockStart, &EVENT)),
        ("contentBlockDelta", Want::Object(Name::BlockDelta, &EVENT)),
        ("contentBlockStop", Want::Object(Name::BlockStop, &EVENT)),
        ("messageStop", Want::Object(Name::MessageStop, &EVENT)),
        ("metadata", Want::Object(Name::Metadata, &EVENT)),
        ("chunk", Want::Object(Name::Chunk, &EVENT)),
        ("internalServerException", Want::Raw(Name::Exception)),
        ("modelStreamErrorException", Want::Raw(Name::Exception)),
        ("modelTimeoutException", Want::Raw(Name::Exception)),
        ("serviceUnavailableException", Want::Raw(Name::Exception)),
        ("throttlingException", Want::Raw(Name::Exception)),
        ("validationException", Want::Raw(Name::Exception)),
        ("output", Want::Members(&OUTPUT)),
    ],
});

/// Where the answer is no stream, the message stands here.
static OUTPUT: Place<Name> = Place {
    members: &[("message", Want::Object(Name::Message, &MESSAGE))],
};

static MESSAGE: Place<Name> = Place {
    members: &[("content", Want::Each(Name::Block, &BLOCK))],
};

static BLOCK: Place<Name> = Place {
    members: &[
        ("text", Want::Text(Name::Text)),
        ("toolUse", Want::Object(Name::ToolUse, &TOOL_USE)),
        ("reasoningContent", Want::Members(&REASONED)),
    ],
};

static REASONED: Place<Name> = Place {
    members: &[("reasoningText", Want::Members(&REASONING))],
};

static EVENT: Place<Name> = Place {
    members: &[
        ("contentBlockIndex", Want::Index(Name::Index)),
        ("delta", Want::Members(&DELTA)),
        ("start", Want::Members(&START)),
        ("stopReason", Want::Text(Name::StopReason)),
        ("usage", Want::Raw(Name::Usage)),
        ("bytes", Want::Text(Name::Bytes)),
    ],
};

static START: Place<Name> = Place {
    members: &[("toolUse", Want::Object(Name::ToolUse, &TOOL_USE))],
};

static TOOL_USE: Place<Name> = Place {
    members: &[
        ("toolUseId", Want::Text(Name::ToolId)),
        ("name", Want::Text(Name::ToolFunction)),
        ("type", Want::Text(Name::ToolType)),
        ("input", Want::TextOrJson(Name::Input)),
    ],
};

static DELTA: Place<Name> = Place {
    members: &[
        ("text", Want::Text(Name::Text)),
        ("toolUse", Want::Members(&TOOL_USE)),
        ("reasoningContent", Want::Members(&REASONING)),
    ],
};

static REASONING: Place<Name> = Place {
    members: &[("text", Want::Text(Name::Reasoning))],
};

/// Who is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The caller: the number of the call.
    Caller(u64),
    /// A tool of the server's own.
    Server,
}

/// Answers of Bedrock's, streamed.
#[derive(Debug)]
pub struct Bedrock {
    reader: Reader<Name, Facts<Name>>,
    /// The calls that are open, by the index of their block.
    open: HashMap<u64, Asked>,
    /// How many calls there were.
    calls: u64,
    limits: Limits,
    /// Reads the chunks of a model of Anthropic's.
    anthropic: Option<Box<Anthropic>>,
}

impl Default for Bedrock {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Bedrock {
    /// A reader of an answer's events within the limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            reader: Reader::new(&ROOT, limits),
            open: HashMap::new(),
            calls: 0,
            limits,
            anthropic: None,
        }
    }
}

/// The answer has one choice.
const CHOICE: u64 = 0;

impl Dialect for Bedrock {
    fn read(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        let Self {
            reader,
            open,
            calls,
            limits,
            anthropic,
        } = self;
        let Some((facts, data)) = facts::read(reader, data, sink) else {
            return;
        };
        if facts.has(Name::Exception) {
            return sink(Delta::ServerError { said: data });
        }
        let index = facts.index(Name::Index).unwrap_or(0);
        let is = |event: &str, wrapped| name == event || facts.has(wrapped);
        if is("contentBlockDelta", Name::BlockDelta) {
            read_delta(facts, open.get(&index).copied(), sink);
        } else if is("contentBlockStart", Name::BlockStart) {
            if !facts.has(Name::ToolUse) {
                return;
            }
            let own = facts.text(Name::ToolType) == Some("server_tool_use");
            let asked = if own {
                Asked::Server
            } else {
                Asked::Caller(*calls)
            };
            open.insert(index, asked);
            if let Asked::Caller(call) = asked {
                *calls += 1;
                sink(Delta::CallBegins {
                    choice: CHOICE,
                    call,
                    id: facts.text(Name::ToolId),
                    name: facts.text(Name::ToolFunction),
                });
            }
        } else if is("contentBlockStop", Name::BlockStop) {
            if let Some(Asked::Caller(call)) = open.remove(&index) {
                sink(Delta::CallEnds {
                    choice: CHOICE,
                    call,
                });
            }
        } else if is("messageStop", Name::MessageStop) {
            read_ending(facts, sink);
        } else if is("metadata", Name::Metadata) {
            if let Some(json) = facts.raw(Name::Usage, data) {
                sink(Delta::Usage { json });
            }
        } else if is("chunk", Name::Chunk) {
            let decoded = facts.text(Name::Bytes).and_then(decode);
            let Some(event) = decoded else {
                return sink(Delta::Corrupt {
                    why: "a chunk whose bytes are not text in base64",
                });
            };
            let inner = anthropic.get_or_insert_with(|| Box::new(Anthropic::new(*limits)));
            inner.read("", &event, sink);
        } else if facts.text(Name::Type).is_some() {
            let inner = anthropic.get_or_insert_with(|| Box::new(Anthropic::new(*limits)));
            inner.read(name, data, sink);
        } else if facts.has(Name::Message) {
            read_message(facts, data, calls, sink);
            if let Some(json) = facts.raw(Name::Usage, data) {
                sink(Delta::Usage { json });
            }
            read_ending(facts, sink);
        }
    }
}

/// A message that is not streamed.
fn read_message(
    facts: &Facts<Name>,
    data: &str,
    calls: &mut u64,
    sink: &mut impl FnMut(Delta<'_>),
) {
    let mut call = Whole::default();
    for fact in facts.iter(data) {
        match fact {
            Fact::Item(Name::ToolUse) => {
                call.read(calls, sink);
                call = Whole {
                    begun: true,
                    ..Whole::default()
                };
            }
            Fact::Text(Name::ToolId, id) => call.id = Some(id),
            Fact::Text(Name::ToolFunction, name) => call.name = Some(name),
            Fact::Text(Name::ToolType, kind) => call.own = kind == "server_tool_use",
            Fact::Raw(Name::Input, input) => call.input = input,
            Fact::Text(Name::Text | Name::Reasoning, "") => {}
            Fact::Text(name @ (Name::Text | Name::Reasoning), text) => sink(Delta::Piece {
                choice: CHOICE,
                part: if name == Name::Text {
                    Part::Text
                } else {
                    Part::Reasoning
                },
                text,
            }),
            _ => {}
        }
    }
    call.read(calls, sink);
}

/// A call that comes whole.
#[derive(Default)]
struct Whole<'a> {
    begun: bool,
    own: bool,
    id: Option<&'a str>,
    name: Option<&'a str>,
    input: &'a str,
}

impl Whole<'_> {
    fn read(&self, calls: &mut u64, sink: &mut impl FnMut(Delta<'_>)) {
        if !self.begun || self.own {
            return;
        }
        let (choice, call) = (CHOICE, *calls);
        *calls += 1;
        sink(Delta::CallBegins {
            choice,
            call,
            id: self.id,
            name: self.name,
        });
        if !self.input.is_empty() {
            sink(Delta::Whole {
                choice,
                part: Part::Call(call),
                text: self.input,
            });
        }
        sink(Delta::CallEnds { choice, call });
    }
}

fn read_ending(facts: &Facts<Name>, sink: &mut impl FnMut(Delta<'_>)) {
    if let Some(reason) = facts.text(Name::StopReason) {
        sink(Delta::Finish {
            choice: CHOICE,
            reason,
            outcome: outcome(reason),
        });
    }
}

fn read_delta(facts: &Facts<Name>, asked: Option<Asked>, sink: &mut impl FnMut(Delta<'_>)) {
    let mut piece = |part, text: Option<&str>| {
        if let Some(text) = text {
            sink(Delta::Piece {
                choice: CHOICE,
                part,
                text,
            });
        }
    };
    piece(Part::Reasoning, facts.text(Name::Reasoning));
    piece(Part::Text, facts.text(Name::Text));
    match (facts.text(Name::Input), asked) {
        (Some(input), Some(Asked::Caller(call))) => piece(Part::Call(call), Some(input)),
        (Some(_), None) => sink(Delta::Corrupt {
            why: "arguments of a call that was not begun",
        }),
        _ => {}
    }
}

/// What a stop reason means (`MessageStopEvent`).
fn outcome(reason: &str) -> Outcome {
    match reason {
        "end_turn" | "stop_sequence" | "tool_use" => Outcome::Whole,
        // Models of Anthropic's pause where their own tools take long.
        "max_tokens" | "model_context_window_exceeded" | "pause_turn" => Outcome::CutOff,
        "guardrail_intervened" | "content_filtered" => Outcome::Filtered,
        "refusal" => Outcome::Refused,
        "malformed_model_output" | "malformed_tool_use" => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}

/// The text that stands in base64 (RFC 4648, section 4); `None` where it does not.
fn decode(text: &str) -> Option<String> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for digit in group {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - group.len());
        let [_, whole @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(&whole[..group.len() - 1]);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn base64_is_decoded() {
        let table = [
            ("", Some("")),
            ("Zg==", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm9v", Some("foo")),
            ("Zm9vYg==", Some("foob")),
            ("w6k=", Some("é")),
            ("Zg=", None),
            ("Zg", None),
            ("Z===", None),
            ("Zm9v====", None),
            ("Zm!v", None),
            ("/w==", None),
        ];
        for (text, bytes) in table {
            assert_eq!(decode(text).as_deref(), bytes, "{text}");
        }
    }
}
