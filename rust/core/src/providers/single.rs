//! What dialects share whose answers have one choice, and whose calls the server begins and ends.

use super::pick::present;
use super::{Delta, Outcome, Part};

/// The one choice.
const CHOICE: u64 = 0;

/// Passes on a piece of a text, if there is one.
pub(super) fn piece(part: Part, text: Option<&str>, sink: &mut impl FnMut(Delta<'_>)) {
    if let Some(text) = text.and_then(present) {
        sink(Delta::Piece {
            choice: CHOICE,
            part,
            text,
        });
    }
}

/// Passes on the arguments of a call that came in one piece, if there are any, and ends the call.
pub(super) fn end(call: u64, arguments: Option<&str>, sink: &mut impl FnMut(Delta<'_>)) {
    if let Some(text) = arguments.and_then(present) {
        sink(Delta::Whole {
            choice: CHOICE,
            part: Part::Call(call),
            text,
        });
    }
    sink(Delta::CallEnds {
        choice: CHOICE,
        call,
    });
}

/// Ends the answer, if there is a reason.
pub(super) fn finish(
    reason: Option<&str>,
    outcome: fn(&str) -> Outcome,
    sink: &mut impl FnMut(Delta<'_>),
) {
    if let Some(reason) = reason {
        sink(Delta::Finish {
            choice: CHOICE,
            reason,
            outcome: outcome(reason),
        });
    }
}

/// Arguments of a call that the server has not begun.
pub(super) fn never_begun(sink: &mut impl FnMut(Delta<'_>)) {
    sink(Delta::Corrupt {
        why: "arguments of a call that was not begun",
    });
}

/// What a server says of a call at once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ToldCall<'a> {
    pub id: Option<&'a str>,
    pub name: Option<&'a str>,
    /// All of them, where they are not streamed.
    pub arguments: Option<&'a str>,
}

/// How many calls there were; it numbers them.
#[derive(Debug, Default)]
pub(super) struct CallCount(u64);

impl CallCount {
    /// Begins a call. Its number.
    pub(super) fn begin(&mut self, call: ToldCall<'_>, sink: &mut impl FnMut(Delta<'_>)) -> u64 {
        let number = self.0;
        self.0 += 1;
        sink(Delta::CallBegins {
            choice: CHOICE,
            call: number,
            id: call.id.and_then(present),
            name: call.name.and_then(present),
        });
        number
    }

    /// Passes on a call that came whole, if there is one.
    pub(super) fn whole(&mut self, call: Option<ToldCall<'_>>, sink: &mut impl FnMut(Delta<'_>)) {
        if let Some(call) = call {
            let number = self.begin(call, sink);
            end(number, call.arguments, sink);
        }
    }
}
