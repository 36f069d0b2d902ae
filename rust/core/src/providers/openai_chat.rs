//! Chat completions (`OpenAI`, "The chat completion chunk object"), and what speaks like them.
//!
//! A whole completion, as the API gives it without streaming, is read like the one event of a stream.

use std::collections::BTreeMap;
use std::ops::Range;

use super::calls::{Calls, Clue};
use super::endings::outcome;
use super::pick::{Picked, Place, Want, present, says_something, slice};
use super::reader::Reader;
use super::said::{Content, Mark};
use super::{DONE, Delta, Dialect, Outcome, Part};
use crate::json::{Limits, Span};

/// More choices than any answer has.
const MOST_CHOICES: usize = 10_000;

#[derive(Clone, Copy, Debug)]
enum Name {
    Root,
    Id,
    Model,
    Object,
    Usage,
    Error,
    Detail,
    StatusCode,
    Choice,
    ChoiceIndex,
    FinishReason,
    Delta,
    Message,
    Role,
    Content,
    ContentPart,
    PartType,
    PartText,
    PartThinking,
    Thought,
    Refusal,
    Reasoning,
    ReasoningObject,
    ToolCall,
    FunctionCall,
    ToolIndex,
    ToolId,
    Function,
    Arguments,
}

// An array in the place of the object is what some proxies write where they fail.
static ROOT: Want<Name> = Want::Each(
    Name::Root,
    &Place {
        members: &[
            ("choices", Want::Each(Name::Choice, &CHOICE)),
            ("id", Want::Text(Name::Id)),
            ("model", Want::Text(Name::Model)),
            ("object", Want::Text(Name::Object)),
            ("usage", Want::Raw(Name::Usage)),
            ("x_groq", Want::Members(&GROQ)),
            ("error", Want::Raw(Name::Error)),
            ("detail", Want::Raw(Name::Detail)),
            ("base_resp", Want::Members(&BASE_RESPONSE)),
        ],
    },
);

static GROQ: Place<Name> = Place {
    members: &[
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
    ],
};

// MiniMax
static BASE_RESPONSE: Place<Name> = Place {
    members: &[("status_code", Want::Index(Name::StatusCode))],
};

static CHOICE: Place<Name> = Place {
    members: &[
        ("index", Want::Index(Name::ChoiceIndex)),
        ("delta", Want::Object(Name::Delta, &MESSAGE)),
        ("message", Want::Object(Name::Message, &MESSAGE)),
        ("finish_reason", Want::Text(Name::FinishReason)),
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
    ],
};

static MESSAGE: Place<Name> = Place {
    members: &[
        (
            "content",
            Want::TextOrEach(Name::Content, Name::ContentPart, &PART),
        ),
        ("tool_calls", Want::Each(Name::ToolCall, &TOOL_CALL)),
        ("role", Want::Text(Name::Role)),
        ("refusal", Want::Text(Name::Refusal)),
        // DeepSeek and vLLM write the first, OpenRouter and later vLLM the second.
        ("reasoning_content", Want::Text(Name::Reasoning)),
        (
            "reasoning",
            Want::TextOrEach(Name::Reasoning, Name::ReasoningObject, &REASONING),
        ),
        // What there was before tool calls.
        ("function_call", Want::Object(Name::FunctionCall, &FUNCTION)),
    ],
};

static REASONING: Place<Name> = Place {
    members: &[
        ("content", Want::Text(Name::Reasoning)),
        ("text", Want::Text(Name::Reasoning)),
    ],
};

static PART: Place<Name> = Place {
    members: &[
        ("type", Want::Text(Name::PartType)),
        ("text", Want::Text(Name::PartText)),
        ("refusal", Want::Text(Name::Refusal)),
        // Mistral's: text, or parts again.
        (
            "thinking",
            Want::TextOrEach(Name::PartThinking, Name::Thought, &THOUGHT),
        ),
    ],
};

static THOUGHT: Place<Name> = Place {
    members: &[("text", Want::Text(Name::PartThinking))],
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
        // TGI and some versions of llama.cpp write JSON instead of a text of it.
        ("arguments", Want::TextOrJson(Name::Arguments)),
    ],
};

/// Where in the arena a text stands.
type Piece = Option<Range<usize>>;

/// Which text of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Reasoning,
}

