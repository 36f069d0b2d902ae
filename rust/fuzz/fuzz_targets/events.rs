//! Any bytes to the event stream machine: no panic, the same events for every cut, and those that the
//! standard says.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::cuts::cuts;

fuzz_target!(|data: &[u8]| support::events::check_any_stream(data, &cuts(data)));
