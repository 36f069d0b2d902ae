//! Gemini's `GenerateContentResponse`, streamed (`streamGenerateContent`, of the Gemini API and of
//! Vertex AI).
//!
//! Parts are read in their order: text is the content or, where `thought` stands beside it, the
//! reasoning. A call comes whole, or (Vertex, `streamFunctionCallArguments`) in pieces: first its name,
//! then values with the JSON path where each belongs, until a call without `willContinue`. Members
//! may be written in the SDK's way, too (`finish_reason`).

use std::collections::HashMap;

use super::facts::{self, EventFact, EventFacts};
use super::paths::{Value, Writer};
use super::pick::{DialectNames, Want, WantedMembers};
use super::reader::Reader;
use super::{Delta, Dialect, Outcome, Part};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Candidate,
    CandidateIndex,
    FinishReason,
    FinishMessage,
    Part,
    Text,
    Thought,
    Call,
    CallFunction,
    CallId,
    CallArgs,
    CallContinues,
    Arg,
    ArgPath,
    ArgText,
    ArgJson,
    ArgNull,
    ArgContinues,
    BlockReason,
    BlockMessage,
    Usage,
    Model,
    Id,
    Error,
}

impl DialectNames for Name {
    const ROOT: &'static Want<Self> = &ROOT;
}

static ROOT: Want<Name> = Want::Members(&WantedMembers {
    members: &[
        ("candidates", Want::Each(Name::Candidate, &CANDIDATE)),
        ("usageMetadata", Want::Raw(Name::Usage)),
        ("usage_metadata", Want::Raw(Name::Usage)),
        ("modelVersion", Want::Text(Name::Model)),
        ("model_version", Want::Text(Name::Model)),
        ("responseId", Want::Text(Name::Id)),
        ("response_id", Want::Text(Name::Id)),
        ("promptFeedback", Want::Members(&FEEDBACK)),
        ("prompt_feedback", Want::Members(&FEEDBACK)),
        ("error", Want::Raw(Name::Error)),
    ],
});

static FEEDBACK: WantedMembers<Name> = WantedMembers {
    members: &[
        ("blockReason", Want::Text(Name::BlockReason)),
        ("block_reason", Want::Text(Name::BlockReason)),
        ("blockReasonMessage", Want::Text(Name::BlockMessage)),
        ("block_reason_message", Want::Text(Name::BlockMessage)),
    ],
};

static CANDIDATE: WantedMembers<Name> = WantedMembers {
    members: &[
        ("index", Want::Index(Name::CandidateIndex)),
        ("content", Want::Members(&CONTENT)),
        ("finishReason", Want::Text(Name::FinishReason)),
        ("finish_reason", Want::Text(Name::FinishReason)),
        ("finishMessage", Want::Text(Name::FinishMessage)),
        ("finish_message", Want::Text(Name::FinishMessage)),
    ],
};

static CONTENT: WantedMembers<Name> = WantedMembers {
    members: &[("parts", Want::Each(Name::Part, &PART))],
};

static PART: WantedMembers<Name> = WantedMembers {
    members: &[
        ("text", Want::Text(Name::Text)),
        ("thought", Want::Raw(Name::Thought)),
        ("functionCall", Want::Object(Name::Call, &CALL)),
        ("function_call", Want::Object(Name::Call, &CALL)),
    ],
};

static CALL: WantedMembers<Name> = WantedMembers {
    members: &[
        ("name", Want::Text(Name::CallFunction)),
        ("id", Want::Text(Name::CallId)),
        ("args", Want::Raw(Name::CallArgs)),
        ("partialArgs", Want::Each(Name::Arg, &ARG)),
        ("partial_args", Want::Each(Name::Arg, &ARG)),
        ("willContinue", Want::Raw(Name::CallContinues)),
        ("will_continue", Want::Raw(Name::CallContinues)),
    ],
};

static ARG: WantedMembers<Name> = WantedMembers {
    members: &[
        ("jsonPath", Want::Text(Name::ArgPath)),
        ("json_path", Want::Text(Name::ArgPath)),
        ("stringValue", Want::Text(Name::ArgText)),
        ("string_value", Want::Text(Name::ArgText)),
        ("numberValue", Want::Raw(Name::ArgJson)),
        ("number_value", Want::Raw(Name::ArgJson)),
        ("boolValue", Want::Raw(Name::ArgJson)),
        ("bool_value", Want::Raw(Name::ArgJson)),
        ("nullValue", Want::Text(Name::ArgNull)),
        ("null_value", Want::Text(Name::ArgNull)),
        ("willContinue", Want::Raw(Name::ArgContinues)),
        ("will_continue", Want::Raw(Name::ArgContinues)),
    ],
};

