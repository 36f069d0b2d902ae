//! Server-sent events, and what a model's provider writes into them.
//!
//! [`EventMachine`] takes the bytes of an event stream apart (WHATWG HTML, section 9.2). [`ChatReader`]
//! and [`ResponsesReader`] take from the JSON of one event what a client needs and step over the rest.

mod chat;
mod machine;
mod pick;
mod reader;
mod responses;

pub use chat::{ChatChunk, ChatReader, Choice, ToolCall};
pub use machine::{Event, EventError, EventErrorKind, EventLimits, EventMachine, Fed};
pub use responses::{ResponsesEvent, ResponsesReader};

/// The data of the event that ends a stream of chat completions. It is no JSON.
pub const DONE: &str = "[DONE]";