/// What a `delta` or a `message` says.
#[derive(Clone, Debug, Default)]
struct Says {
    /// Its texts, among those of all.
    texts: Range<usize>,
    /// Its calls, likewise.
    calls: Range<usize>,
    has_role: bool,
}

#[derive(Clone, Debug, Default)]
struct ChoiceParts {
    index: Option<u64>,
    finish_reason: Piece,
    delta: Says,
    message: Says,
    /// What is being read is the message.
    in_message: bool,
}

impl ChoiceParts {
    fn says(&mut self) -> &mut Says {
        if self.in_message {
            &mut self.message
        } else {
            &mut self.delta
        }
    }
}

#[derive(Clone, Debug, Default)]
struct CallParts {
    index: Option<u64>,
    id: Piece,
    name: Piece,
    arguments: Piece,
    arguments_json: Option<Span>,
    /// It is written as before there were tools.
    is_old: bool,
}

/// What one chunk says.
#[derive(Debug, Default)]
struct Chunk {
    /// All texts, concatenated.
    arena: String,
    id: Piece,
    model: Piece,
    is_error: bool,
    usage: Option<Span>,
    error: Option<Span>,
    detail: Option<Span>,
    status: u64,
    choices: Vec<ChoiceParts>,
    texts: Vec<(Kind, Range<usize>)>,
    calls: Vec<CallParts>,
    /// The part of a content that is being read is a thought.
    is_thought: bool,
    /// Its texts begin here among all.
    part: usize,
}

impl Chunk {
    fn resolve(&self, piece: &Piece) -> Option<&str> {
        self.arena.get(piece.clone()?)
    }

    fn keep(&mut self, text: &str) -> Range<usize> {
        let start = self.arena.len();
        self.arena.push_str(text);
        start..self.arena.len()
    }

    fn add_text(&mut self, kind: Kind, text: &str) {
        if self.choices.is_empty() || text.is_empty() {
            return;
        }
        let range = self.keep(text);
        self.texts.push((kind, range));
        let end = self.texts.len();
        if let Some(choice) = self.choices.last_mut() {
            choice.says().texts.end = end;
        }
    }

    fn add_reasoning(&mut self, text: &str) {
        let Some(choice) = self.choices.last_mut() else {
            return;
        };
        let range = choice.says().texts.clone();
        // A server that writes it under two names means the same by them.
        let twice = |(kind, _): &(Kind, Range<usize>)| *kind == Kind::Reasoning;
        if !self.texts[range].iter().any(twice) {
            self.add_text(Kind::Reasoning, text);
        }
    }
}

impl Picked<Name> for Chunk {
    fn clear(&mut self) {
        self.arena.clear();
        self.id = None;
        self.model = None;
        self.is_error = false;
        self.usage = None;
        self.error = None;
        self.detail = None;
        self.status = 0;
        self.choices.clear();
        self.texts.clear();
        self.calls.clear();
        self.is_thought = false;
        self.part = 0;
    }

    fn copy_from(&mut self, from: &Self) {
        let Self {
            arena,
            id,
            model,
            is_error,
            usage,
            error,
            detail,
            status,
            choices,
            texts,
            calls,
            is_thought,
            part,
        } = from;
        self.arena.clone_from(arena);
        self.id.clone_from(id);
        self.model.clone_from(model);
        self.is_error = *is_error;
        self.usage = *usage;
        self.error = *error;
        self.detail = *detail;
        self.status = *status;
        self.choices.clone_from(choices);
        self.texts.clone_from(texts);
        self.calls.clone_from(calls);
        self.is_thought = *is_thought;
        self.part = *part;
    }

    fn begin_item(&mut self, name: Name) {
        let (texts, calls) = (self.texts.len(), self.calls.len());
        match name {
            Name::Choice => self.choices.push(ChoiceParts::default()),
            Name::Delta | Name::Message => {
                if let Some(choice) = self.choices.last_mut() {
                    choice.in_message = matches!(name, Name::Message);
                    *choice.says() = Says {
                        texts: texts..texts,
                        calls: calls..calls,
                        has_role: false,
                    };
                }
            }
            Name::ToolCall | Name::FunctionCall => {
                self.calls.push(CallParts {
                    is_old: matches!(name, Name::FunctionCall),
                    ..CallParts::default()
                });
                if let Some(choice) = self.choices.last_mut() {
                    choice.says().calls.end = calls + 1;
                }
            }
            Name::ContentPart => {
                self.is_thought = false;
                self.part = texts;
            }
            _ => {}
        }
    }

