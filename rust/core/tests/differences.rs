//! The differences from `serde_json` that `tests/data/differences.json` lists are there. (That no
//! others are is what the property tests look for.)

use std::fs;
use std::path::Path;

use partialfast_core::json::{Limits, Machine, NullSink};
use serde_json::Value;

fn accepts(text: &[u8]) -> bool {
    let mut machine = Machine::new(Limits::default());
    let mut rest = text;
    while !rest.is_empty() {
        match machine.feed(rest, &mut NullSink) {
            Ok(fed) => rest = &rest[fed.consumed..],
            Err(_) => return false,
        }
    }
    machine.finish(&mut NullSink).is_ok()
}

/// The text of an example: parts, each with how often it is repeated.
fn text(example: &Value) -> String {
    let parts = example["repeat"].as_array().expect("parts");
    parts
        .iter()
        .map(|part| {
            let times = part[1].as_u64().expect("a number of times");
            let times = usize::try_from(times).expect("a small number");
            part[0].as_str().expect("a text").repeat(times)
        })
        .collect()
}

#[test]
fn listed_differences_are_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/differences.json");
    let Ok(list) = fs::read(&path) else {
        // The crate was unpacked without the package around it.
        return;
    };
    let list: Value = serde_json::from_slice(&list).expect("the list");
    let mut seen = 0;
    for difference in list["differences"].as_array().expect("differences") {
        if difference["peer"] != "serde_json" {
            continue;
        }
        for example in difference["examples"].as_array().expect("examples") {
            let text = text(example);
            let theirs = serde_json::from_str::<Value>(&text).is_ok();
            assert_eq!(theirs, difference["they"] == "accept", "{difference}");
            assert_ne!(accepts(text.as_bytes()), theirs, "{difference}");
            seen += 1;
        }
    }
    assert!(seen >= 3);
}
