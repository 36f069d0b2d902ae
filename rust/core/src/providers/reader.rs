//! Reads the JSON of one event after the other, and what they begin with alike only once.
//!
//! # Theory of operation
//!
//! The events of a stream differ little: id, model and time are the same in all of them and stand
//! before what is new. The machine can stop anywhere and go on, so it is stopped after such a
//! beginning, and a copy of all that it and the picker know there is kept ([`Beginning`]). An event that
//! begins with the same bytes goes on from the copy. Equal bytes lead to equal states: nothing depends
//! on what the beginning means.
//!
//! Which beginning that is shows when an event does not have it: what that event shares with the old
//! one, or with the event before, is the new one. So it only becomes shorter, until it fits most events.
//!
//! # What it is worth
//!
//! A whole client over chat completions takes 19,700 instructions an event with it and 23,100 without,
//! or 10,400 and 13,850 where many events come in a block. Events of the Responses API are numbered
//! near their beginning, so they share too little: to find that out costs 1 %. `docs/profiling.md` says
//! how this was counted.

use std::convert::Infallible;

use super::mend::Mend;
use super::pick::{DialectNames, Picked, Picker, Way};
use crate::json::{FeedError, JsonError, Limits, Machine};

/// Shorter beginnings are read as quickly as they are copied.
const SHORTEST: usize = 64;
/// Longer ones are not looked for: an event is kept up to here, to be compared with the next.
const LONGEST: usize = 2048;

/// All that is known after a beginning.
#[derive(Debug)]
struct Beginning<N: 'static, P> {
    /// Empty where there is none.
    text: String,
    machine: Machine,
    way: Way<N>,
    picked: P,
}

/// Reads what the events of a stream say into the same buffers.
#[derive(Debug)]
pub(super) struct Reader<N: 'static, P> {
    machine: Machine,
    way: Way<N>,
    picked: P,
    /// The event before, while no shared beginning is known.
    before: String,
    shared: Beginning<N, P>,
    mend: Mend,
    /// What is wrong if the other half of a character does not come next.
    torn: Option<JsonError>,
    /// The data of the last event that was mended.
    mended: String,
}

impl<N, P: Default> Default for Reader<N, P> {
    fn default() -> Self {
        Self {
            machine: Machine::new(Limits::default()),
            way: Way::default(),
            picked: P::default(),
            before: String::new(),
            shared: Beginning {
                text: String::new(),
                machine: Machine::new(Limits::default()),
                way: Way::default(),
                picked: P::default(),
            },
            mend: Mend::default(),
            torn: None,
            mended: String::new(),
        }
    }
}

impl<N: DialectNames, P: Picked<N>> Reader<N, P> {
    /// Reads the data of one event: what it says, and the data that it says it in, which differs from
    /// what came where that was mended (see `mend.rs`).
    pub(super) fn read<'a>(&'a mut self, data: &'a str) -> Result<(&'a P, &'a str), JsonError> {
        let error = match (self.read_as_it_is(data), self.torn.take()) {
            (Ok(()), None) => return Ok((&self.picked, data)),
            // This event was to bring the other half.
            (Ok(()), Some(torn)) => return Err(torn),
            (Err(error), torn) => torn.unwrap_or(error),
        };
        let Some(mended) = self.mend.mend(data) else {
            return Err(error);
        };
        self.read_as_it_is(&mended).map_err(|_| error)?;
        self.torn = self.mend.is_torn().then_some(error);
        self.mended = mended;
        Ok((&self.picked, &self.mended))
    }

    /// What is wrong if nothing follows: a text may end with half of a character.
    pub(super) fn torn(&self) -> Option<JsonError> {
        self.torn
    }

    fn read_as_it_is(&mut self, data: &str) -> Result<(), JsonError> {
        let beginning = self.shared.text.len();
        if beginning > 0 && data.as_bytes().starts_with(self.shared.text.as_bytes()) {
            self.machine.copy_from(&self.shared.machine);
            self.way.copy_from(&self.shared.way);
            self.picked.copy_from(&self.shared.picked);
            self.feed(&data[beginning..])?;
        } else {
            self.machine.reset();
            self.way.reset(N::ROOT);
            self.picked.clear();
            self.read_from_the_start(data)?;
        }
        let mut picker = Picker {
            way: &mut self.way,
            picked: &mut self.picked,
        };
        self.machine.finish(&mut picker).map_err(json_error)
    }

    fn read_from_the_start(&mut self, data: &str) -> Result<(), JsonError> {
        let known = if self.shared.text.is_empty() {
            &self.before
        } else {
            &self.shared.text
        };
        let (beginning, rest) = data.split_at(shared(known, data));
        self.shared.text.clear();
        self.feed(beginning)?;
        if beginning.is_empty() {
            let kept = data.len().min(LONGEST);
            self.before.clear();
            // In the middle of a character: then this one is not compared.
            self.before.push_str(data.get(..kept).unwrap_or_default());
        } else {
            self.shared.text.push_str(beginning);
            self.shared.machine.copy_from(&self.machine);
            self.shared.way.copy_from(&self.way);
            self.shared.picked.copy_from(&self.picked);
        }
        self.feed(rest)
    }

    fn feed(&mut self, text: &str) -> Result<(), JsonError> {
        let mut picker = Picker {
            way: &mut self.way,
            picked: &mut self.picked,
        };
        let mut rest = text;
        while !rest.is_empty() {
            let fed = self.machine.feed_text(rest, &mut picker);
            let fed = fed.map_err(json_error)?;
            rest = &rest[fed.consumed..];
        }
        Ok(())
    }
}

