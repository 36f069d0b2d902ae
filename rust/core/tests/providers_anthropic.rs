//! Anthropic's messages: what each event says, as rows.

mod support;

use partialfast_core::providers::Anthropic;
use support::dialects::said;

fn check(events: &[&str], expected: &[&str]) {
    let events: Vec<_> = events.iter().map(|data| ("", *data)).collect();
    assert_eq!(said(Anthropic::default(), &events), expected);
}

#[test]
fn blocks_of_every_kind() {
    check(
        &[
            r#"{"type":"message_start","message":{"id":"m","model":"c","content":[],"stop_reason":null,"usage":{"input_tokens":7,"cache_read_input_tokens":5,"output_tokens":1}}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"x"}}"#,
            r#"{"type":"content_block_stop","index":1}"#,
            r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":"so"}}"#,
            r#"{"delta":{"text":": ","type":"text_delta"},"index":2,"type":"content_block_delta"}"#,
            r#"{"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"text":"no"}}}"#,
            r#"{"type":"content_block_stop","index":2}"#,
            r#"{"type":"content_block_start","index":3,"content_block":{"type":"server_tool_use","id":"s","name":"web","input":{}}}"#,
            r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"no\":1}"}}"#,
            r#"{"type":"content_block_stop","index":3}"#,
            r#"{"type":"content_block_start","index":4,"content_block":{"type":"web_search_tool_result","content":[{"type":"text","text":"no"}]}}"#,
            r#"{"type":"content_block_stop","index":4}"#,
            r#"{"type":"content_block_start","index":5,"content_block":{"type":"compaction","content":null}}"#,
            r#"{"type":"content_block_delta","index":5,"delta":{"type":"compaction_delta","content":"no"}}"#,
            r#"{"type":"content_block_stop","index":5}"#,
            r#"{"type":"content_block_start","index":6,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            r#"{"type":"content_block_start","index":7,"content_block":{"type":"tool_use","id":"u","name":"g","input":{}}}"#,
            r#"{"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"{\"b\""}}"#,
            r#"{"type":"content_block_delta","index":6,"delta":{"type":"input_json_delta","partial_json":""}}"#,
            r#"{"type":"content_block_delta","index":6,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}"#,
            r#"{"type":"content_block_stop","index":6}"#,
            r#"{"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":":2}"}}"#,
            r#"{"type":"content_block_stop","index":7}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9,"cache_read_input_tokens":null}}"#,
            r#"{"type":"message_stop"}"#,
        ],
        &[
            "head m c",
            r#"usage {"input_tokens":7,"cache_read_input_tokens":5,"output_tokens":1}"#,
            "reasoning: hm",
            "text: so",
            "text: : ",
            "call 0 begins t f",
            "call 1 begins u g",
            "call 1: {\"b\"",
            "call 0: {\"a\":1}",
            "call 0 ends",
            "call 1: :2}",
            "call 1 ends",
            r#"usage {"input_tokens":7,"cache_read_input_tokens":5,"output_tokens":9}"#,
            "finish tool_use Whole",
        ],
    );
}

#[test]
fn every_ending() {
    for (reason, outcome) in [
        ("end_turn", "Whole"),
        ("stop_sequence", "Whole"),
        ("tool_use", "Whole"),
        ("max_tokens", "CutOff"),
        ("model_context_window_exceeded", "CutOff"),
        ("pause_turn", "CutOff"),
        ("something_new", "Unknown"),
    ] {
        let event = format!(r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}"}}}}"#);
        check(&[&event], &[&format!("finish {reason} {outcome}")]);
    }
    check(
        &[
            r#"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"category":"cyber","explanation":"no"}}}"#,
        ],
        &[
            r#"refusal: {"category":"cyber","explanation":"no"}"#,
            "finish refusal Refused",
        ],
    );
}

#[test]
fn failures_in_mid_stream() {
    check(
        &[
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#,
        ],
        &[r#"error {"type":"overloaded_error","message":"Overloaded"}"#],
    );
    let words = [("error", "upstream connect error")];
    assert_eq!(
        said(Anthropic::default(), &words),
        ["error upstream connect error"]
    );
    check(&[r#"{"error":"gateway"}"#], &[r#"error "gateway""#]);
    let corrupt = said(Anthropic::default(), &[("", "{nonsense")]);
    assert!(corrupt[0].starts_with("corrupt "), "{corrupt:?}");
    check(
        &[
            r#"{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
        ],
        &["corrupt arguments of a call that was not begun"],
    );
}

/// A turn that is continued: by its own events, or with calls that come whole in its beginning.
#[test]
fn messages_that_are_spliced() {
    check(
        &[
            r#"{"type":"message_start","message":{"id":"m1","model":"c","content":[],"usage":{"input_tokens":1}}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
            r#"{"type":"message_start","message":{"id":"m2","model":"d","content":[{"type":"text","text":"b"},{"type":"tool_use","id":"t","name":"f","input":{"x":[1]},"caller":{"type":"x"}},{"type":"tool_use","id":"u","name":"g","input":{}}],"stop_reason":"tool_use","usage":{"output_tokens":2}}}"#,
            r#"{"type":"message_stop"}"#,
            r#"{"type":"message_start","message":{"id":"m3","model":"d","content":[]}}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"v","name":"h","input":{"y":2}}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
        ],
        &[
            "head m1 c",
            r#"usage {"input_tokens":1}"#,
            "text: a",
            "head m2 d",
            "text: b",
            "call 0 begins t f",
            r#"call 0 whole: {"x":[1]}"#,
            "call 0 ends",
            "call 1 begins u g",
            "call 1 whole: {}",
            "call 1 ends",
            r#"usage {"output_tokens":2}"#,
            "finish tool_use Whole",
            "head m3 d",
            "call 2 begins v h",
            r#"call 2 whole: {"y":2}"#,
            "call 2 ends",
            "finish end_turn Whole",
        ],
    );
}

/// An answer that is no stream says the same.
#[test]
fn a_message_that_is_not_streamed() {
    check(
        &[
            r#"{"type":"message","id":"m","model":"c","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"}],"stop_reason":"max_tokens","usage":{"output_tokens":2}}"#,
        ],
        &[
            "head m c",
            "reasoning: hm",
            "text: a",
            r#"usage {"output_tokens":2}"#,
            "finish max_tokens CutOff",
        ],
    );
}
