//! Whatever an opponent can grow is bounded, the bound is exact, and chunking does not move it.

mod support;

use std::convert::Infallible;

use partialfast_core::json::{
    FeedError, JsonErrorKind as K, Limits, Literal, Machine, NullSink, NumberKind, Sink, Span,
    Status, Text,
};
use support::json::{Outcome, every_cut, render, run};

fn error_of(outcome: &Outcome) -> Option<(K, u64)> {
    outcome.result.err().map(|error| (error.kind, error.offset))
}

fn limited(text: &[u8], limits: Limits) -> Option<(K, u64)> {
    error_of(&every_cut(limits, text))
}

#[test]
fn defaults_are_the_documented_ones() {
    let limits = Limits::default();
    assert_eq!(limits.max_depth, 200);
    assert_eq!(limits.max_bytes, 1 << 30);
    assert_eq!(limits.max_number, 1 << 20);
    assert_eq!(limits.max_key, 1 << 20);
}

#[test]
fn depth() {
    let depth = |max_depth| Limits {
        max_depth,
        ..Limits::default()
    };
    assert_eq!(limited(b"1", depth(0)), None);
    assert_eq!(limited(b"[]", depth(0)), Some((K::DepthLimit, 0)));
    assert_eq!(limited(b"{}", depth(0)), Some((K::DepthLimit, 0)));
    assert_eq!(limited(b"[[],[],{}]", depth(2)), None);
    assert_eq!(limited(b"[[],[{}]]", depth(2)), Some((K::DepthLimit, 5)));
    assert_eq!(
        limited(b"{\"a\":{\"b\":[]}}", depth(2)),
        Some((K::DepthLimit, 10))
    );
    // Closed containers do not count.
    let flat = format!("[{}[]]", "[],".repeat(100));
    assert_eq!(limited(flat.as_bytes(), depth(2)), None);
}

#[test]
fn a_million_brackets() {
    // The opening of one level, and how many bytes stand before the 201st container.
    for (opening, offset) in [(&b"["[..], 200), (b"{\"\":", 800), (b"[{\"k\": ", 700)] {
        let text = opening.repeat(1_000_000);
        let outcome = run(Limits::default(), [text.as_slice()]);
        assert_eq!(error_of(&outcome), Some((K::DepthLimit, offset)));
    }
    // A million levels are no matter where they are allowed: the machine does not recurse.
    let mut text = b"[".repeat(1_000_000);
    text.extend(b"]".repeat(1_000_000));
    let limits = Limits {
        max_depth: 1_000_000,
        ..Limits::default()
    };
    let mut machine = Machine::new(limits);
    for chunk in text.chunks(4096) {
        let _ = machine.feed(chunk, &mut NullSink).expect("balanced");
    }
    assert_eq!(machine.finish(&mut NullSink), Ok(()));
}

#[test]
fn size() {
    let size = |max_bytes| Limits {
        max_bytes,
        ..Limits::default()
    };
    assert_eq!(limited(b"[1,2]", size(5)), None);
    assert_eq!(limited(b"[1,2]", size(4)), Some((K::SizeLimit, 4)));
    assert_eq!(limited(b"", size(0)), Some((K::Truncated, 0)));
    assert_eq!(limited(b"1", size(0)), Some((K::SizeLimit, 0)));
    // White space counts, and so does what comes after the value.
    assert_eq!(limited(b"[]  ", size(4)), None);
    assert_eq!(limited(b"[]   ", size(4)), Some((K::SizeLimit, 4)));
    assert_eq!(limited(b"    ", size(3)), Some((K::SizeLimit, 3)));
    assert_eq!(limited(b"12", size(2)), None);
    assert_eq!(limited(b"12 ", size(2)), Some((K::SizeLimit, 2)));
    // An earlier error comes first, one at the limit does not.
    assert_eq!(limited(b"[1,]", size(3)), Some((K::SizeLimit, 3)));
    assert_eq!(limited(b"[1,]", size(4)), Some((K::ExpectedValue, 3)));
    // What came before the limit was handed out.
    let outcome = every_cut(size(8), b"[1,\"abcdef\"]");
    assert_eq!(render(&outcome.events), "[ 1 \"abcd...");
}

