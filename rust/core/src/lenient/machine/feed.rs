//! How text comes in: in bulk or character by character, through the layers, and with the answers of
//! the target.

use super::{Container, Fed, Kind, Last, Lenient, Question, RepairKind, State, Wanted, Wrong};
use crate::json::scan;
use crate::lenient::layers::{Characters, Inner};
use crate::lenient::quotes::{self, Quote};
use crate::lenient::words;
use crate::utf8;

/// White space that is held, at most: of a longer run, the rest is dropped.
const MAX_HELD: usize = 1 << 16;

impl Lenient {
    /// What must be answered before the next call.
    pub fn question(&self) -> Option<Question> {
        (self.question != Question::None).then_some(self.question)
    }

    /// Whether the root value is complete.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Reads a chunk, up to where the target must be asked or something is wrong.
    pub fn feed(&mut self, chunk: &[u8]) -> Fed {
        self.out.clear();
        self.non_finite.clear();
        let mut at = 0;
        let mut wrong = None;
        let stops = self.options.stops;
        while at < chunk.len() && self.question == Question::None {
            if stops && self.state == State::Done {
                break;
            }
            if self.layers.is_empty() && self.sequence_len == 0 {
                at = match self.bulk(chunk, at) {
                    Ok(at) => at,
                    Err(found) => {
                        wrong = Some(found);
                        break;
                    }
                };
                if at == chunk.len() {
                    break;
                }
            }
            self.peek = chunk.get(at + 1).copied();
            match self.byte(chunk[at]) {
                Ok(_) if self.stopped => break,
                Ok(taken) => at += usize::from(taken),
                Err(found) => {
                    wrong = Some(found);
                    break;
                }
            }
        }
        Fed {
            consumed: at,
            question: self.question,
            wrong,
        }
    }

    /// A value begins that is not read.
    pub fn begin_wrong(&mut self) {
        if self.state == State::Value {
            self.commit();
        }
    }

