//! What the machine promises to its sink: what comes when, and what happens when the sink fails.

mod support;

use partialfast_core::json::{
    FeedError, JsonErrorKind, Limits, Literal, Machine, NullSink, NumberKind, Sink, Span, Status,
    Text,
};
use support::json::{Recorder, render};

const TEXT: &str = r#"{"a": [1, "two", "thr\u00e9e", true], "b": {"c": null}, "d": -1.5}"#;

#[derive(Debug, PartialEq, Eq)]
struct Refusal(usize);

/// Fails at its nth event.
struct Failing {
    at: usize,
    seen: usize,
}

impl Failing {
    fn count(&mut self) -> Result<(), Refusal> {
        self.seen += 1;
        if self.seen == self.at {
            return Err(Refusal(self.at));
        }
        assert!(self.seen < self.at, "an event after a failure");
        Ok(())
    }
}

impl Sink for Failing {
    type Error = Refusal;

    fn begin_object(&mut self, _at: u64) -> Result<(), Refusal> {
        self.count()
    }
    fn key(&mut self, _key: Text<'_>, _span: Span) -> Result<(), Refusal> {
        self.count()
    }
    fn end_object(&mut self, _end: u64) -> Result<(), Refusal> {
        self.count()
    }
    fn begin_array(&mut self, _at: u64) -> Result<(), Refusal> {
        self.count()
    }
    fn end_array(&mut self, _end: u64) -> Result<(), Refusal> {
        self.count()
    }
    fn string(&mut self, _text: Text<'_>, _span: Span) -> Result<(), Refusal> {
        self.count()
    }
    fn begin_string(&mut self, _at: u64) -> Result<(), Refusal> {
        self.count()
    }
    fn string_part(&mut self, _text: Text<'_>) -> Result<(), Refusal> {
        self.count()
    }
    fn end_string(&mut self, _end: u64) -> Result<(), Refusal> {
        self.count()
    }
    fn number(&mut self, _text: &str, _kind: NumberKind, _span: Span) -> Result<(), Refusal> {
        self.count()
    }
    fn literal(&mut self, _literal: Literal, _span: Span) -> Result<(), Refusal> {
        self.count()
    }
}

/// Feeds until the sink fails; the machine must then stand still for good. Returns where.
fn fail_at(at: usize, chunk: usize) -> Option<u64> {
    let mut machine = Machine::new(Limits::default());
    let mut sink = Failing { at, seen: 0 };
    for chunk in TEXT.as_bytes().chunks(chunk) {
        match machine.feed(chunk, &mut sink) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error, FeedError::Sink(Refusal(at)));
                let stopped = machine.offset();
                for _ in 0..2 {
                    let Err(FeedError::Json(error)) = machine.feed(chunk, &mut NullSink) else {
                        panic!("a machine whose sink failed must not go on");
                    };
                    assert_eq!(error.kind, JsonErrorKind::Aborted);
                    assert_eq!(error.offset, stopped);
                    assert_eq!(
                        machine.finish(&mut NullSink),
                        Err(FeedError::Json(error)),
                        "finish agrees"
                    );
                }
                machine.reset();
                let fed = machine.feed(TEXT.as_bytes(), &mut NullSink);
                assert_eq!(fed.expect("a fresh start").status, Status::Done);
                return Some(stopped);
            }
        }
    }
    machine.finish(&mut NullSink).expect("valid");
    None
}

#[test]
fn a_failing_sink_stops_the_machine_at_any_event() {
    for chunk in [1, 2, 5, TEXT.len()] {
        let mut events = 0;
        let mut last = 0;
        while let Some(stopped) = fail_at(events + 1, chunk) {
            assert!(stopped >= last, "events come in the order of the text");
            assert!(stopped <= TEXT.len() as u64);
            last = stopped;
            events += 1;
        }
        assert!(events >= 16, "only {events} events in chunks of {chunk}");
    }
}

#[test]
fn a_sink_that_fails_at_the_end_of_the_text() {
    let mut machine = Machine::new(Limits::default());
    let mut sink = Failing { at: 1, seen: 0 };
    let fed = machine.feed(b"12", &mut sink).expect("not yet a number");
    assert_eq!(fed.status, Status::NeedMore);
    let failed = machine.finish(&mut sink);
    assert_eq!(failed, Err(FeedError::Sink(Refusal(1))));
    let Err(FeedError::Json(error)) = machine.finish(&mut sink) else {
        panic!("the failure is remembered");
    };
    assert_eq!((error.kind, error.offset), (JsonErrorKind::Aborted, 2));
}