/// How many bytes two events share at their beginning, up to the colon after the last common key.
///
/// In front of a value, so that the value is read in one piece. (It may be a colon inside a text:
/// that is a place like any other, if a slower one.)
fn shared(one: &str, other: &str) -> usize {
    if one.as_bytes().get(..SHORTEST) != other.as_bytes().get(..SHORTEST) {
        // A server that numbers its events first shares too little with any of them.
        return 0;
    }
    let pairs = one.bytes().zip(other.bytes()).take(LONGEST);
    let equal = pairs.take_while(|(one, other)| one == other).count();
    let colon = other.as_bytes()[..equal]
        .iter()
        .rposition(|byte| *byte == b':');
    colon
        .map(|at| at + 1)
        .filter(|length| *length >= SHORTEST)
        .unwrap_or(0)
}

fn json_error(error: FeedError<Infallible>) -> JsonError {
    match error {
        FeedError::Json(error) => error,
        FeedError::Sink(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use crate::json::{Limits, Machine};
    use crate::providers::facts::EventFacts;
    use crate::providers::pick::{DialectNames, Picked, Picker, Want, WantedMembers, Way};

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Name {
        Id,
        Choice,
        Index,
        Content,
        Call,
        Arguments,
        Usage,
    }

    impl DialectNames for Name {
        const ROOT: &'static Want<Self> = &ROOT;
    }

    static ROOT: Want<Name> = Want::Members(&WantedMembers {
        members: &[
            ("id", Want::Text(Name::Id)),
            (
                "choices",
                Want::Each(
                    Name::Choice,
                    &WantedMembers {
                        members: &[
                            ("index", Want::Index(Name::Index)),
                            (
                                "delta",
                                Want::Members(&WantedMembers {
                                    members: &[
                                        (
                                            "content",
                                            Want::TextOrEach(
                                                Name::Content,
                                                Name::Content,
                                                &WantedMembers {
                                                    members: &[("text", Want::Text(Name::Content))],
                                                },
                                            ),
                                        ),
                                        ("calls", Want::Each(Name::Call, &CALL)),
                                    ],
                                }),
                            ),
                        ],
                    },
                ),
            ),
            ("usage", Want::Raw(Name::Usage)),
        ],
    });

    static CALL: WantedMembers<Name> = WantedMembers {
        members: &[("arguments", Want::TextOrJson(Name::Arguments))],
    };

    type Read = Reader<Name, EventFacts<Name>>;

    fn reader() -> Read {
        Reader::default()
    }

    const HEAD: &str =
        r#"{"id":"chatcmpl-0123456789","object":"chat.completion.chunk","model":"m","#;

    /// Events that share much, little and nothing; some are wrong, before or after what is shared.
    fn events() -> Vec<String> {
        let choice = |delta: &str| {
            format!(r#"{HEAD}"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
        };
        let call =
            |arguments: &str| choice(&format!(r#"{{"calls":[{{"arguments":{arguments}}}]}}"#));
        vec![
            call(r#""{\"a\":""#),
            call(r#""{\"a\": \"long: ""#),
            call("\"é: 日本\""),
            call(r#""\ud83d\ude00""#),
            call(r#"{"a": ["b", 1]}"#),
            choice(r#"{"content":"text: more"}"#),
            choice(r#"{"content":[{"text":"a"},{"text":"b"}]}"#),
            choice(r#"{"content":null}"#),
            format!(r#"{HEAD}"choices":[],"usage":{{"total_tokens":NaN}}}}"#),
            format!("{HEAD}"),
            format!(r#"{HEAD}"choices":[]}} :"#),
            HEAD.replace("0123", "9876")
                + r#""choices":{"index":"2","delta":{"content":{"text":"c"}}}}"#,
            String::new(),
        ]
    }

    fn shown(reader: &mut Read, event: &str) -> String {
        match reader.read(event) {
            Ok((facts, data)) => format!("{:?}", facts.iter(data).collect::<Vec<_>>()),
            Err(error) => format!("{error:?}"),
        }
    }

    /// Whatever was read before, an event says what it says alone.
    #[test]
    fn what_was_read_before_does_not_matter() {
        let events = events();
        let alone: Vec<String> = events
            .iter()
            .map(|event| shown(&mut reader(), event))
            .collect();
        let count = events.len();
        let mut resumed = 0;
        for order in 0..count.pow(4) {
            let mut reader = reader();
            for place in 0..4_u32 {
                let which = order / count.pow(place) % count;
                let known = &reader.shared.text;
                resumed +=
                    usize::from(!known.is_empty() && events[which].starts_with(known.as_str()));
                let read = shown(&mut reader, &events[which]);
                assert_eq!(read, alone[which], "event {place} of order {order}");
            }
        }
        assert!(resumed > 10_000, "the short way was taken {resumed} times");
    }

    #[test]
    fn a_stream_settles_on_what_its_events_share() {
        let mut reader = reader();
        for event in &events()[..4] {
            reader.read(event).expect("valid");
        }
        let shared = reader.shared.text.as_str();
        assert!(shared.ends_with(r#""calls":[{"arguments":"#), "{shared}");
    }

    /// The picker is a sink like any other: how the text comes to the machine must not matter.
    #[test]
    fn every_cut_picks_the_same() {
        for event in events() {
            let mut whole = reader();
            let Ok((facts, data)) = whole.read(&event) else {
                continue;
            };
            let expected = format!("{:?}", facts.iter(data).collect::<Vec<_>>());
            for cut in 0..=data.len() {
                let (left, right) = data.as_bytes().split_at(cut);
                let (mut machine, mut way) = (Machine::new(Limits::default()), Way::default());
                let mut facts = EventFacts::default();
                facts.clear();
                way.reset(&ROOT);
                let mut picker = Picker {
                    way: &mut way,
                    picked: &mut facts,
                };
                for mut bytes in [left, right] {
                    while !bytes.is_empty() {
                        let fed = machine.feed(bytes, &mut picker).expect("valid");
                        bytes = &bytes[fed.consumed..];
                    }
                }
                machine.finish(&mut picker).expect("valid");
                let found = format!("{:?}", facts.iter(data).collect::<Vec<_>>());
                assert_eq!(found, expected, "cut at {cut} of {data}");
            }
        }
    }

    #[test]
    fn half_of_a_character_waits_for_the_next_event() {
        let text = |text: &str| format!(r#"{{"id": "{text}"}}"#);
        let mut reader = reader();
        assert_eq!(shown(&mut reader, &text("a\\ud83d")), r#"[Text(Id, "a")]"#);
        assert!(reader.torn().is_some());
        assert_eq!(
            shown(&mut reader, &text("\\ude00b")),
            r#"[Text(Id, "😀b")]"#
        );
        assert!(reader.torn().is_none());
        let _ = shown(&mut reader, &text("a\\ud83d"));
        let error = shown(&mut reader, &text("b"));
        assert!(error.contains("Surrogate"), "{error}");
    }
}
