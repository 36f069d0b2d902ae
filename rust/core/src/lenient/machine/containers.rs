//! Objects and arrays: how they open and close, and which are closed that the text left open.

use super::{Container, Last, Lenient, Question, State, Wrong};
use crate::lenient::RepairKind;

impl Lenient {
    pub(super) fn open_object(&mut self) {
        if self.options.coerce {
            self.commit();
            self.state = State::AskedObject;
            self.question = Question::Object;
        } else {
            self.enter(Container::Object);
        }
    }

    pub(super) fn enter(&mut self, container: Container) {
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
    pub(super) fn emit(&mut self, bytes: &[u8]) {
        if self.layers.is_empty() {
            self.out.copy(bytes, self.here);
        } else {
            self.out.insert(bytes, self.here);
        }
    }

    /// `]` or `}`: closes the innermost container of its kind, and those inside it.
    pub(super) fn close(&mut self, c: char) -> Result<(), Wrong> {
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
        self.closing = (c, base + index);
        self.close_next()
    }

    /// Closes the innermost container, and goes on to the one that is to be closed.
    pub(super) fn close_next(&mut self) -> Result<(), Wrong> {
        while self.stack.len() > self.closing.1 {
            if self.options.coerce && self.stack.last() == Some(&Container::Object) {
                self.state = State::AskedEnd;
                self.question = Question::End;
                return Ok(());
            }
            self.close_innermost()?;
        }
        Ok(())
    }

    pub(super) fn close_innermost(&mut self) -> Result<(), Wrong> {
        let (c, left) = self.closing;
        let container = self.stack.pop();
        if self.stack.len() == left {
            self.emit(if c == '}' { b"}" } else { b"]" });
            self.after_value(Last::Container);
            return Ok(());
        }
        let closer: &[u8] = match container {
            Some(Container::Object) => b"}",
            _ => b"]",
        };
        self.out.insert(closer, self.here);
        self.last = Last::Container;
        if container == Some(Container::Wrap) {
            return Ok(());
        }
        self.repair(RepairKind::MissingClose, self.here)
    }
}