    fn text(&mut self, name: Name, text: &str) {
        match name {
            Name::Id => self.id = Some(self.keep(text)),
            Name::Model => self.model = Some(self.keep(text)),
            Name::Object => self.is_error = text == "error",
            Name::Refusal => self.add_text(Kind::Refusal, text),
            Name::Reasoning => self.add_reasoning(text),
            Name::PartThinking => self.add_text(Kind::Reasoning, text),
            Name::PartText if self.is_thought => self.add_text(Kind::Reasoning, text),
            Name::Content | Name::PartText => self.add_text(Kind::Text, text),
            Name::PartType => {
                self.is_thought = matches!(text, "thinking" | "reasoning");
                if self.is_thought {
                    // The text may have come before the type.
                    for (kind, _) in self.texts.iter_mut().skip(self.part) {
                        *kind = Kind::Reasoning;
                    }
                }
            }
            Name::Role => {
                if let Some(choice) = self.choices.last_mut() {
                    choice.says().has_role = !text.is_empty();
                }
            }
            Name::FinishReason => {
                let piece = Some(self.keep(text));
                if let Some(choice) = self.choices.last_mut() {
                    choice.finish_reason = piece;
                }
            }
            Name::ToolId | Name::Function | Name::Arguments => {
                let piece = Some(self.keep(text));
                if let Some(call) = self.calls.last_mut() {
                    match name {
                        Name::ToolId => call.id = piece,
                        Name::Function => call.name = piece,
                        _ => call.arguments = piece,
                    }
                }
            }
            _ => {}
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
                if let Some(call) = self.calls.last_mut() {
                    call.index = Some(index);
                }
            }
            Name::StatusCode => self.status = index,
            _ => {}
        }
    }

    fn raw(&mut self, name: Name, span: Span) {
        match name {
            Name::Usage => self.usage = Some(span),
            Name::Error => self.error = Some(span),
            Name::Detail => self.detail = Some(span),
            Name::Arguments => {
                if let Some(call) = self.calls.last_mut() {
                    call.arguments_json = Some(span);
                }
            }
            _ => {}
        }
    }
}

/// Chat completions, streamed or whole.
#[derive(Debug)]
pub struct OpenAiChat {
    reader: Reader<Name, Chunk>,
    /// The id and the model were reported.
    known: bool,
    choices: Choices,
}

/// The choices of an answer.
#[derive(Debug, Default)]
struct Choices {
    /// By their numbers.
    states: BTreeMap<u64, State>,
    /// The one that came last.
    current: u64,
    /// The server's number of what came last.
    last: Option<u64>,
    /// The server numbers the events instead: all are of one choice.
    counts_events: bool,
}

/// What is known of one choice.
#[derive(Debug, Default)]
struct State {
    texts: Texts,
    calls: Calls,
    ending: Ending,
}

/// What was passed on of its texts.
#[derive(Debug, Default)]
struct Texts {
    text: Content,
    refusal: Content,
    reasoning: Content,
}

#[derive(Debug, Default)]
struct Ending {
    /// The finish reason that was passed on.
    said: Option<String>,
    /// One that was not, or that was taken back: whether it is one is seen from what follows.
    held: Option<String>,
}

impl Default for OpenAiChat {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl OpenAiChat {
    /// A reader of an answer's events within the limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            reader: Reader::new(&ROOT, limits),
            known: false,
            choices: Choices::default(),
        }
    }
}

impl Dialect for OpenAiChat {
    fn read(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        if data.trim_start().starts_with(DONE) {
            self.end(sink);
            return sink(Delta::Done);
        }
        let (chunk, data) = match self.reader.read(data) {
            Ok(read) => read,
            // A server that fails may say so in plain words.
            Err(_) if name == "error" => return sink(Delta::ServerError { said: data }),
            Err(error) => {
                return sink(Delta::Corrupt {
                    why: &error.to_string(),
                });
            }
        };
        if let Some(said) = chunk.server_error(name, data) {
            // What fails after the answer was said to be whole is not the answer.
            if !self.choices.are_whole() {
                sink(Delta::ServerError { said });
            }
            return;
        }
        // The first chunk of some servers has an empty id.
        if !self.known
            && let Some(id) = chunk.resolve(&chunk.id).and_then(present)
        {
            self.known = true;
            sink(Delta::Head {
                id: Some(id),
                model: chunk.resolve(&chunk.model).and_then(present),
            });
        }
        for parts in &chunk.choices {
            let Some((number, state)) = self.choices.find(chunk, parts) else {
                return sink(Delta::Corrupt {
                    why: "the answer has more choices than can be remembered",
                });
            };
            state.read(number, chunk, parts, data, sink);
        }
        if let Some(usage) = chunk.usage {
            sink(Delta::Usage {
                json: slice(data, usage),
            });
        }
    }

