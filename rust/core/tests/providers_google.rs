//! Gemini's answers: what each event says, as rows; and arguments that come with their paths.

mod support;

use partialfast_core::providers::{Delta, Dialect, Google, GoogleInteractions, Part};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use support::dialects::said;

fn check(events: &[&str], expected: &[&str]) {
    let events: Vec<_> = events.iter().map(|data| ("", *data)).collect();
    assert_eq!(said(Google::default(), &events), expected);
}

#[test]
fn thoughts_text_calls_and_candidates() {
    check(
        &[
            r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true,"thoughtSignature":"x"},{"text":"a"},{"thought":false,"text":"b"}],"role":"model"}},{"index":1,"content":{"parts":[{"text":"c"},{"executableCode":{"code":"no"}},{"inlineData":{"data":"no"}}]}}],"usageMetadata":{"promptTokenCount":3},"modelVersion":"g","responseId":"r"}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"x":[1, 2]},"id":"i"}},{"functionCall":{"args":{},"name":"f"}},{"functionCall":{"name":"g"}}]}},{"index":1,"content":{"parts":[{"functionCall":{"name":"h","args":{}}}]}}],"usageMetadata":{"promptTokenCount":3},"responseId":"r"}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"},{"finishReason":"MAX_TOKENS","index":1}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}}"#,
        ],
        &[
            "head r g",
            "reasoning: hm",
            "text: a",
            "text: b",
            "1/text: c",
            r#"usage {"promptTokenCount":3}"#,
            "call 0 begins i f",
            r#"call 0 whole: {"x":[1, 2]}"#,
            "call 0 ends",
            "call 1 begins - f",
            "call 1 whole: {}",
            "call 1 ends",
            "call 2 begins - g",
            "call 2 whole: {}",
            "call 2 ends",
            "1/call 0 begins - h",
            "1/call 0 whole: {}",
            "1/call 0 ends",
            "finish STOP Whole",
            "1/finish MAX_TOKENS CutOff",
            r#"usage {"promptTokenCount":3,"candidatesTokenCount":4}"#,
        ],
    );
}

/// The SDK's objects have other names for the members.
#[test]
fn objects_of_the_sdk_are_read_too() {
    check(
        &[
            r#"{"candidates":[{"content":{"parts":[{"function_call":{"name":"f","partial_args":[{"json_path":"$.a","string_value":"x","will_continue":true}],"will_continue":true}}]},"finish_reason":"SAFETY","finish_message":"no"}],"usage_metadata":{"a":1},"model_version":"g","response_id":"r"}"#,
        ],
        &[
            "head r g",
            "call 0 begins - f",
            r#"call 0: {"a":"x"#,
            "refusal: no",
            "finish SAFETY Filtered",
            r#"usage {"a":1}"#,
        ],
    );
}

