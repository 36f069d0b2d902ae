//! How events travel other than as server-sent events: AWS's messages, and lines. Each stream is read
//! whole, byte by byte and cut at every place.

mod support;

use partialfast_core::eventstream::{Message, MessageErrorKind, MessageKind, MessageLimits};
use partialfast_core::lines::{LineErrorKind, LineLimits};
use proptest::prelude::*;
use support::framing::{
    Lines, Messages, check_any_bytes, message, read_lines, read_messages, with_headers,
};

/// Reads a stream in all ways, which must not matter.
fn messages(stream: &[u8]) -> Messages {
    let limits = MessageLimits { max_message: 1000 };
    let whole = read_messages([stream], limits);
    assert_eq!(read_messages(stream.chunks(1), limits), whole);
    for cut in 0..=stream.len() {
        let (left, right) = stream.split_at(cut);
        assert_eq!(read_messages([left, right], limits), whole, "cut at {cut}");
    }
    whole
}

fn lines(stream: &[u8]) -> Lines {
    let limits = LineLimits { max_line: 10 };
    let whole = read_lines([stream], limits);
    assert_eq!(read_lines(stream.chunks(1), limits), whole);
    for cut in 0..=stream.len() {
        let (left, right) = stream.split_at(cut);
        assert_eq!(read_lines([left, right], limits), whole, "cut at {cut}");
    }
    whole
}

#[test]
fn events_exceptions_and_errors() {
    let stream = [
        message(
            &[
                (":event-type", "messageStart"),
                (":content-type", "application/json"),
                (":message-type", "event"),
            ],
            b"{\"role\": \"assistant\"}",
        ),
        message(&[(":event-type", "none"), (":message-type", "event")], b""),
        message(
            &[
                (":message-type", "exception"),
                (":exception-type", "throttlingException"),
            ],
            b"{\"message\": \"slow down\"}",
        ),
        message(
            &[
                (":message-type", "error"),
                (":error-code", "InternalError"),
                (":error-message", "it broke"),
            ],
            b"",
        ),
        message(&[], b"bare"),
    ]
    .concat();
    let (seen, end) = messages(&stream);
    let expected = [
        (
            MessageKind::Event,
            "messageStart",
            "{\"role\": \"assistant\"}",
        ),
        (MessageKind::Event, "none", ""),
        (
            MessageKind::Exception,
            "throttlingException",
            "{\"message\": \"slow down\"}",
        ),
        (MessageKind::Error, "InternalError", "it broke"),
        (MessageKind::Event, "", "bare"),
    ];
    let seen: Vec<_> = seen
        .iter()
        .map(|(kind, name, data)| (*kind, name.as_str(), data.as_str()))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!(end, Ok(false));
    let failures: Vec<_> = seen
        .iter()
        .map(|(kind, name, data)| {
            Message {
                kind: *kind,
                name,
                data,
            }
            .failure()
        })
        .collect();
    let words = [
        None,
        None,
        Some("{\"throttlingException\": {\"message\": \"slow down\"}}".to_owned()),
        Some("InternalError: it broke".to_owned()),
        None,
    ];
    assert_eq!(failures, words);
}

#[test]
fn headers_of_every_kind_are_stepped_over() {
    let mut headers = Vec::new();
    for (kind, length) in [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 4),
        (5, 8),
        (8, 8),
        (9, 16),
    ] {
        headers.extend_from_slice(&[1, b'x', kind]);
        headers.extend(std::iter::repeat_n(7, length));
    }
    headers.extend_from_slice(b"\x01y\x06\0\x03abc\x0b:event-type\x07\0\x03end");
    let (seen, end) = messages(&with_headers(&headers, b"data"));
    assert_eq!(
        seen,
        [(MessageKind::Event, "end".to_owned(), "data".to_owned())]
    );
    assert_eq!(end, Ok(false));
}

#[test]
fn a_stream_that_is_cut_is_open() {
    let stream = message(&[(":event-type", "a")], b"{}");
    for cut in 0..stream.len() {
        let (seen, end) = messages(&stream[..cut]);
        assert_eq!((seen.len(), end), (0, Ok(cut > 0)));
    }
}

