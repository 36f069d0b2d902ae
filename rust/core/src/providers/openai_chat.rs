//! A chunk of a streamed chat completion (`OpenAI`, "The chat completion chunk object").

use std::collections::HashMap;
use std::ops::Range;

use super::calls::{Calls, Clue};
use super::pick::{Picked, Place, Want};
use super::reader::Reader;
use super::{DONE, Delta, Dialect, Outcome, Part};
use crate::json::{JsonError, Limits, Span};

#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    Id,
    Model,
    Object,
    Usage,
    Error,
    Choice,
    ChoiceIndex,
    FinishReason,
    Content,
    Refusal,
    Reasoning,
    ToolCall,
    ToolIndex,
    ToolId,
    Function,
    Arguments,
}

static ROOT: Want<Name> = Want::Members(&Place {
    members: &[
        ("choices", Want::Each(Name::Choice, &CHOICE)),
        ("id", Want::Text(Name::Id)),
        ("model", Want::Text(Name::Model)),
        ("object", Want::Text(Name::Object)),
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
    ],
});

static CHOICE: Place<Name> = Place {
    members: &[
        ("index", Want::Index(Name::ChoiceIndex)),
        ("delta", Want::Members(&DELTA)),
        ("finish_reason", Want::Text(Name::FinishReason)),
    ],
};

static DELTA: Place<Name> = Place {
    members: &[
        ("content", Want::Text(Name::Content)),
        ("tool_calls", Want::Each(Name::ToolCall, &TOOL_CALL)),
        ("refusal", Want::Text(Name::Refusal)),
        // DeepSeek and vLLM write the first, OpenRouter and later vLLM the second.
        ("reasoning_content", Want::Text(Name::Reasoning)),
        ("reasoning", Want::Text(Name::Reasoning)),
    ],
};

static TOOL_CALL: Place<Name> = Place {
    members: &[
        ("index", Want::Index(Name::ToolIndex)),
        ("id", Want::Text(Name::ToolId)),
        ("function", Want::Members(&FUNCTION)),
    ],
};

static FUNCTION: Place<Name> = Place {
    members: &[
        ("name", Want::Text(Name::Function)),
        ("arguments", Want::TextOrJson(Name::Arguments)),
    ],
};

/// Where in the arena a text stands.
type Piece = Option<Range<usize>>;

#[derive(Clone, Debug, Default)]
struct ChoiceParts {
    index: Option<u64>,
    content: Piece,
    refusal: Piece,
    reasoning: Piece,
    finish_reason: Piece,
    /// Its tool calls, among those of all choices.
    tool_calls: Range<usize>,
}

#[derive(Clone, Debug, Default)]
struct ToolCallParts {
    index: Option<u64>,
    id: Piece,
    name: Piece,
    arguments: Piece,
    arguments_json: Option<Span>,
}

/// What one chunk says.
#[derive(Debug, Default)]
pub struct ChatChunk {
    /// All texts, one behind the other.
    arena: String,
    id: Piece,
    model: Piece,
    object: Piece,
    usage: Option<Span>,
    error: Option<Span>,
    choices: Vec<ChoiceParts>,
    tool_calls: Vec<ToolCallParts>,
}

/// What one chunk says of one choice.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    chunk: &'a ChatChunk,
    parts: &'a ChoiceParts,
}

/// What one chunk says of one tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolCall<'a> {
    /// Which of the choice's calls; some servers leave it out.
    pub index: Option<u64>,
    /// `id`; usually in the first delta of the call only.
    pub id: Option<&'a str>,
    /// `function.name`; usually in the first delta of the call only.
    pub name: Option<&'a str>,
    /// More of `function.arguments`.
    pub arguments: Option<&'a str>,
    /// Where in the data the `function.arguments` stand, if they are JSON instead of a text of it, as
    /// TGI and some versions of llama.cpp write them.
    pub arguments_json: Option<Span>,
}

impl ChatChunk {
    fn resolve(&self, piece: &Piece) -> Option<&str> {
        self.arena.get(piece.clone()?)
    }

