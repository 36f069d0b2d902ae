//! Google's Interactions API, streamed.
//!
//! An interaction is a list of steps, each begun, continued and ended by events with its index:
//! what the model writes, what it thinks, calls.

use std::collections::HashMap;

use super::facts::{self, EventFacts};
use super::pick::{DialectNames, Want, WantedMembers};
use super::reader::Reader;
use super::single::{self, CallCount, ToldCall};
use super::{DONE, Delta, Dialect, Outcome, Part};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Type,
    Index,
    Error,
    Id,
    Model,
    Status,
    Usage,
    StepType,
    StepId,
    StepFunction,
    StepArguments,
    DeltaType,
    Text,
    Thought,
    Arguments,
}

impl DialectNames for Name {
    const ROOT: &'static Want<Self> = &ROOT;
}

static ROOT: Want<Name> = Want::Members(&WantedMembers {
    members: &[
        ("event_type", Want::Text(Name::Type)),
        ("index", Want::Index(Name::Index)),
        ("step", Want::Members(&STEP)),
        ("delta", Want::Members(&DELTA)),
        ("interaction", Want::Members(&INTERACTION)),
        ("error", Want::Raw(Name::Error)),
    ],
});

static INTERACTION: WantedMembers<Name> = WantedMembers {
    members: &[
        ("id", Want::Text(Name::Id)),
        ("model", Want::Text(Name::Model)),
        ("status", Want::Text(Name::Status)),
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
    ],
};

static STEP: WantedMembers<Name> = WantedMembers {
    members: &[
        ("type", Want::Text(Name::StepType)),
        ("id", Want::Text(Name::StepId)),
        ("name", Want::Text(Name::StepFunction)),
        ("arguments", Want::TextOrJson(Name::StepArguments)),
    ],
};

static DELTA: WantedMembers<Name> = WantedMembers {
    members: &[
        ("type", Want::Text(Name::DeltaType)),
        ("text", Want::Text(Name::Text)),
        ("content", Want::Members(&SUMMARY)),
        ("arguments", Want::TextOrJson(Name::Arguments)),
    ],
};

static SUMMARY: WantedMembers<Name> = WantedMembers {
    members: &[("text", Want::Text(Name::Thought))],
};

/// A step that is open.
#[derive(Debug)]
enum Step {
    Output,
    Thought,
    /// A call, and the arguments that its beginning had. Where there are deltas, they are it.
    Call(u64, Option<String>),
    Other,
}

/// Interactions, streamed.
#[derive(Debug, Default)]
pub struct GoogleInteractions {
    reader: Reader<Name, EventFacts<Name>>,
    open: HashMap<u64, Step>,
    calls: CallCount,
}

impl Dialect for GoogleInteractions {
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
            "interaction.created" => sink(Delta::Head {
                id: facts.text(Name::Id),
                model: facts.text(Name::Model),
            }),
            "step.start" => {
                let step = begin(facts, data, &mut self.calls, sink);
                self.open.insert(index, step);
            }
            "step.delta" => read_delta(
                facts,
                data,
                self.open.entry(index).or_insert(Step::Output),
                sink,
            ),
            "step.stop" => {
                if let Some(Step::Call(call, arguments)) = self.open.remove(&index) {
                    single::end(call, arguments.as_deref(), sink);
                }
            }
            "interaction.completed" => {
                if let Some(json) = facts.raw(Name::Usage, data) {
                    sink(Delta::Usage { json });
                }
                single::finish(facts.text(Name::Status), outcome, sink);
            }
            _ => {}
        }
    }
}

fn begin(
    facts: &EventFacts<Name>,
    data: &str,
    calls: &mut CallCount,
    sink: &mut impl FnMut(Delta<'_>),
) -> Step {
    match facts.text(Name::StepType) {
        Some("model_output") => Step::Output,
        Some("thought") => Step::Thought,
        Some("function_call") => {
            let begun = ToldCall {
                id: facts.text(Name::StepId),
                name: facts.text(Name::StepFunction),
                arguments: facts.text_or_raw(Name::StepArguments, data),
            };
            let call = calls.begin(begun, sink);
            Step::Call(call, begun.arguments.map(str::to_owned))
        }
        _ => Step::Other,
    }
}

fn read_delta(
    facts: &EventFacts<Name>,
    data: &str,
    step: &mut Step,
    sink: &mut impl FnMut(Delta<'_>),
) {
    let (part, text) = match step {
        // So is a step that was never begun.
        Step::Output => (Part::Text, facts.text(Name::Text)),
        Step::Thought => {
            let text = facts.text(Name::Thought);
            (Part::Reasoning, text.or_else(|| facts.text(Name::Text)))
        }
        Step::Call(call, begun) => {
            let text = facts.text_or_raw(Name::Arguments, data);
            if text.is_some() {
                *begun = None;
            }
            (Part::Call(*call), text)
        }
        Step::Other => return,
    };
    single::piece(part, text, sink);
}

/// What a status means.
fn outcome(status: &str) -> Outcome {
    match status {
        "completed" | "requires_action" => Outcome::Whole,
        "incomplete" => Outcome::CutOff,
        "failed" | "cancelled" => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}
