//! What the providers of models write into their events, one file for each dialect.
//!
//! [`ChatReader`] and [`ResponsesReader`] take from the JSON of one event what a client needs and
//! step over the rest.

mod delta;
mod openai_chat;
mod openai_responses;
mod pick;
mod reader;

pub use delta::{Delta, Outcome, Part};
pub use openai_chat::{ChatChunk, ChatReader, Choice, ToolCall};
pub use openai_responses::{ResponsesEvent, ResponsesReader};

/// The data of the event that ends a stream of chat completions. It is no JSON.
pub const DONE: &str = "[DONE]";
