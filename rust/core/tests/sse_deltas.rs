//! What is taken out of a provider's events: the shapes of real servers as rows, and for any shape
//! the same as a reading of the whole JSON gives.

#[path = "support/generate.rs"]
mod generate;
mod support;

use generate::{Hand, hand, value};
use partialfast_core::json::JsonErrorKind;
use partialfast_core::providers::{ChatReader, DONE};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::deltas::{
    chat, check_any_data, expected_of_chat, expected_of_response, picked_from_chat, response,
};

#[test]
fn chunks_of_real_servers() {
    // OpenAI: the role, a delta of arguments, the end, the usage.
    let role = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"Meeting","arguments":""}}],"refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}"#;
    let chunk = chat(role);
    assert_eq!(chunk["id"], "chatcmpl-1");
    assert_eq!(chunk["model"], "gpt-4o");
    assert_eq!(chunk["usage"], Value::Null);
    assert_eq!(chunk["choices"][0]["content"], Value::Null);
    assert_eq!(
        chunk["choices"][0]["tool_calls"],
        json!([[0, "call_1", "Meeting", ""]])
    );

    let arguments = r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"na"}}]},"finish_reason":null}]}"#;
    assert_eq!(
        chat(arguments)["choices"][0]["tool_calls"],
        json!([[0, null, null, "{\"na"]])
    );

    let usage = r#"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21,"prompt_tokens_details":{"cached_tokens":0}}}"#;
    let chunk = chat(usage);
    assert_eq!(chunk["choices"], json!([]));
    assert_eq!(chunk["usage"]["total_tokens"], 21);

    // Azure: a first chunk without choices, then filter results beside the delta.
    let azure = r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}"#;
    assert_eq!(chat(azure)["choices"], json!([]));
    let filtered = r#"{"choices":[{"content_filter_results":{"hate":{"filtered":true,"severity":"high"}},"delta":{},"finish_reason":"content_filter","index":0,"logprobs":null}],"id":"c"}"#;
    assert_eq!(
        chat(filtered)["choices"][0]["finish_reason"],
        "content_filter"
    );

    // llama.cpp and Ollama: a whole call at once, without an index; the end beside the content.
    let whole = r#"{"choices":[{"finish_reason":"tool_calls","index":0,"delta":{"tool_calls":[{"id":"x","function":{"arguments":"{\"a\":1}","name":"f"}}],"content":"done"}}]}"#;
    let choice = &chat(whole)["choices"][0];
    assert_eq!(choice["tool_calls"], json!([[null, "x", "f", "{\"a\":1}"]]));
    assert_eq!(
        (&choice["content"], &choice["finish_reason"]),
        (&json!("done"), &json!("tool_calls"))
    );

    // vLLM and DeepSeek, and OpenRouter, which writes reasoning twice.
    let reasoning = r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}"#;
    assert_eq!(chat(reasoning)["choices"][0]["reasoning"], "hm");
    let twice = r#"{"choices":[{"delta":{"reasoning":"hm","reasoning_details":[{"text":"hm"}],"reasoning_content":"hm"}}]}"#;
    assert_eq!(chat(twice)["choices"][0]["reasoning"], "hm");
    let differently =
        r#"{"choices":[{"delta":{"reasoning":"first","reasoning_content":"second"}}]}"#;
    assert_eq!(chat(differently)["choices"][0]["reasoning"], "first");

    // Errors: OpenAI, OpenRouter with choices beside it, vLLM of old.
    let error =
        r#"{"error":{"message":"overloaded","type":"server_error","param":null,"code":null}}"#;
    assert_eq!(chat(error)["error"]["message"], "overloaded");
    let beside = r#"{"id":"g","error":{"code":502,"message":"bad"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#;
    assert_eq!(chat(beside)["error"]["code"], 502);
    assert_eq!(chat(beside)["choices"][0]["content"], "");
    let old = r#"{"object":"error","message":"too long","code":400}"#;
    assert_eq!(chat(old)["object"], "error");

    // Several choices and calls, out of order
    let many = r#"{"choices":[{"index":2,"delta":{"content":"c"}},{"index":0,"delta":{"tool_calls":[{"index":3,"function":{"arguments":"x"}},{"index":1,"function":{"arguments":"y"}}]}}]}"#;
    let chunk = chat(many);
    assert_eq!(chunk["choices"][0]["index"], 2);
    assert_eq!(chunk["choices"][0]["tool_calls"], json!([]));
    assert_eq!(
        chunk["choices"][1]["tool_calls"],
        json!([[3, null, null, "x"], [1, null, null, "y"]])
    );
}