    fn end(&mut self, sink: &mut impl FnMut(Delta<'_>)) {
        if let Some(error) = self.reader.torn() {
            let why = &error.to_string();
            return sink(Delta::Corrupt { why });
        }
        for (number, state) in &mut self.choices.states {
            state.calls.end(*number, sink);
            if state.ending.said.is_none()
                && let Some(reason) = state.ending.held.take()
            {
                state.finish(*number, &reason, sink);
            }
        }
    }
}

impl Chunk {
    /// What the server says of a failure, in any of the places where servers say it.
    fn server_error<'a>(&self, name: &str, data: &'a str) -> Option<&'a str> {
        let error = self.error.map(|span| slice(data, span));
        if let Some(said) = error.filter(|said| says_something(said)) {
            return Some(said);
        }
        let detail = self
            .detail
            .filter(|_| self.choices.is_empty())
            .map(|span| slice(data, span));
        let says_so = self.is_error
            || name == "error"
            || self.status != 0
            || detail.is_some_and(says_something);
        says_so.then_some(data)
    }

    fn texts(&self, says: &Says) -> impl Iterator<Item = (Kind, &str)> {
        let texts = self.texts.get(says.texts.clone()).unwrap_or_default();
        texts
            .iter()
            .map(|(kind, range)| (*kind, self.arena.get(range.clone()).unwrap_or_default()))
    }

    fn calls<'a>(
        &'a self,
        says: &Says,
        data: &'a str,
    ) -> impl Iterator<Item = (Clue<'a>, &'a str)> {
        let calls = self.calls.get(says.calls.clone()).unwrap_or_default();
        // A server that writes it in both ways means the same by them.
        let twice = calls.iter().any(|call| !call.is_old);
        let calls = calls.iter().filter(move |call| !(call.is_old && twice));
        calls.map(move |call| {
            let clue = Clue {
                index: call.index,
                id: self.resolve(&call.id),
                item: None,
                name: self.resolve(&call.name),
            };
            let json = call.arguments_json.map(|span| slice(data, span));
            let arguments = json.or(self.resolve(&call.arguments));
            (clue, arguments.unwrap_or_default())
        })
    }
}

impl Choices {
    /// Whether the server has said of all that they are whole.
    fn are_whole(&self) -> bool {
        let whole = |state: &State| {
            let reason = state.ending.said.as_deref();
            reason.is_some_and(|reason| outcome(reason) == Outcome::Whole)
        };
        !self.states.is_empty() && self.states.values().all(whole)
    }

    /// The choice that a part of a chunk belongs to, and its number; `None` if there are too many.
    fn find(&mut self, chunk: &Chunk, parts: &ChoiceParts) -> Option<(u64, &mut State)> {
        let index = parts.index.unwrap_or(0);
        let known = self.current == index && self.last == Some(index);
        if self.counts_events
            || !known && !self.states.contains_key(&index) && self.goes_on(chunk, parts)
        {
            let current = self.current;
            return Some((current, self.states.entry(current).or_default()));
        }
        if !known && self.states.len() == MOST_CHOICES && !self.states.contains_key(&index) {
            return None;
        }
        self.current = index;
        self.last = Some(index);
        Some((index, self.states.entry(index).or_default()))
    }

    /// Whether what has a number of its own is more of the choice before.
    ///
    /// Some servers number their events there. A choice of its own begins with a role, as its text
    /// does like that of the others, and its calls have names.
    fn goes_on(&mut self, chunk: &Chunk, parts: &ChoiceParts) -> bool {
        let Some(state) = self.states.get(&self.current) else {
            return false;
        };
        let says = &parts.delta;
        if state.ending.said.is_some() || says.has_role || !parts.message.texts.is_empty() {
            return false;
        }
        let next = self.last.and_then(|last| last.checked_add(1)) == parts.index;
        let text = chunk.texts(says).find(|(kind, _)| *kind == Kind::Text);
        let call = chunk.calls(says, "").next();
        let goes_on = match (call, text) {
            (Some((clue, _)), _) => clue.name.and_then(present).is_none() && state.calls.has_open(),
            (None, Some((_, text))) => {
                let first = text.trim_start().bytes().next();
                let before = &state.texts.text.said;
                next && !before.is_empty() && !before.is_whole() && first != before.first()
            }
            // Only an ending: of what has none.
            (None, None) => state.ending.held.is_none(),
        };
        self.counts_events |= goes_on && next;
        goes_on
    }
}

