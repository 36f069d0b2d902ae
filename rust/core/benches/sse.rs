//! Event streams: taking the bytes apart, and reading a provider's chunk in each.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use partialfast_core::providers::{AnyDialect, BodyReader, Fed};
use partialfast_core::sse::{EventLimits, EventMachine};

const EVENTS: usize = 1000;

const CHAT: &str = r#"{"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk","created":1754000000,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_07871e2ad8","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\":\""}}]},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aB3dE5fG"}"#;

fn chat_stream() -> String {
    format!("data: {CHAT}\n\n").repeat(EVENTS)
}

fn responses_stream() -> String {
    let mut stream = String::new();
    for number in 0..EVENTS {
        let _ = write!(
            stream,
            "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"sequence_number\":{number},\"item_id\":\"msg_68af0123456789abcdef0123456789abcdef\",\"output_index\":0,\"content_index\":0,\"delta\":\" some\",\"logprobs\":[],\"obfuscation\":\"aB3dE5fG\"}}\n\n"
        );
    }
    stream
}

/// Feeds the stream in blocks as they come from a socket; returns how many events there were.
fn each(
    machine: &mut EventMachine,
    stream: &str,
    block: usize,
    mut read: impl FnMut(&str),
) -> usize {
    machine.reset();
    let mut count = 0;
    for mut chunk in stream.as_bytes().chunks(block) {
        loop {
            let fed = machine.feed(chunk).expect("valid");
            chunk = &chunk[fed.consumed..];
            let Some(event) = fed.event else { break };
            read(event.data);
            count += 1;
        }
    }
    assert_eq!(count, EVENTS);
    count
}

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(EVENTS as u64));
    let stream = chat_stream();
    for (name, block) in [
        ("whole", stream.len()),
        ("blocks of 4096", 4096),
        ("blocks of 100", 100),
    ] {
        let mut machine = EventMachine::new(EventLimits::default());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                each(&mut machine, &stream, block, |data| {
                    black_box(data);
                })
            });
        });
    }
    group.finish();
}

fn chunks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chunks");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for (dialect, body) in [
        ("openai_chat", chat_stream()),
        ("openai_responses", responses_stream()),
    ] {
        group.bench_function(dialect, |bencher| {
            bencher.iter(|| {
                let mut stream = BodyReader::new(AnyDialect::named(dialect).expect("a dialect"));
                let mut count = 0;
                for mut block in body.as_bytes().chunks(4096) {
                    while let Fed::Event(length) = stream.feed(block, &mut |delta| {
                        black_box(delta);
                    }) {
                        block = &block[length..];
                        count += 1;
                    }
                }
                count
            });
        });
    }
    group.finish();
}

criterion_group!(benches, events, chunks);
criterion_main!(benches);
