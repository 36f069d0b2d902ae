//! Recording and cutting for the event stream machine, and the standard as an oracle.

use partialfast_core::sse::{EventError, EventLimits, EventMachine};

/// An event that was handed out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub event: String,
    pub data: String,
}

/// What came of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub events: Vec<Seen>,
    pub result: Result<(), EventError>,
    pub open: bool,
}

/// Feeds the chunks, as often as there are events in them.
pub fn run<'a>(limits: EventLimits, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut machine = EventMachine::new(limits);
    let mut events = Vec::new();
    let mut result = Ok(());
    let mut fed_before = 0;
    'stream: for chunk in chunks {
        let mut rest = chunk;
        loop {
            match machine.feed(rest) {
                Ok(fed) => {
                    rest = &rest[fed.consumed..];
                    fed_before += fed.consumed as u64;
                    let Some(event) = fed.event else {
                        assert!(rest.is_empty(), "no event, but something is left");
                        break;
                    };
                    events.push(Seen {
                        event: event.event.to_owned(),
                        data: event.data.to_owned(),
                    });
                }
                Err(error) => {
                    assert_eq!(machine.offset(), error.offset, "it stands at its error");
                    assert_eq!(
                        machine.feed(b"data: x\n\n"),
                        Err(error),
                        "errors are sticky"
                    );
                    result = Err(error);
                    break 'stream;
                }
            }
            assert_eq!(machine.offset(), fed_before);
        }
    }
    Outcome {
        events,
        result,
        open: machine.is_open(),
    }
}

/// The stream whole, byte by byte, and cut at every place: all must agree.
pub fn every_cut(limits: EventLimits, stream: &[u8]) -> Outcome {
    let expected = run(limits, [stream]);
    let shown = String::from_utf8_lossy(stream);
    assert_eq!(
        run(limits, stream.chunks(1)),
        expected,
        "byte by byte: {shown:?}"
    );
    for cut in 0..=stream.len() {
        let (left, right) = stream.split_at(cut);
        assert_eq!(
            run(limits, [left, right]),
            expected,
            "cut at {cut}: {shown:?}"
        );
    }
    expected
}

/// WHATWG HTML, section 9.2.6, as it is written, over a whole stream of valid UTF-8.
pub fn as_the_standard_says(stream: &str) -> Vec<Seen> {
    let stream = stream.strip_prefix('\u{feff}').unwrap_or(stream);
    let lines = stream.replace("\r\n", "\n").replace('\r', "\n");
    let mut events = Vec::new();
    let (mut data, mut event_type) = (String::new(), String::new());
    // What stands after the last line end is no line.
    for line in lines.split_inclusive('\n') {
        let Some(line) = line.strip_suffix('\n') else {
            break;
        };
        if line.is_empty() {
            if !data.is_empty() {
                data.pop();
                events.push(Seen {
                    event: if event_type.is_empty() {
                        "message".to_owned()
                    } else {
                        event_type.clone()
                    },
                    data: data.clone(),
                });
            }
            data.clear();
            event_type.clear();
            continue;
        }
        let (field, value) = match line.split_once(':') {
            Some(("", _)) => continue,
            Some((field, value)) => (field, value.strip_prefix(' ').unwrap_or(value)),
            None => (line, ""),
        };
        match field {
            "event" => value.clone_into(&mut event_type),
            "data" => {
                data.push_str(value);
                data.push('\n');
            }
            _ => {}
        }
    }
    events
}

/// All that must hold for any bytes, cut anywhere. Shared by the property tests and the fuzzer.
pub fn check_any_stream(stream: &[u8], cuts: &[usize]) {
    let limits = EventLimits::default();
    let outcome = run(limits, [stream]);
    assert_eq!(
        run(limits, super::json::split(stream, cuts)),
        outcome,
        "cut at {cuts:?}"
    );
    assert_eq!(run(limits, stream.chunks(1)), outcome, "byte by byte");
    if let Ok(text) = std::str::from_utf8(stream) {
        assert_eq!(outcome.result, Ok(()));
        assert_eq!(outcome.events, as_the_standard_says(text));
    }
    let small = EventLimits { max_event: 12 };
    let outcome = run(small, [stream]);
    assert_eq!(
        run(small, super::json::split(stream, cuts)),
        outcome,
        "cut at {cuts:?}"
    );
    assert_eq!(run(small, stream.chunks(1)), outcome, "byte by byte");
    for event in outcome.events {
        assert!(event.data.len() <= small.max_event);
    }
}
