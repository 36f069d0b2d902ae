//! The normaliser. Everything that affects its state lives in this folder.
//!
//! # Theory of operation
//!
//! `feed.rs` takes the model's text character by character; only stretches of plain string characters
//! and of white space go in bulk. A character may come through [`Layer`]s first, each of which takes
//! one level of escapes off. `step` has one branch for each [`State`]; what happens between tokens
//! stands in this file, what happens between the quotes of a string in `strings.rs`, and in a token
//! without quotes in `tokens.rs`.
//!
//! `out` is what is sure. `held` has, in this order, the comma and the key with its colon that wait
//! for a value, and the white space between them: `commit` moves it to `out` when a value begins.
//! `key_at` is where in it the key begins, so that a key without a value can go alone.
//!
//! What must change together: a state in which a token may begin calls `trivia` first, and is one
//! that a comment comes back to (`resume`). Whoever ends a value calls `after_value`. A branch that
//! ends a token by the character after it steps once more with that character.

mod between;
mod containers;
mod feed;
mod strings;
mod tokens;

use super::blanks::Comment;
use super::layers::Layer;
use super::output::{Output, Position};
use super::quotes::Quote;
use super::{LenientOptions, Repair, RepairKind, words};
use crate::json::JsonErrorKind as Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Object,
    Array,
    /// An array that was put around one item.
    Wrap,
}

/// What kind of value ended last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Nothing,
    String,
    Number,
    /// A literal, a word.
    Bare,
    Container,
}

/// Where the normaliser stands between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must begin, or (in an array) may.
    Value,
    /// A key or the end of the object.
    Key,
    /// After a key.
    Colon,
    /// After a value in a container.
    Comma,
    /// After the root value.
    Done,
    /// In text inside a string, after its value.
    InnerDone,
    /// In a string.
    String,
    /// There, after a backslash.
    Escape,
    /// There, after `\u` and so many digits.
    Hex(u8),
    /// After what may be the closing quote; it and white space are held.
    Closing,
    /// In a token without quotes.
    Word,
    /// There, after a slash.
    WordSlash,
    /// After a word that is a string if a delimiter follows.
    AfterWord,
    /// In a key without quotes.
    KeyWord,
    /// After one.
    AfterKeyWord,
    /// After so many points.
    Dots(u8),
    /// After a slash between tokens.
    Slash,
    /// In a comment.
    Comment(Comment),
    /// After a backslash between tokens.
    Backslash,
    /// After an opening quote, of which the target has not said what it wants there.
    Asked,
    /// After `{`, likewise.
    AskedObject,
    /// After an opening quote where a container is wanted; it and white space are held.
    Opening,
    /// There, after a backslash.
    OpeningEscape,
    /// In the text of an enumeration's member, which is held.
    Member,
    /// After it.
    AskedMember,
    /// After a null, of which the target has not said whether it is one.
    AskedNull,
    /// Before the end of an object, of which the target has not said what it lacks.
    AskedEnd,
}

/// What is wrong, and where.
pub(super) type Wrong = (Kind, Position);

/// What the target is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Nothing.
    None,
    /// A string begins.
    String,
    /// An object begins.
    Object,
    /// The text of a member is over.
    Member,
    /// A null is the value of a key.
    Null,
    /// An object ends.
    End,
}

/// What the target wants where a string begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The string.
    Text,
    /// An object or a list, and no string.
    Container,
    /// A member of an enumeration.
    Member,
}

/// What a call did.
pub(super) struct Fed {
    /// How many bytes were used.
    pub consumed: usize,
    /// What must be answered before the next call.
    pub question: Question,
    pub wrong: Option<Wrong>,
}

