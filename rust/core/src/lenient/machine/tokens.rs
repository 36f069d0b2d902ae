//! In a token without quotes: a key, a number, a literal, a word.

use super::{Container, Kind, Last, Lenient, Position, Question, RepairKind, State, Wrong};
use crate::lenient::blanks::Comment;
use crate::lenient::numbers;
use crate::lenient::words::{self, MAX_WORD, Word};

impl Lenient {
    pub(super) fn begin_key_word(&mut self, c: char) {
        self.word.clear();
        self.word.push(c);
        self.word_at = self.here;
        self.state = State::KeyWord;
    }

    pub(super) fn key_word(&mut self, c: char) -> Result<(), Wrong> {
        if !words::is_key(c) {
            self.state = State::AfterKeyWord;
            return self.after_key_word(c);
        }
        if self.word.len() + c.len_utf8() > self.options.limits.max_key.min(MAX_WORD) {
            return Err((Kind::KeyLimit, self.here));
        }
        self.word.push(c);
        Ok(())
    }

    pub(super) fn after_key_word(&mut self, c: char) -> Result<(), Wrong> {
        if c == ':' {
            self.repair(RepairKind::UnquotedKey, self.word_at)?;
            self.key_at = self.held.bytes.len();
            let key = format!("\"{}\"", self.word);
            self.held.insert(key.as_bytes(), self.word_at);
            self.state = State::Colon;
            return self.colon(c);
        }
        let number = self.last == Last::Number && numbers::is_group(&self.word);
        if number && !self.blank {
            return Err((Kind::ThousandsSeparator, self.word_at));
        }
        if self.trivia(c)? {
            return Ok(());
        }
        if self.implied && self.last == Last::String {
            return Err((Kind::UnescapedQuote, self.word_at));
        }
        Err((Kind::MissingColon, self.here))
    }

    /// A token without quotes begins. Whatever it is, what was held for a value is sure, unless the
    /// comma before it is missing as well.
    pub(super) fn begin_word(&mut self, c: char, at: Position, implied: bool) {
        // A null may be taken for absence.
        let held = self.options.coerce && matches!(c, 'n' | 'N' | 'u' | 'U');
        if !implied && !held {
            self.commit();
        }
        self.word.clear();
        self.word.push(c);
        self.word_at = at;
        self.numeric = words::is_numeric(c) && !c.is_alphabetic();
        self.implied = implied;
        self.state = State::Word;
    }

    pub(super) fn in_word(&mut self, c: char) -> Result<(), Wrong> {
        if words::continues(c) {
            self.numeric &= words::is_numeric(c);
            let (limit, kind) = if self.numeric {
                (self.options.limits.max_number, Kind::NumberLimit)
            } else {
                (MAX_WORD, Kind::UnquotedText)
            };
            if self.word.len() + c.len_utf8() > limit {
                return Err((kind, self.here));
            }
            self.word.push(c);
            return Ok(());
        }
        if c == '/' {
            self.escape_at = self.here;
            self.state = State::WordSlash;
            return Ok(());
        }
        let word = words::read(&self.word);
        match &word {
            // Whether it is a comment or part of the word could only be guessed.
            Word::Text if c == '#' => return Err((Kind::UnquotedText, self.here)),
            Word::Text if c == ':' && self.word.starts_with(|c: char| c.is_ascii_digit()) => {
                return Err((Kind::UnquotedDate, self.word_at));
            }
            Word::Strict | Word::Number(_) if c == ':' && self.word.len() <= 2 && self.numeric => {
                return Err((Kind::UnquotedDate, self.word_at));
            }
            _ => {}
        }
        if self.asks_for_null(&word) {
            self.state = State::AskedNull;
            self.question = Question::Null;
            self.pending = Some(c);
            return Ok(());
        }
        self.take_word(word)?;
        self.step(c)
    }