/// The calls of a candidate.
#[derive(Debug, Default)]
struct Calls {
    count: u64,
    /// The arguments of the call that is to be continued: of the newest one.
    open: Option<Writer>,
}

/// Answers of Gemini's, streamed.
#[derive(Debug, Default)]
pub struct Google {
    reader: Reader<Name, EventFacts<Name>>,
    /// The id and the model were reported.
    known: bool,
    calls: HashMap<u64, Calls>,
}

impl Dialect for Google {
    fn read(&mut self, _name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        let Some((facts, data)) = facts::read(&mut self.reader, data, sink) else {
            return;
        };
        if let Some(said) = facts.raw(Name::Error, data) {
            return sink(Delta::ServerError { said });
        }
        let first = !self.known;
        if first && let id @ Some(_) = facts.text(Name::Id) {
            self.known = true;
            sink(Delta::Head {
                id,
                model: facts.text(Name::Model),
            });
        }
        let mut candidate = Candidate::default();
        for fact in facts.iter(data) {
            if fact == EventFact::Item(Name::Candidate) {
                candidate.read(&mut self.calls, sink);
                candidate = Candidate::default();
            } else {
                candidate.take(fact);
            }
        }
        candidate.read(&mut self.calls, sink);
        if let Some(reason) = facts.text(Name::BlockReason) {
            if let Some(text) = facts.text(Name::BlockMessage) {
                sink(Delta::Piece {
                    choice: 0,
                    part: Part::Refusal,
                    text,
                });
            }
            // A prompt that is blocked has no candidates.
            sink(Delta::Finish {
                choice: 0,
                reason,
                outcome: Outcome::Filtered,
            });
        }
        // All chunks count the tokens so far. What matters is the first count, in case no other
        // comes, and the last.
        if (first || facts.has(Name::FinishReason) || !facts.has(Name::Candidate))
            && let Some(json) = facts.raw(Name::Usage, data)
        {
            sink(Delta::Usage { json });
        }
    }
}

/// A value of an argument and where it belongs.
#[derive(Clone, Copy, Default)]
struct Arg<'a> {
    path: &'a str,
    value: Option<Value<'a>>,
    continues: bool,
}

/// A call in one part.
#[derive(Default)]
struct Call<'a> {
    name: Option<&'a str>,
    id: Option<&'a str>,
    args: Option<&'a str>,
    partial: Vec<Arg<'a>>,
    continues: bool,
}

#[derive(Default)]
struct Said<'a> {
    text: &'a str,
    thought: bool,
    call: Option<Call<'a>>,
}

/// What an event says of one candidate.
#[derive(Default)]
struct Candidate<'a> {
    index: u64,
    parts: Vec<Said<'a>>,
    reason: &'a str,
    message: &'a str,
}

impl<'a> Candidate<'a> {
    fn take(&mut self, fact: EventFact<'a, Name>) {
        match fact {
            EventFact::Index(Name::CandidateIndex, index) => self.index = index,
            EventFact::Text(Name::FinishReason, reason) => self.reason = reason,
            EventFact::Text(Name::FinishMessage, message) => self.message = message,
            EventFact::Item(Name::Part) => self.parts.push(Said::default()),
            fact => {
                if let Some(part) = self.parts.last_mut() {
                    part.take(fact);
                }
            }
        }
    }