#[test]
fn every_ending() {
    for (outcome, reasons) in [
        ("Whole", &["STOP"][..]),
        ("CutOff", &["MAX_TOKENS", "CONTINUATION"]),
        (
            "Filtered",
            &[
                "SAFETY",
                "RECITATION",
                "LANGUAGE",
                "BLOCKLIST",
                "PROHIBITED_CONTENT",
                "SPII",
                "MODEL_ARMOR",
                "ESCALATION",
                "IMAGE_SAFETY",
                "IMAGE_PROHIBITED_CONTENT",
                "IMAGE_RECITATION",
            ],
        ),
        (
            "Failed",
            &[
                "MALFORMED_FUNCTION_CALL",
                "UNEXPECTED_TOOL_CALL",
                "TOO_MANY_TOOL_CALLS",
                "MISSING_THOUGHT_SIGNATURE",
                "MALFORMED_RESPONSE",
                "NO_IMAGE",
                "PUP_LIMITED_DISABLED",
            ],
        ),
        ("Unknown", &["OTHER", "IMAGE_OTHER", "SOMETHING_NEW"]),
    ] {
        for reason in reasons {
            let event = format!(r#"{{"candidates":[{{"finishReason":"{reason}"}}]}}"#);
            check(&[&event], &[&format!("finish {reason} {outcome}")]);
        }
    }
    let unspecified = r#"{"candidates":[{"finishReason":"FINISH_REASON_UNSPECIFIED"}]}"#;
    check(&[unspecified], &[]);
    check(
        &[
            r#"{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL","finishMessage":"print(x)"}]}"#,
        ],
        &[
            "error MALFORMED_FUNCTION_CALL: print(x)",
            "finish MALFORMED_FUNCTION_CALL Failed",
        ],
    );
    check(
        &[
            r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT","blockReasonMessage":"no"},"usageMetadata":{"promptTokenCount":3}}"#,
        ],
        &[
            "refusal: no",
            "finish PROHIBITED_CONTENT Filtered",
            r#"usage {"promptTokenCount":3}"#,
        ],
    );
    check(
        &[r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#],
        &[r#"error {"code":503,"message":"overloaded","status":"UNAVAILABLE"}"#],
    );
}

#[test]
fn arguments_in_pieces() {
    let call = |json: &str| {
        format!(r#"{{"candidates":[{{"content":{{"parts":[{{"functionCall":{json}}}]}}}}]}}"#)
    };
    let events = [
        call(r#"{"name":"f","willContinue":true}"#),
        call(
            r#"{"partialArgs":[{"jsonPath":"$.a","stringValue":"Bos","willContinue":true}],"willContinue":true}"#,
        ),
        call(
            r#"{"partialArgs":[{"jsonPath":"$.a","stringValue":"ton"},{"jsonPath":"$.b[0].c","numberValue":1.5}],"willContinue":true}"#,
        ),
        call(
            r#"{"partialArgs":[{"jsonPath":"$.b[0].d","boolValue":false},{"jsonPath":"$.b[1].c","nullValue":"NULL_VALUE"}],"willContinue":true}"#,
        ),
        call("{}"),
        call("{}"),
        call(r#"{"name":"g","willContinue":true}"#),
        call(r#"{"name":"h","args":{"x":1}}"#),
    ];
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    check(
        &events,
        &[
            "call 0 begins - f",
            r#"call 0: {"a":"Bos"#,
            r#"call 0: ton","b":[{"c":1.5"#,
            r#"call 0: ,"d":false},{"c":null"#,
            "call 0: }]}",
            "call 0 ends",
            "call 1 begins - g",
            "call 2 begins - h",
            r#"call 2 whole: {"x":1}"#,
            "call 2 ends",
        ],
    );
}

/// The values of a JSON value with their paths, as the API gives them: containers that are empty have
/// no value.
fn values(value: &Value, path: &str, into: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let quoted = serde_json::to_string(key).expect("a text");
                values(member, &format!("{path}[{quoted}]"), into);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                values(item, &format!("{path}[{at}]"), into);
            }
        }
        scalar => into.push((path.to_owned(), scalar.clone())),
    }
}

/// A value without empty containers.
fn full() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::String),
        "[\"\\\\\n\u{0}é😀]{0,6}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Value::Array),
            prop::collection::vec(("[a-z\"\\\\ '\\]]{0,4}", inner), 1..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A text in pieces, cut between characters.
fn pieces(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut pieces: Vec<String> = characters
        .chunks(size)
        .map(|some| some.iter().collect())
        .collect();
    if pieces.is_empty() {
        pieces.push(String::new());
    }
    pieces
}

proptest! {
    /// Arguments that come with their paths, with every string in pieces, are the arguments.
    #[test]
    fn arguments_come_back(members in prop::collection::vec(("[a-z]{1,3}", full()), 1..4), size in 1_usize..4) {
        let arguments = Value::Object(members.into_iter().collect::<Map<_, _>>());
        let mut all = Vec::new();
        values(&arguments, "$", &mut all);
        let mut partial = Vec::new();
        for (path, value) in all {
            match value {
                Value::Null => partial.push(json!({"jsonPath": path, "nullValue": "NULL_VALUE"})),
                Value::Bool(value) => partial.push(json!({"jsonPath": path, "boolValue": value})),
                Value::String(text) => {
                    let pieces = pieces(&text, size);
                    for (at, piece) in pieces.iter().enumerate() {
                        let more = at + 1 < pieces.len();
                        partial.push(json!({"jsonPath": path, "stringValue": piece, "willContinue": more}));
                    }
                }
                number => partial.push(json!({"jsonPath": path, "numberValue": number})),
            }
        }
        let call = |call: Value| json!({"candidates": [{"content": {"parts": [{"functionCall": call}]}}]});
        let mut events = vec![call(json!({"name": "f", "willContinue": true}))];
        for some in partial.chunks(size) {
            events.push(call(json!({"partialArgs": some, "willContinue": true})));
        }
        events.push(call(json!({})));
        let (mut google, mut text) = (Google::default(), String::new());
        for event in events {
            google.read("", &event.to_string(), &mut |delta| match delta {
                Delta::Piece { part: Part::Call(0), text: piece, .. } => text.push_str(piece),
                Delta::Corrupt { why } => text.push_str(why),
                _ => {}
            });
        }
        let written: Value = serde_json::from_str(&text).expect(&text);
        prop_assert_eq!(written, arguments);
    }
}

#[test]
fn interactions() {
    let events = [
        r#"{"interaction":{"id":"v","status":"in_progress","model":"g"},"event_type":"interaction.created"}"#,
        r#"{"interaction_id":"v","status":"in_progress","event_type":"interaction.status_update"}"#,
        r#"{"index":0,"step":{"type":"thought"},"event_type":"step.start"}"#,
        r#"{"index":0,"delta":{"content":{"type":"text","text":"hm"},"type":"thought_summary"},"event_type":"step.delta"}"#,
        r#"{"index":0,"event_type":"step.stop"}"#,
        r#"{"index":1,"step":{"type":"model_output"},"event_type":"step.start"}"#,
        r#"{"index":1,"delta":{"text":"a","type":"text"},"event_type":"step.delta"}"#,
        r#"{"index":1,"event_type":"step.stop"}"#,
        r#"{"index":2,"step":{"id":"i","type":"function_call","name":"f","arguments":{}},"event_type":"step.start"}"#,
        r#"{"index":2,"delta":{"arguments":"{\"x\":1}","type":"arguments_delta"},"event_type":"step.delta"}"#,
        r#"{"index":2,"event_type":"step.stop"}"#,
        r#"{"index":3,"step":{"id":"j","type":"function_call","name":"g","arguments":{"y":2}},"event_type":"step.start"}"#,
        r#"{"index":3,"event_type":"step.stop"}"#,
        r#"{"interaction":{"id":"v","status":"requires_action","usage":{"total_tokens":9}},"event_type":"interaction.completed"}"#,
    ];
    let events: Vec<_> = events.iter().map(|data| ("", *data)).collect();
    assert_eq!(
        said(GoogleInteractions::default(), &events),
        [
            "head v g",
            "reasoning: hm",
            "text: a",
            "call 0 begins i f",
            r#"call 0: {"x":1}"#,
            "call 0 ends",
            "call 1 begins j g",
            r#"call 1 whole: {"y":2}"#,
            "call 1 ends",
            r#"usage {"total_tokens":9}"#,
            "finish requires_action Whole",
        ]
    );
    for (status, outcome) in [
        ("completed", "Whole"),
        ("incomplete", "CutOff"),
        ("failed", "Failed"),
        ("cancelled", "Failed"),
        ("something_new", "Unknown"),
    ] {
        let event = format!(
            r#"{{"event_type":"interaction.completed","interaction":{{"status":"{status}"}}}}"#
        );
        assert_eq!(
            said(GoogleInteractions::default(), &[("", &event)]),
            [format!("finish {status} {outcome}")]
        );
    }
}
