//! Bedrock, Cohere and Ollama: what each event says, as rows; and what must hold of any events.

#[path = "support/generate.rs"]
mod generate;
mod support;

use generate::value;
use partialfast_core::providers::{Bedrock, Cohere, Ollama};
use proptest::prelude::*;
use support::dialects::{check_any_events, said};

const CONVERSE: &[(&str, &str)] = &[
    ("messageStart", r#"{"role":"assistant"}"#),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"x"}}}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":1,"delta":{"text":"a"},"p":"abc"}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
    (
        "contentBlockStart",
        r#"{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"s","name":"own","type":"server_tool_use"}}}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{}"}}}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
    (
        "contentBlockStart",
        r#"{"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":3,"delta":{"toolUse":{"input":"{\"x\""}}}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":3,"delta":{"toolUse":{"input":":1}"}}}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":3}"#),
    ("messageStop", r#"{"stopReason":"tool_use"}"#),
    (
        "metadata",
        r#"{"usage":{"inputTokens":1},"metrics":{"latencyMs":1}}"#,
    ),
];

const CONVERSED: &[&str] = &[
    "reasoning: hm",
    "text: a",
    "call 0 begins t f",
    "call 0: {\"x\"",
    "call 0: :1}",
    "call 0 ends",
    "finish tool_use Whole",
    r#"usage {"inputTokens":1}"#,
];

#[test]
fn bedrock_with_names_and_as_objects() {
    assert_eq!(said(Bedrock::default(), CONVERSE), CONVERSED);
    let objects: Vec<String> = CONVERSE
        .iter()
        .map(|(name, data)| format!("{{\"{name}\":{data}}}"))
        .collect();
    let objects: Vec<_> = objects.iter().map(|data| ("", data.as_str())).collect();
    assert_eq!(said(Bedrock::default(), &objects), CONVERSED);
}

#[test]
fn endings_of_bedrock() {
    for (reason, outcome) in [
        ("end_turn", "Whole"),
        ("stop_sequence", "Whole"),
        ("max_tokens", "CutOff"),
        ("model_context_window_exceeded", "CutOff"),
        ("guardrail_intervened", "Filtered"),
        ("content_filtered", "Filtered"),
        ("malformed_model_output", "Failed"),
        ("malformed_tool_use", "Failed"),
        ("something_new", "Unknown"),
    ] {
        let data = format!(r#"{{"stopReason":"{reason}"}}"#);
        assert_eq!(
            said(Bedrock::default(), &[("messageStop", &data)]),
            [format!("finish {reason} {outcome}")]
        );
    }
    let exception = r#"{"throttlingException":{"message":"slow down"}}"#;
    assert_eq!(
        said(Bedrock::default(), &[("", exception)]),
        [format!("error {exception}")]
    );
    assert_eq!(
        said(
            Bedrock::default(),
            &[(
                "contentBlockDelta",
                r#"{"contentBlockIndex":9,"delta":{"toolUse":{"input":"{"}}}"#
            )]
        ),
        ["corrupt arguments of a call that was not begun"]
    );
}

/// `{"type":"message_start","message":{"id":"m"}}` and so on, in base64.
#[test]
fn chunks_of_anthropic_through_bedrock() {
    let start =
        r#"{"bytes":"eyJ0eXBlIjoibWVzc2FnZV9zdGFydCIsIm1lc3NhZ2UiOnsiaWQiOiJtIn19","p":"ab"}"#;
    let end = r#"{"bytes":"eyJ0eXBlIjoibWVzc2FnZV9kZWx0YSIsImRlbHRhIjp7InN0b3BfcmVhc29uIjoiZW5kX3R1cm4ifX0="}"#;
    assert_eq!(
        said(Bedrock::default(), &[("chunk", start), ("chunk", end)]),
        ["head m -", "finish end_turn Whole"]
    );
    // Out of its chunk, as an SDK hands it out.
    let whole = r#"{"type":"message","id":"m","content":[{"type":"text","text":"a"}],"stop_reason":"end_turn"}"#;
    assert_eq!(
        said(Bedrock::default(), &[("", whole)]),
        ["head m -", "text: a", "finish end_turn Whole"]
    );
    assert_eq!(
        said(Bedrock::default(), &[("chunk", r#"{"bytes":"no base64"}"#)]),
        ["corrupt a chunk whose bytes are not text in base64"]
    );
}

#[test]
fn cohere() {
    let events = [
        r#"{"id":"c","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[]}}}"#,
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"plan"}}}"#,
        r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":"hm"}}}}"#,
        r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"!"}}}}"#,
        r#"{"type":"content-end","index":0}"#,
        r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"a"}}}}"#,
        r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"t","type":"function","function":{"name":"f","arguments":""}}}}}"#,
        r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}}"#,
        r#"{"type":"tool-call-end","index":0}"#,
        r#"{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"u","function":{"name":"f","arguments":"{\"x\":"}}}}}"#,
        r#"{"type":"tool-call-delta","index":1,"delta":{"message":{"tool_calls":{"function":{"arguments":"1}"}}}}}"#,
        r#"{"type":"tool-call-end","index":1}"#,
        r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"text":"no"}}}}"#,
        r#"{"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"tokens":{"input_tokens":1}}}}"#,
        "[DONE]",
    ];
    let events: Vec<_> = events.iter().map(|data| ("", *data)).collect();
    assert_eq!(
        said(Cohere::default(), &events),
        [
            "head c -",
            "reasoning: plan",
            "reasoning: hm",
            "reasoning: !",
            "text: a",
            "call 0 begins t f",
            "call 0: {}",
            "call 0 ends",
            "call 1 begins u f",
            "call 1: {\"x\":",
            "call 1: 1}",
            "call 1 ends",
            r#"usage {"tokens":{"input_tokens":1}}"#,
            "finish TOOL_CALL Whole",
            "done",
        ]
    );
    for (reason, outcome) in [
        ("COMPLETE", "Whole"),
        ("STOP_SEQUENCE", "Whole"),
        ("MAX_TOKENS", "CutOff"),
        ("ERROR_LIMIT", "CutOff"),
        ("ERROR_TOXIC", "Filtered"),
        ("ERROR", "Failed"),
        ("TIMEOUT", "Failed"),
        ("SOMETHING_NEW", "Unknown"),
    ] {
        let event = format!(r#"{{"type":"message-end","delta":{{"finish_reason":"{reason}"}}}}"#);
        assert_eq!(
            said(Cohere::default(), &[("", &event)]),
            [format!("finish {reason} {outcome}")]
        );
    }
    let failed = r#"{"type":"message-end","delta":{"error":"it broke","finish_reason":"ERROR"}}"#;
    assert_eq!(
        said(Cohere::default(), &[("", failed)]),
        [r#"error "it broke""#]
    );
}

/// Answers that are no streams say the same.
#[test]
fn messages_that_are_not_streamed() {
    let converse = r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"a"},{"toolUse":{"toolUseId":"s","name":"own","type":"server_tool_use","input":{"no":1}}},{"toolUse":{"toolUseId":"t","name":"f","input":{"x":1}}},{"toolUse":{"toolUseId":"u","name":"g","input":{}}}]}},"stopReason":"tool_use","usage":{"inputTokens":1}}"#;
    assert_eq!(
        said(Bedrock::default(), &[("", converse)]),
        [
            "reasoning: hm",
            "text: a",
            "call 0 begins t f",
            r#"call 0 whole: {"x":1}"#,
            "call 0 ends",
            "call 1 begins u g",
            "call 1 whole: {}",
            "call 1 ends",
            r#"usage {"inputTokens":1}"#,
            "finish tool_use Whole",
        ]
    );
    let chat = r#"{"id":"c","message":{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"}],"tool_plan":"p","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"u","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"TOOL_CALL","usage":{"tokens":{}}}"#;
    assert_eq!(
        said(Cohere::default(), &[("", chat)]),
        [
            "head c -",
            "reasoning: hm",
            "text: a",
            "reasoning: p",
            "call 0 begins t f",
            r#"call 0 whole: {"x":1}"#,
            "call 0 ends",
            "call 1 begins u g",
            "call 1 whole: {}",
            "call 1 ends",
            r#"usage {"tokens":{}}"#,
            "finish TOOL_CALL Whole",
        ]
    );
}

