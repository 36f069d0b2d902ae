//! The Responses API (`OpenAI`, "Responses API, streaming events"), and what speaks like it.
//!
//! The events say everything up to four times: in deltas, at the end of the part, of the item, and of
//! the response. Servers leave any of these out. So each is read, and what it adds to what was said
//! before is passed on. A whole response, as the API gives it without streaming, is read like the last
//! event of a stream.

use std::collections::BTreeMap;
use std::ops::Range;

use super::calls::{Calls, Clue};
use super::endings::outcome;
use super::pick::{DialectNames, Picked, Want, WantedMembers, present, says_something, slice};
use super::reader::Reader;
use super::said::{Content, Mark};
use super::{DONE, Delta, Dialect, Outcome, Part};
use crate::json::Span;

/// There is one answer; the API knows no choices.
const CHOICE: u64 = 0;

/// More remarks than any answer has; they are remembered to its end.
const MOST_REMARKS: usize = 10_000;

/// The texts that are kept, each with the events that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Type,
    Delta,
    Text,
    Refusal,
    Arguments,
    ItemId,
    ResponseId,
    ResponseModel,
    ResponseStatus,
    IncompleteReason,
    // Of an item
    ItemType,
    ItemOwnId,
    ItemFunction,
    ItemCallId,
    ItemArguments,
    ItemPhase,
    // Of a part
    PartType,
    PartText,
    // Not texts
    OutputIndex,
    ContentIndex,
    Error,
    Detail,
    Usage,
    Item,
    Part,
    Root,
    Object,
}

/// How many of the names are texts of the event itself: they come first.
const TEXTS: usize = Name::IncompleteReason as usize + 1;

// An array in the place of the object is what some proxies write where they fail. The members of a
// response stand in an object of their own, or are the whole where it is not streamed.
impl DialectNames for Name {
    const ROOT: &'static Want<Self> = &ROOT;
}

static ROOT: Want<Name> = Want::Each(
    Name::Root,
    &WantedMembers {
        members: &[
            ("type", Want::Text(Name::Type)),
            ("delta", Want::TextOrJson(Name::Delta)),
            ("item_id", Want::Text(Name::ItemId)),
            ("output_index", Want::Index(Name::OutputIndex)),
            ("content_index", Want::Index(Name::ContentIndex)),
            ("text", Want::Text(Name::Text)),
            ("refusal", Want::Text(Name::Refusal)),
            ("arguments", Want::TextOrJson(Name::Arguments)),
            ("item", Want::Object(Name::Item, &ITEM)),
            ("part", Want::Object(Name::Part, &PART)),
            ("response", Want::Members(&RESPONSE)),
            ("error", Want::Raw(Name::Error)),
            ("detail", Want::Raw(Name::Detail)),
            ("message", Want::Raw(Name::Detail)),
            ("object", Want::Text(Name::Object)),
            ("id", Want::Text(Name::ResponseId)),
            ("model", Want::Text(Name::ResponseModel)),
            ("status", Want::Text(Name::ResponseStatus)),
            ("incomplete_details", Want::Members(&INCOMPLETE)),
            ("usage", Want::Raw(Name::Usage)),
            ("output", Want::Each(Name::Item, &ITEM)),
        ],
    },
);

static ITEM: WantedMembers<Name> = WantedMembers {
    members: &[
        ("type", Want::Text(Name::ItemType)),
        ("id", Want::Text(Name::ItemOwnId)),
        ("name", Want::Text(Name::ItemFunction)),
        ("call_id", Want::Text(Name::ItemCallId)),
        ("arguments", Want::TextOrJson(Name::ItemArguments)),
        ("phase", Want::Text(Name::ItemPhase)),
        ("content", Want::Each(Name::Part, &PART)),
    ],
};

static PART: WantedMembers<Name> = WantedMembers {
    members: &[
        ("type", Want::Text(Name::PartType)),
        ("text", Want::Text(Name::PartText)),
        ("refusal", Want::Text(Name::PartText)),
    ],
};

static RESPONSE: WantedMembers<Name> = WantedMembers {
    members: &[
        ("id", Want::Text(Name::ResponseId)),
        ("model", Want::Text(Name::ResponseModel)),
        ("status", Want::Text(Name::ResponseStatus)),
        ("incomplete_details", Want::Members(&INCOMPLETE)),
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
        ("output", Want::Each(Name::Item, &ITEM)),
    ],
};

