//! Tells the function calls of an answer apart by what servers send of them.

use std::collections::HashMap;

/// What a piece says about the call that it belongs to. What is empty counts as absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clue<'a> {
    /// The server's number.
    pub index: Option<u64>,
    /// The server's id.
    pub id: Option<&'a str>,
    /// The name of the function.
    pub name: Option<&'a str>,
}

/// A call, and what the piece that led to it has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its number among the calls of the choice, counted from 0.
    pub call: u64,
    /// It begins with this piece, or its name does.
    pub begins: bool,
}

#[derive(Debug, Default)]
struct Call {
    id: String,
    name: String,
}

/// The calls of one choice.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// The newest call that has the server's number.
    numbered: HashMap<u64, usize>,
}

impl Calls {
    /// The call that a piece belongs to, begun with it if it is new.
    pub(super) fn find(&mut self, clue: Clue<'_>) -> Found {
        let id = clue.id.unwrap_or_default();
        let name = clue.name.unwrap_or_default();
        let newest = self.calls.len().checked_sub(1);
        let numbered = match clue.index {
            Some(index) => self.numbered.get(&index).copied(),
            None => newest,
        };
        // Without a name, a piece goes on with the call that is open.
        let candidate = if name.is_empty() {
            numbered.or(newest)
        } else {
            numbered
        };
        let other = |at: usize| {
            let call = &self.calls[at];
            !name.is_empty() && !id.is_empty() && !call.id.is_empty() && call.id != id
        };
        let (at, mut begins) = match candidate {
            Some(at) if !other(at) => (at, false),
            _ => {
                self.calls.push(Call::default());
                (self.calls.len() - 1, true)
            }
        };
        if let Some(index) = clue.index {
            self.numbered.insert(index, at);
        }
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            call.id.push_str(id);
        }
        if call.name.is_empty() && !name.is_empty() {
            call.name.push_str(name);
            begins = true;
        }
        Found {
            call: at as u64,
            begins,
        }
    }

    /// The call that has the server's number: the newest one where it gives none.
    pub(super) fn open(&self, index: Option<u64>) -> Option<u64> {
        let at = match index {
            Some(index) => self.numbered.get(&index).copied(),
            None => self.calls.len().checked_sub(1),
        };
        at.map(|at| at as u64)
    }

    /// The id of a call, if the server has told it.
    pub(super) fn id(&self, call: u64) -> Option<&str> {
        let call = self.calls.get(usize::try_from(call).ok()?)?;
        Some(call.id.as_str()).filter(|id| !id.is_empty())
    }

    /// The name of a call, as far as the server has told it.
    pub(super) fn name(&self, call: u64) -> Option<&str> {
        let call = self.calls.get(usize::try_from(call).ok()?)?;
        Some(call.name.as_str()).filter(|name| !name.is_empty())
    }
}
