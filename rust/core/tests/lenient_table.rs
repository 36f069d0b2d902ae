//! What is accepted and as what, and what is refused: every row whole, byte by byte and cut in two at
//! every place, with the same strict text, events, error and repairs; and nothing shown early is
//! anything but the beginning of what is shown later.

mod support;

use partialfast_core::json::JsonErrorKind as Kind;
use partialfast_core::lenient::LenientOptions;
use support::lenient::{Setting, check_accepted, check_refused, every_cut};

#[test]
fn strict_text_is_not_touched() {
    check_accepted(
        Setting::default(),
        &[
            ("{}", "{ }", ""),
            (
                " { \"a\" : [ 1 , -2.5e3 , \"x\\n\\u00e9é\" ] ,\n\"b\":null}\n",
                "{ \"a\": [ 1 -2.5e3f \"x\\néé\" ] \"b\": null }",
                "",
            ),
            ("12", "12", ""),
            ("true", "true", ""),
            ("\"{a:b}\"", "\"{a:b}\"", ""),
        ],
    );
}

#[test]
fn control_characters() {
    check_accepted(
        Setting::default(),
        &[
            (
                "\"a\nb\tc\"",
                r#""a\nb\tc""#,
                "control_character control_character",
            ),
            ("{\"a\nb\": 0}", r#"{ "a\nb": 0 }"#, "control_character"),
            (
                "'\u{1}\u{0}\r'",
                r#""\u{1}\u{0}\r""#,
                "quotes control_character control_character control_character",
            ),
        ],
    );
}

#[test]
fn commas() {
    check_accepted(
        Setting::default(),
        &[
            ("[1,]", "[ 1 ]", "extra_comma"),
            ("[1 , \n ]", "[ 1 ]", "extra_comma"),
            ("[,1]", "[ 1 ]", "extra_comma"),
            ("[1,,2]", "[ 1 2 ]", "extra_comma"),
            ("[,]", "[ ]", "extra_comma"),
            (
                r#"{,"a":1,,"b":2,}"#,
                r#"{ "a": 1 "b": 2 }"#,
                "extra_comma extra_comma extra_comma",
            ),
            ("[1,2],", "[ 1 2 ]", "extra_comma"),
            ("[1\n2]", "[ 1 2 ]", "missing_comma"),
            ("[1 2.5]", "[ 1 2.5f ]", "missing_comma"),
            (r#"["a" "b"]"#, r#"[ "a" "b" ]"#, "missing_comma"),
            (r#"["a" 2]"#, r#"[ "a" 2 ]"#, "missing_comma"),
            ("[{}{}]", "[ { } { } ]", "missing_comma"),
            ("[[1]true]", "[ [ 1 ] true ]", "missing_comma"),
            ("[1 \"a\"]", "[ 1 \"a\" ]", "missing_comma"),
            ("[true[1]]", "[ true [ 1 ] ]", "missing_comma"),
            (
                "{\"a\":2\n\"b\":3}",
                r#"{ "a": 2 "b": 3 }"#,
                "missing_comma",
            ),
            (
                r#"{"a":"x""b":3}"#,
                r#"{ "a": "x" "b": 3 }"#,
                "missing_comma",
            ),
            (
                "{\"a\":\"x\"\n b:3}",
                r#"{ "a": "x" "b": 3 }"#,
                "missing_comma unquoted_key",
            ),
            (
                r#"{"a":{}b:3}"#,
                r#"{ "a": { } "b": 3 }"#,
                "missing_comma unquoted_key",
            ),
            ("[1/**/2]", "[ 1 2 ]", "comment missing_comma"),
        ],
    );
}

#[test]
fn quotes() {
    check_accepted(
        Setting::default(),
        &[
            ("{'a': 'b\"c'}", r#"{ "a": "b\"c" }"#, "quotes quotes"),
            ("`a`", "\"a\"", "quotes"),
            ("`a´", "\"a\"", "quotes"),
            ("{“a”: “b”}", r#"{ "a": "b" }"#, "quotes quotes"),
            ("{‘a’: ‘b”c’}", "{ \"a\": \"b”c\" }", "quotes quotes"),
            (
                "[„a“, «b», ”c”, “d\"]",
                r#"[ "a" "b" "c" "d" ]"#,
                "quotes quotes quotes quotes",
            ),
            ("\"a’b\"", "\"a’b\"", ""),
            ("'a\\'b'", "\"a'b\"", "quotes escape"),
            ("`a\\`b`", "\"a`b\"", "quotes escape"),
            ("“a\\”b”", "\"a”b\"", "quotes escape"),
        ],
    );
}

#[test]
fn keys_without_quotes() {
    check_accepted(
        Setting::default(),
        &[
            ("{a:2}", r#"{ "a": 2 }"#, "unquoted_key"),
            ("{ $a_b-1 : 2 }", r#"{ "$a_b-1": 2 }"#, "unquoted_key"),
            (
                "{2: 2, größe: 1}",
                r#"{ "2": 2 "größe": 1 }"#,
                "unquoted_key unquoted_key",
            ),
            ("{true: 1}", r#"{ "true": 1 }"#, "unquoted_key"),
        ],
    );
}

#[test]
fn comments() {
    check_accepted(
        Setting::default(),
        &[
            ("/* a */ {} // b", "{ }", "comment comment"),
            ("{} /* b", "{ }", "comment"),
            (
                "# a\n[1, # b\n2 // c\n]#",
                "[ 1 2 ]",
                "comment comment comment comment",
            ),
            (
                "{/**/\"a\"/***/:/* * */true/**/}",
                r#"{ "a": true }"#,
                "comment comment comment comment",
            ),
            (
                "[1//x\n,2/*x*/,null//\n]",
                "[ 1 2 null ]",
                "comment comment comment",
            ),
            (
                "[a /* b */, c // d\n]",
                r#"[ "a" "c" ]"#,
                "comment unquoted_word comment unquoted_word",
            ),
            ("{a /* b */: 1}", r#"{ "a": 1 }"#, "comment unquoted_key"),
        ],
    );
}

#[test]
fn literals_and_floats() {
    check_accepted(
        Setting::default(),
        &[
            (
                "[True,FALSE,None,nULL,undefined]",
                "[ true false null null null ]",
                "literal literal literal literal literal",
            ),
            ("True", "true", "literal"),
            (
                "[NaN, Infinity,-Infinity]",
                "[ NaNf Infinityf -Infinityf ]",
                "non_finite non_finite non_finite",
            ),
            (
                "{\"a\":NaN,\"b\":1}",
                r#"{ "a": NaNf "b": 1 }"#,
                "non_finite",
            ),
            ("NaN", "NaNf", "non_finite"),
        ],
    );
}

#[test]
fn numbers() {
    check_accepted(
        Setting::default(),
        &[
            (
                "[+5,.5,5.,1_000,0x1F]",
                "[ 5 0.5f 5.0f 1000 31 ]",
                "number number number number number",
            ),
            (
                "[-.5,+.5e1,-0XfF,5.e3,1_0.0_1]",
                "[ -0.5f 0.5e1f -255 5.0e3f 10.01f ]",
                "number number number number number",
            ),
            ("[ .5]", "[ 0.5f ]", "number"),
            ("[1 .5]", "[ 1 0.5f ]", "missing_comma number"),
            ("+5", "5", "number"),
            ("0x1F ", "31", "number"),
        ],
    );
}

#[test]
fn words() {
    check_accepted(
        Setting::default(),
        &[
            ("[a,b]", r#"[ "a" "b" ]"#, "unquoted_word unquoted_word"),
            (
                "{a: John , b: N/A}",
                r#"{ "a": "John" "b": "N/A" }"#,
                "unquoted_key unquoted_word unquoted_key unquoted_word",
            ),
            ("[a\n]", r#"[ "a" ]"#, "unquoted_word"),
            (
                "[trueish, größe, a.b@c.d]",
                r#"[ "trueish" "größe" "a.b@c.d" ]"#,
                "unquoted_word unquoted_word unquoted_word",
            ),
            (
                "[57eeeeb1-450b-482c-81b9-4be77e95dee2, 2nd]",
                r#"[ "57eeeeb1-450b-482c-81b9-4be77e95dee2" "2nd" ]"#,
                "unquoted_word unquoted_word",
            ),
            (
                "[1.1.1, 192.168.0.1, 2.5k, 50%, 12345/67890, 2e3.4]",
                r#"[ "1.1.1" "192.168.0.1" "2.5k" "50%" "12345/67890" "2e3.4" ]"#,
                "unquoted_word unquoted_word unquoted_word unquoted_word unquoted_word unquoted_word",
            ),
            (
                "[5/* // */, 5 // x\n, N/A/* x */]",
                r#"[ 5 5 "N/A" ]"#,
                "comment comment comment unquoted_word",
            ),
        ],
    );
}

#[test]
fn escapes() {
    check_accepted(
        Setting::default(),
        &[
            (r#""it\'s""#, "\"it's\"", "escape"),
            (r#""\d\_""#, r#""\\d\\_""#, "escape escape"),
            (r#""\u12""#, r#""\\u12""#, "escape"),
            (r#""\u12\u0041\n""#, r#""\\u12A\n""#, "escape"),
            ("\"\\é\"", "\"\\\\é\"", "escape"),
            ("{\"\\x\": 0}", r#"{ "\\x": 0 }"#, "escape"),
        ],
    );
}

#[test]
fn blanks() {
    check_accepted(
        Setting::default(),
        &[
            (
                r#"{\n\t"a": 1,\r\n"b":\n2}\n"#,
                r#"{ "a": 1 "b": 2 }"#,
                "blank blank blank blank blank blank",
            ),
            (
                "\u{feff}{\"a\":\u{a0}\"b\u{a0}\"\u{3000}}",
                "{ \"a\": \"b\u{a0}\" }",
                "blank blank blank",
            ),
            (r"[1\n]", "[ 1 ]", "blank"),
        ],
    );
}

#[test]
fn closing_brackets() {
    check_accepted(
        Setting::default(),
        &[
            (r#"[{"b":2]"#, r#"[ { "b": 2 } ]"#, "missing_close"),
            (r#"{"v":[1,2}"#, r#"{ "v": [ 1 2 ] }"#, "missing_close"),
            (
                r#"{"v":[1,2,}"#,
                r#"{ "v": [ 1 2 ] }"#,
                "extra_comma missing_close",
            ),
            (
                r#"{"a":[{"k":"v"],"b":[[[}"#,
                r#"{ "a": [ { "k": "v" } ] "b": [ [ [ ] ] ] }"#,
                "missing_close missing_close missing_close missing_close",
            ),
        ],
    );
}

#[test]
fn absent_values() {
    check_accepted(
        Setting::default(),
        &[
            (r#"{"a":,"b":2}"#, r#"{ "b": 2 }"#, "absent_value"),
            (r#"{"a": }"#, "{ }", "absent_value"),
            (
                r#"{"b":2, "a": , }"#,
                r#"{ "b": 2 }"#,
                "absent_value extra_comma",
            ),
            (
                r#"{"b":2, a:,"c":3}"#,
                r#"{ "b": 2 "c": 3 }"#,
                "unquoted_key absent_value",
            ),
            (r#"[{"a":]"#, "[ { } ]", "absent_value missing_close"),
        ],
    );
}

#[test]
fn ellipses() {
    check_accepted(
        Setting::default(),
        &[
            ("[1, 2, ... ]", "[ 1 2 ]", "ellipsis"),
            ("[...,7]", "[ 7 ]", "ellipsis"),
            ("[1, ..., 3]", "[ 1 3 ]", "ellipsis"),
            ("[1 ... , 3]", "[ 1 3 ]", "ellipsis"),
            ("[1, … 3]", "[ 1 3 ]", "ellipsis"),
            ("[...]", "[ ]", "ellipsis"),
            (r#"{"a":2,...}"#, r#"{ "a": 2 }"#, "ellipsis"),
            (
                r#"{"a":{"b":3, ... }}"#,
                r#"{ "a": { "b": 3 } }"#,
                "ellipsis",
            ),
        ],
    );
}

#[test]
fn documents_one_level_down() {
    check_accepted(
        Setting::default(),
        &[
            (r#"{\"a\": \"b\"}"#, r#"{ "a": "b" }"#, "escaped_document"),
            (r#"\"hello world\""#, r#""hello world""#, "escaped_document"),
            (
                r#"[\"a \\\"b\\\" \\n\"]\n"#,
                r#"[ "a \"b\" \n" ]"#,
                "escaped_document",
            ),
            (r#"[\"a \\"b\\"\"]"#, r#"[ "a \"b\"" ]"#, "escaped_document"),
            (
                r#"{\n  \"a\": \"\ud83d\ude00\"}"#,
                "{ \"a\": \"😀\" }",
                "blank escaped_document",
            ),
        ],
    );
    let nested = Setting {
        options: LenientOptions {
            nested: true,
            ..LenientOptions::default()
        },
        nested: true,
        ..Setting::default()
    };
    check_accepted(
        nested,
        &[
            (
                r#""{\"a\": [1, 2.5]}""#,
                r#"{ "a": [ 1 2.5f ] }"#,
                "nested_text",
            ),
            (
                r#"{"a": "{\"b\": 1}" , "c": 2}"#,
                r#"{ "a": { "b": 1 } "c": 2 }"#,
                "nested_text",
            ),
            (
                r#"{"a": " \n [1,]\n", "c": "no {}"}"#,
                r#"{ "a": [ 1 ] "c": "no {}" }"#,
                "nested_text extra_comma",
            ),
            (r#"["\n[true]\n"]"#, "[ [ true ] ]", "nested_text"),
            (
                r#"["\nx", " \"", "\\", "\n", ""]"#,
                r#"[ "\nx" " \"" "\\" "\n" "" ]"#,
                "",
            ),
            (
                r#"['{"a": "b"}']"#,
                r#"[ { "a": "b" } ]"#,
                "quotes nested_text",
            ),
            (
                r#"{"a": "{'b': \"c\"}"}"#,
                r#"{ "a": { "b": "c" } }"#,
                "nested_text quotes",
            ),
            (
                r#""{\"a\": \"[\\\"x\\\"]\"}""#,
                r#"{ "a": [ "x" ] }"#,
                "nested_text nested_text",
            ),
        ],
    );
    check_refused(
        nested,
        &[
            (r#"["{\"a\": 1"]"#, Kind::ExpectedCommaOrObjectEnd, 11),
            (r#"["[1] x"]"#, Kind::TrailingData, 6),
            (r#"["[1}"]"#, Kind::ExpectedCommaOrArrayEnd, 4),
        ],
    );
}

#[test]
fn what_can_only_be_guessed_is_refused() {
    check_refused(
        Setting::default(),
        &[
            // Several unquoted words.
            ("hello   world", Kind::UnquotedText, 0),
            ("Sorry", Kind::UnquotedText, 0),
            ("{\"a\": New York}", Kind::UnquotedText, 10),
            ("[None of these]", Kind::UnquotedText, 6),
            ("[a b]", Kind::UnquotedText, 3),
            ("[a\", 1]", Kind::UnquotedText, 2),
            ("{u: https://x.y}", Kind::UnquotedText, 9),
            ("[f(1)]", Kind::UnquotedText, 2),
            ("{a: foo//bar\n}", Kind::UnquotedText, 7),
            ("[C#]", Kind::UnquotedText, 2),
            ("[5\", 6\"]", Kind::UnquotedText, 2),
            // Thousands separators.
            ("[1,000]", Kind::ThousandsSeparator, 3),
            ("{\"a\": 1,234}", Kind::ThousandsSeparator, 8),
            ("[1 234]", Kind::ThousandsSeparator, 3),
            ("{\"a\": 1 000}", Kind::ThousandsSeparator, 8),
            ("[1'000]", Kind::ThousandsSeparator, 2),
            // Concatenated strings.
            (r#""a" + "b""#, Kind::ConcatenatedStrings, 4),
            (r#"{"a": "b" + "c"}"#, Kind::ConcatenatedStrings, 10),
            (r#"{"a": "b" "c"}"#, Kind::ConcatenatedStrings, 10),
            // Leading zeros.
            ("0789", Kind::LeadingZero, 0),
            ("[05e]", Kind::LeadingZero, 1),
            ("[00.]", Kind::LeadingZero, 1),
            // Unquoted dates.
            ("[2024-10-18]", Kind::UnquotedDate, 1),
            ("{\"d\":2024-10-18T18:35:22.229Z}", Kind::UnquotedDate, 5),
            ("[10:30]", Kind::UnquotedDate, 1),
            // Missing colons.
            (r#"{"a" "b"}"#, Kind::MissingColon, 5),
            (r#"{"a" 2}"#, Kind::MissingColon, 5),
            ("{a 'b'}", Kind::MissingColon, 3),
            ("{a}", Kind::MissingColon, 2),
            (r#"{"a": 1, COMMENT "b": 2}"#, Kind::MissingColon, 17),
            // Several documents.
            ("1\n2", Kind::SeveralDocuments, 2),
            ("{} {}", Kind::SeveralDocuments, 3),
            ("{},{}", Kind::SeveralDocuments, 3),
            (r#"[] "a""#, Kind::SeveralDocuments, 3),
            // Quotes that are not escaped.
            (r#"{"a": "v"alue"}"#, Kind::UnescapedQuote, 9),
            (r#"["lorem "ipsum" sic"]"#, Kind::UnescapedQuote, 9),
            (r#"["a""b"]"#, Kind::UnescapedQuote, 4),
            (r#"{"a": "x b: y" c: 1}"#, Kind::UnescapedQuote, 15),
            // No such container is open.
            ("{]", Kind::ExpectedKeyOrEnd, 1),
            ("[2,}", Kind::ExpectedValue, 3),
            ("{\"a\":2,]", Kind::ExpectedKey, 7),
            ("{}}", Kind::TrailingData, 2),
            // Nothing that is known.
            ("[1/3]", Kind::UnquotedDate, 1),
            ("[10/18/2024]", Kind::UnquotedDate, 1),
            ("[1.5.]", Kind::InvalidNumber, 1),
            ("[1..5]", Kind::InvalidNumber, 1),
            ("[1/]", Kind::InvalidNumber, 2),
            ("[5-3]", Kind::UnquotedDate, 1),
            ("[555-1234]", Kind::InvalidNumber, 1),
            ("[1+2.3]", Kind::InvalidNumber, 1),
            ("[1.000.000]", Kind::ThousandsSeparator, 1),
            ("[2e+]", Kind::InvalidNumber, 1),
            ("[-]", Kind::InvalidNumber, 1),
            ("(1, 2)", Kind::ExpectedValue, 0),
            ("{\"a\": ...}", Kind::InvalidNumber, 6),
            ("[..]", Kind::ExpectedValue, 1),
            ("[\"key\": 1]", Kind::ExpectedCommaOrArrayEnd, 6),
            ("\"\\ud83d x\"", Kind::LoneSurrogate, 7),
            ("{} text", Kind::TrailingData, 3),
        ],
    );
}

#[test]
fn truncation_stays_truncation() {
    let rows = [
        "",
        " ",
        "{",
        "{\"a\"",
        "{'a",
        "{a",
        "{a:",
        "[1",
        "[1,",
        "[tru",
        "Tru",
        "2.",
        "2e",
        "+",
        "0x",
        "[\"a\" 2",
        "\"\\u12",
        "'abc",
        "{\"a\": wor",
        "/* a",
        "[..",
        "[a /",
        "{\\\"a",
        "“abc",
        "Infin",
        "1_",
        "[\"a\\",
    ];
    for text in rows {
        let outcome = every_cut(Setting::default(), text.as_bytes());
        let error = outcome.result.expect_err(text);
        assert_eq!(
            (error.kind, error.offset),
            (Kind::Truncated, text.len() as u64),
            "{text}"
        );
    }
}

#[test]
fn errors_stand_in_the_models_own_text() {
    let limits = partialfast_core::json::Limits {
        max_depth: 2,
        max_key: 4,
        max_number: 4,
        max_bytes: 60,
    };
    let setting = Setting {
        options: LenientOptions {
            limits,
            ..LenientOptions::default()
        },
        ..Setting::default()
    };
    check_refused(
        setting,
        &[
            // The depth is the strict machine's to hold; what stands before it is longer here.
            ("{a:'\n\"', /* c */\n b:[[]]}", Kind::DepthLimit, 21),
            ("{'abcde': 1}", Kind::KeyLimit, 6),
            ("{\"abcde\": 1}", Kind::KeyLimit, 6),
            ("{abcde: 1}", Kind::KeyLimit, 5),
            ("[,12345]", Kind::NumberLimit, 6),
            ("['', '\\ud83d']", Kind::LoneSurrogate, 12),
            (
                "'                                                            '",
                Kind::SizeLimit,
                60,
            ),
        ],
    );
}

#[test]
fn bytes_that_are_not_utf8() {
    for (text, offset) in [
        (&b"[1, \"a\xff\"]"[..], 6),
        (b"['a\xe2\x28']", 4),
        (b"[,'\xf0\x9f\x92'", 6),
        (b"{\"\xff\": 1}", 2),
        (b"{'\xff': 1}", 2),
        (b"[\xff]", 1),
        (b"[\xe2\x80]", 3),
        (b"{\\\"\xff\\\"", 3),
    ] {
        let outcome = every_cut(Setting::default(), text);
        let error = outcome.result.expect_err("no UTF-8");
        assert_eq!(
            (error.kind, error.offset),
            (Kind::InvalidUtf8, offset),
            "{text:?}"
        );
    }
}

#[test]
fn repairs_know_their_places() {
    let text = "{'a': 1,\n  b: True, // c\n\"d\": \"x\ny\",}";
    let outcome = every_cut(Setting::default(), text.as_bytes());
    let places: Vec<_> = outcome
        .repairs
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
    assert_eq!(
        places,
        [
            ("quotes", 1, 1, 2),
            ("unquoted_key", 11, 2, 3),
            ("literal", 14, 2, 6),
            ("comment", 20, 2, 12),
            ("control_character", 32, 3, 8),
            ("extra_comma", 35, 4, 3),
        ]
    );
}

#[test]
fn repairs_are_bounded() {
    let setting = Setting {
        options: LenientOptions {
            max_repairs: 2,
            ..LenientOptions::default()
        },
        ..Setting::default()
    };
    check_accepted(setting, &[("['a','b']", r#"[ "a" "b" ]"#, "quotes quotes")]);
    check_refused(setting, &[("['a','b','c']", Kind::RepairLimit, 9)]);
}
