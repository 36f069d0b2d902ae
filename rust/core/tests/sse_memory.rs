//! Reading events allocates nothing once the buffers are there, however long the stream is.

use allocation_counter::measure;
use partialfast_core::providers::{ChatReader, ResponsesReader};
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

#[test]
fn readers_do_not_allocate() {
    let chat = r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"caf\u00e9","tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}]},"finish_reason":null}],"usage":{"total_tokens":1}}"#;
    let mut reader = ChatReader::default();
    // The second is compared with the first, the third goes on from what they share.
    for _ in 0..3 {
        reader.read(chat).expect("valid");
    }
    let info = measure(|| {
        for _ in 0..1000 {
            let chunk = reader.read(chat).expect("valid");
            assert_eq!(chunk.choices().len(), 1);
        }
    });
    assert_eq!(info.count_total, 0);

    let event = r#"{"type":"response.completed","response":{"id":"r","status":"completed","usage":{"total_tokens":1},"output":[{"content":[{"text":"caf\u00e9"}]}]}}"#;
    let mut reader = ResponsesReader::default();
    for _ in 0..3 {
        reader.read(event).expect("valid");
    }
    let info = measure(|| {
        for _ in 0..1000 {
            let event = reader.read(event).expect("valid");
            assert_eq!(event.response_status(), Some("completed"));
        }
    });
    assert_eq!(info.count_total, 0);
}
