//! Cohere's chat, streamed (API version 2, "Streaming guide").
//!
//! Text is the content, thinking and the plan of tool calls the reasoning. An event's index counts
//! the calls of the answer.

use super::calls::{Calls, Clue};
use super::facts::{self, Facts};
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
    ],
});

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
    calls: Calls,
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
            calls: Calls::default(),
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
            "tool-call-start" | "tool-call-delta" => {
                let clue = Clue {
                    index: facts.index(Name::Index),
                    id: facts.text(Name::CallId),
                    name: facts.text(Name::CallFunction),
                    ..Clue::default()
                };
                let text = facts.text(Name::Arguments).unwrap_or_default();
                self.calls.piece(CHOICE, clue, text, sink);
            }
            "tool-call-end" => {
                let index = facts.index(Name::Index);
                let clue = Clue {
                    index,
                    ..Clue::default()
                };
                self.calls.end_one(CHOICE, clue, sink);
            }
            "message-end" => {
                if let Some(json) = facts.raw(Name::Usage, data) {
                    sink(Delta::Usage { json });
                }
                self.calls.end(CHOICE, sink);
                if let Some(reason) = facts.text(Name::FinishReason) {
                    sink(Delta::Finish {
                        choice: CHOICE,
                        reason,
                        outcome: outcome(reason),
                    });
                }
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
