//! Between the quotes of a string, and where its opening quote may be that of text inside.

use super::{Kind, Last, Lenient, Question, RepairKind, State, Wrong};
use crate::lenient::blanks;
use crate::lenient::layers::{Layer, MAX_LAYERS};
use crate::lenient::output::{Output, Position};
use crate::lenient::quotes::{self, Quote};
use crate::lenient::words::MAX_WORD;

/// White space after a quote that may be text, at most: after more, the quote is a quote.
const MAX_TAIL: usize = 4096;

impl Lenient {
    pub(super) fn note_quote(&mut self, quote: Quote) -> Result<(), Wrong> {
        self.quote = quote;
        if quote == Quote::Double {
            self.quoted = true;
            return Ok(());
        }
        self.repair(RepairKind::Quotes, self.here)
    }

    /// Where the characters of the string go.
    pub(super) fn target(&mut self) -> &mut Output {
        if self.is_key {
            &mut self.held
        } else {
            &mut self.out
        }
    }

    pub(super) fn begin_value_string(&mut self, quote: Quote) -> Result<(), Wrong> {
        self.note_quote(quote)?;
        self.commit();
        self.is_key = false;
        self.string_at = self.here;
        let asks = (self.options.nested || self.options.coerce) && self.layers.len() < MAX_LAYERS;
        // What follows may tell that there is nothing to ask.
        let plain = self.layers.is_empty()
            && !self.options.coerce
            && self
                .peek
                .is_some_and(|byte| !b" \t\r\n\\{[".contains(&byte));
        if asks && !plain {
            self.state = State::Asked;
            self.question = Question::String;
        } else {
            self.enter_string();
        }
        Ok(())
    }

    /// The opening quote of a value is sure to be one.
    pub(super) fn enter_string(&mut self) {
        if self.quote == Quote::Double && self.layers.is_empty() {
            self.out.copy(b"\"", self.string_at);
        } else {
            self.out.insert(b"\"", self.string_at);
        }
        self.state = State::String;
    }

    /// The next `length` bytes, of one line, which begin at `from`, may not make a key too long.
    pub(super) fn check_key(&self, from: Position, length: usize) -> Result<(), Wrong> {
        if self.is_key {
            let limit = self.string_at.offset + 1 + self.options.limits.max_key as u64;
            if from.offset + length as u64 > limit {
                let within = usize::try_from(limit.saturating_sub(from.offset));
                return Err((Kind::KeyLimit, from.plus(within.unwrap_or_default())));
            }
        }
        Ok(())
    }

    /// The same for the character that is being read.
    pub(super) fn check_key_here(&self) -> Result<(), Wrong> {
        let length = self.next.offset - self.here.offset;
        self.check_key(self.here, usize::try_from(length).unwrap_or_default())
    }

    pub(super) fn in_string(&mut self, c: char) -> Result<(), Wrong> {
        if self.quote.closes(c) {
            self.closer = c;
            self.escape_at = self.here;
            if self.options.quotes {
                self.tail.clear();
                self.state = State::Closing;
                return Ok(());
            }
            self.close_string();
            return Ok(());
        }
        self.check_key_here()?;
        if c == '\\' {
            self.escape_at = self.here;
            self.state = State::Escape;
            return Ok(());
        }
        if c.is_ascii_control() && c != '\u{7f}' {
            self.repair(RepairKind::ControlCharacter, self.here)?;
        }
        self.text(c, self.here);
        Ok(())
    }

    /// A character of the string, which stands at `at`.
    pub(super) fn text(&mut self, c: char, at: Position) {
        let mut strict = Vec::with_capacity(6);
        quotes::write(c, &mut strict);
        let same = self.layers.is_empty() && strict.len() == c.len_utf8();
        if same {
            self.target().copy(&strict, at);
        } else {
            self.target().insert(&strict, at);
        }
    }

    /// After a backslash in a string.
    pub(super) fn escape(&mut self, c: char) -> Result<(), Wrong> {
        self.check_key_here()?;
        self.state = State::String;
        let at = self.escape_at;
        if quotes::is_escape(c) {
            let escape = [b'\\', u8::try_from(c).unwrap_or(b'\\')];
            self.raw(&escape, at);
            return Ok(());
        }
        if c == 'u' {
            self.state = State::Hex(0);
            return Ok(());
        }
        self.repair(RepairKind::Escape, at)?;
        if c == '\'' || self.quote.closes(c) {
            self.text(c, at);
            return Ok(());
        }
        self.target().insert(b"\\\\", at);
        self.text(c, self.here);
        Ok(())
    }

    /// Bytes of a string that begin at `at` and are strict as they are.
    pub(super) fn raw(&mut self, bytes: &[u8], at: Position) {
        if self.layers.is_empty() {
            self.target().copy(bytes, at);
        } else {
            self.target().insert(bytes, at);
        }
    }

