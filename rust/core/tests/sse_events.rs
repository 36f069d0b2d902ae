//! Event streams: every rule as a row, whole, byte by byte and cut at every place; and the standard,
//! written down naively, as an oracle.

#[path = "support/generate.rs"]
mod generate;
mod support;

use generate::cuts;
use partialfast_core::sse::{EventErrorKind, EventLimits, EventMachine};
use proptest::prelude::*;
use support::events::{Outcome, Seen, as_the_standard_says, check_any_stream, every_cut, run};

/// The stream, and its events as `data|type`, with what is usual left out.
const ROWS: &[(&str, &[&str])] = &[
    ("", &[]),
    ("data: one\n\n", &["one"]),
    ("data: one\n\ndata: two\n\n", &["one", "two"]),
    // The three line ends, alone and mixed
    ("data: one\r\rdata: two\r\r", &["one", "two"]),
    ("data: one\r\n\r\ndata: two\r\n\r\n", &["one", "two"]),
    ("data: one\n\r\ndata: two\r\n\n", &["one", "two"]),
    ("data: one\r\n\rdata: two\r\r\n", &["one", "two"]),
    ("data: a\rdata: b\ndata: c\r\n\n", &["a\nb\nc"]),
    ("\r\n\r\n\n\ndata: one\n\n", &["one"]),
    // An event that the stream does not end is dropped.
    ("data: one\n", &[]),
    ("data: one", &[]),
    ("data: one\n\ndata: two\n", &["one"]),
    // Byte order mark
    ("\u{feff}data: one\n\n", &["one"]),
    ("\u{feff}\u{feff}data: one\n\n", &[]),
    ("data: one\n\n\u{feff}data: two\n\n", &["one"]),
    // A space after the colon, one only
    ("data:one\n\n", &["one"]),
    ("data:  one\n\n", &[" one"]),
    ("data: one \n\n", &["one "]),
    ("data:\tone\n\n", &["\tone"]),
    // Lines of data
    ("data: a\ndata: b\n\n", &["a\nb"]),
    ("data: a\ndata:\ndata: b\n\n", &["a\n\nb"]),
    ("data:\n\n", &[""]),
    ("data\n\n", &[""]),
    ("data\ndata\n\n", &["\n"]),
    ("data:\ndata: a\n\n", &["\na"]),
    ("data: {\ndata: \"a\":1}\n\n", &["{\n\"a\":1}"]),
    // Without data, no event, and its type is forgotten
    ("event: a\n\ndata: b\n\n", &["b"]),
    ("id: 1\n\ndata: b\n\n", &["b"]),
    // Types
    ("event: add\ndata: 1\n\ndata: 2\n\n", &["1|event=add", "2"]),
    ("data: 1\nevent: a\nevent: b\n\n", &["1|event=b"]),
    ("event:\ndata: 1\n\n", &["1"]),
    ("event: a\nevent:\ndata: 1\n\n", &["1"]),
    // What nobody reads, well written or not
    ("id: 7\ndata: 1\n\nid\ndata: 2\n\n", &["1", "2"]),
    (
        "retry: 10\ndata: 1\nid: a\0b\nretry: x\n\nretry\n\n",
        &["1"],
    ),
    // Comments
    (": hello\n\ndata: 1\n\n", &["1"]),
    (":\n\ndata: 1\n\n", &["1"]),
    ("data: 1\n: between\ndata: 2\n\n", &["1\n2"]),
    (
        ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: 1\n\n",
        &["1"],
    ),
    (": data: no\rdata: 1\r:\r\n\r\n", &["1"]),
    // Unknown fields, and names that nearly are
    ("foo: bar\ndata: 1\nbaz\n\n", &["1"]),
    (
        "Data: 1\n\ndata : 2\n\n data: 3\n\ndatas: 4\n\ndat: 5\n\n",
        &[],
    ),
    // What a provider writes
    (
        "data: {\"a\":\"b: c\"}\n\ndata: [DONE]\n\n",
        &["{\"a\":\"b: c\"}", "[DONE]"],
    ),
    (
        "event: response.created\ndata: {\"type\":\"response.created\"}\n\n",
        &["{\"type\":\"response.created\"}|event=response.created"],
    ),
    // Characters of every width, cut anywhere
    ("data: é日😀\nevent: ü\n\n", &["é日😀|event=ü"]),
];