#[test]
fn numbers() {
    let number = |max_number| Limits {
        max_number,
        ..Limits::default()
    };
    for text in ["1234", "-123", "1.25", "1e10", "1E+5", "-1.5"] {
        let behind = |end: &str| format!("[{text}{end}]").into_bytes();
        assert_eq!(limited(&behind(""), number(4)), None, "{text}");
        assert_eq!(limited(&behind(" "), number(4)), None, "{text}");
        assert_eq!(
            limited(&behind("0"), number(4)),
            Some((K::NumberLimit, 5)),
            "{text}"
        );
        assert_eq!(
            limited(format!("{text}000000000").as_bytes(), number(4)),
            Some((K::NumberLimit, 4)),
            "{text}"
        );
    }
    // The earliest offset wins.
    assert_eq!(limited(b"[1.x]", number(2)), Some((K::InvalidNumber, 3)));
    assert_eq!(limited(b"[1.x]", number(1)), Some((K::NumberLimit, 2)));
    assert_eq!(limited(b"[12345.x]", number(3)), Some((K::NumberLimit, 4)));
    assert_eq!(limited(b"7", number(0)), Some((K::NumberLimit, 0)));
}

#[test]
fn keys() {
    let key = |max_key| Limits {
        max_key,
        ..Limits::default()
    };
    assert_eq!(limited(b"{\"\":1}", key(0)), None);
    assert_eq!(limited(b"{\"a\":1}", key(0)), Some((K::KeyLimit, 2)));
    assert_eq!(limited(b"{\"abcd\":1}", key(4)), None);
    assert_eq!(limited(b"{\"abcde\":1}", key(4)), Some((K::KeyLimit, 6)));
    // Bytes are counted as written: an escape has two or six, a character as many as in UTF-8.
    assert_eq!(limited(b"{\"\\n\\n\":1}", key(4)), None);
    assert_eq!(limited(b"{\"\\n\\nx\":1}", key(4)), Some((K::KeyLimit, 6)));
    assert_eq!(limited(b"{\"\\u0041\":1}", key(6)), None);
    assert_eq!(limited(b"{\"\\u0041\":1}", key(5)), Some((K::KeyLimit, 7)));
    assert_eq!(limited("{\"éé\":1}".as_bytes(), key(4)), None);
    assert_eq!(
        limited("{\"éé\":1}".as_bytes(), key(3)),
        Some((K::KeyLimit, 5))
    );
    // The earliest offset wins; at the limit, a byte that is wrong anyway says so.
    assert_eq!(
        limited(b"{\"abc\x01", key(3)),
        Some((K::ControlCharacter, 5))
    );
    assert_eq!(limited(b"{\"abc\x01", key(2)), Some((K::KeyLimit, 4)));
    assert_eq!(limited(b"{\"ab\\q", key(3)), Some((K::InvalidEscape, 5)));
    assert_eq!(limited(b"{\"ab\xFF", key(2)), Some((K::InvalidUtf8, 4)));
    // String values have no limit of their own.
    assert_eq!(limited(b"{\"a\":\"abcdefgh\"}", key(1)), None);
}

#[test]
fn extreme_limits_do_not_overflow() {
    let limits = Limits {
        max_depth: usize::MAX,
        max_bytes: u64::MAX,
        max_number: usize::MAX,
        max_key: usize::MAX,
    };
    let outcome = every_cut(limits, b" {\"a\\n\": [-1.5, \"b\\n\"]}");
    assert_eq!(outcome.result, Ok(()));
}

/// Counts what it gets and keeps nothing.
#[derive(Default)]
struct Counter {
    characters: u64,
    parts: u64,
    numbers: u64,
    keys: u64,
    containers: u64,
}

impl Sink for Counter {
    type Error = Infallible;

