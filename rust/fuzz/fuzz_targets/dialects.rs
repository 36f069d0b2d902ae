//! Any lines as the events of a dialect: no panic, and it keeps the duties that all share.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        support::dialects::check_events_of_one(text);
    }
});
