//! Any bytes as the body of a response in every dialect: however it is cut, it says the same.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    support::dialects::check_any_stream(data, &support::cuts::cuts(data));
});