static INCOMPLETE: WantedMembers<Name> = WantedMembers {
    members: &[("reason", Want::Text(Name::IncompleteReason))],
};

/// Where in the arena a text stands.
type Piece = Option<Range<usize>>;

#[derive(Clone, Debug, Default)]
struct Item {
    kind: Piece,
    id: Piece,
    function: Piece,
    call_id: Piece,
    arguments: Piece,
    arguments_json: Option<Span>,
    is_commentary: bool,
    /// Its parts, among those of all.
    parts: Range<usize>,
}

#[derive(Clone, Debug, Default)]
struct PartParts {
    kind: Piece,
    text: Piece,
}

/// What one event says.
#[derive(Debug, Default)]
struct Event {
    /// All texts, concatenated.
    arena: String,
    texts: [Piece; TEXTS],
    /// What stands there instead of a text.
    delta_json: Option<Span>,
    arguments_json: Option<Span>,
    output_index: Option<u64>,
    content_index: Option<u64>,
    error: Option<Span>,
    // Of what is not an event of the API.
    detail: Option<Span>,
    usage: Option<Span>,
    is_error: bool,
    items: Vec<Item>,
    parts: Vec<PartParts>,
}

impl Event {
    fn get(&self, name: Name) -> Option<&str> {
        self.resolve(self.texts.get(name as usize)?)
    }

    fn resolve(&self, piece: &Piece) -> Option<&str> {
        present(self.arena.get(piece.clone()?)?)
    }

    /// A text, or the JSON that stands in its place.
    fn text_or_json<'a>(&'a self, name: Name, json: Option<Span>, data: &'a str) -> &'a str {
        let json = json.map(|span| slice(data, span));
        json.or(self.get(name)).unwrap_or_default()
    }
}

impl Picked<Name> for Event {
    fn clear(&mut self) {
        let Self {
            mut arena,
            mut items,
            mut parts,
            ..
        } = std::mem::take(self);
        arena.clear();
        items.clear();
        parts.clear();
        *self = Self {
            arena,
            items,
            parts,
            ..Self::default()
        };
    }

    fn copy_from(&mut self, from: &Self) {
        let Self {
            mut arena,
            mut items,
            mut parts,
            ..
        } = std::mem::take(self);
        arena.clone_from(&from.arena);
        items.clone_from(&from.items);
        parts.clone_from(&from.parts);
        *self = Self {
            arena,
            items,
            parts,
            texts: from.texts.clone(),
            ..*from
        };
    }

