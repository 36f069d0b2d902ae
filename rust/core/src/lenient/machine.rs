//! The normaliser. Everything that affects its state lives in this file.
//!
//! # Theory of operation
//!
//! [`Lenient::feed`] takes characters one by one; only stretches of plain string characters and of
//! white space go in bulk. A character may come through [`Layer`]s first, each of which takes one
//! level of escapes off. `step` has one branch for each [`State`].
//!
//! `out` is what is sure. `held` has, in this order, the comma and the key with its colon that wait
//! for a value, and the white space between them: `commit` moves it to `out` when a value begins.
//! `key_at` is where in it the key begins, so that a key without a value can go alone.
//!
//! What must change together: a state in which a token may begin calls `trivia` first, and is one
//! that a comment comes back to (`resume`). Whoever ends a value calls `after_value`.

use super::blanks::{self, Comment};
use super::layers::{Characters, Inner, Layer, MAX_LAYERS};
use super::numbers;
use super::output::{Mark, Output};
use super::quotes::{self, Quote};
use super::words::{self, MAX_WORD, Word};
use super::{Options, Repair, RepairKind};
use crate::json::{JsonErrorKind as Kind, scan};
use crate::utf8;

/// White space that is held, at most: of a longer run, the rest is dropped.
const MAX_HELD: usize = 1 << 16;
/// White space after a quote that may be text, at most: after more, the quote is a quote.
const MAX_TAIL: usize = 4096;

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
}

/// What is wrong, and where.
pub(super) type Wrong = (Kind, Mark);

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
pub(super) struct Lenient {
    options: Options,
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
    comma: Option<Mark>,
    /// A token without quotes, or the text of a member.
    word: String,
    word_at: Mark,
    /// Whether it may still be a number of any length.
    numeric: bool,
    quote: Quote,
    /// Where the string begins.
    string_at: Mark,
    is_key: bool,
    /// Where the escape begins, or the quote that may close.
    escape_at: Mark,
    digits: [u8; 4],
    /// White space after a quote that may close, or that opens what may be text inside.
    tail: String,
    closer: char,
    /// Bytes of a character that is not whole.
    sequence: [u8; 4],
    sequence_len: u8,
    /// Place of the character that is being read.
    here: Mark,
    /// Place of the next byte.
    next: Mark,
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
    /// Where in `out` floats stand that JSON has no way to write.
    pub non_finite: Vec<(usize, &'static str)>,
    pub repairs: Vec<Repair>,
}

impl Lenient {
    pub fn new(options: Options) -> Self {
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
            word_at: Mark::START,
            numeric: false,
            quote: Quote::Double,
            string_at: Mark::START,
            is_key: false,
            escape_at: Mark::START,
            digits: [0; 4],
            tail: String::new(),
            closer: '"',
            sequence: [0; 4],
            sequence_len: 0,
            here: Mark::START,
            next: Mark::START,
            peek: None,
            last: Last::Nothing,
            blank: false,
            newline: false,
            ellipsis: false,
            implied: false,
            quoted: false,
            question: Question::None,
            non_finite: Vec::new(),
            repairs: Vec::new(),
        }
    }

    /// The place of the next byte.
    pub fn here(&self) -> Mark {
        self.next
    }

    /// Whether a number, a literal or a word has begun, of which nothing was said yet.
    pub fn is_in_scalar(&self) -> bool {
        matches!(
            self.state,
            State::Word | State::WordSlash | State::AfterWord
        )
    }

