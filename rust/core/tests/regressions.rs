//! What once failed, or might: each file under `regressions` holds to the invariants that the fuzz
//! target of the same name holds.

mod support;

use std::fs;
use std::path::Path;

use support::cuts::cuts;

/// Runs the check on every file of a folder.
fn each(folder: &str, check: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/regressions")
        .join(folder);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("a folder that can be read") {
        let path = entry.expect("an entry that can be read").path();
        println!("{}", path.display());
        check(&fs::read(&path).expect("a file that can be read"));
        count += 1;
    }
    assert!(count > 0, "no file in {}", folder.display());
}

#[test]
fn json() {
    each("json", |data| {
        support::json::check_any_bytes(data, &cuts(data));
        support::json::check_small_limits(data, &cuts(data));
    });
}

#[test]
fn lenient() {
    each("lenient", |data| {
        support::lenient::check_any_bytes(data, &cuts(data));
    });
}

#[test]
fn events() {
    each("events", |data| {
        support::events::check_any_stream(data, &cuts(data));
    });
}

#[test]
fn envelope() {
    each("envelope", |data| {
        support::envelope::check_any_text(str::from_utf8(data).expect("a text"), &cuts(data));
    });
}

#[test]
fn dialects() {
    each("dialects", |data| {
        support::dialects::check_any_events(str::from_utf8(data).expect("a text"));
    });
}

#[test]
fn framing() {
    each("framing", support::framing::check_any_bytes);
}

#[test]
fn streams() {
    each("streams", |data| {
        support::dialects::check_any_stream(data, &cuts(data));
    });
}
