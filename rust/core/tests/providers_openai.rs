//! `OpenAI`'s dialects: what each event says, as rows; what servers get wrong, as rows and as a
//! property: however the pieces of calls are numbered and named, the calls are the same.

mod support;

use std::collections::BTreeMap;

use partialfast_core::providers::{AnyDialect, Delta, Dialect, Outcome, Part};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::dialects::{check_any_stream, said, said_of_body};

/// A row: what it is about, the events, and what they say, a line each.
type Row = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

fn check_rows(dialect: &str, rows: &[Row]) {
    for (about, events, expected) in rows {
        let named: Vec<_> = events.iter().map(|data| ("", *data)).collect();
        let lines = said(AnyDialect::named(dialect).expect("a dialect"), &named);
        assert_eq!(lines, *expected, "{about}");
        // As a body, at every cut.
        let body: String = events
            .iter()
            .map(|data| format!("data: {data}\n\n"))
            .collect();
        check_any_stream(body.as_bytes(), &[]);
        for cut in 0..=body.len() {
            let (left, right) = body.as_bytes().split_at(cut);
            let lines = said_of_body(dialect, [left, right], true);
            assert_eq!(lines, *expected, "{about}, cut at {cut}");
        }
    }
}

#[test]
fn chunks_of_real_servers() {
    check_rows(
        "openai_chat",
        &[
            (
                "OpenAI: the role, a delta of arguments, the end, the usage",
                &[
                    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"Meeting","arguments":""}}],"refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}"#,
                    r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"na"}}]},"finish_reason":null}]}"#,
                    r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
                    r#"{"id":"chatcmpl-1","choices":[],"usage":{"total_tokens":21}}"#,
                    "[DONE]",
                ],
                &[
                    "head chatcmpl-1 gpt-4o",
                    "call 0 begins call_1 Meeting",
                    "call 0: {\"na",
                    "finish tool_calls Whole",
                    r#"usage {"total_tokens":21}"#,
                    "done",
                ],
            ),
            (
                "Azure: a first chunk without choices, then filter results beside the delta",
                &[
                    r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}"#,
                    r#"{"choices":[{"content_filter_results":{"hate":{"filtered":true}},"delta":{},"finish_reason":"content_filter","index":0,"logprobs":null}],"id":"c"}"#,
                ],
                &["head c -", "finish content_filter Filtered"],
            ),
            (
                "llama.cpp and Ollama: a whole call at once, without an index; the end beside it",
                &[
                    r#"{"choices":[{"finish_reason":"tool_calls","index":0,"delta":{"tool_calls":[{"id":"x","function":{"arguments":"{\"a\":1}","name":"f"}}],"content":"words"}}]}"#,
                    "[DONE]",
                ],
                &[
                    "text: words",
                    "call 0 begins x f",
                    "call 0: {\"a\":1}",
                    "finish tool_calls Whole",
                    "done",
                ],
            ),
            (
                "vLLM and DeepSeek, and OpenRouter, which writes reasoning twice",
                &[
                    r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}"#,
                    r#"{"choices":[{"delta":{"reasoning":"hm","reasoning_details":[{"text":"hm"}],"reasoning_content":"hm"}}]}"#,
                    r#"{"choices":[{"delta":{"reasoning":{"content":"hm"}}}]}"#,
                ],
                &["reasoning: hm", "reasoning: hm", "reasoning: hm"],
            ),
            (
                "Mistral: content in parts, thinking among them, the type before or after the text",
                &[
                    r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}}]}"#,
                    r#"{"choices":[{"delta":{"content":[{"text":"c","type":"reasoning"},{"type":"text","text":"d"},{"type":"refusal","refusal":"e"}]}}]}"#,
                ],
                &[
                    "reasoning: a",
                    "reasoning: b",
                    "reasoning: c",
                    "text: d",
                    "refusal: e",
                ],
            ),
            (
                "several choices and calls, out of order",
                &[
                    r#"{"choices":[{"index":2,"delta":{"role":"assistant","content":"c"}},{"index":0,"delta":{"role":"assistant","tool_calls":[{"index":3,"function":{"name":"f","arguments":"{"}},{"index":1,"function":{"name":"g","arguments":"{\""}}]}}]}"#,
                    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":3,"function":{"arguments":"}"}}]}}]}"#,
                ],
                &[
                    "2/text: c",
                    "call 0 begins - f",
                    "call 0: {",
                    "call 1 begins - g",
                    "call 1: {\"",
                    "call 0: }",
                ],
            ),
            (
                "usage beside the choice, and Groq's",
                &[
                    r#"{"choices":[{"index":0,"delta":{},"usage":{"total_tokens":1}}]}"#,
                    r#"{"choices":[],"x_groq":{"id":"r","usage":{"total_tokens":2}}}"#,
                ],
                &[r#"usage {"total_tokens":1}"#, r#"usage {"total_tokens":2}"#],
            ),
            (
                "what is no chunk says nothing",
                &[
                    "null",
                    "[]",
                    "\"text\"",
                    "7",
                    "{}",
                    r#"{"choices":{"index":0}}"#,
                    r#"{"choices":[7,[1],null,{"delta":null}]}"#,
                ],
                &[],
            ),
        ],
    );
}

