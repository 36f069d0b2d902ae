//! What must hold of lenient reading for all texts, tried on generated ones.

#[path = "support/generate.rs"]
mod generate;
mod support;

use generate::{cuts, damaged, document, soup, string_soup};
use proptest::prelude::*;
use support::json::to_value;
use support::lenient::{Setting, check_any_bytes, whole};

/// Texts of what models write instead of JSON, and of what may be mistaken for it.
fn lenient_soup() -> impl Strategy<Value = String> {
    let words =
        |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    let piece = prop_oneof![
        4 => "[\\[\\]{}:,\"'\\\\ \n]",
        2 => words(&[
            "//", "/*", "*/", "#", "...", "…", "`", "´", "“", "”", "’", "‘", "«", "\\\"", "\\n", "\\u00",
            "\\u00e9", "\\ud83d\\ude00", "\\'", "\u{feff}", "\u{a0}", "\t", "+", "(", "/", "é",
        ]),
        3 => words(&[
            "true", "True", "None", "null", "NaN", "-Infinity", "undefined", "word", "New York", "a", "$b",
            "0", "1", "-1.5e3", ".5", "5.", "+5", "1_000", "0x1F", "000", "234", "2024-10-18", "05", "1e",
        ]),
        2 => words(&[
            "{\"a\": ", "[1, ", "\"x\"", "'y'", "\"k\":", "k:", "\"{\\\"a\\\": ", "\"[", "]\"", "}", "]", ", ",
        ]),
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Whatever it is: the same for every cut, never taken back, strict in the end.
    #[test]
    fn any_text(text in lenient_soup(), cuts in cuts()) {
        check_any_bytes(text.as_bytes(), &cuts);
    }

    #[test]
    fn any_bytes(text in soup(), cuts in cuts()) {
        check_any_bytes(&text, &cuts);
    }

    #[test]
    fn broken_strings(text in string_soup(), cuts in cuts()) {
        check_any_bytes(&text, &cuts);
    }

    #[test]
    fn damaged_documents(text in damaged(), cuts in cuts()) {
        check_any_bytes(&text, &cuts);
    }

    #[test]
    fn tokens_without_quotes(text in "[\\[{]?[-+0-9.eExX_a-c/:'\" ]{0,12}[\\]}]?", cuts in cuts()) {
        check_any_bytes(text.as_bytes(), &cuts);
    }

    /// What is strict JSON gives the same events in both modes.
    #[test]
    fn strict_documents((value, text) in document(), cuts in cuts()) {
        check_any_bytes(text.as_bytes(), &cuts);
        let outcome = whole(Setting::default(), text.as_bytes());
        prop_assert_eq!(outcome.result, Ok(()));
        prop_assert_eq!(to_value(&outcome.events), value);
    }
}