    fn read(&self, all: &mut HashMap<u64, Calls>, sink: &mut impl FnMut(Delta<'_>)) {
        let choice = self.index;
        for said in &self.parts {
            if !said.text.is_empty() {
                let part = if said.thought {
                    Part::Reasoning
                } else {
                    Part::Text
                };
                let text = said.text;
                sink(Delta::Piece { choice, part, text });
            }
            if let Some(call) = &said.call {
                call.read(choice, all.entry(choice).or_default(), sink);
            }
        }
        // It does not end for a reason that is not specified: it goes on.
        if self.reason.is_empty() || self.reason == "FINISH_REASON_UNSPECIFIED" {
            return;
        }
        let outcome = outcome(self.reason);
        if !self.message.is_empty() {
            match outcome {
                // What went wrong stands in the message alone.
                Outcome::Failed if choice == 0 => {
                    sink(Delta::ServerError {
                        said: &format!("{}: {}", self.reason, self.message),
                    });
                }
                Outcome::Filtered => sink(Delta::Piece {
                    choice,
                    part: Part::Refusal,
                    text: self.message,
                }),
                _ => {}
            }
        }
        sink(Delta::Finish {
            choice,
            reason: self.reason,
            outcome,
        });
    }
}

impl<'a> Said<'a> {
    fn take(&mut self, fact: EventFact<'a, Name>) {
        match fact {
            EventFact::Text(Name::Text, text) => self.text = text,
            EventFact::Raw(Name::Thought, json) => self.thought = json == "true",
            EventFact::Item(Name::Call) => self.call = Some(Call::default()),
            fact => {
                if let Some(call) = &mut self.call {
                    call.take(fact);
                }
            }
        }
    }
}

impl<'a> Call<'a> {
    fn take(&mut self, fact: EventFact<'a, Name>) {
        match fact {
            EventFact::Text(Name::CallFunction, name) if !name.is_empty() => self.name = Some(name),
            EventFact::Text(Name::CallId, id) if !id.is_empty() => self.id = Some(id),
            EventFact::Raw(Name::CallArgs, json) => self.args = Some(json),
            EventFact::Raw(Name::CallContinues, json) => self.continues = json == "true",
            EventFact::Item(Name::Arg) => self.partial.push(Arg::default()),
            fact => {
                if let Some(arg) = self.partial.last_mut() {
                    arg.take(fact);
                }
            }
        }
    }

    fn read(&self, choice: u64, calls: &mut Calls, sink: &mut impl FnMut(Delta<'_>)) {
        // Without a name it goes on with the call that is open.
        let mut writer = if self.name.is_some() {
            // What was to be continued is not: it stays as it is, and is not said to have ended.
            calls.open = None;
            calls.count += 1;
            sink(Delta::CallBegins {
                choice,
                call: calls.count - 1,
                id: self.id,
                name: self.name,
            });
            Writer::default()
        } else if let Some(writer) = calls.open.take() {
            writer
        } else {
            return;
        };
        let call = calls.count - 1;
        let part = Part::Call(call);
        let mut text = String::new();
        for arg in &self.partial {
            let Some(value) = arg.value else {
                continue;
            };
            if let Err(why) = writer.write(arg.path, value, arg.continues, &mut text) {
                return sink(Delta::Corrupt { why: &why });
            }
        }
        if !self.continues {
            writer.close(&mut text);
        }
        if !text.is_empty() {
            let text = text.as_str();
            sink(Delta::Piece { choice, part, text });
        }
        if self.continues {
            calls.open = Some(writer);
            return;
        }
        if !writer.is_begun() {
            // It came whole. An object without members may be left out.
            let text = self.args.unwrap_or("{}");
            sink(Delta::Whole { choice, part, text });
        }
        sink(Delta::CallEnds { choice, call });
    }
}

impl<'a> Arg<'a> {
    fn take(&mut self, fact: EventFact<'a, Name>) {
        match fact {
            EventFact::Text(Name::ArgPath, path) => self.path = path,
            EventFact::Text(Name::ArgText, text) => self.value = Some(Value::Text(text)),
            EventFact::Raw(Name::ArgJson, json) => self.value = Some(Value::Json(json)),
            EventFact::Text(Name::ArgNull, _) => self.value = Some(Value::Json("null")),
            EventFact::Raw(Name::ArgContinues, json) => self.continues = json == "true",
            _ => {}
        }
    }
}

/// What a finish reason means (`Candidate.FinishReason` of both APIs).
fn outcome(reason: &str) -> Outcome {
    match reason {
        "STOP" => Outcome::Whole,
        "MAX_TOKENS" | "CONTINUATION" => Outcome::CutOff,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "ESCALATION"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Outcome::Filtered,
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE"
        | "MALFORMED_RESPONSE"
        | "NO_IMAGE"
        | "PUP_LIMITED_DISABLED" => Outcome::Failed,
        // `OTHER` and `IMAGE_OTHER` say nothing.
        _ => Outcome::Unknown,
    }
}
