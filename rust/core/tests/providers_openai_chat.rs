//! Chat completions: what each event says, as rows, and what servers get wrong.
#![allow(clippy::too_many_lines, reason = "a table is as long as it is")]

mod support;

use partialfast_core::providers::{AnyDialect, Outcome};
use support::dialects::{check_any_stream, check_rows, said, said_of_body};

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
        ("error: full\n".to_owned(), &["error full"]),
        (
            // All it says is a message: the server's own words.
            "{\"message\": \"no\"}".to_owned(),
            &["error {\"message\": \"no\"}"],
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
        assert_eq!(lines, expected, "{body}");
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
                "in both ways at once: llama-cpp-python",
                &[
                    r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"i","function":{"name":"f","arguments":"{\"a"}}],"function_call":{"name":"f","arguments":"{\"a"}}}]}"#,
                    r#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":"\":1}"},"tool_calls":[{"index":0,"id":"i","function":{"name":"f","arguments":"\":1}"}}]}}]}"#,
                ],
                &["call 0 begins i f", "call 0: {\"a", "call 0: \":1}"],
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
