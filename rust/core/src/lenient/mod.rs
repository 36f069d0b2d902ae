//! What models write instead of JSON, read as JSON wherever it can mean one thing only.
//!
//! # Theory of operation
//!
//! [`Reader`] stands where the strict [`Machine`](crate::json::Machine) would, and has one inside. Its
//! normaliser (`machine/`) takes the model's text, in chunks cut anywhere, and gives strict text and
//! a map from each byte of it to the place that it comes from. The strict machine reads that text and
//! tells the sink; it does not know that anything comes before it. Spans are those of the strict
//! text, which a [`LenientSink`] gets before the events; errors and repairs are those of the model's
//! text.
//!
//! Nothing is ever taken back, because nothing is given before it is sure:
//!
//! - A comma, and a key with its colon, are held until a value begins: only then is it known that
//!   the comma is not one too many, and that the key has a value.
//! - A token without quotes is held until it ends. It is a number, a literal, or (when `,` `]` or `}`
//!   follows) one word.
//! - An escape is held until it is whole. With [`LenientOptions::quotes`], a closing quote is held until
//!   something other than white space follows.
//!
//! Each of these is bounded: by the limits of the machine for keys and numbers, by constants for
//! words and white space. What is strict JSON is given byte by byte as it came.
//!
//! What could only be guessed is an error of a kind of its own. Which is which is decided in
//! `machine.rs` alone; the other files answer questions about characters and finished tokens.

mod blanks;
mod layers;
mod machine;
mod numbers;
mod output;
mod quotes;
mod reader;
mod repair;
mod words;

pub use output::Position;
pub use reader::{LenientSink, PlainSink, Reader, Wanted};
pub use repair::{Repair, RepairKind};

use crate::json::Limits;

/// What is accepted, and how much of it.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches that are independent of each other"
)]
pub struct LenientOptions {
    /// Guess where a string ends: a quote is text where no delimiter follows.
    pub quotes: bool,
    /// Ask the target what it wants, to read text where it wants a container.
    pub nested: bool,
    /// Ask the target also where its type tells how a value was meant.
    pub coerce: bool,
    /// How many repairs a text may need. Default 100,000: a repair is remembered in 32 bytes.
    pub max_repairs: usize,
    /// Stop after the root value: what follows is not looked at.
    pub stops: bool,
    /// Remember where all strict text comes from, for [`Reader::origin`].
    pub keeps_map: bool,
    /// Limits of the text; `max_bytes` is of the model's own.
    pub limits: Limits,
}

impl Default for LenientOptions {
    fn default() -> Self {
        Self {
            quotes: false,
            nested: false,
            coerce: false,
            max_repairs: 100_000,
            stops: false,
            keeps_map: false,
            limits: Limits::default(),
        }
    }
}
