//! The members of a JSON object as they stand, and two objects made one.

use std::convert::Infallible;
use std::ops::Range;

use crate::json::{Limits, Literal, Machine, NumberKind, Sink, Span, Text};

/// An object that grows beyond this is replaced instead of merged, so that merging stays linear.
const MOST: usize = 64 << 10;

/// Keys with their quotes, and values, as ranges of the text.
#[derive(Default)]
struct Members {
    depth: usize,
    /// The root is an object.
    object: bool,
    key: Range<usize>,
    start: usize,
    found: Vec<(Range<usize>, Range<usize>)>,
}

impl Members {
    fn begin(&mut self, at: u64) {
        if self.depth == 1 {
            self.start = place(at);
        }
        self.depth += 1;
    }

    fn end(&mut self, end: u64) {
        self.depth -= 1;
        if self.depth == 1 && self.object {
            self.found.push((self.key.clone(), self.start..place(end)));
        }
    }

    fn scalar(&mut self, span: Span) {
        if self.depth == 1 && self.object {
            let value = place(span.start)..place(span.end);
            self.found.push((self.key.clone(), value));
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it is a place in a text that is in memory"
)]
fn place(at: u64) -> usize {
    at as usize
}

impl Sink for Members {
    type Error = Infallible;

    fn begin_object(&mut self, at: u64) -> Result<(), Infallible> {
        self.object |= self.depth == 0;
        self.begin(at);
        Ok(())
    }

    fn key(&mut self, _key: Text<'_>, span: Span) -> Result<(), Infallible> {
        if self.depth == 1 {
            self.key = place(span.start)..place(span.end);
        }
        Ok(())
    }

    fn end_object(&mut self, end: u64) -> Result<(), Infallible> {
        self.end(end);
        Ok(())
    }

    fn begin_array(&mut self, at: u64) -> Result<(), Infallible> {
        self.begin(at);
        Ok(())
    }

    fn end_array(&mut self, end: u64) -> Result<(), Infallible> {
        self.end(end);
        Ok(())
    }

    fn string(&mut self, _text: Text<'_>, span: Span) -> Result<(), Infallible> {
        self.scalar(span);
        Ok(())
    }

    fn begin_string(&mut self, at: u64) -> Result<(), Infallible> {
        self.start = place(at);
        Ok(())
    }

    fn string_part(&mut self, _text: Text<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn end_string(&mut self, end: u64) -> Result<(), Infallible> {
        self.scalar(Span {
            start: self.start as u64,
            end,
        });
        Ok(())
    }

    fn number(&mut self, _text: &str, _kind: NumberKind, span: Span) -> Result<(), Infallible> {
        self.scalar(span);
        Ok(())
    }

    fn literal(&mut self, _literal: Literal, span: Span) -> Result<(), Infallible> {
        self.scalar(span);
        Ok(())
    }
}

/// Keys (with quotes) and values of an object; nothing of any other text.
fn members(json: &str) -> Vec<(&str, &str)> {
    let (mut machine, mut sink) = (Machine::new(Limits::default()), Members::default());
    let mut rest = json.as_bytes();
    while !rest.is_empty() {
        match machine.feed(rest, &mut sink) {
            Ok(fed) => rest = &rest[fed.consumed..],
            Err(_) => return Vec::new(),
        }
    }
    if machine.finish(&mut sink).is_err() {
        return Vec::new();
    }
    let pairs = sink.found.into_iter();
    pairs
        .filter_map(|(key, value)| Some((json.get(key)?, json.get(value)?)))
        .collect()
}

/// One object with the members of both; where both have one, the later counts unless it is `null`.
pub(super) fn merged(earlier: &str, later: &str) -> String {
    if earlier.is_empty() || earlier.len() + later.len() > MOST {
        return later.to_owned();
    }
    let mut all = members(earlier);
    for (key, value) in members(later) {
        match all.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) if value != "null" => *known = value,
            Some(_) => {}
            None => all.push((key, value)),
        }
    }
    let mut json = String::from("{");
    for (at, (key, value)) in all.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        json.push_str(key);
        json.push(':');
        json.push_str(value);
    }
    json.push('}');
    json
}

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn the_later_value_counts_unless_it_is_null() {
        let earlier = r#"{"a": 1, "b" : {"c": [2, "}"]}, "d": "x\"y", "e": null}"#;
        let later = r#"{"a":null,"b":{"c":3},"e":5,"f":[{}]}"#;
        let json = r#"{"a":1,"b":{"c":3},"d":"x\"y","e":5,"f":[{}]}"#;
        assert_eq!(merged(earlier, later), json);
        assert_eq!(merged("", later), later);
        assert_eq!(merged("{}", "{}"), "{}");
    }
}
