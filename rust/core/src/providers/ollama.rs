//! Ollama's own protocol (`/api/chat` and `/api/generate`), one JSON object a line.
//!
//! Calls come whole, with their arguments as JSON. The last object counts the tokens, beside its
//! other members.

use super::facts::{self, EventFact, EventFacts};
use super::pick::{DialectNames, Want, WantedMembers};
use super::reader::Reader;
use super::single::{self, CallCount, ToldCall};
use super::{Delta, Dialect, Outcome, Part};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Model,
    Created,
    Text,
    Thinking,
    Call,
    CallId,
    CallFunction,
    Arguments,
    Done,
    DoneReason,
    Error,
    /// One of the counts, by its place in [`COUNTS`].
    Count(usize),
}

/// What the last object counts: tokens and nanoseconds.
const COUNTS: [&str; 6] = [
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
];

impl DialectNames for Name {
    const ROOT: &'static Want<Self> = &ROOT;
}

static ROOT: Want<Name> = Want::Members(&WantedMembers {
    members: &[
        ("model", Want::Text(Name::Model)),
        ("created_at", Want::Text(Name::Created)),
        ("message", Want::Members(&MESSAGE)),
        ("response", Want::Text(Name::Text)),
        ("thinking", Want::Text(Name::Thinking)),
        ("done", Want::Raw(Name::Done)),
        ("done_reason", Want::Text(Name::DoneReason)),
        ("error", Want::Raw(Name::Error)),
        (COUNTS[0], Want::Raw(Name::Count(0))),
        (COUNTS[1], Want::Raw(Name::Count(1))),
        (COUNTS[2], Want::Raw(Name::Count(2))),
        (COUNTS[3], Want::Raw(Name::Count(3))),
        (COUNTS[4], Want::Raw(Name::Count(4))),
        (COUNTS[5], Want::Raw(Name::Count(5))),
    ],
});

static MESSAGE: WantedMembers<Name> = WantedMembers {
    members: &[
        ("content", Want::Text(Name::Text)),
        ("thinking", Want::Text(Name::Thinking)),
        ("tool_calls", Want::Each(Name::Call, &CALL)),
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
        ("arguments", Want::TextOrJson(Name::Arguments)),
    ],
};

/// Answers of Ollama's, streamed.
#[derive(Debug, Default)]
pub struct Ollama {
    reader: Reader<Name, EventFacts<Name>>,
    /// The model was reported.
    known: bool,
    calls: CallCount,
}

impl Dialect for Ollama {
    fn read(&mut self, _name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        let Some((facts, data)) = facts::read(&mut self.reader, data, sink) else {
            return;
        };
        if let Some(said) = facts.raw(Name::Error, data) {
            return sink(Delta::ServerError { said });
        }
        if !self.known
            && let model @ Some(_) = facts.text(Name::Model)
        {
            self.known = true;
            sink(Delta::Head { id: None, model });
        }
        single::piece(Part::Reasoning, facts.text(Name::Thinking), sink);
        single::piece(Part::Text, facts.text(Name::Text), sink);
        let mut call: Option<ToldCall<'_>> = None;
        for fact in facts.iter(data) {
            match (fact, &mut call) {
                (EventFact::Item(Name::Call), _) => {
                    self.calls.whole(call.replace(ToldCall::default()), sink);
                }
                (EventFact::Text(Name::CallId, id), Some(call)) => call.id = Some(id),
                (EventFact::Text(Name::CallFunction, name), Some(call)) => call.name = Some(name),
                (
                    EventFact::Text(Name::Arguments, text) | EventFact::Raw(Name::Arguments, text),
                    Some(call),
                ) => call.arguments = Some(text),
                _ => {}
            }
        }
        self.calls.whole(call, sink);
        if facts.raw(Name::Done, data) == Some("true") {
            if let Some(json) = counts(facts, data) {
                sink(Delta::Usage { json: &json });
            }
            // Versions before 0.2 give no reason.
            let reason = facts.text(Name::DoneReason).unwrap_or_default();
            single::finish(Some(reason), outcome, sink);
            sink(Delta::Done);
        }
    }
}

/// The counts as an object.
fn counts(facts: &EventFacts<Name>, data: &str) -> Option<String> {
    let mut json = String::new();
    for (at, name) in COUNTS.iter().enumerate() {
        if let Some(number) = facts.raw(Name::Count(at), data) {
            json.push(if json.is_empty() { '{' } else { ',' });
            json.push('"');
            json.push_str(name);
            json.push_str("\":");
            json.push_str(number);
        }
    }
    json.push('}');
    (json.len() > 1).then_some(json)
}

/// What a reason means.
fn outcome(reason: &str) -> Outcome {
    match reason {
        "stop" => Outcome::Whole,
        "length" => Outcome::CutOff,
        // `load` and `unload` end a request without a prompt.
        _ => Outcome::Unknown,
    }
}
