//! The Responses API: what each event says, as rows, and what servers get wrong.
#![allow(clippy::too_many_lines, reason = "a table is as long as it is")]

mod support;

use partialfast_core::providers::AnyDialect;
use support::dialects::{check_rows, said};

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
