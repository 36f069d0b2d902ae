//! JSON text made of values that come with the path where each belongs.
//!
//! The paths are singular queries of RFC 9535 (`$.a[0]['b']`). Values come in the order of the text
//! that they stand for: the writer keeps the containers that are open, closes those that the next
//! path has left, and opens those that it enters. So nothing is kept but one path, and the text is
//! there at once. A path that goes back into something closed, or leaves out an item, is an error:
//! what belongs there cannot be known.

use std::collections::HashSet;
use std::fmt::Write as _;

/// A value, or a piece of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Characters of a string.
    Text(&'a str),
    /// Another scalar.
    Json(&'a str),
}

/// How deep arguments may go: as deep as the JSON machine's default.
const DEEPEST: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(u64),
}

/// Writes the text.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// From the root to what was written last; its last step is a scalar.
    path: Vec<Step>,
    /// For each step the members that its container has so far; none for an array.
    members: Vec<HashSet<String>>,
    /// Something was written.
    begun: bool,
    /// The scalar is a string, and more of it comes.
    text: bool,
}

impl Writer {
    /// Whether there was a value.
    pub(super) fn is_begun(&self) -> bool {
        self.begun
    }

    /// Writes a value, or more of the string that is open.
    pub(super) fn write(
        &mut self,
        path: &str,
        value: Value<'_>,
        continues: bool,
        out: &mut String,
    ) -> Result<(), String> {
        let steps = parse(path).ok_or_else(|| format!("no JSON path of an argument: {path}"))?;
        if steps.len() > DEEPEST {
            return Err(format!("a JSON path of more than {DEEPEST} steps"));
        }
        let goes_on = self.text && steps == self.path;
        if !goes_on {
            self.go_to(steps, path, out)?;
        }
        match value {
            Value::Text(text) => {
                if !goes_on {
                    out.push('"');
                }
                escape(text, out);
                self.text = continues;
                if !continues {
                    out.push('"');
                }
            }
            Value::Json(_) if goes_on => {
                return Err(format!("another value in the middle of a text: {path}"));
            }
            Value::Json(json) => out.push_str(json),
        }
        self.begun = true;
        Ok(())
    }

    /// Closes all that is open.
    pub(super) fn close(&mut self, out: &mut String) {
        self.leave(0, out);
    }

    /// Closes what is deeper than the first `kept` steps.
    fn leave(&mut self, kept: usize, out: &mut String) {
        if std::mem::take(&mut self.text) {
            out.push('"');
        }
        // The last step is a scalar; each of the others stands in the container that it enters.
        self.members.truncate(kept);
        while self.path.len() > kept {
            match self.path.pop() {
                Some(Step::Member(_)) => out.push('}'),
                Some(Step::Item(_)) => out.push(']'),
                None => {}
            }
        }
    }

    fn go_to(&mut self, steps: Vec<Step>, path: &str, out: &mut String) -> Result<(), String> {
        let pairs = steps.iter().zip(&self.path);
        let shared = pairs.take_while(|(new, old)| new == old).count();
        let back = || Err(format!("an argument comes too late: {path}"));
        if self.begun && (shared == self.path.len() || shared == steps.len()) {
            // Into a scalar, or in place of a container.
            return back();
        }
        if self.begun {
            let same_container = match (&self.path[shared], &steps[shared]) {
                (Step::Member(_), Step::Member(_)) => true,
                (Step::Item(old), Step::Item(new)) if *new > *old => {
                    if *new > *old + 1 {
                        return Err(format!("an item is left out before {path}"));
                    }
                    true
                }
                _ => false,
            };
            if !same_container {
                return back();
            }
            self.leave(shared + 1, out);
            self.path.pop();
            out.push(',');
        }
        for (at, step) in steps.iter().enumerate().skip(shared) {
            let enters = at > shared || !self.begun;
            if enters {
                self.members.push(HashSet::new());
            }
            match step {
                Step::Member(name) => {
                    let known = self.members.get_mut(at);
                    if known.is_some_and(|known| !known.insert(name.clone())) {
                        return back();
                    }
                    if enters {
                        out.push('{');
                    }
                    out.push('"');
                    escape(name, out);
                    out.push_str("\":");
                }
                Step::Item(index) => {
                    if enters {
                        if *index != 0 {
                            return Err(format!("an item is left out before {path}"));
                        }
                        out.push('[');
                    }
                }
            }
        }
        self.path = steps;
        Ok(())
    }
}

