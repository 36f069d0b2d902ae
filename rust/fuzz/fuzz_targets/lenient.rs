//! Any bytes to the lenient reader: no panic; the same strict text, events, repairs and error for every
//! cut; what is shown early is the beginning of what is shown later; what it gives is strict JSON; and
//! what is strict JSON gives what the strict machine does.
#![no_main]

#[path = "../../core/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::cuts::cuts;

fuzz_target!(|data: &[u8]| support::lenient::check_any_bytes(data, &cuts(data)));