#[test]
fn what_a_server_says_of_its_failures() {
    let failures = [
        r#"{"message":"overloaded","type":"server_error"}"#,
        r#""overloaded""#,
        "503",
        "true",
    ];
    for said_of in failures {
        for event in [
            format!(r#"{{"error":{said_of}}}"#),
            format!(r#"[{{"error":{said_of}}}]"#),
            format!(r#"{{"id":"g","error":{said_of},"choices":[{{"delta":{{"content":""}}}}]}}"#),
            format!(r#"{{"choices":[{{"index":0,"error":{said_of},"delta":{{}}}}]}}"#),
        ] {
            let lines = said(
                AnyDialect::named("openai_chat").expect("a dialect"),
                &[("", &event)],
            );
            assert_eq!(lines, [format!("error {said_of}")], "{event}");
        }
    }
    for (name, event) in [
        ("", r#"{"object":"error","message":"too long","code":400}"#),
        ("", r#"{"detail":"Not Found"}"#),
        ("", r#"{"detail":[{"msg":"no"}]}"#),
        (
            "",
            r#"{"base_resp":{"status_code":1004,"status_msg":"no"},"choices":null}"#,
        ),
        ("error", r#"{"message":"x"}"#),
    ] {
        for dialect in ["openai_chat", "openai_responses"] {
            if dialect == "openai_responses" && (name.is_empty() && !event.contains("\"error\"")) {
                continue;
            }
            let lines = said(
                AnyDialect::named(dialect).expect("a dialect"),
                &[(name, event)],
            );
            assert_eq!(lines, [format!("error {event}")]);
        }
    }
    // Placeholders are no errors.
    for event in [
        r#"{"error":null}"#,
        r#"{"error":{}}"#,
        r#"{"error":""}"#,
        r#"{"error":false}"#,
        r#"{"base_resp":{"status_code":0,"status_msg":""}}"#,
        r#"{"detail":"high","choices":[{}]}"#,
    ] {
        let lines = said(
            AnyDialect::named("openai_chat").expect("a dialect"),
            &[("", event)],
        );
        assert!(lines.is_empty(), "{event}: {lines:?}");
    }
    // Nor is what fails after the answer was said to be whole.
    check_rows(
        "openai_chat",
        &[(
            "an error after the end",
            &[
                r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}"#,
                r#"{"error":{"message":"usage accounting failed"}}"#,
                "[DONE]",
            ],
            &["text: x", "finish stop Whole", "done"],
        )],
    );
}

#[test]
fn bodies_that_are_no_streams() {
    let answer = r#"{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"n":1}}"#;
    let whole = [
        "head c -",
        "text: x",
        "finish stop Whole",
        r#"usage {"n":1}"#,
    ];
    let page = "<html>\n<h1>502 Bad Gateway</h1>\n\n</html>";
    for (body, expected) in [
        (answer.to_owned(), &whole[..]),
        (format!("\u{feff}\n {answer}\n"), &whole[..]),
        (
            page.to_owned(),
            &["Stray { said: \"<html>\\n<h1>502 Bad Gateway</h1>\\n</html>\" }"],
        ),
        (
            "error: {\"message\": \"x\"}\n\n".to_owned(),
            &["error {\"message\": \"x\"}"],
        ),
        ("error: full\n".to_owned(), &["corrupt"]),
        (
            "{\"message\": \"no\"}".to_owned(),
            &["Stray { said: \"{\\\"message\\\": \\\"no\\\"}\" }"],
        ),
        ("[1, oh no".to_owned(), &["Stray { said: \"[1, oh no\" }"]),
        (": ping\n\n".to_owned(), &[]),
        (String::new(), &[]),
        // The end of the last event is missing, or the event is cut off.
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}".to_owned(),
            &["text: x"],
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"content\":\"x".to_owned(),
            &[],
        ),
        // Bare heartbeats, and words among the events
        ("data:\n\ndata: [DONE]\n\n".to_owned(), &["done"]),
        (
            "upstream failed\n\ndata: [DONE]\n\n".to_owned(),
            &["Stray { said: \"upstream failed\" }", "done"],
        ),
    ] {
        let lines = said_of_body("openai_chat", [body.as_bytes()], true);
        if *expected == ["corrupt"] {
            assert!(
                lines.is_empty() || lines[0].starts_with("error"),
                "{lines:?}"
            );
        } else {
            assert_eq!(lines, expected, "{body}");
        }
        check_any_stream(body.as_bytes(), &(0..body.len()).collect::<Vec<_>>());
    }
    // A connection that is lost is no end.
    let lines = said_of_body("openai_chat", [answer.as_bytes()], false);
    assert!(lines.is_empty());
}

#[test]
fn endings() {
    for (reason, outcome) in [
        ("stop", Outcome::Whole),
        ("tool_calls", Outcome::Whole),
        ("function_call", Outcome::Whole),
        ("eos", Outcome::Whole),
        ("end_turn", Outcome::Whole),
        ("tool_use", Outcome::Whole),
        ("COMPLETE", Outcome::Whole),
        ("STOP", Outcome::Whole),
        ("length", Outcome::CutOff),
        ("max_tokens", Outcome::CutOff),
        ("MAX_TOKENS", Outcome::CutOff),
        ("model_length", Outcome::CutOff),
        ("model_context_window_exceeded", Outcome::CutOff),
        ("content_filter", Outcome::Filtered),
        ("content_filter: PROHIBITED_CONTENT", Outcome::Filtered),
        ("SAFETY", Outcome::Filtered),
        ("sensitive", Outcome::Filtered),
        ("guardrail_intervened", Outcome::Filtered),
        ("refusal", Outcome::Refused),
        ("error", Outcome::Failed),
        ("abort", Outcome::Failed),
        ("network_error", Outcome::Failed),
        ("insufficient_system_resource", Outcome::Failed),
        (
            "function_call_filter: MALFORMED_FUNCTION_CALL",
            Outcome::Failed,
        ),
        ("stopped", Outcome::Unknown),
        ("OTHER", Outcome::Unknown),
        ("null", Outcome::Unknown),
    ] {
        let event = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
        let lines = said(
            AnyDialect::named("openai_chat").expect("a dialect"),
            &[("", &event)],
        );
        assert_eq!(lines, [format!("finish {reason} {outcome:?}")]);
    }
}

#[test]
fn a_word_of_the_end_that_was_none() {
    check_rows(
        "openai_chat",
        &[
            (
                "`stop` in every chunk, of a text",
                &[
                    r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
                    r#"{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}]}"#,
                    "[DONE]",
                ],
                &[
                    "text: a",
                    "finish stop Whole",
                    "Reopens { choice: 0 }",
                    "text: b",
                    "finish stop Whole",
                    "done",
                ],
            ),
            (
                "`stop` in every chunk, of calls: it is one only when all is over",
                &[
                    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"a\":1}"}}]},"finish_reason":"stop"}]}"#,
                    r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"name":"f","arguments":"{\"a\":2}"}}]},"finish_reason":"stop"}]}"#,
                    "[DONE]",
                ],
                &[
                    "call 0 begins - f",
                    "call 0: {\"a\":1}",
                    "call 1 begins - f",
                    "call 1: {\"a\":2}",
                    "finish stop Whole",
                    "done",
                ],
            ),
            (
                "in front of the text",
                &[
                    r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
                    r#"{"choices":[{"delta":{"content":"a"},"finish_reason":null}]}"#,
                    "[DONE]",
                ],
                &[
                    "finish stop Whole",
                    "Reopens { choice: 0 }",
                    "text: a",
                    "finish stop Whole",
                    "done",
                ],
            ),
        ],
    );
}