    /// `id` of the completion.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.resolve(&self.id)
    }

    /// `model`.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.resolve(&self.model)
    }

    /// `object`: `chat.completion.chunk`, or `error` from some servers.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        self.resolve(&self.object)
    }

    /// Where in the data the `usage` stands, if it is not `null`.
    #[must_use]
    pub fn usage(&self) -> Option<Span> {
        self.usage
    }

    /// Where in the data the `error` stands, if it is not `null`.
    #[must_use]
    pub fn error(&self) -> Option<Span> {
        self.error
    }

    /// The choices, in the order of the text.
    #[must_use]
    pub fn choices(&self) -> impl ExactSizeIterator<Item = Choice<'_>> {
        self.choices
            .iter()
            .map(|parts| Choice { chunk: self, parts })
    }
}

impl<'a> Choice<'a> {
    /// Which choice; the first if the server leaves it out.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.parts.index.unwrap_or(0)
    }

    /// More of `delta.content`.
    #[must_use]
    pub fn content(&self) -> Option<&'a str> {
        self.chunk.resolve(&self.parts.content)
    }

    /// More of `delta.refusal`.
    #[must_use]
    pub fn refusal(&self) -> Option<&'a str> {
        self.chunk.resolve(&self.parts.refusal)
    }

    /// More of `delta.reasoning_content` or `delta.reasoning`, as the server calls it.
    #[must_use]
    pub fn reasoning(&self) -> Option<&'a str> {
        self.chunk.resolve(&self.parts.reasoning)
    }

    /// `finish_reason`, in the last chunk of the choice.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&'a str> {
        self.chunk.resolve(&self.parts.finish_reason)
    }

    /// `delta.tool_calls`, in the order of the text.
    #[must_use]
    pub fn tool_calls(&self) -> impl ExactSizeIterator<Item = ToolCall<'a>> + use<'a> {
        let chunk = self.chunk;
        chunk.tool_calls[self.parts.tool_calls.clone()]
            .iter()
            .map(|parts| ToolCall {
                index: parts.index,
                id: chunk.resolve(&parts.id),
                name: chunk.resolve(&parts.name),
                arguments: chunk.resolve(&parts.arguments),
                arguments_json: parts.arguments_json,
            })
    }
}

impl Picked<Name> for ChatChunk {
    fn clear(&mut self) {
        self.arena.clear();
        self.id = None;
        self.model = None;
        self.object = None;
        self.usage = None;
        self.error = None;
        self.choices.clear();
        self.tool_calls.clear();
    }

    fn copy_from(&mut self, from: &Self) {
        let Self {
            arena,
            id,
            model,
            object,
            usage,
            error,
            choices,
            tool_calls,
        } = from;
        self.arena.clone_from(arena);
        self.id.clone_from(id);
        self.model.clone_from(model);
        self.object.clone_from(object);
        self.usage = *usage;
        self.error = *error;
        self.choices.clone_from(choices);
        self.tool_calls.clone_from(tool_calls);
    }

