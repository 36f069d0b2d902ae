//! Cutting for the lenient reader, and what must hold of it for any bytes.

use std::convert::Infallible;

use partialfast_core::json::{
    FeedError, JsonError, JsonErrorKind, Limits, Literal, NumberKind, Sink, Span, Text,
};
use partialfast_core::lenient::{LenientOptions, LenientSink, Reader, Repair, RepairKind, Wanted};

use super::json::{self, Event, Recorder, check_position, render};

/// A recorder that keeps the strict text, and wants what it was told to want.
#[derive(Debug, Default)]
pub struct Listener {
    pub recorder: Recorder,
    pub strict: Vec<u8>,
    pub nested: bool,
    pub wraps: bool,
    pub nulls: bool,
}

impl LenientSink for Listener {
    fn strict(&mut self, text: &[u8]) {
        self.strict.extend_from_slice(text);
    }

    fn wanted(&mut self) -> Result<Wanted, Infallible> {
        Ok(if self.nested {
            Wanted::Container
        } else {
            Wanted::Text
        })
    }

    fn is_absence(&mut self, key: &[u8]) -> Result<bool, Infallible> {
        Ok(self.nulls && key.starts_with(b"a"))
    }

    fn lacks(&mut self) -> Result<Vec<&str>, Infallible> {
        Ok(if self.nulls { vec!["x", "y"] } else { vec![] })
    }

    fn wants_list(&mut self) -> Result<bool, Infallible> {
        Ok(self.wraps)
    }
}

impl Sink for Listener {
    type Error = Infallible;

    fn begin_object(&mut self, at: u64) -> Result<(), Infallible> {
        self.recorder.begin_object(at)
    }
    fn key(&mut self, key: Text<'_>, span: Span) -> Result<(), Infallible> {
        self.recorder.key(key, span)
    }
    fn end_object(&mut self, end: u64) -> Result<(), Infallible> {
        self.recorder.end_object(end)
    }
    fn begin_array(&mut self, at: u64) -> Result<(), Infallible> {
        self.recorder.begin_array(at)
    }
    fn end_array(&mut self, end: u64) -> Result<(), Infallible> {
        self.recorder.end_array(end)
    }
    fn string(&mut self, text: Text<'_>, span: Span) -> Result<(), Infallible> {
        self.recorder.string(text, span)
    }
    fn begin_string(&mut self, at: u64) -> Result<(), Infallible> {
        self.recorder.begin_string(at)
    }
    fn string_part(&mut self, text: Text<'_>) -> Result<(), Infallible> {
        self.recorder.string_part(text)
    }
    fn end_string(&mut self, end: u64) -> Result<(), Infallible> {
        self.recorder.end_string(end)
    }
    fn number(&mut self, text: &str, kind: NumberKind, span: Span) -> Result<(), Infallible> {
        self.recorder.number(text, kind, span)
    }
    fn literal(&mut self, literal: Literal, span: Span) -> Result<(), Infallible> {
        self.recorder.literal(literal, span)
    }
}

/// What came of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub strict: String,
    pub events: Vec<Event>,
    pub result: Result<(), JsonError>,
    pub repairs: Vec<Repair>,
}

impl Outcome {
    /// The kinds of the repairs, in the order of the text.
    pub fn kinds(&self) -> Vec<RepairKind> {
        self.repairs.iter().map(|repair| repair.kind).collect()
    }
}

/// How to read, and what the consumer wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting {
    pub options: LenientOptions,
    pub nested: bool,
    pub wraps: bool,
    pub nulls: bool,
}

fn unwrapped(error: FeedError<Infallible>) -> JsonError {
    match error {
        FeedError::Json(error) => error,
        FeedError::Sink(never) => match never {},
    }
}

/// Feeds the chunks, and ends the text if `ends`.
pub fn run<'a>(
    setting: Setting,
    chunks: impl IntoIterator<Item = &'a [u8]>,
    ends: bool,
) -> Outcome {
    let mut reader = Reader::new(setting.options);
    let mut listener = Listener {
        nested: setting.nested,
        wraps: setting.wraps,
        nulls: setting.nulls,
        ..Listener::default()
    };
    let mut result = Ok(());
    for chunk in chunks {
        result = reader
            .feed(chunk, &mut listener)
            .map(|_| ())
            .map_err(unwrapped);
        if result.is_err() {
            break;
        }
    }
    if ends && result.is_ok() {
        result = reader.finish(&mut listener).map_err(unwrapped);
        assert_eq!(reader.is_done(), result.is_ok());
    }
    if let Err(error) = result {
        let again = reader.feed(b" ", &mut listener);
        assert_eq!(again, Err(FeedError::Json(error)), "errors are sticky");
    }
    if result.is_err() {
        // What comes after the error in its chunk may be there or not.
        listener.strict.clear();
    }
    Outcome {
        strict: String::from_utf8_lossy(&listener.strict).into_owned(),
        events: listener.recorder.into_events(),
        result,
        repairs: reader.repairs().to_vec(),
    }
}

pub fn whole(setting: Setting, text: &[u8]) -> Outcome {
    run(setting, [text], true)
}