fn shown(seen: &Seen) -> String {
    let mut parts = vec![seen.data.clone()];
    if seen.event != "message" {
        parts.push(format!("event={}", seen.event));
    }
    parts.join("|")
}

#[test]
fn rows() {
    for (stream, expected) in ROWS {
        let outcome = every_cut(EventLimits::default(), stream.as_bytes());
        assert_eq!(outcome.result, Ok(()), "{stream:?}");
        let events: Vec<String> = outcome.events.iter().map(shown).collect();
        assert_eq!(events, *expected, "{stream:?}");
        assert_eq!(outcome.events, as_the_standard_says(stream), "{stream:?}");
    }
}

fn error(outcome: &Outcome) -> Option<(EventErrorKind, u64)> {
    outcome.result.err().map(|error| (error.kind, error.offset))
}

#[test]
fn bytes_that_are_not_utf8() {
    use EventErrorKind::InvalidUtf8;
    let rows: &[(&[u8], usize, Option<u64>)] = &[
        (b"data: a\n\ndata: \xFF\n\n", 1, Some(15)),
        (b"data: \xE2\x82\n\n", 0, Some(8)),
        (b"data: \xE2\x82\r\n", 0, Some(8)),
        (b"data: \xE2\x28\xA1\n\n", 0, Some(7)),
        (b"data: \xED\xA0\x80\n\n", 0, Some(7)),
        (b"data:\xC0\x80\n\n", 0, Some(5)),
        (b"event: \x80\ndata: a\n\n", 0, Some(7)),
        (b"data: a\ndata: b\xBF\n\n", 0, Some(15)),
        // What is not used is not looked at.
        (b": \xFF\xFE\ndata: a\n\n", 1, None),
        (b"\xFF: b\nfoo: \xFF\nretry: \xFF\ndata: a\n\n", 1, None),
        (b"id: \xFF\ndata: a\n\n", 1, None),
        (b"\xEF\xBBdata: a\n\ndata: b\n\n", 1, None),
        // A line that never ends says nothing.
        (b"data: \xFF", 0, None),
    ];
    for &(stream, events, offset) in rows {
        let outcome = every_cut(EventLimits::default(), stream);
        assert_eq!(outcome.events.len(), events, "{stream:?}");
        assert_eq!(
            error(&outcome),
            offset.map(|offset| (InvalidUtf8, offset)),
            "{stream:?}"
        );
    }
}