    /// Reads a chunk, up to where the target must be asked or something is wrong.
    pub fn feed(&mut self, chunk: &[u8]) -> Fed {
        self.out.clear();
        self.non_finite.clear();
        let mut at = 0;
        let mut wrong = None;
        while at < chunk.len() && self.question == Question::None {
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

    /// The text ends. Gives what is only now known to be whole.
    pub fn finish(&mut self) -> Result<(), Wrong> {
        self.out.clear();
        self.non_finite.clear();
        match self.state {
            State::Closing if self.stack.is_empty() => {
                let tail = std::mem::take(&mut self.tail);
                self.close_and_blank(&tail)
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
            Wanted::Text => self.enter_string(),
            Wanted::Container => {
                self.tail.clear();
                self.state = State::Opening;
            }
            Wanted::Member => {
                self.word.clear();
                self.state = State::Member;
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
    fn blanks(&mut self, run: &[u8]) {
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
            let lines = run[..last].iter().filter(|&&byte| byte == b'\n').count() + 1;
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
            // No such byte begins a document.
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

    /// Bytes that are no UTF-8. Inside a string the strict machine says so.
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
            State::Asked | State::AskedObject | State::AskedMember => Err(self.unexpected()),
        }
    }

    // ---------------------------------------------------------------------------------------------
    // Between tokens

    /// White space and comments; whether `c` belongs to them.
    fn trivia(&mut self, c: char) -> Result<bool, Wrong> {
        match c {
            ' ' | '\t' | '\n' | '\r' => {
                // Through a layer, or because it ends a token; else they come in bulk.
                self.blank = true;
                self.newline |= c == '\n';
                let is_sure = matches!(self.state, State::Comma | State::Done);
                if self.layers.is_empty() && is_sure {
                    self.out.copy(&[c as u8], self.here);
                }
            }
            '/' => {
                self.escape_at = self.here;
                self.resume = self.state;
                self.state = State::Slash;
            }
            '#' => {
                self.escape_at = self.here;
                self.resume = self.state;
                self.begin_comment(Comment::Line)?;
            }
            '\\' => {
                self.escape_at = self.here;
                self.resume = self.state;
                self.state = State::Backslash;
            }
            _ if blanks::is_foreign(c) => {
                self.blank = true;
                self.repair(RepairKind::Blank, self.here)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn begin_comment(&mut self, comment: Comment) -> Result<(), Wrong> {
        self.repair(RepairKind::Comment, self.escape_at)?;
        self.blank = true;
        self.state = State::Comment(comment);
        Ok(())
    }

    /// After a backslash between tokens: the escape of a line break, or of the first quote.
    fn backslash(&mut self, c: char) -> Result<(), Wrong> {
        self.state = self.resume;
        match c {
            'n' | 'r' | 't' => {
                self.blank = true;
                self.newline |= c == 'n';
                self.repair(RepairKind::Blank, self.escape_at)
            }
            '"' if !self.quoted && self.layers.is_empty() => {
                self.repair(RepairKind::EscapedDocument, self.escape_at)?;
                self.layers.push(Layer::new(None, 0));
                self.step(c)
            }
            _ => Err((self.unexpected().0, self.escape_at)),
        }
    }

    /// After so many points: an ellipsis, or a number without an integer part.
    fn dots(&mut self, c: char, count: u8) -> Result<(), Wrong> {
        if c == '.' {
            self.state = State::Dots(count + 1);
            if count == 2 {
                self.state = self.resume;
                self.take_ellipsis(self.escape_at)?;
            }
            return Ok(());
        }
        self.state = self.resume;
        if count == 1 && matches!(self.state, State::Value | State::Comma) && c.is_ascii_digit() {
            let implied = self.state == State::Comma;
            if implied && !self.is_apart() {
                return Err((Kind::UnescapedQuote, self.escape_at));
            }
            self.begin_word('.', self.escape_at, implied)?;
            return self.in_word(c);
        }
        Err((self.unexpected().0, self.escape_at))
    }

    fn take_ellipsis(&mut self, at: Mark) -> Result<(), Wrong> {
        self.repair(RepairKind::Ellipsis, at)?;
        self.ellipsis = true;
        self.blank = true;
        Ok(())
    }

    /// Points and ellipses, where items stand.
    fn begin_dots(&mut self, c: char) -> Result<bool, Wrong> {
        match c {
            '.' => {
                self.escape_at = self.here;
                self.resume = self.state;
                self.state = State::Dots(1);
            }
            '…' => self.take_ellipsis(self.here)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// A value begins: what was held for it is sure.
    fn commit(&mut self) {
        self.out.append(&mut self.held);
        self.comma = None;
        self.key_at = 0;
        self.ellipsis = false;
    }

    /// Puts a comma before the token at `at`.
    fn imply_comma(&mut self, at: Mark) -> Result<(), Wrong> {
        self.held.insert(b",", at);
        self.repair(RepairKind::MissingComma, at)
    }

    fn repair(&mut self, kind: RepairKind, at: Mark) -> Result<(), Wrong> {
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

    // ---------------------------------------------------------------------------------------------
    // Values

    fn value(&mut self, c: char) -> Result<(), Wrong> {
        if self.trivia(c)? {
            return Ok(());
        }
        let in_array = self.stack.last() == Some(&Container::Array);
        match c {
            '{' => self.open_object(),
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
                    self.begin_word(c, self.here, false)
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

    fn open_object(&mut self) -> Result<(), Wrong> {
        if self.options.coerce {
            self.commit();
            self.state = State::AskedObject;
            self.question = Question::Object;
            return Ok(());
        }
        self.enter(Container::Object);
        Ok(())
    }

    fn enter(&mut self, container: Container) {
        self.commit();
        let (bracket, state): (&[u8], _) = match container {
            Container::Object => (b"{", State::Key),
            Container::Array | Container::Wrap => (b"[", State::Value),
        };
        self.emit(bracket);
        self.stack.push(container);
        self.state = state;
        self.last = Last::Nothing;
        self.blank = false;
        self.newline = false;
        self.implied = false;
    }

    /// Adds to `out` what stands here.
    fn emit(&mut self, bytes: &[u8]) {
        if self.layers.is_empty() {
            self.out.copy(bytes, self.here);
        } else {
            self.out.insert(bytes, self.here);
        }
    }

    /// `]` or `}`: closes the innermost container of its kind, and those inside it.
    fn close(&mut self, c: char) -> Result<(), Wrong> {
        let wanted = if c == '}' {
            Container::Object
        } else {
            Container::Array
        };
        let base = self.layers.last().map_or(0, |layer| layer.depth);
        let inside = self.stack.get(base..).unwrap_or_default();
        let Some(index) = inside.iter().rposition(|&container| container == wanted) else {
            return Err(self.unexpected());
        };
        let waits = self.state == State::Value && self.stack.last() == Some(&Container::Object);
        if waits {
            self.repair(RepairKind::AbsentValue, self.here)?;
        } else if let Some(comma) = self.comma.take()
            && !self.ellipsis
        {
            self.repair(RepairKind::ExtraComma, comma)?;
        }
        self.held.clear();
        self.comma = None;
        self.key_at = 0;
        while self.stack.len() > base + index + 1 {
            let (closer, missing): (&[u8], _) = match self.stack.pop() {
                Some(Container::Object) => (b"}", true),
                Some(Container::Array) => (b"]", true),
                _ => (b"]", false),
            };
            self.out.insert(closer, self.here);
            if missing {
                self.repair(RepairKind::MissingClose, self.here)?;
            }
        }
        self.stack.pop();
        self.emit(if c == '}' { b"}" } else { b"]" });
        self.after_value(Last::Container);
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
                return self.open_object();
            }
            self.enter(Container::Array);
            return Ok(());
        }
        let Some(quote) = quote else {
            return self.begin_word(c, self.here, true);
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
        self.begin_key_word(c)
    }

    /// After the root value.
    fn done(&mut self, c: char) -> Result<(), Wrong> {
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

    // ---------------------------------------------------------------------------------------------
    // Keys

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
                    self.begin_key_word(c)
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

    fn note_quote(&mut self, quote: Quote) -> Result<(), Wrong> {
        self.quote = quote;
        if quote == Quote::Double {
            self.quoted = true;
            return Ok(());
        }
        self.repair(RepairKind::Quotes, self.here)
    }

    fn begin_key_word(&mut self, c: char) -> Result<(), Wrong> {
        self.word.clear();
        self.word.push(c);
        self.word_at = self.here;
        self.state = State::KeyWord;
        Ok(())
    }

    fn key_word(&mut self, c: char) -> Result<(), Wrong> {
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

    fn after_key_word(&mut self, c: char) -> Result<(), Wrong> {
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

    fn colon(&mut self, c: char) -> Result<(), Wrong> {
        if self.trivia(c)? {
            return Ok(());
        }
        if c != ':' {
            let text = self.implied && self.last == Last::String;
            return Err(if text {
                (Kind::ConcatenatedStrings, self.string_at)
            } else {
                (Kind::MissingColon, self.here)
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

    // ---------------------------------------------------------------------------------------------
    // Strings

    /// Where the characters of the string go.
    fn target(&mut self) -> &mut Output {
        if self.is_key {
            &mut self.held
        } else {
            &mut self.out
        }
    }

    fn begin_value_string(&mut self, quote: Quote) -> Result<(), Wrong> {
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
    fn enter_string(&mut self) {
        if self.quote == Quote::Double && self.layers.is_empty() {
            self.out.copy(b"\"", self.string_at);
        } else {
            self.out.insert(b"\"", self.string_at);
        }
        self.state = State::String;
    }

    /// The next `length` bytes, of one line, which begin at `from`, may not make a key too long.
    fn check_key(&self, from: Mark, length: usize) -> Result<(), Wrong> {
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
    fn check_key_here(&self) -> Result<(), Wrong> {
        let length = self.next.offset - self.here.offset;
        self.check_key(self.here, usize::try_from(length).unwrap_or_default())
    }

    fn in_string(&mut self, c: char) -> Result<(), Wrong> {
        if self.quote.closes(c) {
            self.closer = c;
            self.escape_at = self.here;
            if self.options.quotes {
                self.tail.clear();
                self.state = State::Closing;
                return Ok(());
            }
            return self.close_string();
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
    fn text(&mut self, c: char, at: Mark) {
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
    fn escape(&mut self, c: char) -> Result<(), Wrong> {
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
    fn raw(&mut self, bytes: &[u8], at: Mark) {
        if self.layers.is_empty() {
            self.target().copy(bytes, at);
        } else {
            self.target().insert(bytes, at);
        }
    }

    fn hex(&mut self, c: char, count: u8) -> Result<(), Wrong> {
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
    fn close_string(&mut self) -> Result<(), Wrong> {
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
        Ok(())
    }

    /// After a quote that closes if a delimiter follows.
    fn closing(&mut self, c: char) -> Result<(), Wrong> {
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
        self.close_and_blank(&tail)?;
        self.step(c)
    }

    /// The string ends with the quote at `escape_at`, and `tail` is white space after it.
    fn close_and_blank(&mut self, tail: &str) -> Result<(), Wrong> {
        self.close_string()?;
        let (here, next) = (self.here, self.next);
        if self.layers.is_empty() && !tail.is_empty() {
            self.next = self.escape_at.plus(self.closer.len_utf8());
            self.blanks(tail.as_bytes());
        } else {
            self.blank |= !tail.is_empty();
        }
        (self.here, self.next) = (here, next);
        Ok(())
    }

    // ---------------------------------------------------------------------------------------------
    // Text where a container is wanted

    /// After a quote, in front of what may be a document.
    fn opening(&mut self, c: char) -> Result<(), Wrong> {
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

    fn opening_escape(&mut self, c: char) -> Result<(), Wrong> {
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
    fn replay(&mut self) -> Result<(), Wrong> {
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

    /// In the text of a member. One that is long or has escapes is none.
    fn in_member(&mut self, c: char) -> Result<(), Wrong> {
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
    fn no_member(&mut self) {
        let word = std::mem::take(&mut self.word);
        self.enter_string();
        let at = self.string_at;
        self.raw(word.as_bytes(), at.plus(1));
    }

    // ---------------------------------------------------------------------------------------------
    // Tokens without quotes

    fn begin_word(&mut self, c: char, at: Mark, implied: bool) -> Result<(), Wrong> {
        self.word.clear();
        self.word.push(c);
        self.word_at = at;
        self.numeric = words::is_numeric(c) && !c.is_alphabetic();
        self.implied = implied;
        self.state = State::Word;
        Ok(())
    }

    fn in_word(&mut self, c: char) -> Result<(), Wrong> {
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
        self.take_word(word)?;
        self.step(c)
    }

    /// After a slash in a token without quotes: a comment, or part of the token.
    fn word_slash(&mut self, c: char) -> Result<(), Wrong> {
        let slash = self.escape_at;
        let word = words::read(&self.word);
        let comment = match (c, &word) {
            ('/', Word::Text) => return Err((Kind::UnquotedText, slash)),
            ('/', _) => Comment::Line,
            ('*', _) => Comment::Block,
            _ if self.word.starts_with(char::is_alphabetic) => {
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
    fn take_word(&mut self, word: Word) -> Result<(), Wrong> {
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
    fn raw_value(&mut self, bytes: &[u8], at: Mark) {
        if self.layers.is_empty() {
            self.out.copy(bytes, at);
        } else {
            self.out.insert(bytes, at);
        }
    }

    /// After one word: a string, if a delimiter follows.
    fn after_word(&mut self, c: char) -> Result<(), Wrong> {
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
