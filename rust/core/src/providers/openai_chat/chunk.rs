//! What one chunk says: the places in its JSON that are wanted, and what stands there.

use std::ops::Range;

use crate::json::Span;
use crate::providers::calls::Clue;
use crate::providers::pick::{DialectNames, Picked, Want, WantedMembers, says_something, slice};

#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    Root,
    Id,
    Model,
    Object,
    Usage,
    Error,
    Detail,
    Words,
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

impl DialectNames for Name {
    const ROOT: &'static Want<Self> = &ROOT;
}

// An array in the place of the object is what some proxies write where they fail.
static ROOT: Want<Name> = Want::Each(
    Name::Root,
    &WantedMembers {
        members: &[
            ("choices", Want::Each(Name::Choice, &CHOICE)),
            ("id", Want::Text(Name::Id)),
            ("model", Want::Text(Name::Model)),
            ("object", Want::Text(Name::Object)),
            ("usage", Want::Raw(Name::Usage)),
            ("x_groq", Want::Members(&GROQ)),
            ("error", Want::Raw(Name::Error)),
            ("detail", Want::Raw(Name::Detail)),
            ("message", Want::Raw(Name::Words)),
            ("msg", Want::Raw(Name::Words)),
            ("base_resp", Want::Members(&BASE_RESPONSE)),
        ],
    },
);

static GROQ: WantedMembers<Name> = WantedMembers {
    members: &[
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
    ],
};

// MiniMax
static BASE_RESPONSE: WantedMembers<Name> = WantedMembers {
    members: &[("status_code", Want::Index(Name::StatusCode))],
};

static CHOICE: WantedMembers<Name> = WantedMembers {
    members: &[
        ("index", Want::Index(Name::ChoiceIndex)),
        ("delta", Want::Object(Name::Delta, &MESSAGE)),
        ("message", Want::Object(Name::Message, &MESSAGE)),
        ("finish_reason", Want::Text(Name::FinishReason)),
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
    ],
};

static MESSAGE: WantedMembers<Name> = WantedMembers {
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

static REASONING: WantedMembers<Name> = WantedMembers {
    members: &[
        ("content", Want::Text(Name::Reasoning)),
        ("text", Want::Text(Name::Reasoning)),
    ],
};

static PART: WantedMembers<Name> = WantedMembers {
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

static THOUGHT: WantedMembers<Name> = WantedMembers {
    members: &[("text", Want::Text(Name::PartThinking))],
};

static TOOL_CALL: WantedMembers<Name> = WantedMembers {
    members: &[
        ("index", Want::Index(Name::ToolIndex)),
        ("id", Want::Text(Name::ToolId)),
        ("function", Want::Members(&FUNCTION)),
    ],
};

static FUNCTION: WantedMembers<Name> = WantedMembers {
    members: &[
        ("name", Want::Text(Name::Function)),
        // TGI and some versions of llama.cpp write JSON instead of a text of it.
        ("arguments", Want::TextOrJson(Name::Arguments)),
    ],
};

/// Where in the arena a text stands.
pub(super) type Piece = Option<Range<usize>>;

/// Which text of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextKind {
    Text,
    Refusal,
    Reasoning,
}

/// What a `delta` or a `message` says.
#[derive(Clone, Debug, Default)]
pub(super) struct Says {
    /// Its texts, among those of all.
    pub texts: Range<usize>,
    /// Its calls, likewise.
    pub calls: Range<usize>,
    pub has_role: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct ChoiceParts {
    pub index: Option<u64>,
    pub finish_reason: Piece,
    pub delta: Says,
    pub message: Says,
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
pub(super) struct ChatChunk {
    /// All texts, concatenated.
    arena: String,
    pub id: Piece,
    pub model: Piece,
    is_error: bool,
    pub usage: Option<Span>,
    error: Option<Span>,
    detail: Option<Span>,
    words: Option<Span>,
    status: u64,
    pub choices: Vec<ChoiceParts>,
    texts: Vec<(TextKind, Range<usize>)>,
    calls: Vec<CallParts>,
    /// The part of a content that is being read is a thought.
    is_thought: bool,
    /// Its texts begin here among all.
    part: usize,
}

impl ChatChunk {
    pub fn resolve(&self, piece: &Piece) -> Option<&str> {
        self.arena.get(piece.clone()?)
    }

    fn keep(&mut self, text: &str) -> Range<usize> {
        let start = self.arena.len();
        self.arena.push_str(text);
        start..self.arena.len()
    }

    fn add_text(&mut self, kind: TextKind, text: &str) {
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
        let twice = |(kind, _): &(TextKind, Range<usize>)| *kind == TextKind::Reasoning;
        if !self.texts[range].iter().any(twice) {
            self.add_text(TextKind::Reasoning, text);
        }
    }

    /// What the server says of a failure, in any of the places where servers say it.
    pub fn server_error<'a>(&self, name: &str, data: &'a str) -> Option<&'a str> {
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
            || detail.is_some_and(says_something)
            || self.is_nothing_but_words(data);
        says_so.then_some(data)
    }

    /// Whether it is a message, and no part of an answer.
    fn is_nothing_but_words(&self, data: &str) -> bool {
        let words = self.words.map(|span| slice(data, span));
        words.is_some_and(|words| words.starts_with('"') && says_something(words))
            && self.choices.is_empty()
            && self.usage.is_none()
            && self.id.is_none()
    }

    pub fn texts(&self, says: &Says) -> impl Iterator<Item = (TextKind, &str)> {
        let texts = self.texts.get(says.texts.clone()).unwrap_or_default();
        texts
            .iter()
            .map(|(kind, range)| (*kind, self.arena.get(range.clone()).unwrap_or_default()))
    }

    pub fn calls<'a>(
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

impl Picked<Name> for ChatChunk {
    fn clear(&mut self) {
        self.arena.clear();
        self.id = None;
        self.model = None;
        self.is_error = false;
        self.usage = None;
        self.error = None;
        self.detail = None;
        self.words = None;
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
            words,
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
        self.words = *words;
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
            Name::Refusal => self.add_text(TextKind::Refusal, text),
            Name::Reasoning => self.add_reasoning(text),
            Name::PartThinking => self.add_text(TextKind::Reasoning, text),
            Name::PartText if self.is_thought => self.add_text(TextKind::Reasoning, text),
            Name::Content | Name::PartText => self.add_text(TextKind::Text, text),
            Name::PartType => {
                self.is_thought = matches!(text, "thinking" | "reasoning");
                if self.is_thought {
                    // The text may have come before the type.
                    for (kind, _) in self.texts.iter_mut().skip(self.part) {
                        *kind = TextKind::Reasoning;
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
            Name::Words => self.words = Some(span),
            Name::Arguments => {
                if let Some(call) = self.calls.last_mut() {
                    call.arguments_json = Some(span);
                }
            }
            _ => {}
        }
    }
}
