//! Calls as servers send them: what they get wrong, as rows and as a property. However the pieces are
//! numbered, named, repeated and cut, the calls are the same.
#![allow(clippy::too_many_lines, reason = "a table is as long as it is")]

mod support;

use std::collections::BTreeMap;

use partialfast_core::providers::{AnyDialect, Delta, Dialect, Part};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A name and arguments.
type Call = (String, String);
/// What a row is about, the `tool_calls` of its events, and the calls that they are.
type Row = (&'static str, Vec<Value>, Vec<Call>);

/// Calls that a server spells out in a way of its own: `f {"a": 1}`, in pieces.
#[test]
fn calls_of_servers_that_get_them_wrong() {
    let chunk = |calls: Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]});
    let named = |index: Value, id: Value, name: &str, arguments: Value| json!([{"index": index, "id": id, "function": {"name": name, "arguments": arguments}}]);
    let bare = |index: Value, arguments: &str| json!([{"index": index, "function": {"arguments": arguments}}]);
    let none = Value::Null;
    let f = |arguments: &str| vec![("f".to_owned(), arguments.to_owned())];
    let one = f(r#"{"a":{"b":1}}"#);
    let rows: Vec<Row> = vec![
        (
            "a growing index",
            vec![
                named(json!(0), json!("i"), "f", json!("")),
                bare(json!(1), r#"{"a":"#),
                bare(json!(2), r#"{"b""#),
                bare(json!(3), ":1}}"),
            ],
            one.clone(),
        ),
        (
            "the name numbered by the tool, the arguments by the call",
            vec![
                named(json!(1), json!("i"), "f", json!("")),
                bare(json!(0), r#"{"a":{"b""#),
                bare(json!(0), ":1}}"),
                named(json!(0), json!("j"), "g", json!("")),
                bare(json!(1), r#"{"c":"#),
                bare(json!(1), "2}"),
            ],
            vec![one[0].clone(), ("g".to_owned(), r#"{"c":2}"#.to_owned())],
        ),
        (
            "a new id and name in every delta",
            vec![
                named(none.clone(), json!("i"), "f", json!("")),
                named(none.clone(), json!("j"), "f", json!(r#"{"a":{"b""#)),
                named(none.clone(), json!("k"), "f", json!(":1}}")),
            ],
            one.clone(),
        ),
        (
            "a name in two pieces",
            vec![
                named(json!(0), json!("i"), "get_", json!("")),
                named(json!(0), none.clone(), "user", json!("")),
                bare(json!(0), "{}"),
            ],
            vec![("get_user".to_owned(), "{}".to_owned())],
        ),
        (
            "arguments before the name",
            vec![
                bare(json!(0), r#"{"a":{"b""#),
                named(json!(0), json!("i"), "f", json!(":1}}")),
            ],
            one.clone(),
        ),
        (
            "arguments as an object",
            vec![named(json!(0), json!("i"), "f", json!({"a": {"b": 1}}))],
            one.clone(),
        ),
        (
            "arguments encoded twice, in pieces",
            vec![
                named(json!(0), json!("i"), "f", json!(r#""{\"a\":"#)),
                bare(json!(0), r#"{\"b\"#),
                bare(json!(0), r#"":1}}""#),
            ],
            one.clone(),
        ),
        (
            "`{}` in front of the arguments",
            vec![
                named(json!(0), json!("i"), "f", json!("{}")),
                bare(json!(0), r#"{"a":{"b""#),
                bare(json!(0), ":1}}"),
            ],
            one.clone(),
        ),
        (
            "a summary that repeats them, encoded twice, under another id, as they were",
            vec![
                named(json!(0), json!("i"), "f", json!(r#"{"a":{"b""#)),
                bare(json!(0), ":1}}"),
                named(json!(0), json!("i"), "f", json!(r#""{\"a\":{\"b\":1}}""#)),
                named(json!(0), json!("j"), "f", json!(r#"{"a":{"b":1}}"#)),
                named(json!(0), json!("i"), "f", json!({"a": {"b": 1}})),
            ],
            one.clone(),
        ),
        (
            "equal calls that are two",
            vec![
                named(json!(0), json!("i"), "f", json!(r#"{"a":{"b":1}}"#)),
                named(json!(0), json!("j"), "f", json!(r#"{"a":{"b":1}}"#)),
                named(json!(1), json!("k"), "f", json!(r#"{"a":{"b":1}}"#)),
            ],
            vec![one[0].clone(), one[0].clone(), one[0].clone()],
        ),
        (
            "each delta repeats those before it",
            vec![
                named(json!(0), json!("i"), "f", json!(r#"{"a":"#)),
                bare(json!(0), r#"{"a":{"b""#),
                bare(json!(0), r#"{"a":{"b":1}"#),
                bare(json!(0), r#"{"a":{"b":1}}"#),
            ],
            one.clone(),
        ),
        (
            "a value that begins like the whole",
            vec![
                named(json!(0), json!("i"), "f", json!(r#"{"a":"#)),
                bare(json!(0), r#"{"a":1"#),
                bare(json!(0), "}}"),
            ],
            f(r#"{"a":{"a":1}}"#),
        ),
        (
            "stop tokens after the arguments",
            vec![
                named(json!(0), json!("i"), "f", json!(r#"{"a":{"b":1}}<|im"#)),
                bare(json!(0), "_end|>"),
                bare(json!(0), "{more"),
            ],
            one.clone(),
        ),
        (
            "entries that say nothing",
            vec![
                json!([null]),
                json!([]),
                none.clone(),
                named(json!(0), json!("i"), "f", json!(r#"{"a":{"b":1}}"#)),
                json!([{"index": 1, "id": "", "type": "function"}]),
                json!([{"index": 1, "id": "", "function": {"name": "", "arguments": ""}}]),
            ],
            one.clone(),
        ),
        (
            "an object in the place of the list",
            vec![json!({"index": 0, "function": {"name": "f", "arguments": "{\"a\":{\"b\":1}}"}})],
            one.clone(),
        ),
        (
            "an index that is a list, a string, negative",
            vec![
                named(json!([0]), json!("i"), "f", json!("")),
                bare(json!("0"), r#"{"a":{"b""#),
                bare(json!(-1), ":1}}"),
            ],
            one.clone(),
        ),
        (
            "calls without numbers or ids, one after the other",
            vec![
                named(none.clone(), none.clone(), "f", json!("")),
                bare(none.clone(), r#"{"a":{"b":1}}"#),
                named(none.clone(), none.clone(), "f", json!("")),
                bare(none.clone(), r#"{"a":2}"#),
                named(none.clone(), none.clone(), "g", json!(r#"{"a":3}"#)),
            ],
            vec![
                one[0].clone(),
                ("f".to_owned(), r#"{"a":2}"#.to_owned()),
                ("g".to_owned(), r#"{"a":3}"#.to_owned()),
            ],
        ),
    ];
    for (about, events, expected) in rows {
        let events: Vec<String> = events
            .into_iter()
            .map(|calls| chunk(calls).to_string())
            .collect();
        assert_eq!(calls_of("openai_chat", &events), expected, "{about}");
    }
}

/// The name and the arguments of each call.
fn calls_of(dialect: &str, events: &[String]) -> Vec<(String, String)> {
    let mut dialect = AnyDialect::named(dialect).expect("a dialect");
    let mut calls: BTreeMap<(u64, u64), (String, String)> = BTreeMap::new();
    let mut sink = |delta: Delta<'_>| match delta {
        Delta::CallBegins {
            choice, call, name, ..
        } => {
            name.unwrap_or_default()
                .clone_into(&mut calls.entry((choice, call)).or_default().0);
        }
        Delta::Piece {
            choice,
            part: Part::Call(call),
            text,
        } => calls
            .get_mut(&(choice, call))
            .expect("it has begun")
            .1
            .push_str(text),
        Delta::Corrupt { why } => panic!("corrupt: {why}"),
        _ => {}
    };
    for event in events {
        dialect.read("", event, &mut sink);
    }
    dialect.end(&mut sink);
    calls.into_values().collect()
}

/// How a server numbers, names and cuts the calls that it sends.
#[expect(clippy::struct_excessive_bools, reason = "each habit is one by itself")]
#[derive(Clone, Debug)]
struct Habits {
    index: Index,
    id: Ids,
    /// The name comes with every piece.
    always_named: bool,
    /// The name comes with the first of the arguments, not before them.
    at_once: bool,
    /// Pieces of the calls come in turns.
    interleaved: bool,
    /// Each piece repeats those before it.
    cumulative: bool,
    /// At the end comes all of it once more.
    summary: bool,
    /// How long pieces are.
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Index {
    Right,
    From(u64),
    Zero,
    None,
    Growing,
    /// Names by one number, arguments by another.
    Crossed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ids {
    First,
    Always,
    None,
    New,
}

fn habits() -> impl Strategy<Value = Habits> {
    let index = prop_oneof![
        Just(Index::Right),
        (1_u64..9).prop_map(Index::From),
        Just(Index::Zero),
        Just(Index::None),
        Just(Index::Growing),
        Just(Index::Crossed),
    ];
    let ids = prop_oneof![
        Just(Ids::First),
        Just(Ids::Always),
        Just(Ids::None),
        Just(Ids::New)
    ];
    let flags = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    (index, ids, flags, 1_usize..20).prop_map(|(index, id, flags, size)| {
        let (always_named, at_once, interleaved, cumulative, summary) = flags;
        let told_apart = matches!(index, Index::Right | Index::From(_))
            || id == Ids::Always && !always_named && !at_once;
        // What nobody could tell apart is not asked for.
        let crossed = index == Index::Crossed;
        Habits {
            index,
            id,
            always_named: always_named && !matches!(index, Index::Growing | Index::Crossed),
            at_once: at_once && !crossed,
            interleaved: interleaved && told_apart && id != Ids::New,
            cumulative: cumulative
                && index != Index::Growing
                && !crossed
                && (told_apart || id != Ids::None),
            summary: summary && told_apart && id != Ids::New,
            size,
        }
    })
}

fn arguments() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("\"}{\\\"[\"".to_owned()),
        Just("[{}, {\"a\": []}]".to_owned()),
        Just("{\"a\": {\"a\": null}}".to_owned()),
        "\"[a-zé ]{0,30}\"",
    ];
    let member = (prop_oneof![Just("a"), Just("name"), Just("]")], value);
    prop::collection::vec(member, 1..4).prop_map(|members| {
        let members: Vec<String> = members
            .iter()
            .map(|(key, value)| format!("\"{key}\": {value}"))
            .collect();
        format!("{{{}}}", members.join(", "))
    })
}

/// The pieces of some calls, as a server with such habits sends them.
fn events_of(calls: &[(String, String)], habits: &Habits) -> Vec<String> {
    let mut count = 0;
    let mut event = |call: usize, name: Option<&str>, text: &str, first: bool| {
        count += 1;
        let place = call as u64;
        let index = match habits.index {
            Index::Right => json!(place),
            Index::From(start) => json!(start + place),
            Index::None => Value::Null,
            Index::Growing => json!(count),
            Index::Crossed if name.is_some() => json!(100 + place),
            Index::Zero | Index::Crossed => json!(0),
        };
        let id = match habits.id {
            Ids::First if first => json!(format!("id{call}")),
            Ids::Always => json!(format!("id{call}")),
            Ids::New => json!(format!("id{count}-{call}")),
            _ => Value::Null,
        };
        let function = json!({"name": name, "arguments": text});
        let calls = json!([{"index": index, "id": id, "function": function}]);
        json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}).to_string()
    };
    let mut streams: Vec<Vec<String>> = Vec::new();
    for (call, (name, arguments)) in calls.iter().enumerate() {
        let mut events = Vec::new();
        if !habits.at_once {
            events.push(event(call, Some(name), "", true));
        }
        let characters: Vec<char> = arguments.chars().collect();
        let mut so_far = String::new();
        for (at, piece) in characters.chunks(habits.size).enumerate() {
            let first = habits.at_once && at == 0;
            let piece: String = piece.iter().collect();
            so_far.push_str(&piece);
            let text = if habits.cumulative { &so_far } else { &piece };
            let name = (first || habits.always_named).then_some(name.as_str());
            events.push(event(call, name, text, first));
        }
        streams.push(events);
    }
    let mut all = Vec::new();
    if habits.interleaved {
        let longest = streams.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..longest {
            all.extend(streams.iter().filter_map(|stream| stream.get(at).cloned()));
        }
    } else {
        all.extend(streams.concat());
    }
    if habits.summary {
        for (call, (name, arguments)) in calls.iter().enumerate() {
            all.push(event(call, Some(name), arguments, true));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_numbering_gives_the_same_calls(
        calls in prop::collection::vec((prop_oneof![Just("f"), Just("get_user")], arguments()), 1..4),
        habits in habits(),
    ) {
        // Equal calls may be one that is repeated: a number makes them differ.
        let calls: Vec<(String, String)> = calls
            .into_iter()
            .enumerate()
            .map(|(at, (name, arguments))| (name.to_owned(), arguments.replacen('{', &format!("{{\"{at}\": 0, "), 1)))
            .collect();
        let events = events_of(&calls, &habits);
        prop_assert_eq!(calls_of("openai_chat", &events), calls, "{:#?}", events);
    }
}
