//! What a dialect says of some events, written down; and what must hold of any events.

use std::collections::HashMap;

use partialfast_core::providers::{
    Anthropic, Bedrock, Cohere, Delta, Dialect, Google, GoogleInteractions, Ollama, Part,
};

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

/// The duties that hold for any events: a call is begun, and numbered in order, before anything else
/// is said of it; no piece is empty.
fn check(mut dialect: impl Dialect, name: &str, events: &[&str]) {
    let mut begun: HashMap<u64, u64> = HashMap::new();
    for data in events {
        dialect.read(name, data, &mut |delta| match delta {
            Delta::CallBegins { choice, call, .. } => {
                let count = begun.entry(choice).or_default();
                assert!(call <= *count, "call {call} after {count}");
                *count = (*count).max(call + 1);
            }
            Delta::CallEnds { choice, call }
            | Delta::Whole {
                choice,
                part: Part::Call(call),
                ..
            } => assert!(call < begun.get(&choice).copied().unwrap_or(0)),
            Delta::Piece { choice, part, text } => {
                assert!(!text.is_empty());
                if let Part::Call(call) = part {
                    assert!(call < begun.get(&choice).copied().unwrap_or(0));
                }
            }
            _ => {}
        });
    }
}

/// Any text to all dialects: each of its lines is an event.
pub fn check_any_events(text: &str) {
    let events: Vec<&str> = text.lines().collect();
    for name in [
        "",
        "error",
        "chunk",
        "contentBlockDelta",
        "contentBlockStart",
    ] {
        check(Anthropic::default(), name, &events);
        check(Bedrock::default(), name, &events);
        check(Cohere::default(), name, &events);
        check(Google::default(), name, &events);
        check(GoogleInteractions::default(), name, &events);
        check(Ollama::default(), name, &events);
    }
}