    /// Whether the word is a null whose key is still held.
    fn asks_for_null(&self, word: &Word) -> bool {
        let is_null = match word {
            Word::Strict => self.word == "null",
            Word::Literal(text) => *text == "null",
            _ => false,
        };
        let is_member = self.stack.last() == Some(&Container::Object);
        is_null && self.options.coerce && is_member && self.held.bytes.len() > self.key_at
    }

    /// The null that was asked about is one.
    pub(super) fn take_null(&mut self) -> Result<(), Wrong> {
        let word = words::read(&self.word);
        self.take_word(word)
    }

    /// After a slash in a token without quotes: a comment, or part of the token.
    pub(super) fn word_slash(&mut self, c: char) -> Result<(), Wrong> {
        let slash = self.escape_at;
        let word = words::read(&self.word);
        let comment = match (c, &word) {
            ('/', Word::Text) => return Err((Kind::UnquotedText, slash)),
            ('/', _) => Comment::Line,
            ('*', _) => Comment::Block,
            _ if self.word.starts_with(char::is_alphanumeric) && words::continues(c) => {
                self.state = State::Word;
                self.numeric = false;
                self.word.push('/');
                return self.in_word(c);
            }
            _ => return Err((Kind::InvalidNumber, slash)),
        };
        self.take_word(word)?;
        self.resume = self.state;
        self.begin_comment(comment)
    }

    /// A token without quotes is over: gives it, or waits for what follows.
    pub(super) fn take_word(&mut self, word: Word) -> Result<(), Wrong> {
        let at = self.word_at;
        let implied = self.implied;
        if let Word::Refused(kind) = word {
            let group = self.last == Last::Number && numbers::is_group(&self.word);
            let separated = group && !self.blank && !implied;
            return Err((
                if separated {
                    Kind::ThousandsSeparator
                } else {
                    kind
                },
                at,
            ));
        }
        if word == Word::Text {
            // A word alone is prose: an answer such as `Sorry`.
            if implied || self.stack.is_empty() {
                return Err((Kind::UnquotedText, at));
            }
            self.state = State::AfterWord;
            return Ok(());
        }
        if implied {
            if self.last == Last::Number && !self.newline && numbers::is_group(&self.word) {
                return Err((Kind::ThousandsSeparator, at));
            }
            self.imply_comma(at)?;
        }
        self.commit();
        let mut last = Last::Number;
        match word {
            Word::Strict => {
                let word = std::mem::take(&mut self.word);
                self.raw_value(word.as_bytes(), at);
                if !word.ends_with(|c: char| c.is_ascii_digit()) {
                    last = Last::Bare;
                }
                self.word = word;
            }
            Word::Number(text) => {
                self.repair(RepairKind::Number, at)?;
                self.out.insert(text.as_bytes(), at);
            }
            Word::Literal(text) => {
                self.repair(RepairKind::Literal, at)?;
                self.out.insert(text.as_bytes(), at);
                last = Last::Bare;
            }
            Word::NonFinite(text) => {
                self.repair(RepairKind::NonFinite, at)?;
                self.non_finite.push((self.out.bytes.len(), text));
                self.out.insert(text.as_bytes(), at);
                last = Last::Bare;
            }
            Word::Text | Word::Refused(_) => {}
        }
        self.after_value(last);
        Ok(())
    }

    /// A token that is strict as it stands at `at`.
    pub(super) fn raw_value(&mut self, bytes: &[u8], at: Position) {
        if self.layers.is_empty() {
            self.out.copy(bytes, at);
        } else {
            self.out.insert(bytes, at);
        }
    }

    /// After one word: a string, if a delimiter follows.
    pub(super) fn after_word(&mut self, c: char) -> Result<(), Wrong> {
        if self.trivia(c)? {
            return Ok(());
        }
        if !matches!(c, ',' | ']' | '}') {
            return Err((Kind::UnquotedText, self.here));
        }
        self.repair(RepairKind::UnquotedWord, self.word_at)?;
        self.commit();
        let text = format!("\"{}\"", self.word);
        self.out.insert(text.as_bytes(), self.word_at);
        self.after_value(Last::Bare);
        self.step(c)
    }
}