/// The text whole, byte by byte, and cut at every place: all must agree.
pub fn every_cut(setting: Setting, text: &[u8]) -> Outcome {
    let expected = whole(setting, text);
    let shown = String::from_utf8_lossy(text);
    assert_eq!(
        run(setting, text.chunks(1), true),
        expected,
        "byte by byte: {shown}"
    );
    for cut in 0..=text.len() {
        let (left, right) = text.split_at(cut);
        assert_eq!(
            run(setting, [left, right], true),
            expected,
            "cut at {cut}: {shown}"
        );
        let begun = run(setting, [left], false);
        assert!(
            is_beginning(&begun.events, &expected.events),
            "after {cut} bytes of {shown}: {} and then {}",
            render(&begun.events),
            render(&expected.events)
        );
    }
    check_outcome(text, &expected);
    expected
}

/// Whether what was shown early is the beginning of what is shown later.
pub fn is_beginning(early: &[Event], late: &[Event]) -> bool {
    let Some((last, before)) = early.split_last() else {
        return true;
    };
    if late.len() < early.len() || late[..before.len()] != *before {
        return false;
    }
    match (last, &late[before.len()]) {
        (Event::OpenString(begun, at), Event::OpenString(text, start)) => {
            at == start && text.starts_with(begun.as_str())
        }
        (Event::OpenString(begun, at), Event::String(text, span)) => {
            *at == span.start && text.starts_with(begun.as_str())
        }
        (early, late) => early == late,
    }
}

fn is_finite(outcome: &Outcome) -> bool {
    !outcome.kinds().contains(&RepairKind::NonFinite)
}

fn check_outcome(text: &[u8], outcome: &Outcome) {
    if let Err(error) = outcome.result {
        check_position(text, error);
    }
    for repair in &outcome.repairs {
        assert!(repair.offset < text.len() as u64, "{repair:?}");
    }
    if outcome.result.is_ok() && is_finite(outcome) {
        // What is given is strict, and says what was told.
        let deep = Limits {
            max_depth: 100_000,
            ..Limits::default()
        };
        let strict = json::whole(deep, outcome.strict.as_bytes());
        assert_eq!(strict.result, Ok(()), "{}", outcome.strict);
        assert_eq!(strict.events, outcome.events);
    }
}

/// Strict text gives the same in both, and is not touched.
fn check_strict(setting: Setting, text: &[u8], outcome: &Outcome) {
    let strict = json::whole(setting.options.limits, text);
    if strict.result.is_ok() {
        assert_eq!(
            outcome.result,
            Ok(()),
            "{:?}",
            String::from_utf8_lossy(text)
        );
        assert_eq!(outcome.events, strict.events);
        assert_eq!(outcome.strict.as_bytes(), text);
        assert_eq!(outcome.repairs, []);
    } else if let Err(error) = strict.result
        && error.kind == JsonErrorKind::Truncated
    {
        // What may still become strict is no error here either.
        assert!(
            matches!(outcome.result, Err(error) if error.kind == JsonErrorKind::Truncated)
                || outcome.result.is_ok(),
            "{:?}: {:?}",
            String::from_utf8_lossy(text),
            outcome.result
        );
    }
}

/// All that must hold for any bytes, cut anywhere. Shared by the property tests and the fuzzer.
pub fn check_any_bytes(text: &[u8], cuts: &[usize]) {
    let deep = Limits {
        max_depth: 1000,
        ..Limits::default()
    };
    let options = LenientOptions {
        limits: deep,
        ..LenientOptions::default()
    };
    let plain = Setting {
        options,
        ..Setting::default()
    };
    let quotes = Setting {
        options: LenientOptions {
            quotes: true,
            ..options
        },
        ..plain
    };
    let nested = Setting {
        options: LenientOptions {
            nested: true,
            ..options
        },
        nested: true,
        ..plain
    };
    let wraps = Setting {
        options: LenientOptions {
            coerce: true,
            ..options
        },
        wraps: true,
        ..plain
    };
    let nulls = Setting {
        nulls: true,
        ..wraps
    };
    let small = Setting {
        options: LenientOptions {
            max_repairs: 3,
            limits: Limits {
                max_depth: 3,
                max_bytes: 64,
                max_number: 4,
                max_key: 4,
            },
            ..options
        },
        ..plain
    };
    for setting in [plain, quotes, nested, wraps, nulls, small] {
        let expected = whole(setting, text);
        let cut = json::split(text, cuts);
        assert_eq!(run(setting, cut, true), expected, "cut at {cuts:?}");
        assert_eq!(run(setting, text.chunks(1), true), expected, "byte by byte");
        if let Some(&place) = cuts.first() {
            let begun = run(setting, [&text[..place % (text.len() + 1)]], false);
            assert!(is_beginning(&begun.events, &expected.events));
        }
        check_outcome(text, &expected);
        if !setting.nested && !setting.wraps {
            check_strict(setting, text, &expected);
        }
    }
}

/// Text, its events, its repairs.
pub type Accepted = (&'static str, &'static str, &'static str);

pub fn kinds(outcome: &Outcome) -> String {
    let names: Vec<_> = outcome.kinds().iter().map(|kind| kind.name()).collect();
    names.join(" ")
}

pub fn check_accepted(setting: Setting, rows: &[Accepted]) {
    for &(text, events, repairs) in rows {
        let outcome = every_cut(setting, text.as_bytes());
        assert_eq!(outcome.result, Ok(()), "{text}");
        assert_eq!(render(&outcome.events), events, "{text}");
        assert_eq!(kinds(&outcome), repairs, "{text}");
    }
}

pub fn check_refused(setting: Setting, rows: &[(&str, JsonErrorKind, u64)]) {
    for &(text, kind, offset) in rows {
        let outcome = every_cut(setting, text.as_bytes());
        let error = outcome.result.expect_err(text);
        assert_eq!((error.kind, error.offset), (kind, offset), "{text}");
    }
}
