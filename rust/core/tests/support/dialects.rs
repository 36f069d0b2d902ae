//! What a dialect says of some events, written down; and what must hold of any events.

use std::collections::HashMap;

use partialfast_core::providers::{AnyDialect, BodyReader, Delta, Dialect, Fed, Part};

/// What is said of some events, a line each.
pub fn said(mut dialect: impl Dialect, events: &[(&str, &str)]) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, data) in events {
        dialect.read(name, data, &mut |delta| lines.push(line(&delta)));
    }
    dialect.end(&mut |delta| lines.push(line(&delta)));
    lines
}

fn part(part: Part) -> String {
    match part {
        Part::Text => "text".to_owned(),
        Part::Refusal => "refusal".to_owned(),
        Part::Reasoning => "reasoning".to_owned(),
        Part::Call(call) => format!("call {call}"),
    }
}

/// A delta in short; choice 0 is not written.
fn line(delta: &Delta<'_>) -> String {
    let of = |choice: &u64| match choice {
        0 => String::new(),
        choice => format!("{choice}/"),
    };
    let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
    match delta {
        Delta::Head { id, model } => format!("head {} {}", or(*id), or(*model)),
        Delta::Piece {
            choice,
            part: of_part,
            text,
        } => format!("{}{}: {text}", of(choice), part(*of_part)),
        Delta::Whole {
            choice,
            part: of_part,
            text,
        } => format!("{}{} whole: {text}", of(choice), part(*of_part)),
        Delta::CallBegins {
            choice,
            call,
            id,
            name,
        } => format!("{}call {call} begins {} {}", of(choice), or(*id), or(*name)),
        Delta::CallEnds { choice, call } => format!("{}call {call} ends", of(choice)),
        Delta::Usage { json } => format!("usage {json}"),
        Delta::Finish {
            choice,
            reason,
            outcome,
        } => format!("{}finish {reason} {outcome:?}", of(choice)),
        Delta::ServerError { said } => format!("error {said}"),
        Delta::Corrupt { why } => format!("corrupt {why}"),
        Delta::Done => "done".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What is said of a body that comes in blocks, a line each. Without `end`, the connection is lost.
pub fn said_of_body<'b>(
    dialect: &str,
    blocks: impl IntoIterator<Item = &'b [u8]>,
    end: bool,
) -> Vec<String> {
    let mut stream = BodyReader::new(AnyDialect::named(dialect).expect("a dialect"));
    let mut lines = Vec::new();
    let mut sink = |delta: Delta<'_>| lines.push(line(&delta));
    for mut block in blocks {
        while let Fed::Event(length) = stream.feed(block, &mut sink) {
            block = &block[length..];
        }
    }
    if end {
        stream.end(&mut sink);
    }
    lines
}

/// The duties that hold for any events: a call is begun, and numbered in order, before anything else
/// is said of it; no piece is empty.
fn check(name: &str, event_name: &str, events: &[&str]) {
    let mut dialect = AnyDialect::named(name).expect("a dialect");
    let mut begun: HashMap<u64, u64> = HashMap::new();
    let mut sink = |delta: Delta<'_>| match delta {
        Delta::CallBegins { choice, call, .. } => {
            let count = begun.entry(choice).or_default();
            assert!(call <= *count, "{name}: call {call} after {count}");
            *count = (*count).max(call + 1);
        }
        Delta::CallEnds { choice, call }
        | Delta::Whole {
            choice,
            part: Part::Call(call),
            ..
        } => assert!(call < begun.get(&choice).copied().unwrap_or(0)),
        Delta::Piece { choice, part, text } => {
            assert!(!text.is_empty(), "{name}");
            if let Part::Call(call) = part {
                assert!(call < begun.get(&choice).copied().unwrap_or(0));
            }
        }
        _ => {}
    };
    for data in events {
        dialect.read(event_name, data, &mut sink);
    }
    dialect.end(&mut sink);
}

/// Names under which events come, as far as a dialect looks at them.
const EVENT_NAMES: [&str; 5] = [
    "",
    "error",
    "chunk",
    "contentBlockDelta",
    "contentBlockStart",
];

/// Any text to all dialects: each of its lines is an event.
pub fn check_any_events(text: &str) {
    let events: Vec<&str> = text.lines().collect();
    for event_name in EVENT_NAMES {
        for name in AnyDialect::NAMES {
            check(name, event_name, &events);
        }
    }
}

/// Any text to one dialect, which its length chooses: a fuzzer comes to more texts in that way.
pub fn check_events_of_one(text: &str) {
    let events: Vec<&str> = text.lines().collect();
    let event_name = EVENT_NAMES[text.len() % EVENT_NAMES.len()];
    let name = AnyDialect::NAMES[text.len() / EVENT_NAMES.len() % AnyDialect::NAMES.len()];
    check(name, event_name, &events);
}

/// Any bytes as the body of a response: however it is cut, it says the same.
pub fn check_any_stream(body: &[u8], cuts: &[usize]) {
    for name in AnyDialect::NAMES {
        let whole = said_of_body(name, [body], true);
        let each = said_of_body(name, body.chunks(1), true);
        assert_eq!(each, whole, "{name}, byte by byte");
        for cut in cuts {
            let (left, right) = body.split_at(cut % (body.len() + 1));
            let cut = said_of_body(name, [left, right], true);
            assert_eq!(cut, whole, "{name}, cut after {}", left.len());
        }
    }
}

/// A row: what it is about, the events, and what they say, a line each.
pub type Row = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// Each row holds: event by event, and as a body at every cut.
pub fn check_rows(dialect: &str, rows: &[Row]) {
    for (about, events, expected) in rows {
        let named: Vec<_> = events.iter().map(|data| ("", *data)).collect();
        let lines = said(AnyDialect::named(dialect).expect("a dialect"), &named);
        assert_eq!(lines, *expected, "{about}");
        // As a body, at every cut.
        let body = events
            .iter()
            .fold(String::new(), |body, data| body + "data: " + data + "\n\n");
        check_any_stream(body.as_bytes(), &[]);
        for cut in 0..=body.len() {
            let (left, right) = body.as_bytes().split_at(cut);
            let lines = said_of_body(dialect, [left, right], true);
            assert_eq!(lines, *expected, "{about}, cut at {cut}");
        }
    }
}