/// Characters as they stand between the quotes of a JSON string.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
}

/// The steps of a path that names one place; `None` if it does not name one.
fn parse(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(name) = rest.strip_prefix('.') {
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            if name.is_empty() {
                return None;
            }
            steps.push(Step::Member(name.to_owned()));
            rest = after;
            continue;
        }
        let inside = rest.strip_prefix('[')?;
        if let Some(quote @ ('\'' | '"')) = inside.chars().next() {
            let (name, after) = quoted(inside.get(1..)?, quote)?;
            steps.push(Step::Member(name));
            rest = after.strip_prefix(']')?;
        } else {
            let (index, after) = inside.split_once(']')?;
            steps.push(Step::Item(index.parse().ok()?));
            rest = after;
        }
    }
    Some(steps)
}

/// A string literal up to its quote, with the escapes of RFC 9535, section 2.3.1, and what follows.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Some((name, text.get(at + 1..)?));
        }
        if character != '\\' {
            name.push(character);
            continue;
        }
        match characters.next()?.1 {
            'b' => name.push('\u{8}'),
            'f' => name.push('\u{c}'),
            'n' => name.push('\n'),
            'r' => name.push('\r'),
            't' => name.push('\t'),
            'u' => {
                let mut unit = || {
                    let digits: String = characters.by_ref().take(4).map(|(_, c)| c).collect();
                    u16::from_str_radix(&digits, 16).ok()
                };
                let first = unit()?;
                let decoded = if (0xD800..0xDC00).contains(&first) {
                    let marks = (characters.next()?.1, characters.next()?.1);
                    if marks != ('\\', 'u') {
                        return None;
                    }
                    let digits: String = characters.by_ref().take(4).map(|(_, c)| c).collect();
                    let second = u16::from_str_radix(&digits, 16).ok()?;
                    char::decode_utf16([first, second]).next()?.ok()?
                } else {
                    char::from_u32(u32::from(first))?
                };
                name.push(decoded);
            }
            other => name.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of some values, all in one go.
    fn written(values: &[(&str, Value<'_>, bool)]) -> Result<String, String> {
        let (mut writer, mut out) = (Writer::default(), String::new());
        for (path, value, continues) in values {
            writer.write(path, *value, *continues, &mut out)?;
        }
        writer.close(&mut out);
        Ok(out)
    }

    use Value::{Json, Text};

    #[test]
    fn values_become_text_in_their_order() {
        let text = written(&[
            ("$.a", Text("x\"y"), true),
            ("$.a", Text("\nz"), true),
            ("$.a", Text(""), false),
            ("$.b.c[0].d", Json("1.5"), false),
            ("$.b.c[0]['e f']", Json("true"), false),
            ("$.b.c[1].d", Text("open"), true),
            ("$['g']", Json("null"), false),
            ("$[\"h\\u00e9\\ud83d\\ude00\"][0][0]", Text("i"), false),
            ("$[\"h\\u00e9\\ud83d\\ude00\"][1]", Text("j"), false),
        ]);
        let expected = r#"{"a":"x\"y\u000az","b":{"c":[{"d":1.5,"e f":true},{"d":"open"}]},"g":null,"hé😀":[["i"],"j"]}"#;
        assert_eq!(text.as_deref(), Ok(expected));
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let one = Json("1");
        for values in [
            &[
                ("$.a.b", one, false),
                ("$.c", one, false),
                ("$.a.d", one, false),
            ][..],
            &[("$.a", one, false), ("$.a", one, false)],
            &[("$.a", one, false), ("$.a.b", one, false)],
            &[("$.a.b", one, false), ("$.a", one, false)],
            &[("$.a[1]", one, false)],
            &[("$.a[0]", one, false), ("$.a[2]", one, false)],
            &[("$.a[1]", one, false), ("$.a[0]", one, false)],
            &[("$.a[0]", one, false), ("$.a.b", one, false)],
            &[("$.a", Text("x"), true), ("$.a", one, false)],
            &[("a", one, false)],
            &[("$.", one, false)],
            &[("$[x]", one, false)],
            &[("$['a", one, false)],
            &[("$['\\ud83d']", one, false)],
        ] {
            assert!(written(values).is_err(), "{values:?}");
        }
    }
}
