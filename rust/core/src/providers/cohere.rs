//! Cohere's chat, streamed (API version 2, "Streaming guide").
//!
//! Text is the content, thinking and the plan of tool calls the reasoning. An event's index counts
//! the calls of the answer.

use std::collections::HashMap;

use super::facts::{self, EventFact, EventFacts};
use super::pick::{DialectNames, Want, WantedMembers};
use super::reader::Reader;
use super::single::{self, CallCount, ToldCall};
use super::{DONE, Delta, Dialect, Outcome, Part};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Type,
    Index,
    Id,
    FinishReason,
    Usage,
    Error,
    Message,
    Content,
    Call,
    Text,
    Thinking,
    Plan,
    CallId,
    CallFunction,
    Arguments,
}

impl DialectNames for Name {
    const ROOT: &'static Want<Self> = &ROOT;
}

static ROOT: Want<Name> = Want::Members(&WantedMembers {
    members: &[
        ("type", Want::Text(Name::Type)),
        ("index", Want::Index(Name::Index)),
        ("id", Want::Text(Name::Id)),
        ("delta", Want::Members(&DELTA)),
        ("error", Want::Raw(Name::Error)),
        // Where the answer is not a stream, it stands here.
        ("message", Want::Object(Name::Message, &WHOLE)),
        ("finish_reason", Want::Text(Name::FinishReason)),
        ("usage", Want::Raw(Name::Usage)),
    ],
});

static WHOLE: WantedMembers<Name> = WantedMembers {
    members: &[
        ("content", Want::Each(Name::Content, &CONTENT)),
        ("tool_plan", Want::Text(Name::Plan)),
        ("tool_calls", Want::Each(Name::Call, &CALL)),
    ],
};

static DELTA: WantedMembers<Name> = WantedMembers {
    members: &[
        ("message", Want::Members(&MESSAGE)),
        ("finish_reason", Want::Text(Name::FinishReason)),
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
    ],
};

static MESSAGE: WantedMembers<Name> = WantedMembers {
    members: &[
        ("content", Want::Members(&CONTENT)),
        ("tool_plan", Want::Text(Name::Plan)),
        ("tool_calls", Want::Members(&CALL)),
    ],
};

static CONTENT: WantedMembers<Name> = WantedMembers {
    members: &[
        ("text", Want::Text(Name::Text)),
        ("thinking", Want::Text(Name::Thinking)),
    ],
};

static CALL: WantedMembers<Name> = WantedMembers {
    members: &[
        ("id", Want::Text(Name::CallId)),
        ("function", Want::Members(&FUNCTION)),
    ],
};

static FUNCTION: WantedMembers<Name> = WantedMembers {
    members: &[
        ("name", Want::Text(Name::CallFunction)),
        ("arguments", Want::Text(Name::Arguments)),
    ],
};

/// Answers of Cohere's, streamed.
#[derive(Debug, Default)]
pub struct Cohere {
    reader: Reader<Name, EventFacts<Name>>,
    /// The calls that are open, by the server's index.
    open: HashMap<u64, u64>,
    calls: CallCount,
}

impl Dialect for Cohere {
    fn read(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        if data.starts_with(DONE) {
            return sink(Delta::Done);
        }
        let Some((facts, data)) = facts::read(&mut self.reader, data, sink) else {
            return;
        };
        if let Some(said) = facts.raw(Name::Error, data) {
            return sink(Delta::ServerError { said });
        }
        let index = facts.index(Name::Index).unwrap_or(0);
        let arguments = facts.text(Name::Arguments);
        match facts.text(Name::Type).unwrap_or(name) {
            "message-start" => read_head(facts, sink),
            "content-start" | "content-delta" => {
                single::piece(Part::Reasoning, facts.text(Name::Thinking), sink);
                single::piece(Part::Text, facts.text(Name::Text), sink);
            }
            "tool-plan-delta" => single::piece(Part::Reasoning, facts.text(Name::Plan), sink),
            "tool-call-start" => {
                let begun = ToldCall {
                    id: facts.text(Name::CallId),
                    name: facts.text(Name::CallFunction),
                    arguments: None,
                };
                let call = self.calls.begin(begun, sink);
                self.open.insert(index, call);
                single::piece(Part::Call(call), arguments, sink);
            }
            "tool-call-delta" => match self.open.get(&index) {
                Some(call) => single::piece(Part::Call(*call), arguments, sink),
                None => single::never_begun(sink),
            },
            "tool-call-end" => {
                if let Some(call) = self.open.remove(&index) {
                    single::end(call, None, sink);
                }
            }
            "message-end" => read_ending(facts, data, sink),
            _ if facts.has(Name::Message) => {
                read_head(facts, sink);
                read_message(facts, data, &mut self.calls, sink);
                read_ending(facts, data, sink);
            }
            _ => {}
        }
    }
}

fn read_head(facts: &EventFacts<Name>, sink: &mut impl FnMut(Delta<'_>)) {
    if let id @ Some(_) = facts.text(Name::Id) {
        sink(Delta::Head { id, model: None });
    }
}

fn read_ending(facts: &EventFacts<Name>, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
    if let Some(json) = facts.raw(Name::Usage, data) {
        sink(Delta::Usage { json });
    }
    single::finish(facts.text(Name::FinishReason), outcome, sink);
}

/// A message that is not streamed: its calls are whole.
fn read_message(
    facts: &EventFacts<Name>,
    data: &str,
    calls: &mut CallCount,
    sink: &mut impl FnMut(Delta<'_>),
) {
    let mut call: Option<ToldCall<'_>> = None;
    for fact in facts.iter(data) {
        match (fact, &mut call) {
            (EventFact::Item(Name::Call), _) => {
                calls.whole(call.replace(ToldCall::default()), sink);
            }
            (EventFact::Text(Name::CallId, id), Some(call)) => call.id = Some(id),
            (EventFact::Text(Name::CallFunction, name), Some(call)) => call.name = Some(name),
            (EventFact::Text(Name::Arguments, text), Some(call)) => call.arguments = Some(text),
            (EventFact::Text(Name::Text, text), _) => single::piece(Part::Text, Some(text), sink),
            (EventFact::Text(Name::Thinking | Name::Plan, text), _) => {
                single::piece(Part::Reasoning, Some(text), sink);
            }
            _ => {}
        }
    }
    calls.whole(call, sink);
}

/// What a finish reason means (`ChatFinishReason`).
fn outcome(reason: &str) -> Outcome {
    match reason {
        "COMPLETE" | "STOP_SEQUENCE" | "TOOL_CALL" => Outcome::Whole,
        "MAX_TOKENS" | "ERROR_LIMIT" => Outcome::CutOff,
        "ERROR_TOXIC" => Outcome::Filtered,
        "ERROR" | "TIMEOUT" | "USER_CANCEL" => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}
