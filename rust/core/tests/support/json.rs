//! Recording and cutting for the JSON machine.

use std::convert::Infallible;

use partialfast_core::json::{
    FeedError, JsonError, JsonErrorKind, Limits, Literal, Machine, NumberKind, Sink, Span, Status,
    Text,
};
use serde_json::Value;

use super::grammar::{self, Verdict};

/// An event as every way to cut the text must show it: string parts are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    BeginObject(u64),
    Key(String, Span),
    EndObject(u64),
    BeginArray(u64),
    EndArray(u64),
    String(String, Span),
    /// A string that never ended: where it began and what was handed out of it.
    OpenString(String, u64),
    Number(String, NumberKind, Span),
    Literal(Literal, Span),
}

/// Records what it is told and holds the machine to the contract of [`Sink`].
#[derive(Debug, Default)]
pub struct Recorder {
    pub events: Vec<Event>,
    /// Text of the open string and where it began.
    open: Option<(String, u64)>,
}

impl Recorder {
    pub fn into_events(mut self) -> Vec<Event> {
        if let Some((text, at)) = self.open.take() {
            self.events.push(Event::OpenString(text, at));
        }
        self.events
    }

    fn push(&mut self, event: Event) {
        assert!(
            self.open.is_none(),
            "{event:?} inside the open string {:?}",
            self.open
        );
        self.events.push(event);
    }
}

fn check(text: Text<'_>) -> String {
    assert_eq!(text.ascii, text.text.is_ascii(), "wrong flag for {text:?}");
    text.text.to_owned()
}

impl Sink for Recorder {
    type Error = Infallible;

    fn begin_object(&mut self, at: u64) -> Result<(), Infallible> {
        self.push(Event::BeginObject(at));
        Ok(())
    }
    fn key(&mut self, key: Text<'_>, span: Span) -> Result<(), Infallible> {
        self.push(Event::Key(check(key), span));
        Ok(())
    }
    fn end_object(&mut self, end: u64) -> Result<(), Infallible> {
        self.push(Event::EndObject(end));
        Ok(())
    }
    fn begin_array(&mut self, at: u64) -> Result<(), Infallible> {
        self.push(Event::BeginArray(at));
        Ok(())
    }
    fn end_array(&mut self, end: u64) -> Result<(), Infallible> {
        self.push(Event::EndArray(end));
        Ok(())
    }
    fn string(&mut self, text: Text<'_>, span: Span) -> Result<(), Infallible> {
        self.push(Event::String(check(text), span));
        Ok(())
    }
    fn begin_string(&mut self, at: u64) -> Result<(), Infallible> {
        assert!(self.open.is_none(), "a string inside a string");
        self.open = Some((String::new(), at));
        Ok(())
    }
    fn string_part(&mut self, text: Text<'_>) -> Result<(), Infallible> {
        assert!(!text.text.is_empty(), "an empty part");
        let part = check(text);
        let (open, _) = self.open.as_mut().expect("a part without a beginning");
        open.push_str(&part);
        Ok(())
    }
    fn end_string(&mut self, end: u64) -> Result<(), Infallible> {
        let (text, start) = self.open.take().expect("an end without a beginning");
        self.push(Event::String(text, Span { start, end }));
        Ok(())
    }
    fn number(&mut self, text: &str, kind: NumberKind, span: Span) -> Result<(), Infallible> {
        assert_eq!(
            text.len() as u64,
            span.end - span.start,
            "{text} at {span:?}"
        );
        self.push(Event::Number(text.to_owned(), kind, span));
        Ok(())
    }
    fn literal(&mut self, literal: Literal, span: Span) -> Result<(), Infallible> {
        self.push(Event::Literal(literal, span));
        Ok(())
    }
}

/// What came of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub events: Vec<Event>,
    pub result: Result<(), JsonError>,
    /// Offset just after the root value, if it became complete.
    pub root_end: Option<u64>,
}