#[test]
fn ollama() {
    let events = [
        r#"{"model":"m","created_at":"t","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}"#,
        r#"{"model":"m","message":{"role":"assistant","content":"a"},"done":false}"#,
        r#"{"model":"m","message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},{"id":"i","function":{"name":"g","arguments":{}}}]},"done":false}"#,
        r#"{"model":"m","message":{"content":""},"done":true,"done_reason":"stop","eval_count":2,"prompt_eval_count":1,"total_duration":9}"#,
    ];
    let events: Vec<_> = events.iter().map(|data| ("", *data)).collect();
    assert_eq!(
        said(Ollama::default(), &events),
        [
            "head - m",
            "reasoning: hm",
            "text: a",
            "call 0 begins - f",
            r#"call 0 whole: {"x":1}"#,
            "call 0 ends",
            "call 1 begins i g",
            "call 1 whole: {}",
            "call 1 ends",
            r#"usage {"total_duration":9,"prompt_eval_count":1,"eval_count":2}"#,
            "finish stop Whole",
            "done",
        ]
    );
    for (end, said_of_it) in [
        (r#""done_reason":"length""#, "finish length CutOff"),
        (r#""done_reason":"unload""#, "finish unload Unknown"),
        (r#""x":1"#, "finish  Unknown"),
    ] {
        let event = format!(r#"{{"done":true,{end}}}"#);
        assert_eq!(
            said(Ollama::default(), &[("", &event)]),
            [said_of_it, "done"]
        );
    }
    let generated = r#"{"response":"a","done":false}"#;
    assert_eq!(said(Ollama::default(), &[("", generated)]), ["text: a"]);
    let failed = r#"{"error":"model not found"}"#;
    assert_eq!(
        said(Ollama::default(), &[("", failed)]),
        [r#"error "model not found""#]
    );
}

/// Member names that the dialects know, so that the values get to places that matter.
fn known() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "type",
        "index",
        "delta",
        "message",
        "content",
        "content_block",
        "candidates",
        "parts",
        "functionCall",
        "partialArgs",
        "jsonPath",
        "stringValue",
        "willContinue",
        "name",
        "args",
        "text",
        "error",
        "usage",
        "start",
        "toolUse",
        "input",
        "contentBlockIndex",
        "tool_calls",
        "function",
        "arguments",
        "done",
        "stop_reason",
        "finishReason",
        "step",
        "event_type",
        "contentBlockDelta",
        "contentBlockStart",
        "id",
    ])
    .prop_map(str::to_owned)
}

fn event() -> impl Strategy<Value = serde_json::Value> {
    let word = prop::sample::select(vec![
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "tool_use",
        "text",
        "input_json_delta",
        "text_delta",
        "step.start",
        "step.delta",
        "function_call",
        "tool-call-start",
        "tool-call-delta",
        "tool-call-end",
        "$.a",
        "$.a[0]",
        "$['b']",
        "{\"x\":1}",
    ])
    .prop_map(|word| serde_json::Value::String(word.to_owned()));
    let leaf =
        prop_oneof![3 => word, 1 => (0_u8..3).prop_map(serde_json::Value::from), 1 => value()];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::Array),
            prop::collection::vec((known(), inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_events_are_read(events in prop::collection::vec(event(), 0..6)) {
        let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
        check_any_events(&lines.join("\n"));
    }
}