    /// The text ends. Gives what is only now known to be whole.
    pub fn finish(&mut self) -> Result<(), Wrong> {
        self.out.clear();
        self.non_finite.clear();
        match self.state {
            State::Closing if self.stack.is_empty() => {
                let tail = std::mem::take(&mut self.tail);
                self.close_and_blank(&tail);
                Ok(())
            }
            State::Word if self.stack.is_empty() => match words::at_end(&self.word) {
                Some(word) => {
                    self.state = State::Value;
                    self.take_word(word)
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// What the target wants where a string begins.
    pub fn answer_string(&mut self, wanted: Wanted) {
        self.question = Question::None;
        match wanted {
            Wanted::Member if self.options.coerce => {
                self.word.clear();
                self.state = State::Member;
            }
            Wanted::Text | Wanted::Member => self.enter_string(),
            Wanted::Container => {
                self.tail.clear();
                self.state = State::Opening;
            }
        }
    }

    /// Whether a list is wanted where an object begins.
    pub fn answer_object(&mut self, is_list: bool) -> Result<(), Wrong> {
        self.question = Question::None;
        if is_list {
            self.repair(RepairKind::WrappedItem, self.here)?;
            self.out.insert(b"[", self.here);
            self.stack.push(Container::Wrap);
        }
        self.enter(Container::Object);
        Ok(())
    }

    /// The key of the null that is asked about, as it is written between its quotes.
    pub fn key_of_null(&self) -> &[u8] {
        let key = self.held.bytes.get(self.key_at + 1..).unwrap_or_default();
        let end = key.iter().position(|&byte| byte == b'"');
        &key[..end.unwrap_or_default()]
    }

    /// Whether the null that was asked about is to be taken for absence.
    pub fn answer_null(&mut self, is_absence: bool) -> Result<(), Wrong> {
        self.question = Question::None;
        let pending = self.pending.take();
        if is_absence {
            self.repair(RepairKind::NullAbsent, self.word_at)?;
            self.held.truncate(self.key_at);
            self.state = State::Key;
            // The comma after it is that before the next key.
            self.ellipsis = true;
        } else {
            self.state = State::Word;
            self.take_null()?;
        }
        match pending {
            Some(c) => self.step(c),
            None => Ok(()),
        }
    }

    /// The keys that the object that ends lacks, and that are to be null.
    pub fn answer_end(&mut self, keys: &[&str]) -> Result<(), Wrong> {
        self.question = Question::None;
        let mut is_empty = self.last == Last::Nothing;
        for key in keys {
            self.repair(RepairKind::AbsentNull, self.here)?;
            let mut text = if is_empty {
                b"\"".to_vec()
            } else {
                b",\"".to_vec()
            };
            for character in key.chars() {
                quotes::write(character, &mut text);
            }
            text.extend_from_slice(b"\":null");
            self.out.insert(&text, self.here);
            is_empty = false;
        }
        self.close_innermost()?;
        if self.stack.len() > self.closing.1 {
            return self.close_next();
        }
        Ok(())
    }

    /// The text of a member that is asked for.
    pub fn member(&self) -> &str {
        &self.word
    }

    /// The JSON text of the member that was asked for; `None` if there is none.
    pub fn answer_member(&mut self, member: Option<&str>) -> Result<(), Wrong> {
        self.question = Question::None;
        let at = self.string_at;
        if let Some(member) = member {
            self.repair(RepairKind::Member, at)?;
            self.out.insert(member.as_bytes(), at);
        } else {
            let mut text = vec![b'"'];
            for character in self.word.chars() {
                quotes::write(character, &mut text);
            }
            text.push(b'"');
            self.out.insert(&text, at);
        }
        self.after_value(Last::String);
        Ok(())
    }

    /// Takes what needs no look at single characters.
    fn bulk(&mut self, chunk: &[u8], at: usize) -> Result<usize, Wrong> {
        match self.state {
            State::String if self.quote == Quote::Double => {
                let end = scan::plain(chunk, at).end;
                if end > at {
                    let mark = self.next;
                    self.check_key(mark, end - at)?;
                    self.target().copy(&chunk[at..end], mark);
                    self.next = mark.plus(end - at);
                }
                Ok(end)
            }
            State::String => {
                let plain = |byte: &&u8| {
                    matches!(**byte, b' '..=b'~') && !matches!(**byte, b'"' | b'\'' | b'\\' | b'`')
                };
                let length = chunk[at..].iter().take_while(plain).count();
                if length > 0 {
                    let mark = self.next;
                    self.check_key(mark, length)?;
                    self.target().copy(&chunk[at..at + length], mark);
                    self.next = mark.plus(length);
                }
                Ok(at + length)
            }
            State::Value | State::Key | State::Colon | State::Comma | State::Done => {
                let blank = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'\n' | b'\r');
                let length = chunk[at..].iter().take_while(blank).count();
                if length > 0 {
                    self.blanks(&chunk[at..at + length]);
                }
                Ok(at + length)
            }
            _ => Ok(at),
        }
    }

    /// White space between tokens.
    pub(super) fn blanks(&mut self, run: &[u8]) {
        let mark = self.next;
        self.blank = true;
        if self.held.is_empty() {
            self.out.copy(run, mark);
        } else if self.held.bytes.len() < MAX_HELD + self.options.limits.max_key {
            self.held.copy(run, mark);
        }
        self.next = mark.plus(run.len());
        if let Some(last) = run.iter().rposition(|&byte| byte == b'\n') {
            self.newline = true;
            let lines = memchr::memchr_iter(b'\n', &run[..last]).count() + 1;
            self.next.line += lines as u64;
            self.next.column = (run.len() - last) as u64;
        }
    }

    /// Reads a byte. Whether it was used: one that cuts a character short was not.
    fn byte(&mut self, byte: u8) -> Result<bool, Wrong> {
        if self.sequence_len == 0 && byte.is_ascii() {
            let character = char::from(byte);
            self.here = self.next;
            self.next = self.here.after(character, 1);
            self.deliver(0, character)?;
            return Ok(true);
        }
        if self.state == State::Opening && self.layers.is_empty() {
            // No document begins with such a byte.
            self.replay()?;
            return Ok(false);
        }
        let begun = &self.sequence[..usize::from(self.sequence_len)];
        if !utf8::fits(begun, byte) {
            return self.bad_sequence(byte);
        }
        if begun.is_empty() {
            self.here = self.next;
        }
        self.sequence[begun.len()] = byte;
        self.sequence_len += 1;
        self.next = self.next.plus(1);
        let begun = &self.sequence[..usize::from(self.sequence_len)];
        if begun.len() < utf8::width(begun[0]) {
            return Ok(true);
        }
        let character = std::str::from_utf8(begun)
            .ok()
            .and_then(|text| text.chars().next());
        self.sequence_len = 0;
        match character {
            Some(character) => self.deliver(0, character).map(|()| true),
            None => Err((Kind::InvalidUtf8, self.here)),
        }
    }

    /// Bytes that are not UTF-8. Inside a string the strict machine says so.
    #[cold]
    fn bad_sequence(&mut self, byte: u8) -> Result<bool, Wrong> {
        let wrong = Err((Kind::InvalidUtf8, self.next));
        if self.state == State::Member {
            self.no_member();
        }
        if self.state != State::String || !self.layers.is_empty() || self.is_key {
            return wrong;
        }
        let length = usize::from(self.sequence_len);
        let mut bad = self.sequence[..length].to_vec();
        bad.push(byte);
        self.sequence_len = 0;
        let start = if length == 0 { self.next } else { self.here };
        self.out.copy(&bad, start);
        // Nothing more is read: the strict machine stops at this byte.
        wrong
    }

    /// Takes `character` through the layers from `level` on, outermost first.
    fn deliver(&mut self, level: usize, character: char) -> Result<(), Wrong> {
        let Some(layer) = self.layers.get_mut(level) else {
            return self.step(character);
        };
        match layer.read(character) {
            Inner::Characters(inner) => self.deliver_all(level + 1, inner),
            Inner::Close => self.close_layer(level),
            Inner::Wrong(kind) => Err((kind, self.here)),
        }
    }

    fn deliver_all(&mut self, level: usize, inner: Characters) -> Result<(), Wrong> {
        for character in inner.iter() {
            self.deliver(level, character)?;
        }
        Ok(())
    }

    /// The string around the text inside it ends.
    fn close_layer(&mut self, level: usize) -> Result<(), Wrong> {
        if level + 1 != self.layers.len() || self.state != State::InnerDone {
            let kind = match self.stack.last() {
                Some(Container::Object) => Kind::ExpectedCommaOrObjectEnd,
                _ => Kind::ExpectedCommaOrArrayEnd,
            };
            return Err((kind, self.here));
        }
        self.layers.pop();
        self.after_value(Last::String);
        Ok(())
    }
}