/// Everything certain has been handed out at the end of each chunk, and nothing else.
#[test]
fn what_is_certain_comes_at_once() {
    // The chunk, and all events so far after it.
    let steps: &[(&[u8], &str)] = &[
        (b"[1", "["),
        (b"2", "["),
        (b",", "[ 12"),
        (b"tru", "[ 12"),
        (b"e", "[ 12 true"),
        (b",\"", "[ 12 true \"..."),
        (b"ab\\", "[ 12 true \"ab..."),
        (b"n\\u00", "[ 12 true \"ab\\n..."),
        (b"e9", "[ 12 true \"ab\\n\u{e9}..."),
        (b"\\ud83d", "[ 12 true \"ab\\n\u{e9}..."),
        (b"\\ude0", "[ 12 true \"ab\\n\u{e9}..."),
        (b"0x\xE6", "[ 12 true \"ab\\n\u{e9}\u{1f600}x..."),
        (b"\x97", "[ 12 true \"ab\\n\u{e9}\u{1f600}x..."),
        (b"\xA5y", "[ 12 true \"ab\\n\u{e9}\u{1f600}x\u{65e5}y..."),
        (b"\"", "[ 12 true \"ab\\n\u{e9}\u{1f600}x\u{65e5}y\""),
        (b"]", "[ 12 true \"ab\\n\u{e9}\u{1f600}x\u{65e5}y\" ]"),
    ];
    for (index, (_, expected)) in steps.iter().enumerate() {
        let mut machine = Machine::new(Limits::default());
        let mut recorder = Recorder::default();
        for (chunk, _) in &steps[..=index] {
            let fed = machine.feed(chunk, &mut recorder).expect("valid");
            assert_eq!(fed.consumed, chunk.len());
        }
        assert_eq!(render(&recorder.into_events()), *expected);
    }
}

/// The end of the root value is exact, so that a driver can look at what follows.
#[test]
fn done_stops_after_the_value() {
    // What was fed before, the chunk, and how much of it belongs to the value.
    let rows: &[(&str, &str, usize)] = &[
        ("", "{} {}", 2),
        ("[", "] x", 1),
        ("", "\"a\"\n```", 3),
        ("\"a", "\"\"", 1),
        ("tr", "uexyz", 2),
        ("", "12 34", 2),
        ("1", "2,", 1),
        ("12", ",", 0),
        ("12", " ", 0),
        ("-1.5e3", "\n", 0),
        ("", "null", 4),
        (" ", " 1]", 2),
    ];
    for &(before, chunk, expected) in rows {
        let mut machine = Machine::new(Limits::default());
        let _ = machine
            .feed(before.as_bytes(), &mut NullSink)
            .expect("valid");
        let fed = machine
            .feed(chunk.as_bytes(), &mut NullSink)
            .expect("valid");
        assert_eq!(
            (fed.status, fed.consumed),
            (Status::Done, expected),
            "{before}{chunk}"
        );
        assert_eq!(machine.offset(), (before.len() + expected) as u64);
        assert!(machine.is_done());
        assert_eq!(machine.finish(&mut NullSink), Ok(()));
    }
}

#[test]
fn an_empty_chunk_changes_nothing() {
    let mut machine = Machine::new(Limits::default());
    let mut recorder = Recorder::default();
    for byte in TEXT.as_bytes().chunks(1) {
        for chunk in [&b""[..], byte, b""] {
            let _ = machine.feed(chunk, &mut recorder).expect("valid");
        }
    }
    let mut expected = Recorder::default();
    let mut whole = Machine::new(Limits::default());
    let _ = whole.feed(TEXT.as_bytes(), &mut expected).expect("valid");
    assert_eq!(recorder.into_events(), expected.into_events());
}

#[test]
fn reset_forgets_everything_but_the_limits() {
    let limits = Limits {
        max_depth: 2,
        ..Limits::default()
    };
    let unfinished: &[&[u8]] = &[
        b"",
        b"{\"a",
        b"{\"a\\u00",
        b"[\"abc\\ud83d",
        b"\"\xE2\x82",
        b"-1.",
        b"[[",
        b"[[[",
        b"\n\n\nx",
        b"nul",
        b"1 2",
    ];
    for text in unfinished {
        let mut machine = Machine::new(limits);
        let _ = machine.feed(text, &mut NullSink);
        machine.reset();
        assert_eq!((machine.offset(), machine.depth()), (0, 0));
        assert!(!machine.is_done());
        let mut recorder = Recorder::default();
        let _ = machine.feed(b"[\"x\",1]", &mut recorder).expect("valid");
        assert_eq!(render(&recorder.into_events()), "[ \"x\" 1 ]");
        machine.reset();
        let Err(FeedError::Json(error)) = machine.feed(b"[[[", &mut NullSink) else {
            panic!("the limits stay");
        };
        assert_eq!(
            (error.kind, error.offset, error.line),
            (JsonErrorKind::DepthLimit, 2, 1)
        );
    }
}
