//! What is read only if it is asked for: each row without the option, and with it.

mod support;

use partialfast_core::lenient::LenientOptions;
use support::lenient::{Setting, check_accepted};

#[test]
fn quotes_inside_strings_are_guessed_only_if_asked() {
    let setting = Setting {
        options: LenientOptions {
            quotes: true,
            ..LenientOptions::default()
        },
        ..Setting::default()
    };
    check_accepted(
        setting,
        &[
            (
                r#"{"a": "b" , "c" : ["d", "e" ]}"#,
                r#"{ "a": "b" "c": [ "d" "e" ] }"#,
                "",
            ),
            (
                r#"{"a": "v"alue"}"#,
                r#"{ "a": "v\"alue" }"#,
                "unescaped_quote",
            ),
            (
                r#"["lorem "ipsum" sic"]"#,
                r#"[ "lorem \"ipsum\" sic" ]"#,
                "unescaped_quote unescaped_quote",
            ),
            (
                "{\"height\": \"(5'3\")\" }",
                "{ \"height\": \"(5'3\\\")\" }",
                "unescaped_quote",
            ),
            (
                r#"{"k"e"y": "value"}"#,
                r#"{ "k\"e\"y": "value" }"#,
                "unescaped_quote unescaped_quote",
            ),
            (
                r#""The TV is 72"""#,
                r#""The TV is 72\"""#,
                "unescaped_quote",
            ),
            (
                "['it's', ‘it’s’]",
                "[ \"it's\" \"it’s\" ]",
                "quotes unescaped_quote quotes unescaped_quote",
            ),
            ("[\"a\" // b\n]", "[ \"a\" ]", "comment"),
            (
                "[\"a\" \n b\"]",
                "[ \"a\\\" \\n b\" ]",
                "unescaped_quote control_character",
            ),
        ],
    );
}

#[test]
fn items_are_wrapped_only_if_asked() {
    let setting = Setting {
        options: LenientOptions {
            coerce: true,
            ..LenientOptions::default()
        },
        wraps: true,
        ..Setting::default()
    };
    check_accepted(
        setting,
        &[
            ("{}", "[ { } ]", "wrapped_item"),
            (
                r#"[{"a":{"b":1},"c":2}]"#,
                r#"[ [ { "a": [ { "b": 1 } ] "c": 2 } ] ]"#,
                "wrapped_item wrapped_item",
            ),
            (
                r#"[{"a":1]"#,
                r#"[ [ { "a": 1 } ] ]"#,
                "wrapped_item missing_close",
            ),
        ],
    );
}

#[test]
fn nulls_are_absence_and_absence_is_null_only_if_asked() {
    let setting = Setting {
        options: LenientOptions {
            coerce: true,
            ..LenientOptions::default()
        },
        nulls: true,
        ..Setting::default()
    };
    check_accepted(
        setting,
        &[
            (
                r#"{"a": null, "b": null}"#,
                r#"{ "b": null "x": null "y": null }"#,
                "null_absent absent_null absent_null",
            ),
            (
                r#"{"b": 1, "a": None , "c": [{}] }"#,
                r#"{ "b": 1 "c": [ { "x": null "y": null } ] "x": null "y": null }"#,
                "null_absent absent_null absent_null absent_null absent_null",
            ),
            (
                "[{a: null}]",
                r#"[ { "x": null "y": null } ]"#,
                "unquoted_key null_absent absent_null absent_null",
            ),
            (
                r#"[{"b": {"c": 1]"#,
                r#"[ { "b": { "c": 1 "x": null "y": null } "x": null "y": null } ]"#,
                "absent_null absent_null missing_close absent_null absent_null missing_close",
            ),
        ],
    );
}