/// Feeds the chunks and then ends the text.
pub fn run<'a>(limits: Limits, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut recorder = Recorder::default();
    let mut machine = Machine::new(limits);
    let mut root_end = None;
    let result = drive(&mut machine, chunks, &mut recorder, &mut root_end);
    if let Err(error) = result {
        assert_eq!(
            machine.offset(),
            error.offset,
            "the machine stands at its error"
        );
        let again = machine.feed(b" ", &mut recorder);
        assert_eq!(again, Err(FeedError::Json(error)), "errors are sticky");
        let again = machine.finish(&mut recorder);
        assert_eq!(again, Err(FeedError::Json(error)), "errors are sticky");
    }
    Outcome {
        events: recorder.into_events(),
        result,
        root_end,
    }
}

fn drive<'a>(
    machine: &mut Machine,
    chunks: impl IntoIterator<Item = &'a [u8]>,
    recorder: &mut Recorder,
    root_end: &mut Option<u64>,
) -> Result<(), JsonError> {
    for chunk in chunks {
        let mut rest = chunk;
        loop {
            let before = machine.offset();
            let fed = machine.feed(rest, recorder).map_err(json_error)?;
            assert_eq!(machine.offset() - before, fed.consumed as u64);
            assert_eq!(machine.is_done(), fed.status == Status::Done);
            if fed.status == Status::Done {
                root_end.get_or_insert(machine.offset());
            } else {
                assert_eq!(
                    fed.consumed,
                    rest.len(),
                    "only the end of the root stops early"
                );
            }
            rest = &rest[fed.consumed..];
            if rest.is_empty() {
                break;
            }
        }
    }
    machine.finish(recorder).map_err(json_error)?;
    assert!(machine.is_done());
    assert_eq!(machine.depth(), 0);
    root_end.get_or_insert(machine.offset());
    Ok(())
}

fn json_error(error: FeedError<Infallible>) -> JsonError {
    match error {
        FeedError::Json(error) => error,
        FeedError::Sink(never) => match never {},
    }
}

/// The text in one chunk.
pub fn whole(limits: Limits, text: &[u8]) -> Outcome {
    run(limits, [text])
}

/// The text byte by byte.
pub fn bytewise(limits: Limits, text: &[u8]) -> Outcome {
    run(limits, text.chunks(1))
}

/// The text cut at every place in turn, byte by byte, and whole: all must agree. Returns what they
/// agree on.
pub fn every_cut(limits: Limits, text: &[u8]) -> Outcome {
    let expected = whole(limits, text);
    let context = String::from_utf8_lossy(&text[..text.len().min(200)]);
    assert_eq!(bytewise(limits, text), expected, "byte by byte: {context}");
    for cut in 0..=last_cut(text.len(), &expected.result) {
        let (left, right) = text.split_at(cut);
        let cut_there = run(limits, [left, right]);
        assert_eq!(cut_there, expected, "cut at {cut}: {context}");
    }
    check_spans(text, &expected.events);
    if let Err(error) = expected.result {
        check_position(text, error);
    }
    expected
}

/// Of a text of many kilobytes that is wrong at its beginning, cuts far after the error are all
/// alike: the first chunk has the error, and no other is read.
fn last_cut(length: usize, result: &Result<(), JsonError>) -> usize {
    const ALL_ALIKE: usize = 10_000;
    match result {
        Err(error) if error.offset < ALL_ALIKE as u64 => length.min(2 * ALL_ALIKE),
        _ => length,
    }
}

