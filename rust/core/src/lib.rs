//! Incremental parsing of JSON texts that are still being written.
//!
//! The crate does no I/O and knows no Python, clock or logging. [`json`] is a resumable machine:
//! bytes in, events out. [`envelope`] takes the wanted value out of what a model writes around it.
//! [`sse`] reads event streams, and [`providers`] takes from their events what a client needs.
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
pub mod json;
pub mod providers;
pub mod sse;

#[allow(
    clippy::inline_always,
    reason = "measured together with the JSON machine, see there"
)]
mod utf8;
