//! Smoke.
mod support;
use partialfast_core::json::Limits;
#[test]
fn smoke() {
    for t in [
        "{\"a\": [1, 2.5e3, \"x\\n\\ud83d\\ude00é😀\", true, null, false, {}, []], \"b\\u0041\": -0}  ",
        "12",
        "-1e5",
        " \"abc\" x",
        "[1,]",
        "[01]",
        "\"\\uDC00",
        "\"\\uD800\\u0041",
        "tru",
        "trux",
        "{\"a\" 1}",
        "{\"a\":1 2}",
        "[1 2]",
        "\u{feff}1",
        "\"a\nb\"",
    ] {
        let o = support::json::every_cut(Limits::default(), t.as_bytes());
        println!("{t:?}\n   {:?}\n   {:?}", o.events, o.result);
    }
    let o = support::json::every_cut(Limits::default(), b"[\"abc\xe2\x28\xa1\"");
    println!("{o:?}");
}