    fn begin_item(&mut self, name: Name) {
        let parts = self.parts.len();
        match name {
            Name::Item => self.items.push(Item {
                parts: parts..parts,
                ..Item::default()
            }),
            Name::Part => {
                self.parts.push(PartParts::default());
                if let Some(item) = self.items.last_mut() {
                    item.parts.end = parts + 1;
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, name: Name, text: &str) {
        let start = self.arena.len();
        self.arena.push_str(text);
        let piece = Some(start..self.arena.len());
        if let Some(place) = self.texts.get_mut(name as usize) {
            *place = piece;
            return;
        }
        match name {
            Name::Object => self.is_error = text == "error",
            Name::PartType | Name::PartText => {
                if let Some(part) = self.parts.last_mut() {
                    let place = match name {
                        Name::PartType => &mut part.kind,
                        _ => &mut part.text,
                    };
                    *place = piece;
                }
            }
            _ => {
                if let Some(item) = self.items.last_mut() {
                    match name {
                        Name::ItemType => item.kind = piece,
                        Name::ItemOwnId => item.id = piece,
                        Name::ItemFunction => item.function = piece,
                        Name::ItemCallId => item.call_id = piece,
                        Name::ItemArguments => item.arguments = piece,
                        Name::ItemPhase => item.is_commentary = text == "commentary",
                        _ => {}
                    }
                }
            }
        }
    }

    fn index(&mut self, name: Name, index: u64) {
        match name {
            Name::OutputIndex => self.output_index = Some(index),
            Name::ContentIndex => self.content_index = Some(index),
            _ => {}
        }
    }

    fn raw(&mut self, name: Name, span: Span) {
        match name {
            Name::Error => self.error = Some(span),
            Name::Detail => self.detail = Some(span),
            Name::Usage => self.usage = Some(span),
            Name::Delta => self.delta_json = Some(span),
            Name::Arguments => self.arguments_json = Some(span),
            Name::ItemArguments => {
                if let Some(item) = self.items.last_mut() {
                    item.arguments_json = Some(span);
                }
            }
            _ => {}
        }
    }
}

/// The Responses API, streamed or whole.
#[derive(Debug, Default)]
pub struct OpenAiResponses {
    reader: Reader<Name, Event>,
    answer: Answer,
}

/// What was passed on of the answer.
#[derive(Debug, Default)]
struct Answer {
    calls: Calls,
    text: Text,
    refusal: Text,
    reasoning: Text,
    /// Whether items are remarks on the way to the answer, by their number and their id.
    remarks: BTreeMap<Key, bool>,
}

/// What an item is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Index(u64),
    Id(String),
}

/// A text that comes in items, and these in parts.
#[derive(Debug, Default)]
struct Text {
    content: Content,
    item: Level<Key>,
    part: Level<u64>,
}

/// One of them: what it is known by, and where it began.
#[derive(Debug)]
struct Level<K> {
    key: Option<K>,
    since: Mark,
}

impl<K> Default for Level<K> {
    fn default() -> Self {
        Self {
            key: None,
            since: Mark::default(),
        }
    }
}

impl Dialect for OpenAiResponses {
    fn read(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        if data.trim_start().starts_with(DONE) {
            // What some servers write before the end that the API has.
            return;
        }
        let (event, data) = match self.reader.read(data) {
            Ok(read) => read,
            // A server that fails may say so in plain words.
            Err(_) if name == "error" => return sink(Delta::ServerError { said: data }),
            Err(error) => {
                return sink(Delta::Corrupt {
                    why: &error.to_string(),
                });
            }
        };
        let answer = &mut self.answer;
        let kind = event.get(Name::Type).unwrap_or(name);
        match kind {
            "response.output_text.delta" => answer.piece(Part::Text, event, sink),
            "response.refusal.delta" => answer.piece(Part::Refusal, event, sink),
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                answer.piece(Part::Reasoning, event, sink);
            }
            "response.function_call_arguments.delta" => {
                let text = event.text_or_json(Name::Delta, event.delta_json, data);
                answer.calls.piece(CHOICE, event.clue(), text, sink);
            }
            "response.output_text.done" => answer.part(Part::Text, Name::Text, event, sink),
            "response.refusal.done" => answer.part(Part::Refusal, Name::Refusal, event, sink),
            "response.reasoning_text.done" | "response.reasoning_summary_text.done" => {
                answer.part(Part::Reasoning, Name::Text, event, sink);
            }
            "response.content_part.done" => answer.content_part(event, sink),
            "response.function_call_arguments.done" => {
                let text = event.text_or_json(Name::Arguments, event.arguments_json, data);
                answer.calls.whole(CHOICE, event.clue(), text, sink);
            }
            "response.output_item.added" => answer.item_begins(event, data, sink),
            "response.output_item.done" => answer.item_ends(event, data, sink),
            "response.created" | "response.in_progress" => Answer::head(event, sink),
            "response.completed" | "response.incomplete" | "response.failed" | "response.done" => {
                answer.end(kind, event, data, sink);
            }
            // Not streamed.
            "" if event.get(Name::ResponseStatus).is_some() || !event.items.is_empty() => {
                answer.end(kind, event, data, sink);
            }
            _ => {
                // A proxy nests the error object; the API itself does not.
                let nested = event.error.map(|error| slice(data, error));
                let nested = nested.filter(|error| says_something(error));
                let detail = event.detail.map(|detail| slice(data, detail));
                let is_error = kind == "error"
                    || name == "error"
                    || event.is_error
                    || kind.is_empty() && detail.is_some_and(says_something);
                if let Some(said) = nested.or(is_error.then_some(data)) {
                    sink(Delta::ServerError { said });
                }
            }
        }
    }

    fn end(&mut self, sink: &mut impl FnMut(Delta<'_>)) {
        if let Some(error) = self.reader.torn() {
            let why = &error.to_string();
            return sink(Delta::Corrupt { why });
        }
        self.answer.calls.end(CHOICE, sink);
    }
}

impl Event {
    /// What the event says of the call that it is about.
    fn clue(&self) -> Clue<'_> {
        Clue {
            index: self.output_index,
            item: self.get(Name::ItemId),
            ..Clue::default()
        }
    }

    /// The item that the event is about.
    fn key(&self, item: Option<&Item>) -> Option<Key> {
        self.output_index.map(Key::Index).or_else(|| {
            let id = item.map_or(self.get(Name::ItemId), |item| self.resolve(&item.id));
            id.map(|id| Key::Id(id.to_owned()))
        })
    }

    fn clue_of_item(&self, item: &Item, index: Option<u64>) -> Clue<'_> {
        Clue {
            index,
            id: self.resolve(&item.call_id),
            item: self.resolve(&item.id),
            name: self.resolve(&item.function),
        }
    }

