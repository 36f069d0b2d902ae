//! Messages of AWS's event stream and lines, written and read.

use partialfast_core::eventstream::{MessageError, MessageKind, MessageLimits, MessageMachine};
use partialfast_core::lines::{LineError, LineLimits, LineMachine};

use super::cuts;

/// The checksum, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 * (crc & 1))
        })
    });
    !crc
}

/// A message with text headers.
pub fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    for (name, value) in headers {
        raw.push(u8::try_from(name.len()).expect("short"));
        raw.extend_from_slice(name.as_bytes());
        raw.push(7);
        let length = u16::try_from(value.len()).expect("short");
        raw.extend_from_slice(&length.to_be_bytes());
        raw.extend_from_slice(value.as_bytes());
    }
    with_headers(&raw, payload)
}

/// A message with headers as they are.
pub fn with_headers(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |count: usize| u32::try_from(count).expect("short").to_be_bytes();
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&length(headers.len() + payload.len() + 16));
    bytes.extend_from_slice(&length(headers.len()));
    bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
    bytes.extend_from_slice(headers);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
    bytes
}

/// What was read of messages, and how it ended.
pub type Messages = (
    Vec<(MessageKind, String, String)>,
    Result<bool, MessageError>,
);

/// Reads messages in pieces.
pub fn read_messages<'c>(
    pieces: impl IntoIterator<Item = &'c [u8]>,
    limits: MessageLimits,
) -> Messages {
    let mut machine = MessageMachine::new(limits);
    let mut seen = Vec::new();
    for mut piece in pieces {
        loop {
            match machine.feed(piece) {
                Ok(fed) => {
                    piece = &piece[fed.consumed..];
                    let Some(message) = fed.message else {
                        assert!(piece.is_empty(), "all is used where there is no message");
                        break;
                    };
                    let text = |text: &str| text.to_owned();
                    seen.push((message.kind, text(message.name), text(message.data)));
                }
                Err(error) => {
                    assert_eq!(machine.feed(b"\0"), Err(error), "it stays");
                    return (seen, Err(error));
                }
            }
        }
    }
    (seen, Ok(machine.is_open()))
}

/// What was read of lines, and how it ended.
pub type Lines = (Vec<String>, Option<LineError>);

/// Reads lines in pieces.
pub fn read_lines<'c>(pieces: impl IntoIterator<Item = &'c [u8]>, limits: LineLimits) -> Lines {
    let mut machine = LineMachine::new(limits);
    let mut seen = Vec::new();
    for mut piece in pieces {
        loop {
            match machine.feed(piece) {
                Ok(fed) => {
                    piece = &piece[fed.consumed..];
                    match fed.line {
                        Some(line) => seen.push(line.to_owned()),
                        None => break,
                    }
                }
                Err(error) => return (seen, Some(error)),
            }
        }
    }
    match machine.end() {
        Ok(line) => {
            seen.extend(line.map(str::to_owned));
            (seen, None)
        }
        Err(error) => (seen, Some(error)),
    }
}

/// Some bytes cut at some places.
fn pieces<'b>(bytes: &'b [u8], places: &[usize]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = places.iter().map(|at| at % (bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut from = 0;
    let mut pieces = Vec::new();
    for at in places.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[from..at]);
        from = at;
    }
    pieces
}

/// Any bytes to both machines: how they are cut does not matter.
pub fn check_any_bytes(bytes: &[u8]) {
    let limits = MessageLimits { max_message: 4096 };
    let whole = read_messages([bytes], limits);
    let some = pieces(bytes, &cuts::cuts(bytes));
    assert_eq!(read_messages(some.iter().copied(), limits), whole);
    assert_eq!(read_messages(bytes.chunks(1), limits), whole);
    let limits = LineLimits { max_line: 64 };
    let whole = read_lines([bytes], limits);
    assert_eq!(read_lines(some, limits), whole);
    assert_eq!(read_lines(bytes.chunks(1), limits), whole);
}