impl State {
    /// Reads what a chunk says of the choice.
    fn read(
        &mut self,
        choice: u64,
        chunk: &Chunk,
        parts: &ChoiceParts,
        data: &str,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        let Self {
            texts,
            calls,
            ending,
        } = self;
        let mut brings_calls = false;
        let mut watched = |delta: Delta<'_>| {
            brings_calls |= ending.watch(choice, &delta, sink);
            sink(delta);
        };
        for (kind, text) in chunk.texts(&parts.delta) {
            texts.piece(choice, kind, text, &mut watched);
        }
        for (clue, arguments) in chunk.calls(&parts.delta, data) {
            calls.piece(choice, clue, arguments, &mut watched);
        }
        texts.whole(choice, chunk, &parts.message, &mut watched);
        for (place, (clue, arguments)) in chunk.calls(&parts.message, data).enumerate() {
            let index = clue.index.or(Some(place as u64));
            calls.whole(choice, Clue { index, ..clue }, arguments, &mut watched);
        }
        let reason = chunk.resolve(&parts.finish_reason).and_then(present);
        if let Some(reason) = reason {
            // Some servers write it into every chunk. That no call follows is seen at the end only.
            let held = brings_calls && reason == "stop" && parts.message.calls.is_empty();
            if held {
                self.ending.held = Some(reason.to_owned());
            } else {
                self.finish(choice, reason, sink);
            }
        }
    }

    fn finish(&mut self, choice: u64, reason: &str, sink: &mut impl FnMut(Delta<'_>)) {
        if self.ending.said.as_deref() == Some(reason) {
            return;
        }
        self.calls.end(choice, sink);
        self.ending.said = Some(reason.to_owned());
        sink(Delta::Finish {
            choice,
            reason,
            outcome: outcome(reason),
        });
    }
}

impl Ending {
    /// Takes an ending back when more of the answer comes. Whether what comes is of a call.
    fn watch(&mut self, choice: u64, delta: &Delta<'_>, sink: &mut impl FnMut(Delta<'_>)) -> bool {
        let (is_answer, is_call) = match delta {
            Delta::CallBegins { .. } => (true, true),
            Delta::Piece { part, .. } => (
                matches!(part, Part::Text | Part::Call(_)),
                matches!(part, Part::Call(_)),
            ),
            _ => (false, false),
        };
        if is_answer && let Some(reason) = self.said.take() {
            self.held = Some(reason);
            sink(Delta::Reopens { choice });
        }
        is_call
    }
}

impl Texts {
    fn of(&mut self, kind: Kind) -> (Part, &mut Content) {
        match kind {
            Kind::Text => (Part::Text, &mut self.text),
            Kind::Refusal => (Part::Refusal, &mut self.refusal),
            Kind::Reasoning => (Part::Reasoning, &mut self.reasoning),
        }
    }

    /// Passes on what is new in a piece.
    fn piece(&mut self, choice: u64, kind: Kind, text: &str, sink: &mut impl FnMut(Delta<'_>)) {
        let (part, to) = self.of(kind);
        let text = to.fresh(text);
        to.pass_on(choice, part, text, sink);
    }

    /// Passes on what the pieces have not brought of a whole message.
    fn whole(
        &mut self,
        choice: u64,
        chunk: &Chunk,
        message: &Says,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        if message.texts.is_empty() {
            return;
        }
        for kind in [Kind::Reasoning, Kind::Text, Kind::Refusal] {
            let texts = chunk.texts(message).filter(|(of, _)| *of == kind);
            let whole: String = texts.map(|(_, text)| text).collect();
            let (part, to) = self.of(kind);
            let text = to.said.missing(Mark::default(), &whole).unwrap_or_default();
            to.pass_on(choice, part, text, sink);
        }
    }
}
