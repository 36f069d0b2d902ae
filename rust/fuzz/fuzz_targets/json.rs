//! Any bytes to the JSON machine: no panic, the same events and the same error for every cut, the
//! error at the first byte after which the grammar knows no continuation, accept, reject and value as
//! `serde_json`.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::cuts::cuts;

fuzz_target!(|data: &[u8]| {
    support::json::check_any_bytes(data, &cuts(data));
    support::json::check_small_limits(data, &cuts(data));
});