/// Quotes, backslashes and control characters as escapes; everything else as it is.
fn visible(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        if matches!(character, '"' | '\\') || character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The events in one line: `{ "key": 1 2.5f "text" null [ ] }`, an open string as `"text...`.
pub fn render(events: &[Event]) -> String {
    let words: Vec<String> = events
        .iter()
        .map(|event| match event {
            Event::BeginObject(_) => "{".to_owned(),
            Event::EndObject(_) => "}".to_owned(),
            Event::BeginArray(_) => "[".to_owned(),
            Event::EndArray(_) => "]".to_owned(),
            Event::Key(text, _) => format!("\"{}\":", visible(text)),
            Event::String(text, _) => format!("\"{}\"", visible(text)),
            Event::OpenString(text, _) => format!("\"{}...", visible(text)),
            Event::Number(text, NumberKind::Integer, _) => text.clone(),
            Event::Number(text, NumberKind::Float, _) => format!("{text}f"),
            Event::Literal(Literal::Null, _) => "null".to_owned(),
            Event::Literal(Literal::False, _) => "false".to_owned(),
            Event::Literal(Literal::True, _) => "true".to_owned(),
        })
        .collect();
    words.join(" ")
}

/// Every event must point at the bytes that it tells of.
pub fn check_spans(text: &[u8], events: &[Event]) {
    let at = |offset: u64| text[usize::try_from(offset).unwrap()];
    let slice = |span: &Span| {
        &text[usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()]
    };
    for event in events {
        match event {
            Event::BeginObject(start) => assert_eq!(at(*start), b'{'),
            Event::EndObject(end) => assert_eq!(at(end - 1), b'}'),
            Event::BeginArray(start) => assert_eq!(at(*start), b'['),
            Event::EndArray(end) => assert_eq!(at(end - 1), b']'),
            Event::Key(decoded, span) | Event::String(decoded, span) => {
                let parsed: String = serde_json::from_slice(slice(span)).expect("a JSON string");
                assert_eq!(&parsed, decoded);
            }
            Event::OpenString(_, start) => assert_eq!(at(*start), b'"'),
            Event::Number(number, _, span) => assert_eq!(slice(span), number.as_bytes()),
            Event::Literal(literal, span) => {
                let name: &[u8] = match literal {
                    Literal::Null => b"null",
                    Literal::False => b"false",
                    Literal::True => b"true",
                };
                assert_eq!(slice(span), name);
            }
        }
    }
}

/// The value that complete events describe; of equal keys the last wins.
pub fn to_value(events: &[Event]) -> Value {
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    let mut root = None;
    for event in events {
        let value = match event {
            Event::BeginObject(_) => {
                open.push((Value::Object(serde_json::Map::new()), None));
                continue;
            }
            Event::BeginArray(_) => {
                open.push((Value::Array(Vec::new()), None));
                continue;
            }
            Event::Key(key, _) => {
                open.last_mut().expect("a key in an object").1 = Some(key.clone());
                continue;
            }
            Event::EndObject(_) | Event::EndArray(_) => open.pop().expect("balanced").0,
            Event::String(text, _) => Value::String(text.clone()),
            Event::Number(text, _, _) => {
                Value::Number(serde_json::from_str(text).expect("a JSON number"))
            }
            Event::Literal(Literal::Null, _) => Value::Null,
            Event::Literal(Literal::False, _) => Value::Bool(false),
            Event::Literal(Literal::True, _) => Value::Bool(true),
            Event::OpenString(..) => panic!("an open string in a complete text"),
        };
        match open.last_mut() {
            None => assert!(root.replace(value).is_none(), "two roots"),
            Some((Value::Array(items), _)) => items.push(value),
            Some((Value::Object(members), key)) => {
                members.insert(key.take().expect("a key before its value"), value);
            }
            Some(_) => unreachable!("only containers are open"),
        }
    }
    assert!(open.is_empty());
    root.expect("a root")
}

/// Accepts and rejects as `serde_json` does, and finds the same value.
///
/// The one accepted difference is depth: `serde_json` recurses and stops at 128.
pub fn check_against_serde(text: &[u8], outcome: &Outcome) {
    let expected: Result<Value, _> = serde_json::from_slice(text);
    match (&outcome.result, expected) {
        (Ok(()), Ok(expected)) => assert_eq!(to_value(&outcome.events), expected),
        (Ok(()), Err(error)) if error.to_string().starts_with("recursion limit") => {}
        (Err(_), Err(_)) => {}
        (ours, theirs) => panic!(
            "we say {ours:?}, serde_json {theirs:?}: {:?}",
            String::from_utf8_lossy(text)
        ),
    }
}

/// An error stands at the first byte after which the grammar knows no continuation.
pub fn check_against_grammar(text: &[u8], outcome: &Outcome) {
    let ours = match outcome.result {
        Ok(()) => Verdict::Valid,
        Err(error) if error.kind == JsonErrorKind::Truncated => {
            assert_eq!(error.offset, text.len() as u64);
            Verdict::Prefix
        }
        Err(error) => Verdict::Impossible(error.offset),
    };
    assert_eq!(
        ours,
        grammar::classify(text),
        "{:?}",
        String::from_utf8_lossy(text)
    );
}

/// Line and column as counted in hindsight.
pub fn check_position(text: &[u8], error: JsonError) {
    let before = &text[..usize::try_from(error.offset).unwrap()];
    let lines = before.split(|&byte| byte == b'\n');
    let (count, last) = lines.fold((0, 0), |(count, _), line| (count + 1, line.len()));
    assert_eq!(
        (error.line, error.column),
        (count, last as u64 + 1),
        "{error:?}"
    );
}

/// Cuts `text` where `cuts` says (taken modulo its length), also into empty chunks.
pub fn split<'a>(text: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    places.sort_unstable();
    places.push(text.len());
    let mut from = 0;
    places
        .into_iter()
        .map(|to| {
            let chunk = &text[from..to];
            from = to;
            chunk
        })
        .collect()
}