    fn arguments<'a>(&'a self, item: &Item, data: &'a str) -> &'a str {
        let json = item.arguments_json.map(|span| slice(data, span));
        json.or(self.resolve(&item.arguments)).unwrap_or_default()
    }

    /// The texts of one kind among the parts of an item.
    fn add_parts(&self, item: &Item, kind: &str, text: &mut String) {
        for part in self.parts.get(item.parts.clone()).unwrap_or_default() {
            if self.resolve(&part.kind) == Some(kind) {
                text.push_str(self.resolve(&part.text).unwrap_or_default());
            }
        }
    }
}

/// The parts of a message, as the API calls them.
const PARTS: [(Part, &str); 2] = [(Part::Text, "output_text"), (Part::Refusal, "refusal")];

impl Answer {
    fn text(&mut self, part: Part) -> &mut Text {
        match part {
            Part::Refusal => &mut self.refusal,
            Part::Reasoning => &mut self.reasoning,
            Part::Text | Part::Call(_) => &mut self.text,
        }
    }

    /// Whether the event is about a remark. Ids are believed first, as far as they are known.
    fn is_remark(&self, event: &Event) -> bool {
        if self.remarks.is_empty() {
            return false;
        }
        let id = event.get(Name::ItemId).map(|id| Key::Id(id.to_owned()));
        let by_id = id.and_then(|id| self.remarks.get(&id));
        let index = event.output_index.map(Key::Index);
        let known = by_id.or_else(|| self.remarks.get(&index?));
        known.copied().unwrap_or_default()
    }

    fn remember(&mut self, event: &Event, item: &Item) {
        // As long as nothing is a remark, nothing has to be told apart from one.
        if self.remarks.is_empty() && !item.is_commentary || self.remarks.len() >= MOST_REMARKS {
            return;
        }
        let id = event.resolve(&item.id).map(|id| Key::Id(id.to_owned()));
        for key in id.into_iter().chain(event.output_index.map(Key::Index)) {
            self.remarks.insert(key, item.is_commentary);
        }
    }

