//! Incremental parsing of JSON texts that are still being written.
//!
//! The crate does no I/O and knows no Python, clock or logging. [`json`] is a resumable machine:
//! bytes in, events out. [`envelope`] takes the wanted value out of what a model writes around it.
//! [`lenient`] stands in front of it and turns what models write instead of JSON into JSON.
//! [`sse`], [`lines`] and [`eventstream`] read how events travel, and [`providers`] takes from them
//! what a client needs.
#![forbid(unsafe_code)]
// No input may make it panic. (That no index is out of bounds is what the fuzzers look for.)
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::panic,
        clippy::todo,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod envelope;
pub mod eventstream;
pub mod json;
pub mod lenient;
pub mod lines;
pub mod providers;
pub mod sse;

#[allow(
    clippy::inline_always,
    reason = "measured together with the JSON machine, see there"
)]
mod utf8;