/// Calls that a server spells out in a way of its own: `f {"a": 1}`, in pieces.
#[test]
fn calls_of_servers_that_get_them_wrong() {
    let chunk = |calls: Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]});
    let named = |index: Value, id: Value, name: &str, arguments: Value| json!([{"index": index, "id": id, "function": {"name": name, "arguments": arguments}}]);
    let bare = |index: Value, arguments: &str| json!([{"index": index, "function": {"arguments": arguments}}]);
    let none = Value::Null;
    let f = |arguments: &str| vec![("f".to_owned(), arguments.to_owned())];
    let one = f(r#"{"a":{"b":1}}"#);
    let rows: Vec<(&str, Vec<Value>, Vec<(String, String)>)> = vec![
        (
            "a growing index",
            vec![
                named(json!(0), json!("i"), "f", json!("")),
                bare(json!(1), r#"{"a":"#),
                bare(json!(2), r#"{"b""#),
                bare(json!(3), ":1}}"),
            ],
            one.clone(),
        ),
        (
            "the name numbered by the tool, the arguments by the call",
            vec![
                named(json!(1), json!("i"), "f", json!("")),
                bare(json!(0), r#"{"a":{"b""#),
                bare(json!(0), ":1}}"),
                named(json!(0), json!("j"), "g", json!("")),
                bare(json!(1), r#"{"c":"#),
                bare(json!(1), "2}"),
            ],
            vec![one[0].clone(), ("g".to_owned(), r#"{"c":2}"#.to_owned())],
        ),
        (
            "a new id and name in every delta",
            vec![
                named(none.clone(), json!("i"), "f", json!("")),
                named(none.clone(), json!("j"), "f", json!(r#"{"a":{"b""#)),
                named(none.clone(), json!("k"), "f", json!(":1}}")),
            ],
            one.clone(),
        ),
        (
            "a name in two pieces",
            vec![
                named(json!(0), json!("i"), "get_", json!("")),
                named(json!(0), none.clone(), "user", json!("")),
                bare(json!(0), "{}"),
            ],
            vec![("get_user".to_owned(), "{}".to_owned())],
        ),
        (
            "arguments before the name",
            vec![
                bare(json!(0), r#"{"a":{"b""#),
                named(json!(0), json!("i"), "f", json!(":1}}")),
            ],
            one.clone(),
        ),
        (
            "arguments as an object",
            vec![named(json!(0), json!("i"), "f", json!({"a": {"b": 1}}))],
            one.clone(),
        ),
        (
            "arguments encoded twice, in pieces",
            vec![
                named(json!(0), json!("i"), "f", json!(r#""{\"a\":"#)),
                bare(json!(0), r#"{\"b\"#),
                bare(json!(0), r#"":1}}""#),
            ],
            one.clone(),
        ),
        (
            "`{}` in front of the arguments",
            vec![
                named(json!(0), json!("i"), "f", json!("{}")),
                bare(json!(0), r#"{"a":{"b""#),
                bare(json!(0), ":1}}"),
            ],
            one.clone(),
        ),
        (
            "a summary that repeats them, encoded twice, under another id, as they were",
            vec![
                named(json!(0), json!("i"), "f", json!(r#"{"a":{"b""#)),
                bare(json!(0), ":1}}"),
                named(json!(0), json!("i"), "f", json!(r#""{\"a\":{\"b\":1}}""#)),
                named(json!(0), json!("j"), "f", json!(r#"{"a":{"b":1}}"#)),
                named(json!(0), json!("i"), "f", json!({"a": {"b": 1}})),
            ],
            one.clone(),
        ),
        (
            "equal calls that are two",
            vec![
                named(json!(0), json!("i"), "f", json!(r#"{"a":{"b":1}}"#)),
                named(json!(0), json!("j"), "f", json!(r#"{"a":{"b":1}}"#)),
                named(json!(1), json!("k"), "f", json!(r#"{"a":{"b":1}}"#)),
            ],
            vec![one[0].clone(), one[0].clone(), one[0].clone()],
        ),
        (
            "each delta repeats those before it",
            vec![
                named(json!(0), json!("i"), "f", json!(r#"{"a":"#)),
                bare(json!(0), r#"{"a":{"b""#),
                bare(json!(0), r#"{"a":{"b":1}"#),
                bare(json!(0), r#"{"a":{"b":1}}"#),
            ],
            one.clone(),
        ),
        (
            "a value that begins like the whole",
            vec![
                named(json!(0), json!("i"), "f", json!(r#"{"a":"#)),
                bare(json!(0), r#"{"a":1"#),
                bare(json!(0), "}}"),
            ],
            f(r#"{"a":{"a":1}}"#),
        ),
        (
            "stop tokens after the arguments",
            vec![
                named(json!(0), json!("i"), "f", json!(r#"{"a":{"b":1}}<|im"#)),
                bare(json!(0), "_end|>"),
                bare(json!(0), "{more"),
            ],
            one.clone(),
        ),
        (
            "entries that say nothing",
            vec![
                json!([null]),
                json!([]),
                none.clone(),
                named(json!(0), json!("i"), "f", json!(r#"{"a":{"b":1}}"#)),
                json!([{"index": 1, "id": "", "type": "function"}]),
                json!([{"index": 1, "id": "", "function": {"name": "", "arguments": ""}}]),
            ],
            one.clone(),
        ),
        (
            "an object in the place of the list",
            vec![json!({"index": 0, "function": {"name": "f", "arguments": "{\"a\":{\"b\":1}}"}})],
            one.clone(),
        ),
        (
            "an index that is a list, a string, negative",
            vec![
                named(json!([0]), json!("i"), "f", json!("")),
                bare(json!("0"), r#"{"a":{"b""#),
                bare(json!(-1), ":1}}"),
            ],
            one.clone(),
        ),
        (
            "calls without numbers or ids, one after the other",
            vec![
                named(none.clone(), none.clone(), "f", json!("")),
                bare(none.clone(), r#"{"a":{"b":1}}"#),
                named(none.clone(), none.clone(), "f", json!("")),
                bare(none.clone(), r#"{"a":2}"#),
                named(none.clone(), none.clone(), "g", json!(r#"{"a":3}"#)),
            ],
            vec![
                one[0].clone(),
                ("f".to_owned(), r#"{"a":2}"#.to_owned()),
                ("g".to_owned(), r#"{"a":3}"#.to_owned()),
            ],
        ),
    ];
    for (about, events, expected) in rows {
        let events: Vec<String> = events
            .into_iter()
            .map(|calls| chunk(calls).to_string())
            .collect();
        assert_eq!(calls_of("openai_chat", &events), expected, "{about}");
    }
}

/// The name and the arguments of each call.
fn calls_of(dialect: &str, events: &[String]) -> Vec<(String, String)> {
    let mut dialect = AnyDialect::named(dialect).expect("a dialect");
    let mut calls: BTreeMap<(u64, u64), (String, String)> = BTreeMap::new();
    let mut sink = |delta: Delta<'_>| match delta {
        Delta::CallBegins {
            choice, call, name, ..
        } => {
            name.unwrap_or_default()
                .clone_into(&mut calls.entry((choice, call)).or_default().0);
        }
        Delta::Piece {
            choice,
            part: Part::Call(call),
            text,
        } => calls
            .get_mut(&(choice, call))
            .expect("it has begun")
            .1
            .push_str(text),
        Delta::Corrupt { why } => panic!("corrupt: {why}"),
        _ => {}
    };
    for event in events {
        dialect.read("", event, &mut sink);
    }
    dialect.end(&mut sink);
    calls.into_values().collect()
}

#[test]
fn other_shapes_of_chunks() {
    check_rows(
        "openai_chat",
        &[
            (
                "the index of the choice counts the chunks",
                &[
                    r#"{"choices":[{"index":0,"delta":{"content":"{\"a\":"}}]}"#,
                    r#"{"choices":[{"index":1,"delta":{"content":"\"b\""}}]}"#,
                    r#"{"choices":[{"index":2,"delta":{"content":"}"}}]}"#,
                    r#"{"choices":[{"index":3,"delta":{},"finish_reason":"stop"}]}"#,
                ],
                &[
                    "text: {\"a\":",
                    "text: \"b\"",
                    "text: }",
                    "finish stop Whole",
                ],
            ),
            (
                "and of calls",
                &[
                    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}"#,
                    r#"{"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]}"#,
                    r#"{"choices":[{"index":2,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}"#,
                    r#"{"choices":[{"index":3,"delta":{},"finish_reason":"tool_calls"}]}"#,
                ],
                &[
                    "call 0 begins - f",
                    "call 0: {",
                    "call 0: }",
                    "finish tool_calls Whole",
                ],
            ),
            (
                "choices of their own begin alike",
                &[
                    r#"{"choices":[{"index":0,"delta":{"content":"{\"a"}}]}"#,
                    r#"{"choices":[{"index":1,"delta":{"content":"{\"b"}}]}"#,
                    r#"{"choices":[{"index":0,"delta":{"content":"\":1}"},"finish_reason":"stop"}]}"#,
                    r#"{"choices":[{"index":1,"delta":{"content":"\":2}"},"finish_reason":"stop"}]}"#,
                ],
                &[
                    "text: {\"a",
                    "1/text: {\"b",
                    "text: \":1}",
                    "finish stop Whole",
                    "1/text: \":2}",
                    "1/finish stop Whole",
                ],
            ),
            (
                "a message instead of a delta",
                &[
                    r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"x","reasoning_content":"hm","tool_calls":[{"id":"i","function":{"name":"f","arguments":"{}"}},{"id":"j","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]}"#,
                ],
                &[
                    "reasoning: hm",
                    "text: x",
                    "call 0 begins i f",
                    "call 1 begins j f",
                    "call 0: {}",
                    "call 1: {}",
                    "finish stop Whole",
                ],
            ),
            (
                "a message beside the deltas, with all of it so far",
                &[
                    r#"{"choices":[{"delta":{"content":"{\"a\":"},"message":{"content":"{\"a\":"}}]}"#,
                    r#"{"choices":[{"delta":{"content":"1"},"message":{"content":"{\"a\":1"}}]}"#,
                    r#"{"choices":[{"delta":{"content":""},"message":{"content":"{\"a\":1}"}}]}"#,
                ],
                &["text: {\"a\":", "text: 1", "text: }"],
            ),
            (
                "a summary of the content",
                &[
                    r#"{"choices":[{"delta":{"content":"{\"a\":"}}]}"#,
                    r#"{"choices":[{"delta":{"content":"1}"}}]}"#,
                    r#"{"choices":[{"delta":{"content":"{\"a\":1}"},"finish_reason":"stop"}]}"#,
                ],
                &["text: {\"a\":", "text: 1}", "finish stop Whole"],
            ),
            (
                "before there were tools",
                &[
                    r#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":""}}}]}"#,
                    r#"{"choices":[{"delta":{"function_call":{"arguments":"{\"a\":1}"}}}]}"#,
                    r#"{"choices":[{"delta":{},"finish_reason":"function_call"}]}"#,
                ],
                &[
                    "call 0 begins - f",
                    "call 0: {\"a\":1}",
                    "finish function_call Whole",
                ],
            ),
            (
                "a character cut between two chunks, and numbers that JSON does not have",
                &[
                    r#"{"choices":[{"delta":{"content":"a\ud83d"},"logprobs":{"x":-Infinity}}],"usage":{"n":1}}"#,
                    r#"{"choices":[{"delta":{"content":"\ude00"},"logprobs":{"x":NaN}}],"usage":{"n":[2]}}"#,
                ],
                &[
                    "text: a",
                    r#"usage {"n":1}"#,
                    "text: 😀",
                    r#"usage {"n":[2]}"#,
                ],
            ),
        ],
    );
    // Half of a character is an error when the other half does not come.
    let half = r#"{"choices":[{"delta":{"content":"a\ud83d"}}]}"#;
    for next in ["[DONE]", r#"{"choices":[{"delta":{"content":"b"}}]}"#] {
        let lines = said(
            AnyDialect::named("openai_chat").expect("a dialect"),
            &[("", half), ("", next)],
        );
        assert!(lines[1].starts_with("corrupt"), "{lines:?}");
    }
}

#[test]
fn events_of_the_responses_api() {
    check_rows(
        "openai_responses",
        &[
            (
                "everything is said four times",
                &[
                    r#"{"type":"response.created","response":{"id":"r","model":"m","status":"in_progress","output":[]}}"#,
                    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m0","content":[]}}"#,
                    r#"{"type":"response.output_text.delta","output_index":0,"item_id":"m0","content_index":0,"delta":"ab"}"#,
                    r#"{"type":"response.output_text.done","output_index":0,"item_id":"m0","content_index":0,"text":"abc"}"#,
                    r#"{"type":"response.content_part.done","output_index":0,"item_id":"m0","content_index":0,"part":{"type":"output_text","text":"abcd"}}"#,
                    r#"{"type":"response.output_text.delta","output_index":0,"item_id":"m0","content_index":1,"delta":"e"}"#,
                    r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"m0","content":[{"type":"output_text","text":"abcd"},{"type":"output_text","text":"ef"}]}}"#,
                    r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","id":"f1","call_id":"c1","name":"f","arguments":"{\"a\":1}"}}"#,
                    r#"{"type":"response.completed","response":{"id":"r","status":"completed","output":[{"type":"message","id":"m0","content":[{"type":"output_text","text":"abcd"},{"type":"output_text","text":"efg"}]},{"type":"function_call","id":"f1","call_id":"c1","name":"f","arguments":"{\"a\":1}"}],"usage":{"n":1}}}"#,
                ],
                &[
                    "head r m",
                    "text: ab",
                    "text: c",
                    "text: d",
                    "text: e",
                    "text: f",
                    "call 0 begins c1 f",
                    "call 0: {\"a\":1}",
                    "call 0 ends",
                    "head r -",
                    r#"usage {"n":1}"#,
                    "text: g",
                    "finish completed Whole",
                    "done",
                ],
            ),
            (
                "remarks are no answer, by their number or by their id",
                &[
                    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m0","phase":"commentary"}}"#,
                    r#"{"type":"response.output_text.delta","output_index":0,"delta":"no"}"#,
                    r#"{"type":"response.output_text.delta","item_id":"m0","delta":"no"}"#,
                    r#"{"type":"response.output_text.done","output_index":0,"item_id":"x","text":"no"}"#,
                    r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"m0","phase":"commentary","content":[{"type":"output_text","text":"no"}]}}"#,
                    r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"message","id":"m1","phase":"final_answer"}}"#,
                    r#"{"type":"response.output_text.delta","output_index":1,"item_id":"m1","delta":"yes"}"#,
                    r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"message","id":"m0","phase":"commentary","content":[{"type":"output_text","text":"no"}]},{"type":"message","id":"m1","content":[{"type":"output_text","text":"yes"}]}]}}"#,
                ],
                &["text: yes", "finish completed Whole", "done"],
            ),
            (
                "two calls at one number, told apart by the item",
                &[
                    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"f0","call_id":"c0","name":"f","arguments":""}}"#,
                    r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"f1","call_id":"c1","name":"f","arguments":""}}"#,
                    r#"{"type":"response.function_call_arguments.delta","output_index":0,"item_id":"f0","delta":"{\"a\""}"#,
                    r#"{"type":"response.function_call_arguments.delta","output_index":0,"item_id":"f1","delta":"{\"b\""}"#,
                    r#"{"type":"response.function_call_arguments.delta","output_index":0,"item_id":"f0","delta":":1}"}"#,
                    r#"{"type":"response.function_call_arguments.done","output_index":0,"item_id":"f1","arguments":"{\"b\":2}"}"#,
                ],
                &[
                    "call 0 begins c0 f",
                    "call 1 begins c1 f",
                    "call 0: {\"a\"",
                    "call 1: {\"b\"",
                    "call 0: :1}",
                    "call 1: :2}",
                ],
            ),
            (
                "`[DONE]` before the end, a name that comes last, a refusal, reasoning",
                &[
                    r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"delta":"hm"}"#,
                    r#"{"type":"response.refusal.delta","output_index":1,"delta":"I ca"}"#,
                    r#"{"type":"response.refusal.done","output_index":1,"refusal":"I cannot"}"#,
                    r#"{"type":"response.function_call_arguments.delta","output_index":2,"item_id":"f","delta":"{\"a\":1}"}"#,
                    r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"function_call","id":"f","call_id":"c","name":"f","arguments":"{\"a\":1}"}}"#,
                    "[DONE]",
                    r#"{"type":"response.done","response":{}}"#,
                ],
                &[
                    "reasoning: hm",
                    "refusal: I ca",
                    "refusal: nnot",
                    "call 0 begins - -",
                    "call 0: {\"a\":1}",
                    "call 0 begins c f",
                    "call 0 ends",
                    "finish completed Whole",
                    "done",
                ],
            ),
            (
                "incomplete",
                &[
                    r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":null}}"#,
                ],
                &["finish max_output_tokens CutOff", "done"],
            ),
            (
                "incomplete for a reason of its own",
                &[
                    r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"x"}}}"#,
                ],
                &["finish x CutOff", "done"],
            ),
            (
                "failed",
                &[
                    r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"no"}}}"#,
                ],
                &[
                    "finish failed Failed",
                    r#"error {"code":"server_error","message":"no"}"#,
                ],
            ),
            (
                "an error of its own",
                &[r#"{"type":"error","code":"rate_limit","message":"slow down"}"#],
                &[r#"error {"type":"error","code":"rate_limit","message":"slow down"}"#],
            ),
            (
                "a whole response, not streamed",
                &[
                    r#"{"id":"r","object":"response","model":"m","status":"completed","error":null,"output":[{"type":"message","id":"m0","content":[{"type":"output_text","text":"x"}]}]}"#,
                ],
                &["head r m", "text: x", "finish completed Whole", "done"],
            ),
            (
                "what is none of it",
                &["null", "{}", r#"{"choices":[{"delta":{"content":"x"}}]}"#],
                &[],
            ),
        ],
    );
    // The type stands in the name of the event only.
    let lines = said(
        AnyDialect::named("openai_responses").expect("a dialect"),
        &[("response.output_text.delta", r#"{"delta":"x"}"#)],
    );
    assert_eq!(lines, ["text: x"]);
}

/// How a server numbers, names and cuts the calls that it sends.
#[derive(Clone, Debug)]
struct Habits {
    index: Index,
    id: Ids,
    /// The name comes with every piece.
    always_named: bool,
    /// The name comes with the first of the arguments, not before them.
    at_once: bool,
    /// Pieces of the calls come in turns.
    interleaved: bool,
    /// Each piece repeats those before it.
    cumulative: bool,
    /// At the end comes all of it once more.
    summary: bool,
    /// How long pieces are.
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Index {
    Right,
    From(u64),
    Zero,
    None,
    Growing,
    /// Names by one number, arguments by another.
    Crossed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ids {
    First,
    Always,
    None,
    New,
}

fn habits() -> impl Strategy<Value = Habits> {
    let index = prop_oneof![
        Just(Index::Right),
        (1_u64..9).prop_map(Index::From),
        Just(Index::Zero),
        Just(Index::None),
        Just(Index::Growing),
        Just(Index::Crossed),
    ];
    let ids = prop_oneof![
        Just(Ids::First),
        Just(Ids::Always),
        Just(Ids::None),
        Just(Ids::New)
    ];
    let flags = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    (index, ids, flags, 1_usize..20).prop_map(|(index, id, flags, size)| {
        let (always_named, at_once, interleaved, cumulative, summary) = flags;
        let told_apart = matches!(index, Index::Right | Index::From(_))
            || id == Ids::Always && !always_named && !at_once;
        // What nobody could tell apart is not asked for.
        let crossed = index == Index::Crossed;
        Habits {
            index,
            id,
            always_named: always_named && !matches!(index, Index::Growing | Index::Crossed),
            at_once: at_once && !crossed,
            interleaved: interleaved && told_apart && id != Ids::New,
            cumulative: cumulative
                && index != Index::Growing
                && !crossed
                && (told_apart || id != Ids::None),
            summary: summary && told_apart && id != Ids::New,
            size,
        }
    })
}

fn arguments() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("\"}{\\\"[\"".to_owned()),
        Just("[{}, {\"a\": []}]".to_owned()),
        Just("{\"a\": {\"a\": null}}".to_owned()),
        "\"[a-zé ]{0,30}\"",
    ];
    let member = (prop_oneof![Just("a"), Just("name"), Just("]")], value);
    prop::collection::vec(member, 1..4).prop_map(|members| {
        let members: Vec<String> = members
            .iter()
            .map(|(key, value)| format!("\"{key}\": {value}"))
            .collect();
        format!("{{{}}}", members.join(", "))
    })
}

/// The pieces of some calls, as a server with such habits sends them.
fn events_of(calls: &[(String, String)], habits: &Habits) -> Vec<String> {
    let mut count = 0;
    let mut event = |call: usize, name: Option<&str>, text: &str, first: bool| {
        count += 1;
        let place = call as u64;
        let index = match habits.index {
            Index::Right => json!(place),
            Index::From(start) => json!(start + place),
            Index::Zero => json!(0),
            Index::None => Value::Null,
            Index::Growing => json!(count),
            Index::Crossed if name.is_some() => json!(100 + place),
            Index::Crossed => json!(0),
        };
        let id = match habits.id {
            Ids::First if first => json!(format!("id{call}")),
            Ids::Always => json!(format!("id{call}")),
            Ids::New => json!(format!("id{count}-{call}")),
            _ => Value::Null,
        };
        let function = json!({"name": name, "arguments": text});
        let calls = json!([{"index": index, "id": id, "function": function}]);
        json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}).to_string()
    };
    let mut streams: Vec<Vec<String>> = Vec::new();
    for (call, (name, arguments)) in calls.iter().enumerate() {
        let mut events = Vec::new();
        if !habits.at_once {
            events.push(event(call, Some(name), "", true));
        }
        let characters: Vec<char> = arguments.chars().collect();
        let mut so_far = String::new();
        for (at, piece) in characters.chunks(habits.size).enumerate() {
            let first = habits.at_once && at == 0;
            let piece: String = piece.iter().collect();
            so_far.push_str(&piece);
            let text = if habits.cumulative { &so_far } else { &piece };
            let name = (first || habits.always_named).then_some(name.as_str());
            events.push(event(call, name, text, first));
        }
        streams.push(events);
    }
    let mut all = Vec::new();
    if habits.interleaved {
        let longest = streams.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..longest {
            all.extend(streams.iter().filter_map(|stream| stream.get(at).cloned()));
        }
    } else {
        all.extend(streams.concat());
    }
    if habits.summary {
        for (call, (name, arguments)) in calls.iter().enumerate() {
            all.push(event(call, Some(name), arguments, true));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_numbering_gives_the_same_calls(
        calls in prop::collection::vec((prop_oneof![Just("f"), Just("get_user")], arguments()), 1..4),
        habits in habits(),
    ) {
        // Equal calls may be one that is repeated: a number makes them differ.
        let calls: Vec<(String, String)> = calls
            .into_iter()
            .enumerate()
            .map(|(at, (name, arguments))| (name.to_owned(), arguments.replacen('{', &format!("{{\"{at}\": 0, "), 1)))
            .collect();
        let events = events_of(&calls, &habits);
        prop_assert_eq!(calls_of("openai_chat", &events), calls, "{:#?}", events);
    }
}
