//! Anthropic's messages, streamed ("Streaming Messages").
//!
//! A message is a list of blocks, each begun, continued and ended by events with its index. Text
//! blocks are the content, thinking blocks the reasoning, `tool_use` blocks the calls. Blocks that
//! the server itself uses (its own tools and their results, compaction, fallback) are not the answer.
//!
//! Several messages may come in one stream, spliced by whoever continues a turn or falls back to
//! another model: their texts follow each other, their calls are counted on, and the last ending
//! is the answer's. So the end of a message is not the end of the stream.

use std::collections::HashMap;

use super::facts::{EventFact, EventFacts};
use super::members::merged;
use super::pick::{DialectNames, Want, WantedMembers};
use super::reader::Reader;
use super::single::{self, CallCount, ToldCall};
use super::{Delta, Dialect, Outcome, Part};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Type,
    Index,
    Error,
    Id,
    Model,
    StopReason,
    StopDetails,
    Usage,
    Block,
    BlockType,
    BlockId,
    BlockFunction,
    BlockInput,
    Text,
    Thinking,
    DeltaType,
    PartialJson,
}

impl DialectNames for Name {
    const ROOT: &'static Want<Self> = &ROOT;
}

static ROOT: Want<Name> = Want::Members(&EVENT);

static EVENT: WantedMembers<Name> = WantedMembers {
    members: &[
        ("type", Want::Text(Name::Type)),
        ("index", Want::Index(Name::Index)),
        ("delta", Want::Members(&DELTA)),
        ("content_block", Want::Members(&BLOCK)),
        ("message", Want::Members(&MESSAGE)),
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
        // Where the answer is not a stream, the message itself stands here.
        ("id", Want::Text(Name::Id)),
        ("model", Want::Text(Name::Model)),
        ("content", Want::Each(Name::Block, &BLOCK)),
        ("stop_reason", Want::Text(Name::StopReason)),
        ("stop_details", Want::Raw(Name::StopDetails)),
    ],
};

static MESSAGE: WantedMembers<Name> = WantedMembers {
    members: &[
        ("id", Want::Text(Name::Id)),
        ("model", Want::Text(Name::Model)),
        ("content", Want::Each(Name::Block, &BLOCK)),
        ("stop_reason", Want::Text(Name::StopReason)),
        ("stop_details", Want::Raw(Name::StopDetails)),
        ("usage", Want::Raw(Name::Usage)),
    ],
};

static BLOCK: WantedMembers<Name> = WantedMembers {
    members: &[
        ("type", Want::Text(Name::BlockType)),
        ("id", Want::Text(Name::BlockId)),
        ("name", Want::Text(Name::BlockFunction)),
        ("input", Want::Raw(Name::BlockInput)),
        ("text", Want::Text(Name::Text)),
        ("thinking", Want::Text(Name::Thinking)),
    ],
};

static DELTA: WantedMembers<Name> = WantedMembers {
    members: &[
        ("type", Want::Text(Name::DeltaType)),
        ("text", Want::Text(Name::Text)),
        ("thinking", Want::Text(Name::Thinking)),
        ("partial_json", Want::Text(Name::PartialJson)),
        ("stop_reason", Want::Text(Name::StopReason)),
        ("stop_details", Want::Raw(Name::StopDetails)),
    ],
};

/// An open block.
#[derive(Debug)]
enum Open {
    Text,
    Thinking,
    /// A call, and the input that its beginning had. Where there are deltas, they are the input.
    Call(u64, Option<String>),
    /// Of no interest.
    Other,
}

/// Messages of Anthropic's, streamed.
#[derive(Debug, Default)]
pub struct Anthropic {
    reader: Reader<Name, EventFacts<Name>>,
    open: HashMap<u64, Open>,
    calls: CallCount,
    /// What is known of the message's usage.
    usage: String,
}

impl Dialect for Anthropic {
    fn read(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        let Self {
            reader,
            open,
            calls,
            usage,
        } = self;
        let (facts, data) = match reader.read(data) {
            Ok(read) => read,
            // A proxy that fails says so in plain words.
            Err(_) if name == "error" => return sink(Delta::ServerError { said: data }),
            Err(error) => {
                return sink(Delta::Corrupt {
                    why: &error.to_string(),
                });
            }
        };
        let kind = facts.text(Name::Type).unwrap_or(name);
        let index = facts.index(Name::Index).unwrap_or(0);
        match kind {
            "message_start" | "message" => {
                open.clear();
                usage.clear();
                read_message(facts, data, calls, sink);
                read_usage(facts, data, usage, sink);
                read_ending(facts, data, sink);
            }
            "content_block_start" => {
                let block = Block {
                    kind: facts.text(Name::BlockType),
                    call: ToldCall {
                        id: facts.text(Name::BlockId),
                        name: facts.text(Name::BlockFunction),
                        arguments: facts.raw(Name::BlockInput, data),
                    },
                };
                let opened = block.begin(calls, sink);
                match &opened {
                    Open::Text => single::piece(Part::Text, facts.text(Name::Text), sink),
                    Open::Thinking => {
                        single::piece(Part::Reasoning, facts.text(Name::Thinking), sink);
                    }
                    Open::Call(..) | Open::Other => {}
                }
                open.insert(index, opened);
            }
            "content_block_delta" => read_delta(facts, open.get_mut(&index), sink),
            "content_block_stop" => {
                if let Some(Open::Call(call, input)) = open.remove(&index) {
                    single::end(call, input.as_deref(), sink);
                }
            }
            "message_delta" => {
                read_usage(facts, data, usage, sink);
                read_ending(facts, data, sink);
            }
            "message_stop" | "ping" => {}
            _ => {
                if kind == "error" || facts.raw(Name::Error, data).is_some() {
                    let said = facts.raw(Name::Error, data).unwrap_or(data);
                    sink(Delta::ServerError { said });
                }
            }
        }
    }
}