    fn begin_object(&mut self, _at: u64) -> Result<(), Infallible> {
        self.containers += 1;
        Ok(())
    }
    fn key(&mut self, key: Text<'_>, _span: Span) -> Result<(), Infallible> {
        self.keys += 1;
        self.characters += key.text.len() as u64;
        Ok(())
    }
    fn end_object(&mut self, _end: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn begin_array(&mut self, _at: u64) -> Result<(), Infallible> {
        self.containers += 1;
        Ok(())
    }
    fn end_array(&mut self, _end: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn string(&mut self, text: Text<'_>, _span: Span) -> Result<(), Infallible> {
        self.characters += text.text.len() as u64;
        Ok(())
    }
    fn begin_string(&mut self, _at: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn string_part(&mut self, text: Text<'_>) -> Result<(), Infallible> {
        self.parts += 1;
        self.characters += text.text.len() as u64;
        Ok(())
    }
    fn end_string(&mut self, _end: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn number(&mut self, text: &str, _kind: NumberKind, _span: Span) -> Result<(), Infallible> {
        self.numbers += 1;
        self.characters += text.len() as u64;
        Ok(())
    }
    fn literal(&mut self, _literal: Literal, _span: Span) -> Result<(), Infallible> {
        Ok(())
    }
}

const MANY: u64 = 10_000_000;

/// Work per byte does not depend on what came before: ten million chunks of one byte, all in one open
/// token, take seconds. Were the token scanned again at each, it would be 10^14 steps, and days.
#[test]
fn ten_million_chunks_of_one_byte() {
    let unlimited = Limits {
        max_number: usize::MAX,
        max_key: usize::MAX,
        ..Limits::default()
    };
    for (opening, byte) in [
        ("\"", b"x"),
        ("1", b"7"),
        ("0.", b"7"),
        ("{\"", b"x"),
        ("", b" "),
    ] {
        let mut machine = Machine::new(unlimited);
        let mut counter = Counter::default();
        let _ = machine
            .feed(opening.as_bytes(), &mut counter)
            .expect("valid");
        for _ in 0..MANY {
            let _ = machine.feed(byte, &mut counter).expect("valid");
        }
        assert_eq!(machine.offset(), opening.len() as u64 + MANY);
        match opening {
            "\"" => assert_eq!((counter.characters, counter.parts), (MANY, MANY)),
            "1" | "0." => {
                machine.finish(&mut counter).expect("a number");
                assert_eq!(counter.characters, opening.len() as u64 + MANY);
            }
            "{\"" => {
                let _ = machine.feed(b"\"", &mut counter).expect("valid");
                assert_eq!((counter.keys, counter.characters), (1, MANY));
            }
            _ => assert_eq!(machine.depth(), 0),
        }
    }
}

/// A gigabyte of one token, never held: a string flows through, a number and a key meet their limit.
#[test]
fn a_gigabyte_of_one_token() {
    let block = vec![b'7'; 1 << 20];
    let limits = Limits {
        max_bytes: u64::MAX,
        ..Limits::default()
    };
    let mut machine = Machine::new(limits);
    let mut counter = Counter::default();
    let _ = machine.feed(b"\"", &mut counter).expect("valid");
    for _ in 0..1024 {
        let _ = machine.feed(&block, &mut counter).expect("valid");
    }
    assert_eq!(counter.characters, 1 << 30);

    for (opening, kind) in [("", K::NumberLimit), ("{\"", K::KeyLimit)] {
        let mut machine = Machine::new(limits);
        let _ = machine
            .feed(opening.as_bytes(), &mut NullSink)
            .expect("valid");
        let _ = machine
            .feed(&block, &mut NullSink)
            .expect("a mebibyte is allowed");
        match machine.feed(&block, &mut NullSink) {
            Err(FeedError::Json(error)) => {
                assert_eq!(error.kind, kind);
                assert_eq!(error.offset, opening.len() as u64 + (1 << 20));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Many small values, one after the other, in one block, as a driver of a stream of items reads them:
/// stopping at each costs no more than the value.
#[test]
fn a_million_values_in_one_chunk() {
    let text = b"[1,\"two\"] ".repeat(1_000_000);
    let mut machine = Machine::new(Limits::default());
    let mut counter = Counter::default();
    let mut rest = text.as_slice();
    let mut values = 0;
    // Were all that follows looked at for each of them, this would take days.
    while !rest.is_empty() {
        machine.reset();
        let fed = machine.feed(rest, &mut counter).expect("valid");
        assert_eq!((fed.status, fed.consumed), (Status::Done, 9));
        rest = &rest[fed.consumed + 1..];
        values += 1;
    }
    assert_eq!((values, counter.numbers), (1_000_000, 1_000_000));
}
