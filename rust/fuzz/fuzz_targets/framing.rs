//! Any bytes as AWS's messages and as lines: no panic, and how they are cut does not matter.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    support::framing::check_any_bytes(data);
});
