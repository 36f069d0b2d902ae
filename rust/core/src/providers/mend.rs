//! Mends the two things that servers get wrong in the JSON of an event itself.
//!
//! - A text is cut between two events in the middle of a surrogate pair: `"\ud83d"`, then `"\ude00"`.
//!   The first half is kept, and put before the second.
//! - `NaN` and the infinities, which JSON does not have, stand where some language's own writer put
//!   them: among probabilities, which nobody here reads. They are read as `null`.
//!
//! This costs nothing where there is nothing to mend: it is done when an event cannot be read.

use std::fmt::Write;

/// What one event leaves to the next.
#[derive(Debug, Default)]
pub(super) struct Mend {
    /// The first half of a surrogate pair that ended a text.
    half: Option<u16>,
}

impl Mend {
    /// Whether a text ended with half of a pair.
    pub(super) fn is_torn(&self) -> bool {
        self.half.is_some()
    }

    /// The data as it was meant; `None` if there is nothing in it that can be mended, or it lacks the
    /// other half of a pair.
    pub(super) fn mend(&mut self, data: &str) -> Option<String> {
        let mut mended = String::with_capacity(data.len());
        let mut rest = data;
        let mut half = None;
        let mut changed = false;
        let mut used = false;
        // Outside strings, up to the next one.
        while let Some(quote) = rest.find('"') {
            changed |= push_without_nan(&mut mended, &rest[..quote]);
            mended.push('"');
            rest = &rest[quote + 1..];
            let mut at_start = true;
            loop {
                let end = rest.find(['"', '\\'])?;
                mended.push_str(&rest[..end]);
                at_start &= end == 0;
                rest = &rest[end..];
                if let Some(after) = rest.strip_prefix('"') {
                    mended.push('"');
                    rest = after;
                    break;
                }
                let length = escape_length(rest)?;
                let (escape, after) = rest.split_at(length);
                match surrogate(escape) {
                    Some(first @ 0xD800..0xDC00) => {
                        let second = after.get(..6).and_then(surrogate);
                        if second.is_some_and(|second| second >= 0xDC00) {
                            mended.push_str(&rest[..12]);
                            rest = &rest[12..];
                        } else if after.starts_with('"') {
                            half = Some(first);
                            changed = true;
                            rest = after;
                        } else {
                            return None;
                        }
                    }
                    Some(_) => {
                        let first = self.half.filter(|_| at_start)?;
                        // Writing into a string does not fail.
                        let _ = write!(mended, "\\u{first:04x}{escape}");
                        used = true;
                        changed = true;
                        rest = after;
                    }
                    None => {
                        mended.push_str(escape);
                        rest = after;
                    }
                }
                at_start = false;
            }
        }
        changed |= push_without_nan(&mut mended, rest);
        if self.half.is_some() && !used {
            return None;
        }
        self.half = half;
        changed.then_some(mended)
    }
}

/// How long the escape is that the text begins with, if it is all there.
fn escape_length(text: &str) -> Option<usize> {
    let length = if text.as_bytes().get(1) == Some(&b'u') {
        6
    } else {
        2
    };
    text.is_char_boundary(length).then_some(length)
}

/// The half of a surrogate pair that the escape is.
fn surrogate(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix("\\u")?;
    let unit = u16::from_str_radix(digits, 16).ok()?;
    (0xD800..0xE000).contains(&unit).then_some(unit)
}

/// Adds what stands between strings; whether there was something in it that is not JSON.
fn push_without_nan(mended: &mut String, text: &str) -> bool {
    if !text.contains(['N', 'I']) {
        mended.push_str(text);
        return false;
    }
    mended.push_str(
        &text
            .replace("-Infinity", "null")
            .replace("Infinity", "null")
            .replace("NaN", "null"),
    );
    true
}

#[cfg(test)]
mod tests {
    use super::Mend;

    #[test]
    fn a_character_cut_between_two_events_is_whole_again() {
        let mut mend = Mend::default();
        assert_eq!(
            mend.mend(r#"{"a": "x\ud83d"}"#).as_deref(),
            Some(r#"{"a": "x"}"#)
        );
        assert!(mend.is_torn());
        // What says nothing of it leaves it as it is.
        assert_eq!(mend.mend(r#"{"a": "b\n\ud83d\ude00"}"#), None);
        assert!(mend.is_torn());
        assert_eq!(
            mend.mend(r#"{"a": "\ude00y", "b": "\ude00"}"#).as_deref(),
            Some(r#"{"a": "\ud83d\ude00y", "b": "\ud83d\ude00"}"#)
        );
        assert!(!mend.is_torn());
    }

    #[test]
    fn halves_that_no_event_completes_are_errors() {
        for data in [
            r#"["\ude00"]"#,
            r#"["\ud83dx"]"#,
            r#"["\ud83d\u0041"]"#,
            r#"["\ud83d\ud83d"]"#,
            r#"["\u12"#,
            r#"["\"#,
            r#"["open"#,
        ] {
            assert_eq!(Mend::default().mend(data), None, "{data}");
        }
        let mut mend = Mend::default();
        let _ = mend.mend(r#"["\ud83d"]"#);
        assert_eq!(mend.mend(r#"["a\ude00"]"#), None);
    }

    #[test]
    fn what_is_no_number_is_null() {
        let data = r#"{"NaN": [NaN, -Infinity,Infinity, "Infinity \" NaN"]}"#;
        assert_eq!(
            Mend::default().mend(data).as_deref(),
            Some(r#"{"NaN": [null, null,null, "Infinity \" NaN"]}"#)
        );
        assert_eq!(Mend::default().mend(r#"{"a": 1"#), None);
    }
}
