//! Incremental parsing of JSON texts that are still being written.
//!
//! The crate does no I/O and knows no Python, clock or logging. [`json`] is a resumable machine:
//! bytes in, events out.
#![forbid(unsafe_code)]

pub mod json;