    fn piece(&mut self, part: Part, event: &Event, sink: &mut impl FnMut(Delta<'_>)) {
        let Some(text) = event.get(Name::Delta) else {
            return;
        };
        if part != Part::Text || !self.is_remark(event) {
            let to = self.text(part);
            to.enter(event.key(None), event.content_index);
            let text = to.content.fresh(text);
            to.content.pass_on(CHOICE, part, text, sink);
        }
    }

    /// Reads the whole of a part.
    fn part(&mut self, part: Part, name: Name, event: &Event, sink: &mut impl FnMut(Delta<'_>)) {
        if part != Part::Text || !self.is_remark(event) {
            let to = self.text(part);
            if to.enter(event.key(None), event.content_index) {
                let text = event.get(name).unwrap_or_default();
                to.whole(to.part.since, part, text, sink);
            }
        }
    }

    fn content_part(&mut self, event: &Event, sink: &mut impl FnMut(Delta<'_>)) {
        if self.is_remark(event) {
            return;
        }
        for said in &event.parts {
            for (part, kind) in PARTS {
                let to = self.text(part);
                if event.resolve(&said.kind) == Some(kind)
                    && to.enter(event.key(None), event.content_index)
                {
                    let text = event.resolve(&said.text).unwrap_or_default();
                    to.whole(to.part.since, part, text, sink);
                }
            }
        }
    }

    fn item_begins(&mut self, event: &Event, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        for item in &event.items {
            match event.resolve(&item.kind) {
                Some("message") => self.remember(event, item),
                Some("function_call") => {
                    let clue = event.clue_of_item(item, event.output_index);
                    let text = event.arguments(item, data);
                    self.calls.piece(CHOICE, clue, text, sink);
                }
                _ => {}
            }
        }
    }

    fn item_ends(&mut self, event: &Event, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        for item in &event.items {
            match event.resolve(&item.kind) {
                Some("message") if !item.is_commentary => {
                    for (part, kind) in PARTS {
                        let mut text = String::new();
                        event.add_parts(item, kind, &mut text);
                        let to = self.text(part);
                        if !text.is_empty() && to.enter(event.key(Some(item)), None) {
                            to.whole(to.item.since, part, &text, sink);
                        }
                    }
                }
                Some("function_call") => {
                    let clue = event.clue_of_item(item, event.output_index);
                    let text = event.arguments(item, data);
                    self.calls.whole(CHOICE, clue, text, sink);
                    self.calls.end_one(CHOICE, clue, sink);
                }
                _ => {}
            }
        }
    }

    fn head(event: &Event, sink: &mut impl FnMut(Delta<'_>)) {
        let id = event.get(Name::ResponseId);
        let model = event.get(Name::ResponseModel);
        if id.is_some() || model.is_some() {
            sink(Delta::Head { id, model });
        }
    }

    /// Reads the response as it is at its end.
    fn end(&mut self, kind: &str, event: &Event, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
        Self::head(event, sink);
        let error = event.error.map(|span| slice(data, span));
        let error = error.filter(|said| says_something(said));
        let said = kind.strip_prefix("response.").unwrap_or_default();
        let said = if said == "done" { "completed" } else { said };
        let status = event.get(Name::ResponseStatus).unwrap_or(said);
        if let Some(usage) = event.usage {
            sink(Delta::Usage {
                json: slice(data, usage),
            });
        }
        let calls = event.items.iter().zip(0_u64..);
        for (item, place) in calls {
            if event.resolve(&item.kind) == Some("function_call") {
                let clue = event.clue_of_item(item, Some(place));
                let text = event.arguments(item, data);
                self.calls.whole(CHOICE, clue, text, sink);
            }
        }
        for (part, kind) in PARTS {
            let mut text = String::new();
            for item in event.items.iter().filter(|item| !item.is_commentary) {
                if event.resolve(&item.kind) == Some("message") {
                    event.add_parts(item, kind, &mut text);
                }
            }
            self.text(part).whole(Mark::default(), part, &text, sink);
        }
        self.calls.end(CHOICE, sink);
        if status == "failed" || status.is_empty() && error.is_some() {
            if !status.is_empty() {
                finish(status, Outcome::Failed, sink);
            }
            return sink(Delta::ServerError {
                said: error.unwrap_or(data),
            });
        }
        let why = event.get(Name::IncompleteReason);
        match (status, why) {
            ("incomplete", Some(reason)) => {
                let outcome = match outcome(reason) {
                    // It is incomplete in any case.
                    Outcome::Unknown | Outcome::Whole => Outcome::CutOff,
                    outcome => outcome,
                };
                finish(reason, outcome, sink);
            }
            ("incomplete", None) => finish(status, Outcome::CutOff, sink),
            _ => finish(status, outcome(status), sink),
        }
        sink(Delta::Done);
    }
}

fn finish(reason: &str, outcome: Outcome, sink: &mut impl FnMut(Delta<'_>)) {
    sink(Delta::Finish {
        choice: CHOICE,
        reason,
        outcome,
    });
}

impl Text {
    /// Goes to an item, and to a part of it. Whether what is said of them is to be read: it is not
    /// if they came before others.
    fn enter(&mut self, item: Option<Key>, part: Option<u64>) -> bool {
        let mark = self.content.said.mark();
        if item.is_some() && self.item.key != item {
            if self.item.key.is_some() && item < self.item.key {
                return false;
            }
            self.item = Level {
                key: item,
                since: mark,
            };
            self.part = Level {
                key: part,
                since: mark,
            };
        } else if part.is_some() && self.part.key != part {
            if self.part.key.is_some() && part < self.part.key {
                return false;
            }
            self.part = Level {
                key: part,
                since: mark,
            };
        }
        true
    }

    /// Passes on what the pieces have not brought of what was to come since the mark.
    fn whole(&mut self, since: Mark, part: Part, text: &str, sink: &mut impl FnMut(Delta<'_>)) {
        if let Some(text) = self.content.said.missing(since, text) {
            self.content.pass_on(CHOICE, part, text, sink);
        }
    }
}