    fn begin_item(&mut self, name: Name) {
        match name {
            Name::Choice => self.choices.push(ChoiceParts {
                tool_calls: self.tool_calls.len()..self.tool_calls.len(),
                ..ChoiceParts::default()
            }),
            Name::ToolCall => {
                self.tool_calls.push(ToolCallParts::default());
                if let Some(choice) = self.choices.last_mut() {
                    choice.tool_calls.end = self.tool_calls.len();
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, name: Name, text: &str) {
        let start = self.arena.len();
        self.arena.push_str(text);
        let piece = Some(start..self.arena.len());
        match name {
            Name::Id => self.id = piece,
            Name::Model => self.model = piece,
            Name::Object => self.object = piece,
            Name::ToolId | Name::Function | Name::Arguments => {
                if let Some(call) = self.tool_calls.last_mut() {
                    match name {
                        Name::ToolId => call.id = piece,
                        Name::Function => call.name = piece,
                        _ => call.arguments = piece,
                    }
                }
            }
            _ => {
                if let Some(choice) = self.choices.last_mut() {
                    match name {
                        Name::Content => choice.content = piece,
                        Name::Refusal => choice.refusal = piece,
                        Name::FinishReason => choice.finish_reason = piece,
                        // A server that writes both names means the same by them.
                        Name::Reasoning if choice.reasoning.is_none() => choice.reasoning = piece,
                        _ => {}
                    }
                }
            }
        }
    }

    fn index(&mut self, name: Name, index: u64) {
        match name {
            Name::ChoiceIndex => {
                if let Some(choice) = self.choices.last_mut() {
                    choice.index = Some(index);
                }
            }
            Name::ToolIndex => {
                if let Some(call) = self.tool_calls.last_mut() {
                    call.index = Some(index);
                }
            }
            _ => {}
        }
    }

    fn raw(&mut self, name: Name, span: Span) {
        match name {
            Name::Usage => self.usage = Some(span),
            Name::Error => self.error = Some(span),
            Name::Arguments => {
                if let Some(call) = self.tool_calls.last_mut() {
                    call.arguments_json = Some(span);
                }
            }
            _ => {}
        }
    }
}

/// Reads the chunks of a stream, one after the other, into the same buffers.
///
/// # Examples
///
/// ```
/// use partialfast_core::providers::ChatReader;
///
/// let mut reader = ChatReader::default();
/// let chunk = reader.read(r#"{"choices": [{"index": 0, "delta": {"content": "Hel"}}]}"#)?;
/// let choice = chunk.choices().next().expect("one choice");
/// assert_eq!(choice.content(), Some("Hel"));
/// # Ok::<(), partialfast_core::json::JsonError>(())
/// ```
#[derive(Debug)]
pub struct ChatReader {
    pub(super) reader: Reader<Name, ChatChunk>,
}

impl Default for ChatReader {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl ChatReader {
    /// A reader of chunks within the limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            reader: Reader::new(&ROOT, limits),
        }
    }

    /// Reads the data of one event. A member of another kind than documented counts as absent.
    ///
    /// # Errors
    ///
    /// The data is no JSON text; offsets count from its start.
    pub fn read(&mut self, data: &str) -> Result<&ChatChunk, JsonError> {
        self.reader.read(data)
    }
}

/// Chat completions, streamed.
#[derive(Debug, Default)]
pub struct OpenAiChat {
    reader: ChatReader,
    /// The id and the model were reported.
    known: bool,
    /// The calls of each choice.
    calls: HashMap<u64, Calls>,
}

impl OpenAiChat {
    /// A reader of an answer's events within the limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            reader: ChatReader::new(limits),
            known: false,
            calls: HashMap::new(),
        }
    }
}

impl Dialect for OpenAiChat {
    fn read(&mut self, _name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        if data.starts_with(DONE) {
            return sink(Delta::Done);
        }
        let chunk = match self.reader.read(data) {
            Ok(chunk) => chunk,
            Err(error) => {
                return sink(Delta::Corrupt {
                    why: &error.to_string(),
                });
            }
        };
        if let Some(said) = chunk.error().map(|span| slice(data, span))
            && says_something(said)
        {
            return sink(Delta::ServerError { said });
        }
        // The first chunk of some servers has an empty id.
        if !self.known && present(chunk.id()).is_some() {
            self.known = true;
            sink(Delta::Head {
                id: chunk.id(),
                model: present(chunk.model()),
            });
        }
        for choice in chunk.choices() {
            read_choice(choice, data, &mut self.calls, sink);
        }
        if let Some(usage) = chunk.usage() {
            sink(Delta::Usage {
                json: slice(data, usage),
            });
        }
    }
}

