//! Any text to the readers of a provider's events: no panic, and what is picked is what a reading of the
//! whole value gives.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        support::deltas::check_any_data(text);
    }
});