    pub(super) fn hex(&mut self, c: char, count: u8) -> Result<(), Wrong> {
        if !c.is_ascii_hexdigit() {
            let at = self.escape_at;
            self.repair(RepairKind::Escape, at)?;
            let mut kept = b"\\\\u".to_vec();
            kept.extend_from_slice(&self.digits[..usize::from(count)]);
            self.target().insert(&kept, at);
            self.state = State::String;
            return self.in_string(c);
        }
        self.check_key_here()?;
        self.digits[usize::from(count & 3)] = u8::try_from(c).unwrap_or(b'0');
        if count < 3 {
            self.state = State::Hex(count + 1);
            return Ok(());
        }
        let [a, b, c, d] = self.digits;
        let at = self.escape_at;
        self.raw(&[b'\\', b'u', a, b, c, d], at);
        self.state = State::String;
        Ok(())
    }

    /// The string ends with the quote at `escape_at`.
    pub(super) fn close_string(&mut self) {
        let at = self.escape_at;
        if self.closer == '"' {
            self.raw(b"\"", at);
        } else {
            self.target().insert(b"\"", at);
        }
        if self.is_key {
            self.blank = false;
            self.state = State::Colon;
        } else {
            self.after_value(Last::String);
        }
    }

    /// After a quote that closes if a delimiter follows.
    pub(super) fn closing(&mut self, c: char) -> Result<(), Wrong> {
        if blanks::is_blank(c) && self.tail.len() < MAX_TAIL {
            self.tail.push(c);
            return Ok(());
        }
        let comment = matches!(c, '/' | '#') && !self.tail.is_empty();
        let closes = comment
            || self.tail.len() >= MAX_TAIL
            || match self.stack.last() {
                _ if self.is_key => c == ':',
                Some(_) => matches!(c, ',' | '}' | ']'),
                None => false,
            };
        let mark = self.escape_at;
        let tail = std::mem::take(&mut self.tail);
        if !closes {
            self.repair(RepairKind::UnescapedQuote, mark)?;
            self.state = State::String;
            self.text(self.closer, mark);
            let mut at = mark.plus(self.closer.len_utf8());
            for blank in tail.chars() {
                if blank != ' ' {
                    self.repair(RepairKind::ControlCharacter, at)?;
                }
                self.text(blank, at);
                at = at.after(blank, 1);
            }
            return self.in_string(c);
        }
        self.close_and_blank(&tail);
        self.step(c)
    }

    /// The string ends with the quote at `escape_at`, and `tail` is white space after it.
    pub(super) fn close_and_blank(&mut self, tail: &str) {
        self.close_string();
        let (here, next) = (self.here, self.next);
        if self.layers.is_empty() && !tail.is_empty() {
            self.next = self.escape_at.plus(self.closer.len_utf8());
            self.blanks(tail.as_bytes());
        } else {
            self.blank |= !tail.is_empty();
        }
        (self.here, self.next) = (here, next);
    }

    /// After a quote, in front of what may be a document.
    pub(super) fn opening(&mut self, c: char) -> Result<(), Wrong> {
        match c {
            ' ' | '\t' | '\n' | '\r' if self.tail.len() < MAX_TAIL => {
                self.tail.push(c);
                Ok(())
            }
            '\\' if self.tail.len() < MAX_TAIL => {
                self.escape_at = self.here;
                self.state = State::OpeningEscape;
                Ok(())
            }
            '{' | '[' => {
                self.repair(RepairKind::NestedText, self.string_at)?;
                let depth = self.stack.len();
                self.layers.push(Layer::new(Some(self.quote), depth));
                self.state = State::Value;
                self.value(c)
            }
            _ => {
                self.replay()?;
                self.step(c)
            }
        }
    }

    pub(super) fn opening_escape(&mut self, c: char) -> Result<(), Wrong> {
        if let 'n' | 'r' | 't' = c {
            self.tail.push('\\');
            self.tail.push(c);
            self.state = State::Opening;
            return Ok(());
        }
        self.replay()?;
        self.step('\\')?;
        self.step(c)
    }

    /// It is a string after all.
    pub(super) fn replay(&mut self) -> Result<(), Wrong> {
        self.enter_string();
        let tail = std::mem::take(&mut self.tail);
        let (here, next) = (self.here, self.next);
        self.next = self.string_at.plus(1);
        for c in tail.chars() {
            self.here = self.next;
            self.next = self.here.after(c, 1);
            self.step(c)?;
        }
        (self.here, self.next) = (here, next);
        Ok(())
    }

    /// In the text of a member. A text that is long or has escapes is not one.
    pub(super) fn in_member(&mut self, c: char) -> Result<(), Wrong> {
        if self.quote.closes(c) && !self.options.quotes {
            self.state = State::AskedMember;
            self.question = Question::Member;
            return Ok(());
        }
        let opens = self.word.is_empty() && matches!(c, '{' | '[');
        if opens
            || c == '\\'
            || c == '"'
            || c.is_control()
            || self.word.len() > MAX_WORD
            || self.quote.closes(c)
        {
            self.no_member();
            return self.step(c);
        }
        self.word.push(c);
        Ok(())
    }

    /// What was taken for the text of a member is any string.
    pub(super) fn no_member(&mut self) {
        let word = std::mem::take(&mut self.word);
        self.enter_string();
        let at = self.string_at;
        self.raw(word.as_bytes(), at.plus(1));
    }
}