/// Texts no longer than this are checked against the grammar too, which is slow.
const JUDGED: usize = 300;

/// All that must hold for any bytes, cut anywhere. Shared by the property tests and the fuzzer.
pub fn check_any_bytes(text: &[u8], cuts: &[usize]) -> Outcome {
    let outcome = check_any_bytes_quickly(text, cuts);
    let limited = matches!(outcome.result, Err(error) if error.kind == JsonErrorKind::DepthLimit);
    if text.len() <= JUDGED && !limited {
        check_against_grammar(text, &outcome);
    }
    outcome
}

/// The same without the grammar, which is slow.
pub fn check_any_bytes_quickly(text: &[u8], cuts: &[usize]) -> Outcome {
    let limits = Limits {
        max_depth: 1000,
        ..Limits::default()
    };
    let outcome = whole(limits, text);
    assert_eq!(run(limits, split(text, cuts)), outcome, "cut at {cuts:?}");
    assert_eq!(bytewise(limits, text), outcome, "byte by byte");
    check_spans(text, &outcome.events);
    if let Err(error) = outcome.result {
        check_position(text, error);
        if error.kind == JsonErrorKind::DepthLimit {
            return outcome;
        }
    }
    check_against_serde(text, &outcome);
    outcome
}

/// Limits so small that any text meets them: chunking must still not matter, and the limits hold.
pub fn check_small_limits(text: &[u8], cuts: &[usize]) {
    let limits = Limits {
        max_depth: 3,
        max_bytes: 64,
        max_number: 4,
        max_key: 4,
    };
    let outcome = whole(limits, text);
    assert_eq!(run(limits, split(text, cuts)), outcome, "cut at {cuts:?}");
    assert_eq!(bytewise(limits, text), outcome, "byte by byte");
    let mut depth: usize = 0;
    for event in &outcome.events {
        match event {
            Event::BeginObject(_) | Event::BeginArray(_) => depth += 1,
            Event::EndObject(_) | Event::EndArray(_) => depth -= 1,
            Event::Number(number, ..) => assert!(number.len() <= limits.max_number),
            Event::Key(_, span) => assert!(span.end - span.start <= limits.max_key as u64 + 2),
            _ => {}
        }
        assert!(depth <= limits.max_depth);
    }
    if let Err(error) = outcome.result {
        check_position(text, error);
        assert!(error.offset <= limits.max_bytes);
    } else {
        assert!(text.len() as u64 <= limits.max_bytes);
    }
}
