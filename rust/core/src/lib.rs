//! Incremental parsing of JSON texts that are still being written.
//!
//! The crate does no I/O and knows no Python, clock or logging. [`json`] is a resumable machine:
//! bytes in, events out. [`envelope`] takes the wanted value out of what a model writes around it.
#![forbid(unsafe_code)]

pub mod envelope;
pub mod json;