#[test]
fn what_is_no_chunk() {
    let mut reader = ChatReader::default();
    let error = reader.read(DONE).expect_err("it is no JSON");
    assert_eq!(
        (error.kind, error.offset),
        (JsonErrorKind::ExpectedValue, 1)
    );
    let error = reader.read(r#"{"choices":[{"#).expect_err("cut off");
    assert_eq!((error.kind, error.offset), (JsonErrorKind::Truncated, 13));
    let error = reader.read("{} {}").expect_err("two values");
    assert_eq!((error.kind, error.offset), (JsonErrorKind::TrailingData, 3));
    // JSON of another shape says nothing, and nothing of an earlier chunk is left.
    let _ = reader.read(r#"{"id":"a","usage":{},"choices":[{"delta":{"content":"x"}}]}"#);
    for data in [
        "null",
        "[]",
        "\"text\"",
        "7",
        "{}",
        r#"{"choices":{"index":0}}"#,
    ] {
        let chunk = reader.read(data).expect("valid");
        let empty = json!({"id": null, "model": null, "object": null, "choices": [],
            "usage": null, "error": null});
        assert_eq!(picked_from_chat(data, chunk), empty, "{data}");
    }
}

#[test]
fn events_of_the_responses_api() {
    let rows = [
        (
            r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","error":null,"incomplete_details":null,"model":"gpt-4o","output":[],"usage":null}}"#,
            "/response",
            json!(["resp_1", "gpt-4o", "in_progress", null]),
        ),
        (
            r#"{"type":"response.output_item.added","sequence_number":2,"output_index":1,"item":{"id":"fc_1","type":"function_call","status":"in_progress","arguments":"","call_id":"call_1","name":"Meeting"}}"#,
            "/item",
            json!(["function_call", "fc_1", "Meeting", "call_1", ""]),
        ),
        (
            r#"{"type":"response.function_call_arguments.delta","sequence_number":3,"item_id":"fc_1","output_index":1,"delta":"{\"a","obfuscation":"x"}"#,
            "/delta",
            json!("{\"a"),
        ),
        (
            r#"{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":1,"arguments":"{\"a\":1}"}"#,
            "/arguments",
            json!("{\"a\":1}"),
        ),
        (
            r#"{"type":"response.output_text.delta","sequence_number":7,"item_id":"msg_1","output_index":0,"content_index":2,"delta":"caf\u00e9","logprobs":[]}"#,
            "/indices",
            json!([7, 0, 2]),
        ),
        (
            r#"{"type":"response.refusal.delta","item_id":"msg_1","delta":"I ca"}"#,
            "/item_id",
            json!("msg_1"),
        ),
        (
            r#"{"type":"response.refusal.done","item_id":"msg_1","refusal":"I cannot"}"#,
            "/refusal",
            json!("I cannot"),
        ),
        (
            r#"{"type":"response.incomplete","response":{"id":"r","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"message","content":[{"type":"output_text","text":"{"}]}],"usage":{"total_tokens":5}}}"#,
            "/response",
            json!(["r", null, "incomplete", "max_output_tokens"]),
        ),
        (
            r#"{"type":"response.completed","response":{"id":"r","status":"completed","usage":{"total_tokens":5}}}"#,
            "/usage",
            json!({"total_tokens": 5}),
        ),
        (
            r#"{"type":"response.failed","response":{"id":"r","status":"failed","error":{"code":"server_error","message":"no"}}}"#,
            "/error",
            json!({"code": "server_error", "message": "no"}),
        ),
        (
            r#"{"type":"error","code":"rate_limit","message":"slow down","param":null,"sequence_number":1}"#,
            "/message",
            json!("slow down"),
        ),
    ];
    for (data, at, expected) in rows {
        let event = response(data);
        assert_eq!(event.pointer(at), Some(&expected), "{data}");
        let value: Value = serde_json::from_str(data).expect("valid");
        assert_eq!(event, expected_of_response(&value), "{data}");
    }
}

/// A value that is of the right kind more often than not.
fn nearly(right: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    prop_oneof![6 => right, 1 => Just(Value::Null), 1 => value()]
}

fn word() -> impl Strategy<Value = Value> {
    nearly("[a-z\"\\\\é😀 ]{0,10}".prop_map(Value::String))
}

fn small() -> impl Strategy<Value = Value> {
    nearly((0_u64..5).prop_map(|number| json!(number)))
}

/// An object with some of the members, in any order that the writer gives, and some others.
fn object(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> impl Strategy<Value = Value> {
    let known = members.into_iter().map(|(key, value)| {
        prop::option::weighted(0.7, value)
            .prop_map(move |value| value.map(|value| (key.to_owned(), value)))
    });
    let known: Vec<_> = known.collect();
    let others = prop::collection::vec(("[x-z]{1,3}", value()), 0..3);
    (known, others).prop_map(|(known, others)| {
        Value::Object(known.into_iter().flatten().chain(others).collect())
    })
}

fn list(item: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    nearly(prop::collection::vec(nearly(item), 0..4).prop_map(Value::Array))
}

fn chat_value() -> impl Strategy<Value = Value> {
    let function = object(vec![
        ("name", word().boxed()),
        ("arguments", word().boxed()),
    ]);
    let call = object(vec![
        ("index", small().boxed()),
        ("id", word().boxed()),
        ("function", nearly(function).boxed()),
    ]);
    let delta = object(vec![
        ("content", word().boxed()),
        ("refusal", word().boxed()),
        ("reasoning_content", word().boxed()),
        ("tool_calls", list(call).boxed()),
    ]);
    let choice = object(vec![
        ("index", small().boxed()),
        ("delta", nearly(delta).boxed()),
        ("finish_reason", word().boxed()),
    ]);
    nearly(object(vec![
        ("id", word().boxed()),
        ("model", word().boxed()),
        ("object", word().boxed()),
        ("choices", list(choice).boxed()),
        ("usage", value().boxed()),
        ("error", value().boxed()),
    ]))
}

fn response_value() -> impl Strategy<Value = Value> {
    let item = object(vec![
        ("type", word().boxed()),
        ("id", word().boxed()),
        ("name", word().boxed()),
        ("call_id", word().boxed()),
        ("arguments", word().boxed()),
    ]);
    let response = object(vec![
        ("id", word().boxed()),
        ("model", word().boxed()),
        ("status", word().boxed()),
        (
            "incomplete_details",
            nearly(object(vec![("reason", word().boxed())])).boxed(),
        ),
        ("usage", value().boxed()),
        ("error", value().boxed()),
    ]);
    object(vec![
        ("type", word().boxed()),
        ("delta", word().boxed()),
        ("text", word().boxed()),
        ("refusal", word().boxed()),
        ("arguments", word().boxed()),
        ("item_id", word().boxed()),
        ("code", word().boxed()),
        ("message", word().boxed()),
        ("sequence_number", small().boxed()),
        ("output_index", small().boxed()),
        ("content_index", small().boxed()),
        ("error", value().boxed()),
        ("item", nearly(item).boxed()),
        ("response", nearly(response).boxed()),
    ])
}

fn written(mut hand: Hand, value: &Value) -> String {
    let mut data = String::new();
    hand.write(value, &mut data);
    data
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn chat_is_picked_as_if_all_were_read(value in chat_value(), hand in hand()) {
        let data = written(hand, &value);
        prop_assert_eq!(chat(&data), expected_of_chat(&value));
        check_any_data(&data);
    }

    #[test]
    fn responses_are_picked_as_if_all_were_read(value in response_value(), hand in hand()) {
        let data = written(hand, &value);
        prop_assert_eq!(response(&data), expected_of_response(&value));
    }
}