/// Turns what a model writes into strict text.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an answer of its own about the place, not a part of the state"
)]
pub(super) struct Lenient {
    options: LenientOptions,
    state: State,
    /// Where to go on after a comment, an escape or points between tokens.
    resume: State,
    stack: Vec<Container>,
    layers: Vec<Layer>,
    pub out: Output,
    held: Output,
    /// Index in `held` of the key.
    key_at: usize,
    /// The comma that is held.
    comma: Option<Position>,
    /// A token without quotes, or the text of a member.
    word: String,
    word_at: Position,
    /// Whether it may still be a number of any length.
    numeric: bool,
    quote: Quote,
    /// Where the string begins.
    string_at: Position,
    is_key: bool,
    /// Where the escape begins, or the quote that may close.
    escape_at: Position,
    digits: [u8; 4],
    /// White space after a quote that may close, or that opens what may be text inside.
    tail: String,
    closer: char,
    /// Bytes of a character that is not whole.
    sequence: [u8; 4],
    sequence_len: u8,
    /// Place of the character that is being read.
    here: Position,
    /// Place of the next byte.
    next: Position,
    /// The byte after the character that is being read, if it is known and no layer is open.
    peek: Option<u8>,
    last: Last,
    /// White space or a comment stands after the last value or comma.
    blank: bool,
    /// A line break, likewise.
    newline: bool,
    /// An ellipsis, likewise.
    ellipsis: bool,
    /// A comma is missing before the token that is being read.
    implied: bool,
    /// A string with plain quotes was read.
    quoted: bool,
    question: Question,
    /// The character that ended the token that is asked about.
    pending: Option<char>,
    /// The bracket that closes containers, and how many are left open then.
    closing: (char, usize),
    /// A character came after the root value, where reading is to stop.
    stopped: bool,
    /// Where in `out` floats stand that JSON has no way to write.
    pub non_finite: Vec<(usize, &'static str)>,
    pub repairs: Vec<Repair>,
}

impl Lenient {
    pub fn new(options: LenientOptions, start: Position) -> Self {
        Self {
            options,
            state: State::Value,
            resume: State::Value,
            stack: Vec::new(),
            layers: Vec::new(),
            out: Output::default(),
            held: Output::default(),
            key_at: 0,
            comma: None,
            word: String::new(),
            word_at: Position::START,
            numeric: false,
            quote: Quote::Double,
            string_at: Position::START,
            is_key: false,
            escape_at: Position::START,
            digits: [0; 4],
            tail: String::new(),
            closer: '"',
            sequence: [0; 4],
            sequence_len: 0,
            here: start,
            next: start,
            peek: None,
            last: Last::Nothing,
            blank: false,
            newline: false,
            ellipsis: false,
            implied: false,
            quoted: false,
            question: Question::None,
            pending: None,
            closing: ('}', 0),
            stopped: false,
            non_finite: Vec::new(),
            repairs: Vec::new(),
        }
    }

    /// The place of the next byte.
    pub fn place(&self) -> Position {
        self.next
    }

    /// Whether a number, a literal or a word has begun, of which nothing was said yet.
    pub fn is_in_scalar(&self) -> bool {
        matches!(
            self.state,
            State::Word | State::WordSlash | State::AfterWord
        )
    }

    /// One character. A branch that ends a token by the character after it steps once more.
    fn step(&mut self, c: char) -> Result<(), Wrong> {
        match self.state {
            State::Value => self.value(c),
            State::Key => self.key(c),
            State::Colon => self.colon(c),
            State::Comma => self.after_item(c),
            State::Done => self.done(c),
            State::InnerDone => {
                if self.trivia(c)? {
                    return Ok(());
                }
                Err((Kind::TrailingData, self.here))
            }
            State::String => self.in_string(c),
            State::Escape => self.escape(c),
            State::Hex(count) => self.hex(c, count),
            State::Closing => self.closing(c),
            State::Word => self.in_word(c),
            State::WordSlash => self.word_slash(c),
            State::AfterWord => self.after_word(c),
            State::KeyWord => self.key_word(c),
            State::AfterKeyWord => self.after_key_word(c),
            State::Dots(count) => self.dots(c, count),
            State::Slash => {
                let comment = match c {
                    '/' => Comment::Line,
                    '*' => Comment::Block,
                    _ => return Err((self.unexpected().0, self.escape_at)),
                };
                self.begin_comment(comment)
            }
            State::Comment(comment) => {
                self.newline |= c == '\n';
                self.state = comment.step(c).map_or(self.resume, State::Comment);
                Ok(())
            }
            State::Backslash => self.backslash(c),
            State::Opening => self.opening(c),
            State::OpeningEscape => self.opening_escape(c),
            State::Member => self.in_member(c),
            // The reader answers before it goes on.
            State::Asked
            | State::AskedObject
            | State::AskedMember
            | State::AskedNull
            | State::AskedEnd => Err(self.unexpected()),
        }
    }

    /// A value begins: what was held for it is sure.
    fn commit(&mut self) {
        self.out.append(&mut self.held);
        self.comma = None;
        self.key_at = 0;
        self.ellipsis = false;
    }

    /// Puts a comma before the token at `at`.
    fn imply_comma(&mut self, at: Position) -> Result<(), Wrong> {
        self.held.insert(b",", at);
        self.repair(RepairKind::MissingComma, at)
    }

