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
use super::facts::{self, EventFact, EventFacts};
use super::pick::{DialectNames, Want, WantedMembers};
use super::reader::Reader;
use super::single::{self, CallCount, ToldCall};
use super::{Delta, Dialect, Outcome, Part};

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

impl DialectNames for Name {
    const ROOT: &'static Want<Self> = &ROOT;
}

static ROOT: Want<Name> = Want::Members(&WantedMembers {
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

/// Where the answer is not a stream, the message stands here.
static OUTPUT: WantedMembers<Name> = WantedMembers {
    members: &[("message", Want::Object(Name::Message, &MESSAGE))],
};

static MESSAGE: WantedMembers<Name> = WantedMembers {
    members: &[("content", Want::Each(Name::Block, &BLOCK))],
};

static BLOCK: WantedMembers<Name> = WantedMembers {
    members: &[
        ("text", Want::Text(Name::Text)),
        ("toolUse", Want::Object(Name::ToolUse, &TOOL_USE)),
        ("reasoningContent", Want::Members(&REASONED)),
    ],
};

static REASONED: WantedMembers<Name> = WantedMembers {
    members: &[("reasoningText", Want::Members(&REASONING))],
};

static EVENT: WantedMembers<Name> = WantedMembers {
    members: &[
        ("contentBlockIndex", Want::Index(Name::Index)),
        ("delta", Want::Members(&DELTA)),
        ("start", Want::Members(&START)),
        ("stopReason", Want::Text(Name::StopReason)),
        ("usage", Want::Raw(Name::Usage)),
        ("bytes", Want::Text(Name::Bytes)),
    ],
};

static START: WantedMembers<Name> = WantedMembers {
    members: &[("toolUse", Want::Object(Name::ToolUse, &TOOL_USE))],
};

static TOOL_USE: WantedMembers<Name> = WantedMembers {
    members: &[
        ("toolUseId", Want::Text(Name::ToolId)),
        ("name", Want::Text(Name::ToolFunction)),
        ("type", Want::Text(Name::ToolType)),
        ("input", Want::TextOrJson(Name::Input)),
    ],
};

static DELTA: WantedMembers<Name> = WantedMembers {
    members: &[
        ("text", Want::Text(Name::Text)),
        ("toolUse", Want::Members(&TOOL_USE)),
        ("reasoningContent", Want::Members(&REASONING)),
    ],
};

static REASONING: WantedMembers<Name> = WantedMembers {
    members: &[("text", Want::Text(Name::Reasoning))],
};

/// The type of a call of the server's own.
const SERVER_TOOL: &str = "server_tool_use";

/// Who is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The caller: the number of the call.
    Caller(u64),
    /// A tool of the server's own.
    Server,
}

/// Answers of Bedrock's, streamed.
#[derive(Debug, Default)]
pub struct Bedrock {
    reader: Reader<Name, EventFacts<Name>>,
    /// The calls that are open, by the index of their block.
    open: HashMap<u64, Asked>,
    calls: CallCount,
    /// Reads the chunks of a model of Anthropic's.
    anthropic: Option<Box<Anthropic>>,
}

impl Dialect for Bedrock {
    fn read(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        let Self {
            reader,
            open,
            calls,
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
            let asked = if facts.text(Name::ToolType) == Some(SERVER_TOOL) {
                Asked::Server
            } else {
                let begun = ToldCall {
                    id: facts.text(Name::ToolId),
                    name: facts.text(Name::ToolFunction),
                    arguments: None,
                };
                Asked::Caller(calls.begin(begun, sink))
            };
            open.insert(index, asked);
        } else if is("contentBlockStop", Name::BlockStop) {
            if let Some(Asked::Caller(call)) = open.remove(&index) {
                single::end(call, None, sink);
            }
        } else if is("messageStop", Name::MessageStop) {
            single::finish(facts.text(Name::StopReason), outcome, sink);
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
            let inner = anthropic.get_or_insert_default();
            inner.read("", &event, sink);
        } else if facts.text(Name::Type).is_some() {
            let inner = anthropic.get_or_insert_default();
            inner.read(name, data, sink);
        } else if facts.has(Name::Message) {
            read_message(facts, data, calls, sink);
            if let Some(json) = facts.raw(Name::Usage, data) {
                sink(Delta::Usage { json });
            }
            single::finish(facts.text(Name::StopReason), outcome, sink);
        }
    }
}

/// A message that is not streamed.
fn read_message(
    facts: &EventFacts<Name>,
    data: &str,
    calls: &mut CallCount,
    sink: &mut impl FnMut(Delta<'_>),
) {
    let mut call: Option<ToldCall<'_>> = None;
    for fact in facts.iter(data) {
        match (fact, &mut call) {
            (EventFact::Item(Name::ToolUse), _) => {
                calls.whole(call.replace(ToldCall::default()), sink);
            }
            (EventFact::Text(Name::ToolType, SERVER_TOOL), call) => *call = None,
            (EventFact::Text(Name::ToolId, id), Some(call)) => call.id = Some(id),
            (EventFact::Text(Name::ToolFunction, name), Some(call)) => call.name = Some(name),
            (EventFact::Raw(Name::Input, input), Some(call)) => call.arguments = Some(input),
            (EventFact::Text(Name::Text, text), _) => single::piece(Part::Text, Some(text), sink),
            (EventFact::Text(Name::Reasoning, text), _) => {
                single::piece(Part::Reasoning, Some(text), sink);
            }
            _ => {}
        }
    }
    calls.whole(call, sink);
}

fn read_delta(facts: &EventFacts<Name>, asked: Option<Asked>, sink: &mut impl FnMut(Delta<'_>)) {
    single::piece(Part::Reasoning, facts.text(Name::Reasoning), sink);
    single::piece(Part::Text, facts.text(Name::Text), sink);
    match (facts.text(Name::Input), asked) {
        (input, Some(Asked::Caller(call))) => single::piece(Part::Call(call), input, sink),
        (Some(_), None) => single::never_begun(sink),
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
