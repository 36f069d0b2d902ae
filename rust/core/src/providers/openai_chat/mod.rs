//! Chat completions (`OpenAI`, "The chat completion chunk object"), and what speaks like them.
//!
//! A whole completion, as the API gives it without streaming, is read like the one event of a stream.

mod chunk;

use std::collections::BTreeMap;

use self::chunk::{ChatChunk, ChoiceParts, Name, Says, TextKind};
use super::calls::{Calls, Clue};
use super::endings::outcome;
use super::pick::{present, slice};
use super::reader::Reader;
use super::said::{Content, Mark};
use super::{DONE, Delta, Dialect, Outcome, Part};

/// More choices than any answer has.
const MOST_CHOICES: usize = 10_000;

/// Chat completions, streamed or whole.
#[derive(Debug, Default)]
pub struct OpenAiChat {
    reader: Reader<Name, ChatChunk>,
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

impl Dialect for OpenAiChat {
    fn read(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        if !data.starts_with('{') && data.trim_start().starts_with(DONE) {
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
    fn find(&mut self, chunk: &ChatChunk, parts: &ChoiceParts) -> Option<(u64, &mut State)> {
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
    fn goes_on(&mut self, chunk: &ChatChunk, parts: &ChoiceParts) -> bool {
        let Some(state) = self.states.get(&self.current) else {
            return false;
        };
        let says = &parts.delta;
        if state.ending.said.is_some() || says.has_role || !parts.message.texts.is_empty() {
            return false;
        }
        let next = self.last.and_then(|last| last.checked_add(1)) == parts.index;
        let text = chunk.texts(says).find(|(kind, _)| *kind == TextKind::Text);
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
        chunk: &ChatChunk,
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
    fn of(&mut self, kind: TextKind) -> (Part, &mut Content) {
        match kind {
            TextKind::Text => (Part::Text, &mut self.text),
            TextKind::Refusal => (Part::Refusal, &mut self.refusal),
            TextKind::Reasoning => (Part::Reasoning, &mut self.reasoning),
        }
    }

    /// Passes on what is new in a piece.
    fn piece(&mut self, choice: u64, kind: TextKind, text: &str, sink: &mut impl FnMut(Delta<'_>)) {
        let (part, to) = self.of(kind);
        let text = to.fresh(text);
        to.pass_on(choice, part, text, sink);
    }

    /// Passes on what the pieces have not brought of a whole message.
    fn whole(
        &mut self,
        choice: u64,
        chunk: &ChatChunk,
        message: &Says,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        if message.texts.is_empty() {
            return;
        }
        for kind in [TextKind::Reasoning, TextKind::Text, TextKind::Refusal] {
            let texts = chunk.texts(message).filter(|(of, _)| *of == kind);
            let whole: String = texts.map(|(_, text)| text).collect();
            let (part, to) = self.of(kind);
            let text = to.said.missing(Mark::default(), &whole).unwrap_or_default();
            to.pass_on(choice, part, text, sink);
        }
    }
}
