//! Between tokens: white space, comments, points and escapes.

use super::{Kind, Lenient, State, Wrong};
use crate::lenient::RepairKind;
use crate::lenient::blanks::{self, Comment};
use crate::lenient::layers::Layer;
use crate::lenient::output::Position;

impl Lenient {
    /// White space and comments; whether `c` belongs to them.
    pub(super) fn trivia(&mut self, c: char) -> Result<bool, Wrong> {
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

    pub(super) fn begin_comment(&mut self, comment: Comment) -> Result<(), Wrong> {
        self.repair(RepairKind::Comment, self.escape_at)?;
        self.blank = true;
        self.state = State::Comment(comment);
        Ok(())
    }

    /// After a backslash between tokens: the escape of a line break, or of the first quote.
    pub(super) fn backslash(&mut self, c: char) -> Result<(), Wrong> {
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
    pub(super) fn dots(&mut self, c: char, count: u8) -> Result<(), Wrong> {
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
            self.begin_word('.', self.escape_at, implied);
            return self.in_word(c);
        }
        Err((self.unexpected().0, self.escape_at))
    }

    pub(super) fn take_ellipsis(&mut self, at: Position) -> Result<(), Wrong> {
        self.repair(RepairKind::Ellipsis, at)?;
        self.ellipsis = true;
        self.blank = true;
        Ok(())
    }

    /// Points and ellipses, where items stand.
    pub(super) fn begin_dots(&mut self, c: char) -> Result<bool, Wrong> {
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
}
