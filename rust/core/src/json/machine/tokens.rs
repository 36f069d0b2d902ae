//! What goes on inside an open token: the rest of a number, a key or a string value.

use super::{JsonErrorKind, Machine, Sink, Span, State, Stop};
use crate::json::number::{self, NumberPlace};
use crate::json::scan::Plain;
use crate::json::string::End;
use crate::utf8::Window;

impl Machine {
    /// Reads on in a number from `at`, of which this chunk holds the bytes from `start` on.
    #[inline(always)]
    pub(super) fn number<S: Sink>(
        &mut self,
        chunk: &[u8],
        start: usize,
        mut at: usize,
        mut place: NumberPlace,
        window: &mut Window<'_>,
        sink: &mut S,
    ) -> Result<(usize, State), Stop<S::Error>> {
        let walked = number::walk(chunk, at, place);
        (at, place) = (walked.at, walked.place);
        let end = self.offset + at as u64;
        if end - self.token_start > self.limits.max_number as u64 {
            let offset = self.token_start + self.limits.max_number as u64;
            return Err(Stop::Json(JsonErrorKind::NumberLimit, offset));
        }
        if walked.impossible {
            return Err(Stop::Json(JsonErrorKind::InvalidNumber, end));
        }
        // A number is ASCII, so this is no more than a change of type.
        let piece = window.get(start, at).unwrap_or_default();
        if let Some(kind) = place.kind()
            && at < chunk.len()
        {
            let span = Span {
                start: self.token_start,
                end,
            };
            if self.number.is_empty() {
                emit!(sink.number(piece, kind, span), end);
            } else {
                self.number.push_str(piece);
                emit!(sink.number(&self.number, kind, span), end);
                self.number.clear();
            }
            let state = self.after_value(chunk, &mut at);
            return Ok((at, state));
        }
        self.number.push_str(piece);
        Ok((at, State::Number(place)))
    }

    /// Reads on in a key. `ahead` is what is known of the next stretch. Only keys with escapes, cut
    /// ones and wrong ones come here.
    pub(super) fn key<'c, S: Sink>(
        &mut self,
        chunk: &'c [u8],
        mut at: usize,
        ahead: Option<Plain>,
        window: &mut Window<'c>,
        sink: &mut S,
    ) -> Result<(usize, State), Stop<S::Error>> {
        let (end, held) = self.decoder.decode(chunk, &mut at, ahead, window);
        let here = self.offset + at as u64;
        let limit = self
            .token_start
            .saturating_add(1)
            .saturating_add(self.limits.max_key as u64);
        if here > limit {
            return Err(Stop::Json(JsonErrorKind::KeyLimit, limit));
        }
        match end {
            End::Error(kind) => Err(Stop::Json(kind, here)),
            End::Chunk => {
                self.decoder.keep(held);
                Ok((at, State::Key))
            }
            End::Quote => {
                let span = Span {
                    start: self.token_start,
                    end: here + 1,
                };
                emit!(sink.key(self.decoder.text(held), span), span.end);
                Ok((at + 1, State::Colon))
            }
        }
    }

    /// Reads on in a string value, as `key` does in a key.
    pub(super) fn string<'c, S: Sink>(
        &mut self,
        chunk: &'c [u8],
        mut at: usize,
        ahead: Option<Plain>,
        window: &mut Window<'c>,
        sink: &mut S,
    ) -> Result<(usize, State), Stop<S::Error>> {
        let (end, held) = self.decoder.decode(chunk, &mut at, ahead, window);
        let here = self.offset + at as u64;
        let text = self.decoder.text(held);
        if end == End::Quote && !self.begun {
            let span = Span {
                start: self.token_start,
                end: here + 1,
            };
            emit!(sink.string(text, span), span.end);
        } else {
            if !self.begun {
                emit!(sink.begin_string(self.token_start), self.token_start);
            }
            if !text.text.is_empty() {
                emit!(sink.string_part(text), here);
            }
            self.begun = true;
            match end {
                End::Error(kind) => return Err(Stop::Json(kind, here)),
                End::Chunk => {
                    self.decoder.clear();
                    return Ok((at, State::String));
                }
                End::Quote => emit!(sink.end_string(here + 1), here + 1),
            }
        }
        at += 1;
        let state = self.after_value(chunk, &mut at);
        Ok((at, state))
    }
}