#[test]
fn what_is_damaged_is_told_with_its_place() {
    let good = message(&[(":event-type", "a")], b"{}");
    let offset = good.len() as u64;
    let broken = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bad = good.clone();
        change(&mut bad);
        let (seen, end) = messages(&[good.clone(), bad].concat());
        let error = end.expect_err("damaged");
        assert_eq!((seen.len(), error.offset), (1, offset));
        error.kind
    };
    for at in 0..good.len() {
        let kind = broken(&|bad| bad[at] ^= 0x10);
        let expected = if at < 12 {
            MessageErrorKind::PreludeChecksum
        } else {
            MessageErrorKind::MessageChecksum
        };
        assert_eq!(kind, expected, "byte {at}");
    }
    let replaced = |bytes: Vec<u8>| broken(&|bad| bad.clone_from(&bytes));
    let raw = |headers: &[u8]| replaced(with_headers(headers, b""));
    assert_eq!(raw(b"\x01x"), MessageErrorKind::InvalidHeaders);
    assert_eq!(raw(b"\x01x\x0a"), MessageErrorKind::InvalidHeaders);
    assert_eq!(raw(b"\x01x\x07\0\x05abc"), MessageErrorKind::InvalidHeaders);
    assert_eq!(raw(b"\x05x"), MessageErrorKind::InvalidHeaders);
    let utf8 = message(&[(":event-type", "a")], b"\xff");
    assert_eq!(replaced(utf8), MessageErrorKind::InvalidUtf8);
    assert_eq!(
        replaced(message(&[], &[b'x'; 985])),
        MessageErrorKind::MessageLimit
    );
    // Lengths that fit their checksum and nothing else.
    assert_eq!(
        replaced(b"\0\0\0\x0f\0\0\0\0\xe7\x72\x48\xb8".to_vec()),
        MessageErrorKind::InvalidLength
    );
}

#[test]
fn lines_and_their_ends() {
    let (seen, end) = lines(b"{\"a\":1}\r\n\n \t\r\n[2]\nlast");
    assert_eq!(seen, ["{\"a\":1}\r", "[2]", "last"]);
    assert_eq!(end, None);
    assert_eq!(lines(b"\n\n\n"), (Vec::new(), None));
    let (seen, end) = lines(b"good\n12345678901\n");
    let end = end.expect("too long");
    assert_eq!(
        (seen.len(), end.kind, end.offset),
        (1, LineErrorKind::LineLimit, 15)
    );
    for stream in [
        &b"good\nx\xe2\x28\n"[..],
        b"good\nx\xe2\x28",
        b"good\nx\xe2(23456789012",
    ] {
        let (_, end) = lines(stream);
        let end = end.expect("no UTF-8");
        assert_eq!((end.kind, end.offset), (LineErrorKind::InvalidUtf8, 7));
    }
}

proptest! {
    #[test]
    fn any_messages_come_back(all in prop::collection::vec(("[a-z]{0,9}", "\\PC{0,40}"), 0..5)) {
        let stream: Vec<u8> = all
            .iter()
            .flat_map(|(name, data)| message(&[(":event-type", name)], data.as_bytes()))
            .collect();
        let (seen, end) = messages(&stream);
        let seen: Vec<_> = seen.into_iter().map(|(_, name, data)| (name, data)).collect();
        prop_assert_eq!(seen, all);
        prop_assert_eq!(end, Ok(false));
    }

    #[test]
    fn any_lines_come_back(text in "[a-z\n\r ]{0,60}") {
        let expected: Vec<&str> = text
            .split('\n')
            .filter(|line| !line.trim_matches([' ', '\t', '\r']).is_empty())
            .collect();
        let limits = LineLimits::default();
        let (seen, end) = read_lines([text.as_bytes()], limits);
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(end, None);
    }

    #[test]
    fn any_bytes_are_read_alike_however_they_are_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..200)
    ) {
        check_any_bytes(&bytes);
    }

    #[test]
    fn a_damaged_stream_is_read_alike_however_it_is_cut(
        data in "\\PC{0,20}", at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let one = message(&[(":event-type", "x")], data.as_bytes());
        let mut stream = [one.clone(), one].concat();
        let at = at.index(stream.len());
        stream[at] = byte;
        check_any_bytes(&stream);
    }
}
