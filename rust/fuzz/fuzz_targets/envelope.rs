//! Any text to the envelope: no panic, and the same value, trailing text and error for every cut.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::cuts::cuts;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        support::envelope::check_any_text(text, &cuts(data));
    }
});
