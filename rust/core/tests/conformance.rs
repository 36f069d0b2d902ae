//! Files in the style of `JSONTestSuite`: what must be accepted, what must be rejected, and what the
//! RFC leaves to the implementation, where our answer is written down here.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use partialfast_core::json::{JsonErrorKind as K, Limits};
use support::json::{Outcome, check_against_grammar, check_against_serde, every_cut};

/// Above this length the grammar, which is slow, is not asked.
const JUDGED: usize = 2000;

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a folder that can be read").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let bytes = fs::read(&path).expect("a file that can be read");
            (name.into_owned(), bytes)
        })
        .collect()
}

/// Runs a file whole, byte by byte and at every cut, and against the oracles.
fn outcome(text: &[u8]) -> Outcome {
    let outcome = every_cut(Limits::default(), text);
    let limited = matches!(&outcome.result, Err(error) if error.kind == K::DepthLimit);
    if !limited {
        check_against_serde(text, &outcome);
        if text.len() <= JUDGED {
            check_against_grammar(text, &outcome);
        }
    }
    outcome
}

fn own(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder);
    files(&folder)
}

#[test]
fn must_accept() {
    let files = own("accept");
    assert!(files.len() >= 50);
    for (name, text) in files {
        assert_eq!(outcome(&text).result, Ok(()), "{name}");
    }
}

#[test]
fn must_reject() {
    let files = own("reject");
    assert!(files.len() >= 140);
    for (name, text) in files {
        assert!(outcome(&text).result.is_err(), "{name}");
    }
}

/// What RFC 8259 leaves open, and our answer.
const EITHER: &[(&str, Option<K>)] = &[
    // Section 8.1: a byte order mark may be ignored. It is no white space; nothing is deleted.
    ("bom", Some(K::ExpectedValue)),
    // Section 9: depth may be limited. `Limits::max_depth`.
    ("depth_201", Some(K::DepthLimit)),
    ("depth_201_objects", Some(K::DepthLimit)),
    // Section 4: names should be unique. All are told; what they mean is the consumer's matter.
    ("key_duplicate_types", None),
    ("key_duplicate_values", None),
    ("key_empty_duplicate", None),
    // Section 6: range may be limited. The text is handed out as written.
    ("number_exponent_overflow", None),
    ("number_float_5000_digits", None),
    ("number_integer_5000_digits", None),
    ("number_negative_overflow", None),
    ("number_overflow", None),
    ("number_underflow", None),
    // Section 8.2: a lone surrogate is no character; a string that holds one is not UTF-8.
    ("object_lone_surrogate_key", Some(K::LoneSurrogate)),
    ("string_high_high", Some(K::LoneSurrogate)),
    ("string_high_surrogate", Some(K::LoneSurrogate)),
    ("string_high_surrogate_escape", Some(K::LoneSurrogate)),
    ("string_high_surrogate_text", Some(K::LoneSurrogate)),
    ("string_high_then_character", Some(K::LoneSurrogate)),
    ("string_low_surrogate", Some(K::LoneSurrogate)),
    ("string_surrogates_swapped", Some(K::LoneSurrogate)),
    ("string_noncharacter_escape", None),
    ("string_nul_escape", None),
    ("string_unassigned", None),
];

#[test]
fn our_answers() {
    check_answers(&own("either"), EITHER);
}

fn check_answers(files: &[(String, Vec<u8>)], answers: &[(&str, Option<K>)]) {
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for (name, _) in answers {
        assert!(names.contains(name), "no file for {name}");
    }
    for (name, text) in files {
        let answer = answers.iter().find(|(other, _)| other == name);
        let (_, answer) = answer.unwrap_or_else(|| panic!("no answer for {name}"));
        let kind = outcome(text).result.err().map(|error| error.kind);
        assert_eq!(kind, *answer, "{name}");
    }
}

/// The same for the files of `JSONTestSuite` that begin with `i_`.
const JSON_TEST_SUITE: &[(&str, Option<K>)] = &[
    ("i_number_double_huge_neg_exp", None),
    ("i_number_huge_exp", None),
    ("i_number_neg_int_huge_exp", None),
    ("i_number_pos_double_huge_exp", None),
    ("i_number_real_neg_overflow", None),
    ("i_number_real_pos_overflow", None),
    ("i_number_real_underflow", None),
    ("i_number_too_big_neg_int", None),
    ("i_number_too_big_pos_int", None),
    ("i_number_very_big_negative_int", None),
    ("i_object_key_lone_2nd_surrogate", Some(K::LoneSurrogate)),
    (
        "i_string_1st_surrogate_but_2nd_missing",
        Some(K::LoneSurrogate),
    ),
    (
        "i_string_1st_valid_surrogate_2nd_invalid",
        Some(K::LoneSurrogate),
    ),
    ("i_string_UTF-16LE_with_BOM", Some(K::ExpectedValue)),
    ("i_string_UTF-8_invalid_sequence", Some(K::InvalidUtf8)),
    ("i_string_UTF8_surrogate_U+D800", Some(K::InvalidUtf8)),
    (
        "i_string_incomplete_surrogate_and_escape_valid",
        Some(K::LoneSurrogate),
    ),
    ("i_string_incomplete_surrogate_pair", Some(K::LoneSurrogate)),
    (
        "i_string_incomplete_surrogates_escape_valid",
        Some(K::LoneSurrogate),
    ),
    ("i_string_invalid_lonely_surrogate", Some(K::LoneSurrogate)),
    ("i_string_invalid_surrogate", Some(K::LoneSurrogate)),
    ("i_string_invalid_utf-8", Some(K::InvalidUtf8)),
    (
        "i_string_inverted_surrogates_U+1D11E",
        Some(K::LoneSurrogate),
    ),
    ("i_string_iso_latin_1", Some(K::InvalidUtf8)),
    ("i_string_lone_second_surrogate", Some(K::LoneSurrogate)),
    ("i_string_lone_utf8_continuation_byte", Some(K::InvalidUtf8)),
    ("i_string_not_in_unicode_range", Some(K::InvalidUtf8)),
    ("i_string_overlong_sequence_2_bytes", Some(K::InvalidUtf8)),
    ("i_string_overlong_sequence_6_bytes", Some(K::InvalidUtf8)),
    (
        "i_string_overlong_sequence_6_bytes_null",
        Some(K::InvalidUtf8),
    ),
    ("i_string_truncated-utf-8", Some(K::InvalidUtf8)),
    ("i_string_utf16BE_no_BOM", Some(K::ExpectedValue)),
    ("i_string_utf16LE_no_BOM", Some(K::ExpectedValue)),
    ("i_structure_500_nested_arrays", Some(K::DepthLimit)),
    ("i_structure_UTF-8_BOM_empty_object", Some(K::ExpectedValue)),
];

#[test]
fn json_test_suite() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/jsontestsuite");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let mut implementation_defined = Vec::new();
    for (name, text) in files(&folder) {
        match &name[..2] {
            "y_" => assert_eq!(outcome(&text).result, Ok(()), "{name}"),
            "n_" => assert!(outcome(&text).result.is_err(), "{name}"),
            "i_" => implementation_defined.push((name, text)),
            _ => panic!("a file of no known kind: {name}"),
        }
    }
    check_answers(&implementation_defined, JSON_TEST_SUITE);
}
