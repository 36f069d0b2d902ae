//! What the tests, the benchmarks and the fuzz targets share: a sink that records, drivers that cut
//! the text, oracles, and the invariants that must hold for any bytes. (`generate.rs` beside them is
//! for the property tests alone, and included by those.)
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod cuts;
pub mod dialects;
pub mod envelope;
pub mod events;
pub mod framing;
pub mod grammar;
pub mod json;
pub mod lenient;
