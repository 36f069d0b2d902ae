//! An event of a streamed response (`OpenAI`, "Responses API, streaming events").

use std::ops::Range;

use super::pick::{Picked, Place, Want};
use super::reader::Reader;
use crate::json::{JsonError, Limits, Span};

/// The texts that are kept, each with the events that have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Type,
    Delta,
    Text,
    Refusal,
    Arguments,
    ItemId,
    Code,
    Message,
    ItemType,
    ItemOwnId,
    ItemFunction,
    ItemCallId,
    ItemArguments,
    ItemPhase,
    ResponseId,
    ResponseModel,
    ResponseStatus,
    IncompleteReason,
    // Not texts
    SequenceNumber,
    OutputIndex,
    ContentIndex,
    Error,
    Usage,
}

/// How many of the names are texts: they come first.
const TEXTS: usize = Name::IncompleteReason as usize + 1;

static ROOT: Want<Name> = Want::Members(&Place {
    members: &[
        ("type", Want::Text(Name::Type)),
        ("delta", Want::Text(Name::Delta)),
        ("item_id", Want::Text(Name::ItemId)),
        ("output_index", Want::Index(Name::OutputIndex)),
        ("content_index", Want::Index(Name::ContentIndex)),
        ("sequence_number", Want::Index(Name::SequenceNumber)),
        ("text", Want::Text(Name::Text)),
        ("refusal", Want::Text(Name::Refusal)),
        ("arguments", Want::Text(Name::Arguments)),
        ("item", Want::Members(&ITEM)),
        ("response", Want::Members(&RESPONSE)),
        ("code", Want::Text(Name::Code)),
        ("message", Want::Text(Name::Message)),
        // Not of this API, but what a proxy writes when it fails.
        ("error", Want::Raw(Name::Error)),
    ],
});

static ITEM: Place<Name> = Place {
    members: &[
        ("type", Want::Text(Name::ItemType)),
        ("id", Want::Text(Name::ItemOwnId)),
        ("name", Want::Text(Name::ItemFunction)),
        ("call_id", Want::Text(Name::ItemCallId)),
        ("arguments", Want::Text(Name::ItemArguments)),
        ("phase", Want::Text(Name::ItemPhase)),
    ],
};

static RESPONSE: Place<Name> = Place {
    members: &[
        ("id", Want::Text(Name::ResponseId)),
        ("model", Want::Text(Name::ResponseModel)),
        ("status", Want::Text(Name::ResponseStatus)),
        ("incomplete_details", Want::Members(&INCOMPLETE)),
        ("usage", Want::Raw(Name::Usage)),
        ("error", Want::Raw(Name::Error)),
    ],
};

static INCOMPLETE: Place<Name> = Place {
    members: &[("reason", Want::Text(Name::IncompleteReason))],
};

/// What one event says.
#[derive(Debug, Default)]
pub struct ResponsesEvent {
    /// All texts, one behind the other.
    arena: String,
    texts: [Option<Range<usize>>; TEXTS],
    sequence_number: Option<u64>,
    output_index: Option<u64>,
    content_index: Option<u64>,
    error: Option<Span>,
    usage: Option<Span>,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $method:ident: $name:ident;)*) => {
        impl ResponsesEvent {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $method(&self) -> Option<&str> {
                    self.resolve(Name::$name)
                }
            )*
        }
    };
}

