//! What the tests, the benchmarks and the fuzz targets share: a sink that records, drivers that cut
//! the text, oracles, and the invariants that must hold for any bytes.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod events;
pub mod generate;
pub mod grammar;
pub mod json;
