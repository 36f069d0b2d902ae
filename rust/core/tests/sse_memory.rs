//! Reading events allocates nothing once the buffers are there, however long the stream is.

use allocation_counter::measure;
use partialfast_core::providers::{AnyDialect, Delta, Dialect};
use partialfast_core::sse::{EventLimits, EventMachine};

/// Feeds a stream and returns how many events there were.
fn each(
    machine: &mut EventMachine,
    stream: &[u8],
    block: usize,
    mut read: impl FnMut(&str),
) -> u32 {
    let mut count = 0;
    for mut chunk in stream.chunks(block) {
        loop {
            let fed = machine.feed(chunk).expect("valid");
            chunk = &chunk[fed.consumed..];
            let Some(event) = fed.event else { break };
            read(event.data);
            count += 1;
        }
    }
    count
}

#[test]
fn events_do_not_allocate() {
    let event = "event: x\nid: 7\ndata: {\"a\": 1}\ndata: second\n: comment\n\ndata: é\r\n\r\n";
    let stream = event.repeat(1000);
    for block in [1, 10, 1000, stream.len()] {
        let mut machine = EventMachine::new(EventLimits::default());
        let _ = each(&mut machine, stream.as_bytes(), block, |_| {});
        let info = measure(|| {
            let count = each(&mut machine, stream.as_bytes(), block, |_| {});
            assert_eq!(count, 2000);
        });
        assert_eq!(info.count_total, 0, "in blocks of {block}");
    }
}

/// What a stream consists of, a piece at a time, in each dialect.
const PIECES: &[(&str, &[&str])] = &[
    (
        "openai_chat",
        &[
            r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"caf\u00e9"},"finish_reason":null}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"{\"a"}}]}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"bc"}}]}}],"usage":{"total_tokens":1}}"#,
        ],
    ),
    (
        "openai_responses",
        &[
            r#"{"type":"response.output_text.delta","item_id":"m","output_index":0,"delta":"caf\u00e9"}"#,
            r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"f","call_id":"c","name":"f","arguments":""}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{\"a"}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"bc"}"#,
        ],
    ),
];

#[test]
fn dialects_do_not_allocate() {
    for (name, events) in PIECES {
        let mut dialect = AnyDialect::named(name).expect("a dialect");
        let mut pieces = 0;
        let mut read = |data: &str| {
            dialect.read("", data, &mut |delta| {
                pieces += u32::from(matches!(delta, Delta::Piece { .. }));
            });
        };
        // Events are compared with those before them, and then go on from what they share.
        for event in *events {
            for _ in 0..3 {
                read(event);
            }
        }
        let last = events.last().expect("some");
        let info = measure(|| {
            for _ in 0..1000 {
                read(events[0]);
                read(last);
            }
        });
        assert_eq!(info.count_total, 0, "{name}");
        assert!(pieces > 2000, "{name}");
    }
}