    fn repair(&mut self, kind: RepairKind, at: Position) -> Result<(), Wrong> {
        if self.repairs.len() >= self.options.max_repairs {
            return Err((Kind::RepairLimit, at));
        }
        self.repairs.push(Repair {
            kind,
            offset: at.offset,
            line: at.line,
            column: at.column,
        });
        Ok(())
    }

    /// The error for a character that nothing here explains.
    fn unexpected(&self) -> Wrong {
        let state = match self.state {
            State::Slash | State::Backslash | State::Dots(_) | State::Comment(_) => self.resume,
            state => state,
        };
        let kind = match state {
            State::Key if self.comma.is_none() && self.last == Last::Nothing => {
                Kind::ExpectedKeyOrEnd
            }
            State::Key => Kind::ExpectedKey,
            State::Colon | State::AfterKeyWord | State::KeyWord => Kind::MissingColon,
            State::Comma if self.stack.last() == Some(&Container::Object) => {
                Kind::ExpectedCommaOrObjectEnd
            }
            State::Comma => Kind::ExpectedCommaOrArrayEnd,
            State::Done | State::InnerDone => Kind::TrailingData,
            State::Word | State::WordSlash | State::AfterWord => Kind::UnquotedText,
            _ => Kind::ExpectedValue,
        };
        (kind, self.here)
    }

    /// Whether the last value and what follows are set apart by more than nothing.
    fn is_apart(&self) -> bool {
        self.blank || self.last == Last::Container
    }

    fn value(&mut self, c: char) -> Result<(), Wrong> {
        if self.trivia(c)? {
            return Ok(());
        }
        let in_array = self.stack.last() == Some(&Container::Array);
        match c {
            '{' => {
                self.open_object();
                Ok(())
            }
            '[' => {
                self.enter(Container::Array);
                Ok(())
            }
            ']' | '}' if !self.stack.is_empty() => self.close(c),
            ',' if in_array => self.extra_comma(),
            ',' if !self.stack.is_empty() => {
                self.absent()?;
                // The comma that was there already, if any, is before the next key as well.
                self.state = State::Key;
                self.blank = false;
                self.newline = false;
                Ok(())
            }
            _ if in_array && self.begin_dots(c)? => Ok(()),
            _ => {
                if let Some(quote) = Quote::opening(c) {
                    self.begin_value_string(quote)
                } else if words::begins(c) {
                    self.begin_word(c, self.here, false);
                    Ok(())
                } else {
                    Err((Kind::ExpectedValue, self.here))
                }
            }
        }
    }

    fn extra_comma(&mut self) -> Result<(), Wrong> {
        if self.ellipsis {
            self.ellipsis = false;
            return Ok(());
        }
        self.repair(RepairKind::ExtraComma, self.here)
    }

    /// A key has no value.
    fn absent(&mut self) -> Result<(), Wrong> {
        self.repair(RepairKind::AbsentValue, self.here)?;
        self.held.truncate(self.key_at);
        Ok(())
    }

    /// A value has ended.
    fn after_value(&mut self, last: Last) {
        while self.stack.last() == Some(&Container::Wrap) {
            self.stack.pop();
            self.out.insert(b"]", self.here);
        }
        self.last = last;
        self.blank = false;
        self.newline = false;
        self.ellipsis = false;
        self.implied = false;
        self.state = match self.layers.last() {
            Some(layer) if layer.is_string() && layer.depth == self.stack.len() => State::InnerDone,
            _ if self.stack.is_empty() => State::Done,
            _ => State::Comma,
        };
    }

    /// After a value in a container.
    fn after_item(&mut self, c: char) -> Result<(), Wrong> {
        if self.trivia(c)? {
            return Ok(());
        }
        let in_array = self.stack.last() == Some(&Container::Array);
        match c {
            ',' => {
                if self.layers.is_empty() {
                    self.held.copy(b",", self.here);
                } else {
                    self.held.insert(b",", self.here);
                }
                self.comma = Some(self.here);
                self.key_at = self.held.bytes.len();
                self.state = if in_array { State::Value } else { State::Key };
                self.blank = false;
                self.newline = false;
                self.ellipsis = false;
                Ok(())
            }
            ']' | '}' => self.close(c),
            '+' if self.last == Last::String => Err((Kind::ConcatenatedStrings, self.here)),
            _ if self.begin_dots(c)? => Ok(()),
            _ if in_array => self.next_item(c),
            _ => self.next_member(c),
        }
    }