texts! {
    /// `type` of the event, such as `response.output_text.delta`.
    kind: Type;
    /// `delta`, if it is a text: more of a text, of a refusal or of arguments.
    delta: Delta;
    /// `text`, where a text is done.
    text: Text;
    /// `refusal`, where a refusal is done.
    refusal: Refusal;
    /// `arguments`, where those of a call are done.
    arguments: Arguments;
    /// `item_id`: the output item that a delta belongs to.
    item_id: ItemId;
    /// `code` of an `error` event.
    code: Code;
    /// `message` of an `error` event.
    message: Message;
    /// `item.type`, such as `message` or `function_call`.
    item_type: ItemType;
    /// `item.id`.
    item_own_id: ItemOwnId;
    /// `item.name` of a function call.
    item_name: ItemFunction;
    /// `item.call_id` of a function call.
    item_call_id: ItemCallId;
    /// `item.arguments` of a function call.
    item_arguments: ItemArguments;
    /// `item.phase` of a message: `commentary` or `final_answer`.
    item_phase: ItemPhase;
    /// `response.id`.
    response_id: ResponseId;
    /// `response.model`.
    response_model: ResponseModel;
    /// `response.status`: `in_progress`, `completed`, `incomplete`, `failed`, ...
    response_status: ResponseStatus;
    /// `response.incomplete_details.reason`.
    incomplete_reason: IncompleteReason;
}

impl ResponsesEvent {
    fn resolve(&self, name: Name) -> Option<&str> {
        self.arena.get(self.texts[name as usize].clone()?)
    }

    /// `sequence_number`.
    #[must_use]
    pub fn sequence_number(&self) -> Option<u64> {
        self.sequence_number
    }

    /// `output_index`: which output item.
    #[must_use]
    pub fn output_index(&self) -> Option<u64> {
        self.output_index
    }

    /// `content_index`: which part of the item.
    #[must_use]
    pub fn content_index(&self) -> Option<u64> {
        self.content_index
    }

    /// Where in the data `response.error` stands (or `error`), if it is not `null`.
    #[must_use]
    pub fn error(&self) -> Option<Span> {
        self.error
    }

    /// Where in the data `response.usage` stands, if it is not `null`.
    #[must_use]
    pub fn usage(&self) -> Option<Span> {
        self.usage
    }
}

impl Picked<Name> for ResponsesEvent {
    fn clear(&mut self) {
        let mut arena = std::mem::take(&mut self.arena);
        arena.clear();
        *self = Self {
            arena,
            ..Self::default()
        };
    }

    fn copy_from(&mut self, from: &Self) {
        let mut arena = std::mem::take(&mut self.arena);
        arena.clone_from(&from.arena);
        *self = Self {
            arena,
            texts: from.texts.clone(),
            ..*from
        };
    }

    /// No array is looked into: what the events say in pieces, the last one repeats as a whole.
    fn begin_item(&mut self, _name: Name) {}

    fn text(&mut self, name: Name, text: &str) {
        let start = self.arena.len();
        self.arena.push_str(text);
        if let Some(piece) = self.texts.get_mut(name as usize) {
            *piece = Some(start..self.arena.len());
        }
    }

    fn index(&mut self, name: Name, index: u64) {
        match name {
            Name::SequenceNumber => self.sequence_number = Some(index),
            Name::OutputIndex => self.output_index = Some(index),
            Name::ContentIndex => self.content_index = Some(index),
            _ => {}
        }
    }

    fn raw(&mut self, name: Name, span: Span) {
        match name {
            Name::Error => self.error = Some(span),
            Name::Usage => self.usage = Some(span),
            _ => {}
        }
    }
}

/// Reads the events of a stream, one after the other, into the same buffers.
///
/// # Examples
///
/// ```
/// use partialfast_core::providers::ResponsesReader;
///
/// let mut reader = ResponsesReader::default();
/// let event = reader.read(r#"{"type": "response.output_text.delta", "delta": "Hel"}"#)?;
/// assert_eq!(event.kind(), Some("response.output_text.delta"));
/// assert_eq!(event.delta(), Some("Hel"));
/// # Ok::<(), partialfast_core::json::JsonError>(())
/// ```
#[derive(Debug)]
pub struct ResponsesReader {
    reader: Reader<Name, ResponsesEvent>,
}

impl Default for ResponsesReader {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl ResponsesReader {
    /// A reader of events within the limits.
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
    pub fn read(&mut self, data: &str) -> Result<&ResponsesEvent, JsonError> {
        self.reader.read(data)
    }
}
