//! Any lines as the events of every dialect: no panic, and each keeps the duties that all share.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        support::dialects::check_any_events(text);
    }
});