    /// In an array, a value that no comma stands before.
    fn next_item(&mut self, c: char) -> Result<(), Wrong> {
        let opens = matches!(c, '{' | '[');
        let quote = Quote::opening(c);
        if !opens && quote.is_none() && !words::begins(c) {
            return Err(self.unexpected());
        }
        if self.last == Last::String && !self.blank {
            return Err((Kind::UnescapedQuote, self.here));
        }
        if opens {
            self.imply_comma(self.here)?;
            if c == '{' {
                self.open_object();
            } else {
                self.enter(Container::Array);
            }
            return Ok(());
        }
        let Some(quote) = quote else {
            self.begin_word(c, self.here, true);
            return Ok(());
        };
        if !self.is_apart() {
            return Err((self.glued_quote(c), self.here));
        }
        self.imply_comma(self.here)?;
        self.begin_value_string(quote)
    }

    /// What a quote right after a token without quotes means.
    fn glued_quote(&self, c: char) -> Kind {
        if self.last == Last::Number && matches!(c, '\'' | '’') {
            Kind::ThousandsSeparator
        } else {
            Kind::UnquotedText
        }
    }

    /// In an object, a key that no comma stands before.
    fn next_member(&mut self, c: char) -> Result<(), Wrong> {
        if let Some(quote) = Quote::opening(c) {
            if !self.is_apart() && self.last != Last::String {
                return Err((self.glued_quote(c), self.here));
            }
            self.imply_comma(self.here)?;
            self.implied = true;
            return self.begin_key(quote);
        }
        if !words::is_key(c) {
            return Err(self.unexpected());
        }
        if !self.newline && self.last != Last::Container {
            return Err(match self.last {
                Last::String => (Kind::UnescapedQuote, self.here),
                Last::Number if c.is_ascii_digit() => (Kind::ThousandsSeparator, self.here),
                _ => (Kind::UnquotedText, self.here),
            });
        }
        self.imply_comma(self.here)?;
        self.implied = true;
        self.begin_key_word(c);
        Ok(())
    }

    /// After the root value.
    fn done(&mut self, c: char) -> Result<(), Wrong> {
        if self.options.stops {
            // It is left where it is.
            self.stopped = true;
            return Ok(());
        }
        if self.trivia(c)? {
            return Ok(());
        }
        match c {
            ',' if !self.ellipsis => {
                // There is no more than one.
                self.ellipsis = true;
                self.repair(RepairKind::ExtraComma, self.here)
            }
            '+' if self.last == Last::String => Err((Kind::ConcatenatedStrings, self.here)),
            '{' | '[' | '-' | '0'..='9' => Err((Kind::SeveralDocuments, self.here)),
            _ if self.last == Last::String && !self.blank && !self.ellipsis => {
                Err((Kind::UnescapedQuote, self.here))
            }
            _ if Quote::opening(c).is_some() => Err((Kind::SeveralDocuments, self.here)),
            _ => Err((Kind::TrailingData, self.here)),
        }
    }

    fn key(&mut self, c: char) -> Result<(), Wrong> {
        if self.trivia(c)? {
            return Ok(());
        }
        match c {
            ']' | '}' => self.close(c),
            ',' => self.extra_comma(),
            _ if self.begin_dots(c)? => Ok(()),
            _ => {
                if let Some(quote) = Quote::opening(c) {
                    self.begin_key(quote)
                } else if words::is_key(c) {
                    self.begin_key_word(c);
                    Ok(())
                } else {
                    Err(self.unexpected())
                }
            }
        }
    }

    fn begin_key(&mut self, quote: Quote) -> Result<(), Wrong> {
        self.note_quote(quote)?;
        self.key_at = self.held.bytes.len();
        self.is_key = true;
        self.string_at = self.here;
        if quote == Quote::Double && self.layers.is_empty() {
            self.held.copy(b"\"", self.here);
        } else {
            self.held.insert(b"\"", self.here);
        }
        self.state = State::String;
        Ok(())
    }

    fn colon(&mut self, c: char) -> Result<(), Wrong> {
        if self.trivia(c)? {
            return Ok(());
        }
        if c != ':' {
            let text = self.implied && self.last == Last::String;
            return Err(match c {
                _ if !text => (Kind::MissingColon, self.here),
                ',' | '}' | ']' | '+' => (Kind::ConcatenatedStrings, self.string_at),
                // The string before it has not ended where it seemed to.
                _ => (Kind::UnescapedQuote, self.string_at),
            });
        }
        if self.layers.is_empty() {
            self.held.copy(b":", self.here);
        } else {
            self.held.insert(b":", self.here);
        }
        self.implied = false;
        self.state = State::Value;
        Ok(())
    }
}
