//! What must hold for all texts, tried on generated ones.

#[path = "support/generate.rs"]
mod generate;
mod support;

use generate::{cuts, damaged, document, number, soup, string_soup};
use proptest::prelude::*;
use serde_json::Value;
use support::json::{check_any_bytes, check_small_limits, to_value};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A document, however it is written and cut, means what it was written from.
    #[test]
    fn documents((value, text) in document(), cuts in cuts()) {
        let outcome = check_any_bytes(text.as_bytes(), &cuts);
        prop_assert_eq!(outcome.result, Ok(()));
        prop_assert_eq!(to_value(&outcome.events), value);
    }

    #[test]
    fn damaged_documents(text in damaged(), cuts in cuts()) {
        check_any_bytes(&text, &cuts);
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
    fn broken_numbers(text in "[-+0-9.eE]{0,12}", cuts in cuts()) {
        check_any_bytes(text.as_bytes(), &cuts);
    }

    #[test]
    fn numbers_are_handed_out_as_written(text in number(), cuts in cuts()) {
        let outcome = check_any_bytes(text.as_bytes(), &cuts);
        let expected: Value = Value::Number(text.parse().expect("a JSON number"));
        prop_assert_eq!(to_value(&outcome.events), expected);
    }

    #[test]
    fn limits_hold_and_do_not_depend_on_the_cuts(text in damaged(), cuts in cuts()) {
        check_small_limits(&text, &cuts);
    }
}
