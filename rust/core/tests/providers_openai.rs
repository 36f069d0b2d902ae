//! `OpenAI`'s dialects: what each event says, as rows; what servers get wrong, as rules.

mod support;

use partialfast_core::providers::{AnyDialect, Delta, Dialect, Part};
use support::dialects::{said, said_of_body};

fn chat(events: &[&str]) -> Vec<String> {
    let dialect = AnyDialect::named("openai_chat").expect("a dialect");
    let events: Vec<_> = events.iter().map(|data| ("", *data)).collect();
    said(dialect, &events)
}

/// A chunk with this delta.
fn delta(delta: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{delta}}}]}}"#)
}

#[test]
fn chunks_of_real_servers() {
    let rows: &[(&[&str], &[&str])] = &[
        // OpenAI: the role, a delta of arguments, the end, the usage.
        (
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
    ];
    for (events, expected) in rows {
        assert_eq!(chat(events), *expected);
    }
    let _ = (delta("{}"), said_of_body("openai_chat", [], true));
    let _: Option<(Delta<'_>, Part)> = None;
    let _ = AnyDialect::named("x").map(|mut dialect| dialect.end(&mut |_| {}));
}
