//! Documents to try: valid ones written in every way JSON allows, and damaged ones.
#![allow(dead_code, reason = "each test binary uses its own part")]

use proptest::prelude::*;
use serde_json::Value;

/// Any JSON value; strings hold characters of every width, controls and quotes.
pub fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number().prop_map(|text| Value::Number(text.parse().expect("a JSON number"))),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The text of a number.
pub fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?"
}

/// Short and long, narrow and wide.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,12}",
        "[ -~]{0,80}",
        "[\\x00-\\x7f\u{80}-\u{7ff}\u{800}-\u{ffff}\u{10000}-\u{10ffff}]{0,20}",
        "[é日😀\"\\\\\n]{0,40}",
    ]
}

/// How a writer may choose to write what can be written in several ways.
#[derive(Clone, Debug)]
pub struct Hand(Vec<u8>, usize);

impl Hand {
    fn choose(&mut self, ways: u8) -> u8 {
        self.1 += 1;
        self.0[self.1 % self.0.len()] % ways
    }

    fn space(&mut self, into: &mut String) {
        match self.choose(8) {
            0 => into.push(' '),
            1 => into.push_str("\n  "),
            2 => into.push_str("\r\n\t"),
            3 => into.push_str(&" ".repeat(usize::from(self.choose(40)))),
            _ => {}
        }
    }

    fn string(&mut self, text: &str, into: &mut String) {
        into.push('"');
        for character in text.chars() {
            let must = matches!(character, '"' | '\\') || character < ' ';
            if !must && self.choose(8) != 0 {
                into.push(character);
                continue;
            }
            let short = match character {
                '"' => Some("\\\""),
                '\\' => Some("\\\\"),
                '/' => Some("\\/"),
                '\u{8}' => Some("\\b"),
                '\u{c}' => Some("\\f"),
                '\n' => Some("\\n"),
                '\r' => Some("\\r"),
                '\t' => Some("\\t"),
                _ => None,
            };
            match short {
                Some(escape) if self.choose(3) != 0 => into.push_str(escape),
                _ => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        let digits = if self.choose(2) == 0 {
                            format!("\\u{unit:04x}")
                        } else {
                            format!("\\u{unit:04X}")
                        };
                        into.push_str(&digits);
                    }
                }
            }
        }
        into.push('"');
    }

    /// Writes a value in one of the ways.
    pub fn write(&mut self, value: &Value, into: &mut String) {
        self.space(into);
        match value {
            Value::Null => into.push_str("null"),
            Value::Bool(value) => into.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => into.push_str(&number.to_string()),
            Value::String(text) => self.string(text, into),
            Value::Array(items) => {
                into.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        into.push(',');
                    }
                    self.write(item, into);
                }
                if items.is_empty() {
                    self.space(into);
                }
                into.push(']');
            }
            Value::Object(members) => {
                into.push('{');
                for (index, (key, member)) in members.iter().enumerate() {
                    if index > 0 {
                        into.push(',');
                    }
                    self.space(into);
                    self.string(key, into);
                    self.space(into);
                    into.push(':');
                    self.write(member, into);
                }
                if members.is_empty() {
                    self.space(into);
                }
                into.push('}');
            }
        }
        self.space(into);
    }
}

/// A way to write.
pub fn hand() -> impl Strategy<Value = Hand> {
    prop::collection::vec(any::<u8>(), 1..64).prop_map(|choices| Hand(choices, 0))
}

/// A value and one way to write it.
pub fn document() -> impl Strategy<Value = (Value, String)> {
    (value(), hand()).prop_map(|(value, mut hand)| {
        let mut text = String::new();
        hand.write(&value, &mut text);
        (value, text)
    })
}

/// One change to a document.
#[derive(Clone, Debug)]
pub enum Damage {
    Replace(usize, u8),
    Insert(usize, u8),
    Remove(usize),
    Truncate(usize),
    Repeat(usize, usize),
}

/// Bytes that have a meaning in JSON are likelier than others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        prop::sample::select(b"{}[]:,\"\\ntfu0159-+.eE \ndD8cC".to_vec()),
        any::<u8>(),
        0x80..=0xFF_u8,
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<usize>(), byte()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        (any::<usize>(), byte()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        any::<usize>().prop_map(Damage::Remove),
        any::<usize>().prop_map(Damage::Truncate),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ]
}

/// A valid document with a few changes.
pub fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (document(), prop::collection::vec(damage(), 1..4)).prop_map(|((_, text), damages)| {
        let mut bytes = text.into_bytes();
        for damage in damages {
            let length = bytes.len();
            match damage {
                Damage::Insert(at, byte) => bytes.insert(at % (length + 1), byte),
                _ if length == 0 => {}
                Damage::Replace(at, byte) => bytes[at % length] = byte,
                Damage::Remove(at) => {
                    bytes.remove(at % length);
                }
                Damage::Truncate(at) => bytes.truncate(at % length),
                Damage::Repeat(from, to) => {
                    let (from, to) = (from % length, to % length);
                    let piece = bytes[from.min(to)..from.max(to)].to_vec();
                    let at = from.max(to);
                    bytes.splice(at..at, piece);
                }
            }
        }
        bytes
    })
}

/// Bytes from the alphabet of JSON, in no order.
pub fn soup() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(byte(), 0..40)
}

/// The inside of a string, in pieces that are each right or nearly so.
pub fn string_soup() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\\u".to_vec()),
        "\\\\u[dD][89aAbBcCdDeEfF][0-9a-fA-F]{2}".prop_map(String::into_bytes),
        "\\\\u[0-9a-fA-F]{1,4}".prop_map(String::into_bytes),
        "\\\\[\"/bfnrtux\\\\]".prop_map(String::into_bytes),
        "[a-z ]{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(0x80..=0xFF_u8, 1..4),
        "[é日😀]{1,4}".prop_map(String::into_bytes),
        byte().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| {
        let mut bytes = b"\"".to_vec();
        bytes.extend(pieces.concat());
        bytes.push(b'"');
        bytes
    })
}

/// Places to cut.
pub fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<usize>(), 0..12)
}
