//! What stands around the wanted value: every row whole, character by character and cut in two at
//! every place, with the same value, the same trailing text and the same error.

mod support;

use partialfast_core::envelope::{Envelope, EnvelopeOptions};
use partialfast_core::json::{JsonErrorKind, Limits};
use partialfast_core::lenient::LenientOptions;
use proptest::prelude::*;
use support::envelope::{Read, read};

/// The text whole; checked to be the same at every cut.
fn read_every_way(options: &EnvelopeOptions, text: &str) -> Read {
    let whole = read(options, [text]);
    let places = || text.char_indices().map(|(at, _)| at);
    let singly = places().map(|at| {
        let char = text[at..].chars().next().expect("a character stands there");
        &text[at..at + char.len_utf8()]
    });
    assert_eq!(
        read(options, singly),
        whole,
        "character by character: {text:?}"
    );
    for at in places() {
        let (head, tail) = text.split_at(at);
        assert_eq!(read(options, [head, tail]), whole, "cut at {at}: {text:?}");
    }
    whole
}

fn noisy() -> EnvelopeOptions {
    EnvelopeOptions {
        noise: true,
        ..EnvelopeOptions::default()
    }
}

fn wrapped() -> EnvelopeOptions {
    EnvelopeOptions {
        key: Some("items".to_owned()),
        ..EnvelopeOptions::default()
    }
}