fn read_choice(
    chosen: Choice<'_>,
    data: &str,
    calls: &mut HashMap<u64, Calls>,
    sink: &mut impl FnMut(Delta<'_>),
) {
    let choice = chosen.index();
    let mut piece = |part, text| {
        if let Some(text) = present(text) {
            sink(Delta::Piece { choice, part, text });
        }
    };
    piece(Part::Reasoning, chosen.reasoning());
    piece(Part::Text, chosen.content());
    piece(Part::Refusal, chosen.refusal());
    for each in chosen.tool_calls() {
        let calls = calls.entry(choice).or_default();
        let found = calls.find(Clue {
            index: each.index,
            id: each.id,
            name: each.name,
        });
        let call = found.call;
        if found.begins {
            sink(Delta::CallBegins {
                choice,
                call,
                id: calls.id(call),
                name: calls.name(call),
            });
        }
        let json = each.arguments_json.map(|span| slice(data, span));
        if let Some(text) = present(json.or(each.arguments)) {
            let part = Part::Call(call);
            sink(Delta::Piece { choice, part, text });
        }
    }
    if let Some(reason) = present(chosen.finish_reason()) {
        sink(Delta::Finish {
            choice,
            reason,
            outcome: outcome(reason),
        });
    }
}

/// What a finish reason means.
fn outcome(reason: &str) -> Outcome {
    match reason {
        "stop" | "tool_calls" | "function_call" => Outcome::Whole,
        // The last one is Mistral's.
        "length" | "model_length" => Outcome::CutOff,
        "content_filter" => Outcome::Filtered,
        "error" => Outcome::Failed,
        _ => Outcome::Unknown,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it is a place in the data, which is in memory"
)]
fn slice(data: &str, span: Span) -> &str {
    data.get(span.start as usize..span.end as usize)
        .unwrap_or_default()
}

/// Whether an error is one: servers write `null` and other empty values where there is none.
fn says_something(error: &str) -> bool {
    !matches!(error, "{}" | "[]" | "\"\"" | "false" | "0")
}

/// What is not there, or is empty, is not reported.
fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Machine;
    use crate::providers::pick::{Picker, Way};

    const DATA: &str = r#" {"id": "c1", "x": [{"id": "no"}, "no", {}], "choices": [7, [1], {
        "index": 1, "delta": {"content": "caf\u00e9 \ud83d\ude00", "tool_calls": [
            {"index": 2, "id": "t", "function": {"name": "f", "arguments": "{\"a\":"}}, null]},
        "logprobs": {"content": [{"token": "no", "index": 9}]}, "finish_reason": null}],
        "usage": {"total_tokens": [1, {"a": 2}]}, "error": "overl\noaded", "model": null} "#;

    /// Everything, so that two readings can be compared.
    fn shown(chunk: &ChatChunk) -> String {
        let choices: Vec<_> = chunk
            .choices()
            .map(|choice| {
                let calls: Vec<_> = choice.tool_calls().collect();
                (
                    choice.index(),
                    choice.content(),
                    choice.finish_reason(),
                    calls,
                )
            })
            .map(|choice| format!("{choice:?}"))
            .collect();
        let spans = (chunk.usage(), chunk.error());
        format!("{:?} {:?} {choices:?} {spans:?}", chunk.id(), chunk.model())
    }

    /// The picker is a sink like any other: how the text comes to the machine must not matter.
    #[test]
    fn every_cut_picks_the_same() {
        let mut whole = ChatReader::default();
        let expected = shown(whole.read(DATA).expect("valid"));
        assert!(expected.contains("café 😀"), "{expected}");
        for cut in 0..=DATA.len() {
            let (left, right) = DATA.as_bytes().split_at(cut);
            let (mut machine, mut way) = (Machine::new(Limits::default()), Way::default());
            let mut chunk = ChatChunk::default();
            way.reset(&ROOT);
            let mut picker = Picker {
                way: &mut way,
                picked: &mut chunk,
            };
            for mut bytes in [left, right] {
                while !bytes.is_empty() {
                    let fed = machine.feed(bytes, &mut picker).expect("valid");
                    bytes = &bytes[fed.consumed..];
                }
            }
            machine.finish(&mut picker).expect("valid");
            assert_eq!(shown(&chunk), expected, "cut at {cut}");
        }
    }
}
