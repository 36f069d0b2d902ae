//! As `json`, without asking the grammar, which is slow: more and longer inputs.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::cuts::cuts;

fuzz_target!(|data: &[u8]| {
    support::json::check_any_bytes_quickly(data, &cuts(data));
});