/// A stream, the limit of an event, and the error.
type Limited = (&'static [u8], usize, Option<(EventErrorKind, u64)>);

#[test]
fn an_event_has_a_limit() {
    use EventErrorKind::{EventLimit, InvalidUtf8};
    let rows: &[Limited] = &[
        // `data: 1234` has ten bytes.
        (b"data: 1234\n\n", 10, None),
        (b"data: 1234\n\n", 9, Some((EventLimit, 9))),
        (b"data: 1\n\ndata: 2\n\ndata: 3\n\n", 7, None),
        // Lines count together, comments and line ends do not.
        (b"data: 1\r\n: and what is more\r\nid: 2\r\n\r\n", 12, None),
        (b"data: 1\ndata: 2\n\n", 14, None),
        (b"data: 1\ndata: 2\n\n", 13, Some((EventLimit, 14))),
        (b"event: x\n\ndata: 1\n\n", 8, None),
        // A line without an end, known or not
        (b"data: 123456789", 9, Some((EventLimit, 9))),
        (b"foo: 1234567890", 9, Some((EventLimit, 9))),
        (b"no colon in sight", 9, Some((EventLimit, 9))),
        (b":comment without an end", 3, None),
        // The lower offset wins.
        (b"data: \xFF12345\n\n", 9, Some((InvalidUtf8, 6))),
        (b"data: 123\xFF\n\n", 9, Some((EventLimit, 9))),
        (b"data: 12\xE2\x82\x28\n\n", 9, Some((EventLimit, 9))),
        (b"foo: \xFF12345\n\n", 9, Some((EventLimit, 9))),
    ];
    for &(stream, max_event, expected) in rows {
        let outcome = every_cut(EventLimits { max_event }, stream);
        let shown = String::from_utf8_lossy(stream);
        assert_eq!(error(&outcome), expected, "{shown:?} with {max_event}");
    }
    assert_eq!(EventLimits::default().max_event, 16 << 20);
}

#[test]
fn an_event_comes_with_the_byte_that_ends_it() {
    for (stream, end) in [
        ("data: a\n\n", 9),
        ("data: a\r\r", 9),
        ("data: a\r\n\r\n", 10),
        ("data: a\n\r\n", 9),
    ] {
        let mut machine = EventMachine::new(EventLimits::default());
        for (at, byte) in stream.as_bytes().chunks(1).enumerate() {
            let came = machine.feed(byte).expect("valid").event.is_some();
            assert_eq!(came, at + 1 == end, "{stream:?} at {at}");
        }
        assert!(!machine.is_open());
    }
}

#[test]
fn what_is_open_at_the_end_is_told() {
    let rows = [
        ("", false),
        ("data: a\n\n", false),
        ("data: a\r\n\r", false),
        (": ping", false),
        ("\n\n", false),
        ("d", true),
        ("data: a", true),
        ("data: a\n", true),
        ("data: a\n\ndata: b\n", true),
        ("event: a\n", true),
        ("event: a\n\n", false),
    ];
    for (stream, open) in rows {
        let outcome = every_cut(EventLimits::default(), stream.as_bytes());
        assert_eq!(outcome.open, open, "{stream:?}");
    }
}

#[test]
fn reset_forgets_the_stream() {
    let unfinished: &[&[u8]] = &[
        b"id: 7\nretry: 5\nevent: x\ndata: y\n",
        b"data: half a li",
        b": half a comm",
        b"\xEF\xBB",
        b"data: 1\r",
        b"data: \xFF\n",
        b"id: 7\ndata: a\n\n",
    ];
    for stream in unfinished {
        let mut machine = EventMachine::new(EventLimits::default());
        let _ = machine.feed(stream);
        machine.reset();
        assert_eq!(machine.offset(), 0);
        let fed = machine
            .feed("\u{feff}data: 1\n\n".as_bytes())
            .expect("valid");
        let event = fed.event.expect("an event");
        assert_eq!((event.event, event.data), ("message", "1"));
    }
}

/// A line of 16 MB in chunks of a few bytes, and a comment that never ends: linear, and for the
/// comment nothing is kept.
#[test]
fn long_lines() {
    let mut machine = EventMachine::new(EventLimits::default());
    let _ = machine.feed(b"data: ").expect("valid");
    for _ in 0..4_000_000 {
        let _ = machine.feed(b"abcd").expect("valid");
    }
    let fed = machine.feed(b"\n\n").expect("valid");
    assert_eq!(fed.event.expect("an event").data.len(), 16_000_000);
    let _ = machine.feed(b":").expect("valid");
    for _ in 0..4_000_000 {
        let _ = machine.feed(b"abcdefgh").expect("valid");
    }
    assert!(!machine.is_open());
}

/// Lines as servers write them and as they should not.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "data: ?[a-zé😀:{}\" ]{0,20}".prop_map(String::into_bytes),
        "(event|id|retry|foo|dat|data)(:? ?[a-z0-9\\x00é]{0,6})?".prop_map(String::into_bytes),
        ":[ -~]{0,10}".prop_map(String::into_bytes),
        Just(Vec::new()),
        Just("\u{feff}".as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    let end = prop::sample::select(vec!["\n", "\r", "\r\n", "\n\n", "\r\n\r\n", ""]);
    prop::collection::vec((line, end), 0..16).prop_map(|lines| {
        lines
            .into_iter()
            .flat_map(|(mut line, end)| {
                line.extend(end.as_bytes());
                line
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_stream(stream in stream(), cuts in cuts()) {
        check_any_stream(&stream, &cuts);
    }

    #[test]
    fn any_bytes(stream in prop::collection::vec(prop::sample::select(b"data: \r\n\xEF\xBB\xBFeventid".to_vec()), 0..60), cuts in cuts()) {
        check_any_stream(&stream, &cuts);
    }

    /// What is written as an event comes back as it was.
    #[test]
    fn written_events_come_back(texts in prop::collection::vec("[^\\r]{0,40}", 1..8), cuts in cuts()) {
        let mut stream = String::new();
        for text in &texts {
            for line in text.split('\n') {
                stream.push_str("data: ");
                stream.push_str(line);
                stream.push('\n');
            }
            stream.push('\n');
        }
        let chunks = support::json::split(stream.as_bytes(), &cuts);
        let outcome = run(EventLimits::default(), chunks);
        let data: Vec<String> = outcome.events.into_iter().map(|event| event.data).collect();
        prop_assert_eq!(data, texts);
    }
}