/// What begins a block.
#[derive(Default)]
struct Block<'a> {
    kind: Option<&'a str>,
    /// What it says if it is a call.
    call: ToldCall<'a>,
}

impl Block<'_> {
    fn begin(&self, calls: &mut CallCount, sink: &mut impl FnMut(Delta<'_>)) -> Open {
        match self.kind {
            Some("text") => Open::Text,
            Some("thinking") => Open::Thinking,
            Some("tool_use") => {
                let call = calls.begin(self.call, sink);
                Open::Call(call, self.call.arguments.map(str::to_owned))
            }
            _ => Open::Other,
        }
    }
}

/// A message with what is not streamed of it: all blocks are whole.
fn read_message(
    facts: &EventFacts<Name>,
    data: &str,
    calls: &mut CallCount,
    sink: &mut impl FnMut(Delta<'_>),
) {
    let mut head = (None, None);
    // A block's own id stands after the first block has begun, under another name.
    for fact in facts.iter(data) {
        match fact {
            EventFact::Text(Name::Id, id) if !id.is_empty() => head.0 = Some(id),
            EventFact::Text(Name::Model, model) if !model.is_empty() => head.1 = Some(model),
            _ => {}
        }
    }
    if head.0.is_some() || head.1.is_some() {
        sink(Delta::Head {
            id: head.0,
            model: head.1,
        });
    }
    let mut block = Block::default();
    let (mut text, mut thinking) = ("", "");
    let mut finish = |block: &Block<'_>, text: &str, thinking: &str| match block.begin(calls, sink)
    {
        Open::Text => single::piece(Part::Text, Some(text), sink),
        Open::Thinking => single::piece(Part::Reasoning, Some(thinking), sink),
        Open::Call(call, input) => single::end(call, input.as_deref().or(Some("{}")), sink),
        Open::Other => {}
    };
    for fact in facts.iter(data) {
        match fact {
            EventFact::Item(Name::Block) => {
                finish(&block, text, thinking);
                block = Block::default();
                (text, thinking) = ("", "");
            }
            EventFact::Text(Name::BlockType, kind) => block.kind = Some(kind),
            EventFact::Text(Name::BlockId, id) => block.call.id = Some(id),
            EventFact::Text(Name::BlockFunction, name) => block.call.name = Some(name),
            EventFact::Raw(Name::BlockInput, json) => block.call.arguments = Some(json),
            EventFact::Text(Name::Text, said) => text = said,
            EventFact::Text(Name::Thinking, said) => thinking = said,
            _ => {}
        }
    }
    finish(&block, text, thinking);
}

fn read_delta(facts: &EventFacts<Name>, open: Option<&mut Open>, sink: &mut impl FnMut(Delta<'_>)) {
    match (facts.text(Name::DeltaType), open) {
        // A block that was never begun is what its deltas say.
        (Some("text_delta"), Some(Open::Text) | None) => {
            single::piece(Part::Text, facts.text(Name::Text), sink);
        }
        (Some("thinking_delta"), Some(Open::Thinking) | None) => {
            single::piece(Part::Reasoning, facts.text(Name::Thinking), sink);
        }
        (Some("input_json_delta"), Some(Open::Call(call, input))) => {
            let text = facts.text(Name::PartialJson);
            if text.is_some() {
                *input = None;
            }
            single::piece(Part::Call(*call), text, sink);
        }
        (Some("input_json_delta"), None) => single::never_begun(sink),
        // Signatures, citations, compaction; what the server's own tools are asked.
        _ => {}
    }
}

/// The usage at the end of a message leaves out what its beginning has said.
fn read_usage(
    facts: &EventFacts<Name>,
    data: &str,
    usage: &mut String,
    sink: &mut impl FnMut(Delta<'_>),
) {
    if let Some(later) = facts.raw(Name::Usage, data) {
        *usage = merged(usage, later);
        sink(Delta::Usage { json: usage });
    }
}

fn read_ending(facts: &EventFacts<Name>, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
    let reason = facts.text(Name::StopReason);
    if reason.map(outcome) == Some(Outcome::Refused) {
        // Which category, and why, in the server's own words.
        single::piece(Part::Refusal, facts.raw(Name::StopDetails, data), sink);
    }
    single::finish(reason, outcome, sink);
}

/// What a stop reason means ("Handling stop reasons").
fn outcome(reason: &str) -> Outcome {
    match reason {
        "end_turn" | "stop_sequence" | "tool_use" => Outcome::Whole,
        // The server stops its own loop of tools and waits to be asked to go on.
        "max_tokens" | "model_context_window_exceeded" | "pause_turn" => Outcome::CutOff,
        "refusal" => Outcome::Refused,
        _ => Outcome::Unknown,
    }
}