/// Text, value, trailing text.
const NOISE: &[(&str, &str, &str)] = &[
    // Nothing around it.
    (r#"{"a": 1}"#, r#"{"a": 1}"#, ""),
    (" \n\t{ }", "{ }", ""),
    ("[1, 2]", "[1, 2]", ""),
    // Fences.
    ("```json\n{\"a\": 1}\n```", r#"{"a": 1}"#, ""),
    ("```\n{\"a\": 1}\n```\n", r#"{"a": 1}"#, "\n"),
    ("``` JSON \r\n[1]\r\n````", "[1]", ""),
    ("```jsonc\n\n  {}```bye", "{}", "bye"),
    ("```json{}```", "{}", ""),
    ("```\n{}", "{}", ""),
    ("~ ```\n```\n{\"a\":1}", r#"{"a":1}"#, ""),
    // A number in a fence ends where the line does.
    ("```\n12\n```x", "12", "x"),
    // Another language first.
    (
        "```python\nprint({\"no\": `1`})\n```\n```json\n{}\n```",
        "{}",
        "",
    ),
    ("```python\n{\"a\": ``} ```{}", "{}", ""),
    // Something else in a fence without a name.
    ("```\n$ cat {\"a\": 0}\n```\n```json\n{}\n```", "{}", ""),
    ("```\n  curl ``\n```\nsays: {\"a\": 1}", r#"{"a": 1}"#, ""),
    // Inline code is prose.
    ("a ```json``` fence: ```json\n{}", "{}", ""),
    ("`` x `` {\"a\": 1}", r#"{"a": 1}"#, ""),
    // Prose with brackets.
    ("Here: {\"a\": 1} Done.", r#"{"a": 1}"#, " Done."),
    ("The set {1, 2} is {  \n \"a\": 1}", "{  \n \"a\": 1}", ""),
    ("As in [1] and [ {\"a\": 1}]", "[ {\"a\": 1}]", ""),
    ("As {curly} {{\"a\": 1}", r#"{"a": 1}"#, ""),
    ("It is {}.", "{}", "."),
    ("No JSON at all.", "", ""),
    ("", "", ""),
    // Reasoning.
    (
        "<think>maybe {\"a\": 0}?</think>{\"a\": 1}",
        r#"{"a": 1}"#,
        "",
    ),
    ("<think>a < b </thin </think>\n\n{ }", "{ }", ""),
    ("<think>a <</think>[1]", "[1]", ""),
    ("<thinker>{\"a\": 1}", r#"{"a": 1}"#, ""),
    ("<<think>{\"a\":1}</think>{\"b\":2}", r#"{"b":2}"#, ""),
    (
        "<think>x</think>Well: ```json\n{\"a\": 1}\n``` ok",
        r#"{"a": 1}"#,
        " ok",
    ),
    // Reasoning that nothing opens, with a draft in it: whole, fenced, wrong, in the middle of a word.
    (
        "Maybe {\"a\": 0}? No. </think> {\"a\": 1} ok",
        r#"{"a": 1}"#,
        " ok",
    ),
    (
        "Draft:\n```json\n{\"a\": 0}\n```\nNo.</thinking>\n```json\n{\"a\": 1}\n```",
        r#"{"a": 1}"#,
        "",
    ),
    ("Say {\"a\": well... </Thought> [1]", "[1]", ""),
    ("{\"a\": 0}</think>", "", ""),
    (
        "{\"a\": 0}</think>{\"a\": 1}</reasoning>{\"a\": 2}",
        r#"{"a": 2}"#,
        "",
    ),
    // It is opened after the value: what it closes is no part of that.
    (
        "{\"a\": 1} <think>good?</think> yes",
        r#"{"a": 1}"#,
        " <think>good?</think> yes",
    ),
    // Other tags.
    (
        "<seed:think a=\"b\">{\"a\": 0}</seed:think>{\"a\": 1}",
        r#"{"a": 1}"#,
        "",
    ),
    (
        "[THINK]Is it {\"a\": 0}?[/THINK]{\"a\": 1}",
        r#"{"a": 1}"#,
        "",
    ),
    (
        "<|channel|>analysis<|message|>{\"a\": 0}<|end|><|start|>assistant<|channel|>final<|message|>{\"a\": 1}",
        r#"{"a": 1}"#,
        "",
    ),
    // Inside a string all of it is data.
    (
        "```json\n{\"a\": \"```\\n</think>{\", \"b\": \"<think>\"}\n```",
        "{\"a\": \"```\\n</think>{\", \"b\": \"<think>\"}",
        "",
    ),
    // Only the fence is taken away from the end.
    ("{} // ```", "{}", " // ```"),
    ("```\n{} // ok\n```", "{}", " // ok\n```"),
    ("Größe: {\"ö\": \"ü\"} – schön", r#"{"ö": "ü"}"#, " – schön"),
];

#[test]
fn noise_is_skipped() {
    for &(text, value, trailing) in NOISE {
        let read = read_every_way(&noisy(), text);
        assert_eq!(read.value, value, "{text:?}");
        assert_eq!(read.trailing, trailing, "{text:?}");
        assert_eq!(read.begun, !value.is_empty(), "{text:?}");
        assert_eq!(read.error, None, "{text:?}");
    }
}

/// Text as a model writes it, the value as JSON, the repairs.
const LENIENT: &[(&str, &str, &str)] = &[
    ("{'a': 1,}", r#"{"a": 1}"#, "quotes extra_comma"),
    (
        "Sure:\n```json\n{a: True} // x\n```",
        r#"{"a": true}"#,
        "unquoted_key literal",
    ),
    ("```\n{'a': 'b'}\n``` bye", r#"{"a": "b"}"#, "quotes quotes"),
    ("As {curly} {\n a : 1}", "{\n \"a\": 1}", "unquoted_key"),
    (
        "So: {'a': [1, 2}",
        r#"{"a": [1, 2]}"#,
        "quotes missing_close",
    ),
    ("{\\\"a\\\": 1}", r#"{"a":1}"#, "escaped_document"),
    (
        "<think>{'a'}</think>{'a': word}",
        r#"{"a": "word"}"#,
        "quotes unquoted_word",
    ),
    ("\"{\\\"a\\\": 1}\" it is", "\"{\\\"a\\\": 1}\"", ""),
    ("\"Sure!\" [1,]", "", ""),
    ("```\nTrue\n```", "true", "literal"),
    (
        "x [ {a: NaN}] y",
        "[ {\"a\": NaN}]",
        "unquoted_key non_finite",
    ),
];

#[test]
fn what_is_not_quite_json_is_handed_out_as_json() {
    let options = EnvelopeOptions {
        lenient: Some(LenientOptions::default()),
        ..noisy()
    };
    for &(text, value, repairs) in LENIENT {
        let read = read_every_way(&options, text);
        assert_eq!(read.value, value, "{text:?}");
        assert_eq!(read.repairs, repairs, "{text:?}");
        assert_eq!(read.error, None, "{text:?}");
    }
}

#[test]
fn the_wanted_value_ends_where_what_is_around_it_does() {
    let options = EnvelopeOptions {
        lenient: Some(LenientOptions::default()),
        ..wrapped()
    };
    for (text, value) in [
        ("{items: [1, 2,], x: 0}", "[1, 2]"),
        ("{'items': [{'a': 1}", "[{\"a\": 1}"),
        ("{'items': [{'a': 1}]}", "[{\"a\": 1}]"),
        ("{'items': [{'a': 1}", "[{\"a\": 1}"),
        ("{'items': [{'a': 1 }", "[{\"a\": 1 }"),
        ("{'items': [1, [2}", "[1, [2]]"),
        ("{items: word}", "\"word\""),
        ("{items: +5}", "5"),
        ("{items: None}", "null"),
        ("{items: 'it'}", "\"it\""),
        (r#""{\"items\": [1]}""#, "[1]"),
    ] {
        let read = read_every_way(&options, text);
        assert_eq!(read.value, value, "{text:?}");
        assert_eq!(read.error, None, "{text:?}");
    }
}

#[test]
fn lenient_places_are_those_of_all_the_text() {
    let options = EnvelopeOptions {
        lenient: Some(LenientOptions::default()),
        key: Some("items".to_owned()),
        ..noisy()
    };
    let text = "Well,\nhere: {items:\n ['a', 2024-10-18]}";
    let read = read_every_way(&options, text);
    assert_eq!(read.value, "[\"a\", ");
    assert_eq!(read.error, Some((JsonErrorKind::UnquotedDate, 27)));
    let mut envelope = Envelope::new(options);
    let _ = envelope.feed(text);
    let places: Vec<_> = envelope
        .repairs()
        .iter()
        .map(|repair| {
            (
                repair.kind.name(),
                repair.offset,
                repair.line,
                repair.column,
            )
        })
        .collect();
    assert_eq!(places, [("unquoted_key", 13, 2, 8), ("quotes", 22, 3, 3)]);
    let error = envelope.error().expect("a date");
    assert_eq!((error.offset, error.line, error.column), (27, 3, 8));
    // The bytes of the value, and where they come from.
    let origin = |offset| envelope.origin(offset).map(|mark| mark.offset);
    assert_eq!(
        [origin(0), origin(1), origin(4)],
        [Some(21), Some(22), Some(25)]
    );
}

/// Text and value of `items`.
const WRAPPED: &[(&str, &str)] = &[
    (r#"{"items": [1, {"items": 2}]}"#, r#"[1, {"items": 2}]"#),
    (" {\n\"items\" :\t{ \"a\" : [ ] } }\n", r#"{ "a" : [ ] }"#),
    (r#"{"note": {"items": 0}, "items": [], "more": [1]}"#, "[]"),
    (r#"{"items": "te}xt\"é"}"#, r#""te}xt\"é""#),
    (r#"{"items": -12.5e3}"#, "-12.5e3"),
    (r#"{"items":true}"#, "true"),
    (r#"{"items": null ,"x":1}"#, "null"),
    (r#"{"\u0069tems": [1]}"#, "[1]"),
    // Should it come twice, the first stands.
    (r#"{"items": [1], "items": [2]}"#, "[1]"),
];

#[test]
fn a_wrapped_value_is_taken_out() {
    for &(text, value) in WRAPPED {
        let read = read_every_way(&wrapped(), text);
        assert_eq!(
            (read.value.as_str(), read.found, read.done),
            (value, true, true),
            "{text:?}"
        );
        assert_eq!(read.error, None, "{text:?}");
    }
}

#[test]
fn an_object_without_the_property_has_no_value() {
    for text in [r#"{"other": [1]}"#, "{}", "12 ", "[1]", r#""items""#] {
        let read = read_every_way(&wrapped(), text);
        assert_eq!(
            (read.value.as_str(), read.found, read.done),
            ("", false, true),
            "{text:?}"
        );
    }
}

#[test]
fn a_bare_array_is_taken_where_it_is_allowed() {
    let options = EnvelopeOptions {
        bare_array: true,
        ..wrapped()
    };
    assert_eq!(read_every_way(&options, " [1, 2]").value, "[1, 2]");
    assert_eq!(
        read_every_way(&options, r#"{"items": [1, 2]}"#).value,
        "[1, 2]"
    );
    let noisy = EnvelopeOptions {
        noise: true,
        ..options
    };
    let read = read_every_way(&noisy, "```json\n[{\"a\": 1}]\n```\nBye");
    assert_eq!(
        (read.value.as_str(), read.trailing.as_str()),
        ("[{\"a\": 1}]", "\nBye")
    );
}

#[test]
fn noise_and_wrapping_go_together() {
    let options = EnvelopeOptions {
        noise: true,
        ..wrapped()
    };
    let read = read_every_way(&options, "Sure:\n```json\n{\"items\": [1, 2]}\n```\nBye");
    assert_eq!(
        (read.value.as_str(), read.trailing.as_str()),
        ("[1, 2]", "\nBye")
    );
}

#[test]
fn an_error_inside_the_value_is_left_to_its_parser() {
    for (text, value) in [
        (r#"{"items": [1, x]}"#, "[1, x"),
        (r#"{"items": [1, é]}"#, "[1, é"),
        ("{\"items\": \"a\u{1}b\"}", "\"a\u{1}"),
    ] {
        let read = read_every_way(&wrapped(), text);
        assert_eq!((read.value.as_str(), read.error), (value, None), "{text:?}");
    }
    assert_eq!(
        read_every_way(&noisy(), r#"So: {"a": x}"#).value,
        r#"{"a": x"#
    );
}

#[test]
fn an_error_outside_the_value_is_reported() {
    for (text, value, kind, offset) in [
        (
            r#"{"items": [1], x}"#,
            "[1]",
            JsonErrorKind::ExpectedKey,
            15,
        ),
        (r#"{"items" [1]}"#, "", JsonErrorKind::ExpectedColon, 9),
        (
            r#"{"items": [1]} x"#,
            "[1]",
            JsonErrorKind::TrailingData,
            15,
        ),
        (r#"{"items": 01}"#, "", JsonErrorKind::InvalidNumber, 11),
        ("é", "", JsonErrorKind::ExpectedValue, 0),
    ] {
        let read = read_every_way(&wrapped(), text);
        assert_eq!(
            (read.value.as_str(), read.error),
            (value, Some((kind, offset))),
            "{text:?}"
        );
    }
}

#[test]
fn noise_is_bounded() {
    let limits = Limits {
        max_bytes: 100,
        ..Limits::default()
    };
    let mut envelope = Envelope::new(EnvelopeOptions { limits, ..noisy() });
    assert_eq!(envelope.feed(&"no ".repeat(33)), "");
    assert_eq!(envelope.error(), None);
    assert_eq!(envelope.feed("no"), "");
    assert_eq!(
        envelope.error().map(|error| error.kind),
        Some(JsonErrorKind::SizeLimit)
    );
    assert_eq!(envelope.feed("{}"), "");
    // White space after a bracket is held back, but not without end.
    let mut envelope = Envelope::new(noisy());
    assert_eq!(envelope.feed("So { "), "");
    assert_eq!(envelope.feed(&" ".repeat(5000)), "");
    assert_eq!(envelope.feed("\"a\": 1} or {\"b\": 2}"), "{\"b\": 2}");
}

proptest! {
    #[test]
    fn cuts_do_not_matter(
        text in r#"([`{}\[\]"<> \n/:,a1é\\]|think>|</think>|\[THINK\]|\[/THINK\]|<reasoning |```|json\n|\{"items":|\{"a": 1\}){0,24}"#,
        noise: bool,
        key: bool,
        bare_array: bool,
        places in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
    ) {
        let key = key.then(|| "items".to_owned());
        let options = EnvelopeOptions { noise, key, bare_array, lenient: None, limits: Limits::default() };
        let mut cuts: Vec<usize> = places.iter().map(|place| place.index(text.len() + 1)).collect();
        cuts.retain(|&at| text.is_char_boundary(at));
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]);
        prop_assert_eq!(read(&options, pieces), read(&options, [text.as_str()]));
    }
}
