//! Cohere's chat, streamed (API version 2, "Streaming guide").
//!
//! Text is the content, thinking and the plan of tool calls the reasoning. An event's index counts
//! the calls of the answer.

use std::collections::HashMap;

use super::facts::{self, Fact, Facts};
use super::pick::{Place, Want};
use super::reader::Reader;
use super::{DONE, Delta, Dialect, Outcome, Part};
use crate::json::Limits;

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

static ROOT: Want<Name> = Want::Members(&Place {
    members: &[
        ("type", Want::Text(Name::Type)),
        ("index", Want::Index(Name::Index)),
        ("id", Want::Text(Name::Id)),
        ("delta", Want::Members(&DELTA)),
        ("error", Want::Raw(Name::Error)),
        // Where the answer is no stream, it stands here.
        ("message", Want::Object(Name::Message, &WHOLE)),
        ("finish_reason", Want::Text(Name::FinishReason)),
        ("usage", Want::Raw(Name::Usage)),
    ],
});

static WHOLE: Place<Name> = Place {
    members: &[
        ("content", Want::Each(Name::Content, &CONTENT)),
        ("tool_plan", Want::Text(Name::Plan)),
        ("tool_calls", Want::Each(Name::Call, &CALL)),
    ],
};

static DELTA: Place<Name> = Place {
    members: &[
        ("message", Want::Members(&MESSAGE)),
        ("finish_reason", Want::Text(Name::FinishReason)),
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
    ],
};

static MESSAGE: Place<Name> = Place {
    members: &[
        ("content", Want::Members(&CONTENT)),
        ("tool_plan", Want::Text(Name::Plan)),
        ("tool_calls", Want::Members(&CALL)),
    ],
};

static CONTENT: Place<Name> = Place {
    members: &[
        ("text", Want::Text(Name::Text)),
        ("thinking", Want::Text(Name::Thinking)),
    ],
};

static CALL: Place<Name> = Place {
    members: &[
        ("id", Want::Text(Name::CallId)),
        ("function", Want::Members(&FUNCTION)),
    ],
};

static FUNCTION: Place<Name> = Place {
    members: &[
        ("name", Want::Text(Name::CallFunction)),
        ("arguments", Want::Text(Name::Arguments)),
    ],
};

/// Answers of Cohere's, streamed.
#[derive(Debug)]
pub struct Cohere {
    reader: Reader<Name, Facts<Name>>,
    /// The calls that are open, by the server's index.
    open: HashMap<u64, u64>,
    /// How many calls there were.
    calls: u64,
}

impl Default for Cohere {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Cohere {
    /// A reader of an answer's events within the limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            reader: Reader::new(&ROOT, limits),
            open: HashMap::new(),
            calls: 0,
        }
    }
}

/// The answer has one choice.
const CHOICE: u64 = 0;

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
        match facts.text(Name::Type).unwrap_or(name) {
            "message-start" => {
                if let id @ Some(_) = facts.text(Name::Id) {
                    sink(Delta::Head { id, model: None });
                }
            }
            "content-start" | "content-delta" => {
                piece(Part::Reasoning, facts.text(Name::Thinking), sink);
                piece(Part::Text, facts.text(Name::Text), sink);
            }
            "tool-plan-delta" => piece(Part::Reasoning, facts.text(Name::Plan), sink),
            "tool-call-start" => {
                let call = self.calls;
                self.calls += 1;
                self.open.insert(index, call);
                sink(Delta::CallBegins {
                    choice: CHOICE,
                    call,
                    id: facts.text(Name::CallId),
                    name: facts.text(Name::CallFunction),
                });
                piece(Part::Call(call), facts.text(Name::Arguments), sink);
            }
            "tool-call-delta" => match self.open.get(&index) {
                Some(call) => piece(Part::Call(*call), facts.text(Name::Arguments), sink),
                None => sink(Delta::Corrupt {
                    why: "arguments of a call that was not begun",
                }),
            },
            "tool-call-end" => {
                if let Some(call) = self.open.remove(&index) {
                    sink(Delta::CallEnds {
                        choice: CHOICE,
                        call,
                    });
                }
            }
            "message-end" => read_ending(facts, data, sink),
            _ if facts.has(Name::Message) => {
                if let id @ Some(_) = facts.text(Name::Id) {
                    sink(Delta::Head { id, model: None });
                }
                read_message(facts, data, sink);
                read_ending(facts, data, sink);
            }
            _ => {}
        }
    }
}

fn read_ending(facts: &Facts<Name>, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
    if let Some(json) = facts.raw(Name::Usage, data) {
        sink(Delta::Usage { json });
    }
    if let Some(reason) = facts.text(Name::FinishReason) {
        sink(Delta::Finish {
            choice: CHOICE,
            reason,
            outcome: outcome(reason),
        });
    }
}

/// A message that is not streamed: its calls are whole.
fn read_message(facts: &Facts<Name>, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
    let (mut count, mut id, mut name, mut arguments) = (0, None, None, "");
    let mut end = |count: u64, id: Option<&str>, name: Option<&str>, text: &str| {
        let Some(call) = count.checked_sub(1) else {
            return;
        };
        let choice = CHOICE;
        sink(Delta::CallBegins {
            choice,
            call,
            id,
            name,
        });
        if !text.is_empty() {
            let part = Part::Call(call);
            sink(Delta::Whole { choice, part, text });
        }
        sink(Delta::CallEnds { choice, call });
    };
    for fact in facts.iter(data) {
        match fact {
            Fact::Item(Name::Call) => {
                end(count, id, name, arguments);
                count += 1;
                (id, name, arguments) = (None, None, "");
            }
            Fact::Text(Name::CallId, text) => id = Some(text),
            Fact::Text(Name::CallFunction, text) => name = Some(text),
            Fact::Text(Name::Arguments, text) => arguments = text,
            _ => {}
        }
    }
    end(count, id, name, arguments);
    for fact in facts.iter(data) {
        match fact {
            Fact::Text(Name::Text, text) if !text.is_empty() => {
                piece(Part::Text, Some(text), sink);
            }
            Fact::Text(Name::Thinking | Name::Plan, text) if !text.is_empty() => {
                piece(Part::Reasoning, Some(text), sink);
            }
            _ => {}
        }
    }
}

fn piece(part: Part, text: Option<&str>, sink: &mut impl FnMut(Delta<'_>)) {
    if let Some(text) = text {
        sink(Delta::Piece {
            choice: CHOICE,
            part,
            text,
        });
    }
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
