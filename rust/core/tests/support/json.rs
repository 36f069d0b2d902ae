//! Recording and cutting for the JSON machine.

use std::convert::Infallible;

use partialfast_core::json::{
    FeedError, JsonError, Limits, Literal, Machine, NumberKind, Sink, Span, Status, Text,
};

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
    /// Offset just behind the root value, if it became complete.
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
    for cut in 0..=text.len() {
        let (left, right) = text.split_at(cut);
        let cut_there = run(limits, [left, right]);
        assert_eq!(cut_there, expected, "cut at {cut}: {context}");
    }
    expected
}
