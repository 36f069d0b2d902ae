//! Every rule of the grammar as a row: run whole, byte by byte and cut at every place, with the same
//! events, the same error, and the same position.

mod support;

use partialfast_core::json::{JsonErrorKind, Limits};
use support::json::{check_against_grammar, check_against_serde, every_cut, render};

/// The text and its events in one line (see `render`).
const VALID: &[(&str, &str)] = &[
    // Values, RFC 8259 section 3
    ("null", "null"),
    ("true", "true"),
    ("false", "false"),
    (r#""""#, r#""""#),
    ("[]", "[ ]"),
    ("{}", "{ }"),
    // White space, section 2
    (" \t\r\n null \t\r\n ", "null"),
    ("[ 1\n,\t2\r, 3 ]", "[ 1 2 3 ]"),
    ("{ \"a\" : 1 , \"b\" : 2 }", r#"{ "a": 1 "b": 2 }"#),
    ("[\n                    1\n]", "[ 1 ]"),
    ("[\n                 \t   1]", "[ 1 ]"),
    // Objects, section 4
    (r#"{"a":1}"#, r#"{ "a": 1 }"#),
    (r#"{"":0}"#, r#"{ "": 0 }"#),
    (r#"{"a":1,"a":2}"#, r#"{ "a": 1 "a": 2 }"#),
    (
        r#"{"a":{"b":{}},"c":[]}"#,
        r#"{ "a": { "b": { } } "c": [ ] }"#,
    ),
    (r#"{"\u0061\n":"x"}"#, r#"{ "a\n": "x" }"#),
    (r#"{"\"":1,"\\":2}"#, r#"{ "\"": 1 "\\": 2 }"#),
    (r#"{"é":"é"}"#, r#"{ "é": "é" }"#),
    (
        r#"{"a key of more than sixteen bytes, or even thirty-two":0}"#,
        r#"{ "a key of more than sixteen bytes, or even thirty-two": 0 }"#,
    ),
    // Arrays, section 5
    ("[[[]],[]]", "[ [ [ ] ] [ ] ]"),
    ("[1,\"a\",null,{}]", r#"[ 1 "a" null { } ]"#),
    ("[true,false,null]", "[ true false null ]"),
    // Numbers, section 6
    ("0", "0"),
    ("-0", "-0"),
    ("7", "7"),
    ("-12", "-12"),
    (
        "1234567890123456789012345678901234567890",
        "1234567890123456789012345678901234567890",
    ),
    ("0.0", "0.0f"),
    ("-0.5", "-0.5f"),
    ("3.25", "3.25f"),
    ("3.14159265358979", "3.14159265358979f"),
    ("1e1", "1e1f"),
    ("0e0", "0e0f"),
    ("1E+2", "1E+2f"),
    ("-1.5e-300", "-1.5e-300f"),
    ("1e400", "1e400f"),
    ("1.0E00007", "1.0E00007f"),
    ("12 ", "12"),
    ("[0,-1,2.5]", "[ 0 -1 2.5f ]"),
    ("[1e5,1E5]", "[ 1e5f 1E5f ]"),
    (r#"{"a":12,"b":-0.1e+1}"#, r#"{ "a": 12 "b": -0.1e+1f }"#),
    ("[12\n]", "[ 12 ]"),
    // Strings, section 7
    (r#""plain""#, r#""plain""#),
    (r#""eight ch""#, r#""eight ch""#),
    (r#""sixteen charactr""#, r#""sixteen charactr""#),
    (
        r#""thirty-two characters and a few more than that""#,
        r#""thirty-two characters and a few more than that""#,
    ),
    (r#""\"\\\/\b\f\n\r\t""#, r#""\"\\/\u{8}\u{c}\n\r\t""#),
    (r#""\u0041\u00e9\u20AC""#, r#""Aé€""#),
    (r#""\u0000""#, r#""\u{0}""#),
    (r#""\uD83D\uDE00""#, r#""😀""#),
    (r#""\ud83d\ude00!""#, r#""😀!""#),
    (r#""\uDBFF\uDFFF""#, "\"\u{10ffff}\""),
    (r#""\uD800\uDC00""#, r#""𐀀""#),
    (r#""\uD7FF\uE000""#, "\"\u{d7ff}\u{e000}\""),
    (r#""a\nb\nc""#, r#""a\nb\nc""#),
    ("\"\u{7f}\"", r#""\u{7f}""#),
    ("\"\u{80}\u{7ff}\"", "\"\\u{80}\u{7ff}\""),
    ("\"\u{800}\u{ffff}\"", "\"\u{800}\u{ffff}\""),
    ("\"\u{d7ff}\u{e000}\"", "\"\u{d7ff}\u{e000}\""),
    ("\"\u{10000}\u{10ffff}\"", "\"\u{10000}\u{10ffff}\""),
    ("\"\u{fffe}\u{feff}\"", "\"\u{fffe}\u{feff}\""),
    ("\"日本語のテキスト\"", r#""日本語のテキスト""#),
    ("\"mixed é 日本 😀 text\"", r#""mixed é 日本 😀 text""#),
    ("\"é\\né\"", r#""é\né""#),
    // Things that look like structure, inside strings
    (
        r#"["{","}","[","]",":",","]"#,
        r#"[ "{" "}" "[" "]" ":" "," ]"#,
    ),
    (r#""{\"a\":1}""#, r#""{\"a\":1}""#),
    (r#"["\\","\\\\"]"#, r#"[ "\\" "\\\\" ]"#),
];

/// The text, the events before its error, and the error: kind, offset, line, column.
type Invalid = (&'static [u8], &'static str, JsonErrorKind, u64, u64, u64);

use JsonErrorKind as K;

const INVALID: &[Invalid] = &[
    // Nothing, or too little
    (b"", "", K::Truncated, 0, 1, 1),
    (b" \n ", "", K::Truncated, 3, 2, 2),
    (b"nul", "", K::Truncated, 3, 1, 4),
    (b"-", "", K::Truncated, 1, 1, 2),
    (b"1.", "", K::Truncated, 2, 1, 3),
    (b"1e", "", K::Truncated, 2, 1, 3),
    (b"1e+", "", K::Truncated, 3, 1, 4),
    (b"[", "[", K::Truncated, 1, 1, 2),
    (b"[1", "[", K::Truncated, 2, 1, 3),
    (b"[1 ", "[ 1", K::Truncated, 3, 1, 4),
    (b"[1,", "[ 1", K::Truncated, 3, 1, 4),
    (b"{", "{", K::Truncated, 1, 1, 2),
    (b"{\"a", "{", K::Truncated, 3, 1, 4),
    (b"{\"a\"", "{ \"a\":", K::Truncated, 4, 1, 5),
    (b"{\"a\":", "{ \"a\":", K::Truncated, 5, 1, 6),
    (b"{\"a\":1", "{ \"a\":", K::Truncated, 6, 1, 7),
    (b"{\"a\":1,", "{ \"a\": 1", K::Truncated, 7, 1, 8),
    (b"\"", "\"...", K::Truncated, 1, 1, 2),
    (b"\"abc", "\"abc...", K::Truncated, 4, 1, 5),
    (b"\"abc\\", "\"abc...", K::Truncated, 5, 1, 6),
    (b"\"abc\\u00", "\"abc...", K::Truncated, 8, 1, 9),
    (b"\"abc\\ud83d", "\"abc...", K::Truncated, 10, 1, 11),
    (b"\"abc\\ud83d\\", "\"abc...", K::Truncated, 11, 1, 12),
    (b"\"abc\\ud83d\\u", "\"abc...", K::Truncated, 12, 1, 13),
    (b"\"abc\\ud83d\\ude0", "\"abc...", K::Truncated, 15, 1, 16),
    (b"\"abc\xE2\x82", "\"abc...", K::Truncated, 6, 1, 7),
    (b"\"abc\xF0\x9F\x98", "\"abc...", K::Truncated, 7, 1, 8),
    // A value must begin
    (b"x", "", K::ExpectedValue, 0, 1, 1),
    (b"\xEF\xBB\xBF1", "", K::ExpectedValue, 0, 1, 1),
    (b"\xC3\xA9", "", K::ExpectedValue, 0, 1, 1),
    (b"\x00", "", K::ExpectedValue, 0, 1, 1),
    (b"\x0B1", "", K::ExpectedValue, 0, 1, 1),
    (b"\n\n  ,", "", K::ExpectedValue, 4, 3, 3),
    (b"'a'", "", K::ExpectedValue, 0, 1, 1),
    (b"+1", "", K::ExpectedValue, 0, 1, 1),
    (b".5", "", K::ExpectedValue, 0, 1, 1),
    (b"NaN", "", K::ExpectedValue, 0, 1, 1),
    (b"Infinity", "", K::ExpectedValue, 0, 1, 1),
    (b"True", "", K::ExpectedValue, 0, 1, 1),
    (b"]", "", K::ExpectedValue, 0, 1, 1),
    (b"}", "", K::ExpectedValue, 0, 1, 1),
    (b"[,", "[", K::ExpectedValue, 1, 1, 2),
    (b"[1,]", "[ 1", K::ExpectedValue, 3, 1, 4),
    (b"[1,,2]", "[ 1", K::ExpectedValue, 3, 1, 4),
    (b"[}", "[", K::ExpectedValue, 1, 1, 2),
    (b"{\"a\":}", "{ \"a\":", K::ExpectedValue, 5, 1, 6),
    (b"{\"a\":,", "{ \"a\":", K::ExpectedValue, 5, 1, 6),
    (b"{\"a\":]", "{ \"a\":", K::ExpectedValue, 5, 1, 6),
    (b"// no", "", K::ExpectedValue, 0, 1, 1),
    (b"[/**/1]", "[", K::ExpectedValue, 1, 1, 2),
    // Members
    (b"{a", "{", K::ExpectedKeyOrEnd, 1, 1, 2),
    (b"{1:2}", "{", K::ExpectedKeyOrEnd, 1, 1, 2),
    (b"{,", "{", K::ExpectedKeyOrEnd, 1, 1, 2),
    (b"{]", "{", K::ExpectedKeyOrEnd, 1, 1, 2),
    (b"{'a':1}", "{", K::ExpectedKeyOrEnd, 1, 1, 2),
    (b"{\"a\":1,}", "{ \"a\": 1", K::ExpectedKey, 7, 1, 8),
    (b"{\"a\":1,b", "{ \"a\": 1", K::ExpectedKey, 7, 1, 8),
    (b"{\"a\":1 , ,", "{ \"a\": 1", K::ExpectedKey, 9, 1, 10),
    (b"{\"a\" 1", "{ \"a\":", K::ExpectedColon, 5, 1, 6),
    (b"{\"a\"}", "{ \"a\":", K::ExpectedColon, 4, 1, 5),
    (b"{\"a\",", "{ \"a\":", K::ExpectedColon, 4, 1, 5),
    (b"{\"a\"::1}", "{ \"a\":", K::ExpectedValue, 5, 1, 6),
    (
        b"{\"a\":1 \"b\"",
        "{ \"a\": 1",
        K::ExpectedCommaOrObjectEnd,
        7,
        1,
        8,
    ),
    (
        b"{\"a\":1]",
        "{ \"a\": 1",
        K::ExpectedCommaOrObjectEnd,
        6,
        1,
        7,
    ),
    (
        b"{\"a\":true:",
        "{ \"a\": true",
        K::ExpectedCommaOrObjectEnd,
        9,
        1,
        10,
    ),
    (
        b"{\"a\":12x",
        "{ \"a\": 12",
        K::ExpectedCommaOrObjectEnd,
        7,
        1,
        8,
    ),
    (
        b"{\"a\":\"b\"\n\n c",
        "{ \"a\": \"b\"",
        K::ExpectedCommaOrObjectEnd,
        11,
        3,
        2,
    ),
    // Items
    (b"[1 2", "[ 1", K::ExpectedCommaOrArrayEnd, 3, 1, 4),
    (b"[1}", "[ 1", K::ExpectedCommaOrArrayEnd, 2, 1, 3),
    (b"[1:2]", "[ 1", K::ExpectedCommaOrArrayEnd, 2, 1, 3),
    (
        b"[\"a\" \"b\"]",
        "[ \"a\"",
        K::ExpectedCommaOrArrayEnd,
        5,
        1,
        6,
    ),
    (b"[[]\n[]]", "[ [ ]", K::ExpectedCommaOrArrayEnd, 4, 2, 1),
    (
        b"[\"a\"\x00]",
        "[ \"a\"",
        K::ExpectedCommaOrArrayEnd,
        4,
        1,
        5,
    ),
    (
        b"[truefalse]",
        "[ true",
        K::ExpectedCommaOrArrayEnd,
        5,
        1,
        6,
    ),
    (b"[1\xC3\xA9]", "[ 1", K::ExpectedCommaOrArrayEnd, 2, 1, 3),
    // Literals
    (b"nulL", "", K::InvalidLiteral, 3, 1, 4),
    (b"nuII", "", K::InvalidLiteral, 2, 1, 3),
    (b"nil", "", K::InvalidLiteral, 1, 1, 2),
    (b"[t]", "[", K::InvalidLiteral, 2, 1, 3),
    (b"[f,", "[", K::InvalidLiteral, 2, 1, 3),
    (b"fals ", "", K::InvalidLiteral, 4, 1, 5),
    (b"tRUE", "", K::InvalidLiteral, 1, 1, 2),
    // Numbers
    (b"01", "", K::InvalidNumber, 1, 1, 2),
    (b"00", "", K::InvalidNumber, 1, 1, 2),
    (b"-01", "", K::InvalidNumber, 2, 1, 3),
    (b"[012]", "[", K::InvalidNumber, 2, 1, 3),
    (b"--1", "", K::InvalidNumber, 1, 1, 2),
    (b"-a", "", K::InvalidNumber, 1, 1, 2),
    (b"-.5", "", K::InvalidNumber, 1, 1, 2),
    (b"-Infinity", "", K::InvalidNumber, 1, 1, 2),
    (b"[-]", "[", K::InvalidNumber, 2, 1, 3),
    (b"[1.]", "[", K::InvalidNumber, 3, 1, 4),
    (b"1.e1", "", K::InvalidNumber, 2, 1, 3),
    (b"1..2", "", K::InvalidNumber, 2, 1, 3),
    (b"1.-2", "", K::InvalidNumber, 2, 1, 3),
    (b"[1e]", "[", K::InvalidNumber, 3, 1, 4),
    (b"1ee", "", K::InvalidNumber, 2, 1, 3),
    (b"1e.5", "", K::InvalidNumber, 2, 1, 3),
    (b"1e+-", "", K::InvalidNumber, 3, 1, 4),
    (b"[1e+]", "[", K::InvalidNumber, 4, 1, 5),
    // A number ends where its grammar does; what follows is another matter.
    (b"1.5.2", "1.5f", K::TrailingData, 3, 1, 4),
    (b"1e5e", "1e5f", K::TrailingData, 3, 1, 4),
    (b"1e5.", "1e5f", K::TrailingData, 3, 1, 4),
    (b"1-2", "1", K::TrailingData, 1, 1, 2),
    (b"0x1F", "0", K::TrailingData, 1, 1, 2),
    (b"1_000", "1", K::TrailingData, 1, 1, 2),
    (b"[0x1]", "[ 0", K::ExpectedCommaOrArrayEnd, 2, 1, 3),
    (b"[1+1]", "[ 1", K::ExpectedCommaOrArrayEnd, 2, 1, 3),
    // Strings: control characters
    (b"\"a\nb\"", "\"a...", K::ControlCharacter, 2, 1, 3),
    (b"\"\x00", "\"...", K::ControlCharacter, 1, 1, 2),
    (b"\"\x1F\"", "\"...", K::ControlCharacter, 1, 1, 2),
    (
        b"\"a long enough stretch of plain text\tb",
        "\"a long enough stretch of plain text...",
        K::ControlCharacter,
        36,
        1,
        37,
    ),
    (b"{\"a\tb", "{", K::ControlCharacter, 3, 1, 4),
    // Strings: escapes
    (b"\"\\x", "\"...", K::InvalidEscape, 2, 1, 3),
    (b"\"ab\\'", "\"ab...", K::InvalidEscape, 4, 1, 5),
    (b"\"\\U0041", "\"...", K::InvalidEscape, 2, 1, 3),
    (b"\"\\\n", "\"...", K::InvalidEscape, 2, 1, 3),
    (b"\"\\\xC3", "\"...", K::InvalidEscape, 2, 1, 3),
    (b"\"\\u\"", "\"...", K::InvalidEscape, 3, 1, 4),
    (b"\"\\ug000", "\"...", K::InvalidEscape, 3, 1, 4),
    (b"\"\\u00g0", "\"...", K::InvalidEscape, 5, 1, 6),
    (b"\"\\u004\"", "\"...", K::InvalidEscape, 6, 1, 7),
    (b"\"\\u 041", "\"...", K::InvalidEscape, 3, 1, 4),
    (b"\"\\u+041", "\"...", K::InvalidEscape, 3, 1, 4),
    (b"{\"\\q", "{", K::InvalidEscape, 3, 1, 4),
    // Strings: surrogates
    (b"\"\\uDC00", "\"...", K::LoneSurrogate, 4, 1, 5),
    (b"\"\\udfff\"", "\"...", K::LoneSurrogate, 4, 1, 5),
    (b"\"x\\uD800\"", "\"x...", K::LoneSurrogate, 8, 1, 9),
    (b"\"\\uD800x", "\"...", K::LoneSurrogate, 7, 1, 8),
    (b"\"\\uD800\x01", "\"...", K::LoneSurrogate, 7, 1, 8),
    (b"\"\\uD800\xC3\xA9", "\"...", K::LoneSurrogate, 7, 1, 8),
    (b"\"\\uD800\\n", "\"...", K::LoneSurrogate, 8, 1, 9),
    (b"\"\\uD800\\\"", "\"...", K::LoneSurrogate, 8, 1, 9),
    (b"\"\\uD800\\u0041", "\"...", K::LoneSurrogate, 9, 1, 10),
    (b"\"\\uD800\\uD7FF", "\"...", K::LoneSurrogate, 10, 1, 11),
    (b"\"\\uD800\\uD800", "\"...", K::LoneSurrogate, 10, 1, 11),
    (b"\"\\uDBFF\\uE000", "\"...", K::LoneSurrogate, 9, 1, 10),
    (b"\"\\uD800\\uz", "\"...", K::InvalidEscape, 9, 1, 10),
    (b"\"\\uD800\\uDz", "\"...", K::InvalidEscape, 10, 1, 11),
    (b"\"\\uD8z", "\"...", K::InvalidEscape, 5, 1, 6),
    (b"{\"\\uDC00", "{", K::LoneSurrogate, 5, 1, 6),
    // Strings: UTF-8 (RFC 3629, section 4)
    (b"\"\x80", "\"...", K::InvalidUtf8, 1, 1, 2),
    (b"\"ab\xBF\"", "\"ab...", K::InvalidUtf8, 3, 1, 4),
    (b"\"\xC0\x80", "\"...", K::InvalidUtf8, 1, 1, 2),
    (b"\"\xC1\xBF", "\"...", K::InvalidUtf8, 1, 1, 2),
    (b"\"\xC2\"", "\"...", K::InvalidUtf8, 2, 1, 3),
    (b"\"\xC3\x28", "\"...", K::InvalidUtf8, 2, 1, 3),
    (b"\"\xDF\xC0", "\"...", K::InvalidUtf8, 2, 1, 3),
    (b"\"\xE0\x9F\xBF", "\"...", K::InvalidUtf8, 2, 1, 3),
    (b"\"\xE2\x28\xA1", "\"...", K::InvalidUtf8, 2, 1, 3),
    (b"\"\xE2\x82\x28", "\"...", K::InvalidUtf8, 3, 1, 4),
    (b"\"\xE2\x82\"", "\"...", K::InvalidUtf8, 3, 1, 4),
    (b"\"\xED\xA0\x80", "\"...", K::InvalidUtf8, 2, 1, 3),
    (b"\"\xF0\x8F\xBF\xBF", "\"...", K::InvalidUtf8, 2, 1, 3),
    (b"\"\xF0\x9F\x98\x28", "\"...", K::InvalidUtf8, 4, 1, 5),
    (b"\"\xF0\x9F\x98\\n", "\"...", K::InvalidUtf8, 4, 1, 5),
    (b"\"\xF4\x90\x80\x80", "\"...", K::InvalidUtf8, 2, 1, 3),
    (b"\"\xF5\x80\x80\x80", "\"...", K::InvalidUtf8, 1, 1, 2),
    (b"\"\xFE", "\"...", K::InvalidUtf8, 1, 1, 2),
    (b"\"\xFF", "\"...", K::InvalidUtf8, 1, 1, 2),
    (
        b"\"caf\xC3\xA9 na\xEFve\"",
        "\"caf\u{e9} na...",
        K::InvalidUtf8,
        10,
        1,
        11,
    ),
    (b"{\"\xC3\xA9\xA9", "{", K::InvalidUtf8, 4, 1, 5),
    // Behind the root value
    (b"1 2", "1", K::TrailingData, 2, 1, 3),
    (b"{} {}", "{ }", K::TrailingData, 3, 1, 4),
    (b"[]]", "[ ]", K::TrailingData, 2, 1, 3),
    (b"null,", "null", K::TrailingData, 4, 1, 5),
    (b"\"a\"\"b\"", "\"a\"", K::TrailingData, 3, 1, 4),
    (b"true\n\n  x", "true", K::TrailingData, 8, 3, 3),
    (b"nullx", "null", K::TrailingData, 4, 1, 5),
    (b"1\x00", "1", K::TrailingData, 1, 1, 2),
];

#[test]
fn valid_rows() {
    for &(text, events) in VALID {
        let outcome = every_cut(Limits::default(), text.as_bytes());
        assert_eq!(outcome.result, Ok(()), "{text}");
        assert_eq!(render(&outcome.events), events, "{text}");
        check_against_serde(text.as_bytes(), &outcome);
        check_against_grammar(text.as_bytes(), &outcome);
    }
}

#[test]
fn invalid_rows() {
    for &(text, events, kind, offset, line, column) in INVALID {
        let shown = String::from_utf8_lossy(text);
        let outcome = every_cut(Limits::default(), text);
        let error = outcome.result.expect_err(&shown);
        assert_eq!(
            (error.kind, error.offset, error.line, error.column),
            (kind, offset, line, column),
            "{shown}"
        );
        assert_eq!(render(&outcome.events), events, "{shown}");
        check_against_serde(text, &outcome);
        check_against_grammar(text, &outcome);
    }
}

/// A valid text with one more byte in front of an error is an error of the same kind further on:
/// lines and columns are counted through everything that can stand before it.
#[test]
fn positions_after_every_kind_of_token() {
    let before = "[\n  {\"k\\u00e9y\": [1.5e3, \"日本\\n\"],\r\n   \"b\": true},\n  null,\n\t";
    let text = format!("{before}x");
    let error = every_cut(Limits::default(), text.as_bytes())
        .result
        .expect_err("x begins no value");
    assert_eq!(error.kind, K::ExpectedValue);
    assert_eq!(error.offset, before.len() as u64);
    assert_eq!((error.line, error.column), (5, 2));
}

#[test]
fn names_and_messages_are_distinct() {
    let kinds = [
        K::ExpectedValue,
        K::ExpectedKeyOrEnd,
        K::ExpectedKey,
        K::ExpectedColon,
        K::ExpectedCommaOrObjectEnd,
        K::ExpectedCommaOrArrayEnd,
        K::InvalidLiteral,
        K::InvalidNumber,
        K::ControlCharacter,
        K::InvalidEscape,
        K::LoneSurrogate,
        K::InvalidUtf8,
        K::TrailingData,
        K::DepthLimit,
        K::SizeLimit,
        K::NumberLimit,
        K::KeyLimit,
        K::Truncated,
        K::Aborted,
    ];
    for (index, kind) in kinds.iter().enumerate() {
        for other in &kinds[..index] {
            assert_ne!(kind.name(), other.name());
            assert_ne!(kind.message(), other.message());
        }
    }
    let error = every_cut(Limits::default(), b"[1,\n]")
        .result
        .expect_err("no item");
    assert_eq!(
        error.to_string(),
        "expected a value at line 2 column 1 (byte 4)"
    );
}
