//! Tells the function calls of a choice apart by what servers send of them.
//!
//! # Theory of operation
//!
//! A piece may name its call by an index, by ids and by the function's name, and servers get each of
//! these wrong: all calls have index 0, each piece has an index of its own, the name is numbered by
//! the tool and the arguments by the call, every piece has a new id. What can be relied on is the
//! arguments themselves: they are one JSON object. A call whose object is open goes on, and one whose
//! object is complete does not; what cannot begin an object goes on with one that is open. So:
//!
//! - An id that was seen before is that call's.
//! - Else the index counts, as long as the call that has it is open.
//! - A piece without a name and with nothing that is known belongs to the newest open call.
//! - A name begins a call, unless it repeats or completes that of an open one.
//!
//! Which call it is, and what is new in the piece, is decided in this file and nowhere else.

use std::collections::BTreeMap;

use super::encoded::Encoded;
use super::pick::present;
use super::said::{Mark, Said};
use super::{Delta, Part};

/// More calls than any answer has; they are remembered to its end.
const MOST: usize = 200_000;

/// What a piece says about the call that it belongs to. What is empty counts as absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clue<'a> {
    /// The server's number.
    pub index: Option<u64>,
    /// The server's id of the call, to be sent back with its result.
    pub id: Option<&'a str>,
    /// Another id of it, as the Responses API has for its items.
    pub item: Option<&'a str>,
    /// The name of the function.
    pub name: Option<&'a str>,
}

#[derive(Debug, Default)]
struct Call {
    /// Its number among those that have begun.
    number: Option<u64>,
    id: String,
    name: String,
    said: Said,
    /// It came in more than one piece.
    is_cut: bool,
    /// Each piece repeats those before it.
    repeats: bool,
    /// A piece that either repeats what came before it and adds to it, or is a value that begins
    /// alike. What comes next tells.
    doubtful: Option<String>,
    /// The arguments are a JSON string that holds them.
    encoded: Option<Box<Encoded>>,
    after: After,
}

/// What came of a call after its arguments were complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum After {
    #[default]
    Nothing,
    /// They are `{}`, and were not passed on: some servers write that before the arguments.
    Held,
    /// The name once more, so that arguments that follow are those of another call.
    Name,
    /// What is not an argument. The rest of it is dropped.
    Other,
}

impl Call {
    fn is_open(&self) -> bool {
        !self.said.is_whole()
    }

    fn is_held(&self) -> bool {
        self.after == After::Held
    }

    /// What was held back was not the beginning of the arguments.
    fn forget_what_is_held(&mut self) {
        self.after = After::Nothing;
        self.said = Said::default();
    }
}

/// What a piece is to the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// More of this one.
    Known(usize),
    /// The first of a new one.
    New,
    /// It says nothing.
    Nothing,
}

/// The calls of one choice.
#[derive(Debug, Default)]
pub(super) struct Calls {
    all: Vec<Call>,
    /// How many of them have begun.
    begun: u64,
    /// The newest call that has the server's number.
    numbered: BTreeMap<u64, usize>,
    /// The calls with these ids.
    named: BTreeMap<String, usize>,
    /// The calls whose arguments are not complete, the newest last.
    open: Vec<usize>,
    /// There is a call of which something is held back.
    holds: bool,
}

impl Calls {
    /// Whether the arguments of one are not complete.
    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Reads a piece of a call: passes on what is new in it.
    pub(super) fn piece(
        &mut self,
        choice: u64,
        clue: Clue<'_>,
        text: &str,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        let clue = clue.without_what_is_empty();
        // Most pieces say no more than which call they belong to.
        let quick = match clue {
            Clue {
                index: Some(index),
                id: None,
                item: None,
                name: None,
            } => self.numbered.get(&index).copied(),
            _ => None,
        };
        if let Some(at) = quick.filter(|at| self.all[*at].is_open()) {
            return self.add(at, choice, text, sink);
        }
        self.settle(choice, clue, text, sink);
        let at = match self.choose(clue, text) {
            Choice::Known(at) => at,
            Choice::New if self.all.len() < MOST => self.begin(clue),
            Choice::New => {
                return sink(Delta::Corrupt {
                    why: "the answer has more function calls than can be remembered",
                });
            }
            Choice::Nothing => return,
        };
        self.learn(at, choice, clue, text, sink);
        self.add(at, choice, text, sink);
    }

    /// Reads all of a call's arguments, of which pieces may have brought some already.
    pub(super) fn whole(
        &mut self,
        choice: u64,
        clue: Clue<'_>,
        text: &str,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        let clue = clue.without_what_is_empty();
        let fits = |at: &usize| {
            let call = &self.all[*at];
            call.is_held() || call.said.missing(Mark::default(), text).is_some()
        };
        let known = self.by_id(clue).or_else(|| {
            let numbered = clue
                .index
                .and_then(|index| self.numbered.get(&index).copied());
            let newest = self.all.len().checked_sub(1);
            let found = numbered.or(newest.filter(|_| clue.index.is_none()).filter(fits));
            found.filter(|at| self.may_be(*at, clue) || fits(at))
        });
        let at = match known {
            Some(at) => at,
            None if clue.name.is_none() && text.trim().is_empty() => return,
            None if self.all.len() < MOST => self.begin(clue),
            None => {
                return sink(Delta::Corrupt {
                    why: "the answer has more function calls than can be remembered",
                });
            }
        };
        self.learn(at, choice, clue, text, sink);
        let call = &mut self.all[at];
        // It says for certain what was doubtful.
        call.doubtful = None;
        if call.is_held() && text.trim() != "{}" {
            call.forget_what_is_held();
        }
        if call.said.is_blank() {
            self.add(at, choice, text, sink);
        } else if call.encoded.is_none()
            && let Some(missing) = call.said.missing(Mark::default(), text)
            && let Some(number) = call.number
        {
            self.say(at, choice, number, missing, sink);
        }
    }

    /// No more comes of any call: passes on what was held back.
    pub(super) fn end(&mut self, choice: u64, sink: &mut impl FnMut(Delta<'_>)) {
        if !std::mem::take(&mut self.holds) {
            return;
        }
        for at in 0..self.all.len() {
            self.release(at, choice, sink);
        }
    }

    /// No more comes of the call that is meant, or of the newest one where nothing is said.
    pub(super) fn end_one(
        &mut self,
        choice: u64,
        clue: Clue<'_>,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        let by_id = self.by_id(clue.without_what_is_empty());
        let at = by_id.or_else(|| match clue.index {
            Some(index) => self.numbered.get(&index).copied(),
            None => self.all.len().checked_sub(1),
        });
        if let Some(at) = at
            && let Some(number) = self.all[at].number
        {
            self.release(at, choice, sink);
            sink(Delta::CallEnds {
                choice,
                call: number,
            });
        }
    }

    /// Decides what was doubtful of a call when a name comes: of another one, by its id or because
    /// nothing comes with it.
    fn settle(
        &mut self,
        choice: u64,
        clue: Clue<'_>,
        text: &str,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        if !self.holds || clue.name.is_none() {
            return;
        }
        let before = match clue.index {
            Some(index) => self.numbered.get(&index).copied(),
            None => self.all.len().checked_sub(1),
        };
        if let Some(at) = before
            && let Some(piece) = &self.all[at].doubtful
            && (text.is_empty() || !self.may_be(at, clue) && !text.starts_with(piece))
        {
            self.decide(at, choice, None, sink);
        }
    }

    /// Passes on what was held back of a call, if anything was.
    fn release(&mut self, at: usize, choice: u64, sink: &mut impl FnMut(Delta<'_>)) {
        self.decide(at, choice, None, sink);
        let call = &mut self.all[at];
        if call.is_held()
            && let Some(number) = call.number
        {
            call.after = After::Nothing;
            sink(Delta::Piece {
                choice,
                part: Part::Call(number),
                text: "{}",
            });
        }
    }

    fn by_id(&self, clue: Clue<'_>) -> Option<usize> {
        let known = |id: &str| self.named.get(id).copied();
        clue.id
            .and_then(known)
            .or_else(|| clue.item.and_then(known))
    }

    /// Whether the call can be the one that is meant: nothing that is known of it says otherwise.
    fn may_be(&self, at: usize, clue: Clue<'_>) -> bool {
        let call = &self.all[at];
        let other_id = clue
            .id
            .is_some_and(|id| !call.id.is_empty() && call.id != id);
        let other_name = clue
            .name
            .is_some_and(|name| !call.name.is_empty() && call.name != name);
        !other_id && !other_name
    }

    fn choose(&self, clue: Clue<'_>, text: &str) -> Choice {
        let named = self.by_id(clue);
        let newest = self.all.len().checked_sub(1);
        let numbered = match clue.index {
            Some(index) => self.numbered.get(&index).copied(),
            None => newest,
        };
        match clue.name {
            Some(name) => self.choose_by_name(name, clue, named, numbered, text),
            None => self.choose_without_name(clue, named, numbered, text),
        }
    }

    fn choose_by_name(
        &self,
        name: &str,
        clue: Clue<'_>,
        named: Option<usize>,
        numbered: Option<usize>,
        text: &str,
    ) -> Choice {
        let open = self.open.last().copied();
        let Some(at) = named.or(numbered) else {
            // What cannot begin arguments goes on with those that have begun.
            return match open {
                Some(at) if begins_inside(text) && !self.all[at].said.is_blank() => {
                    Choice::Known(at)
                }
                _ => Choice::New,
            };
        };
        let call = &self.all[at];
        let other_id = clue
            .id
            .is_some_and(|id| !call.id.is_empty() && call.id != id);
        let known = if call.name.is_empty() || name.starts_with(&call.name) {
            if call.is_open() {
                // A beginning says nothing yet; what has begun is not left for another, unless what
                // comes has no place in it.
                let other = text.is_empty()
                    || call.said.excludes(text)
                        && call.said.missing(Mark::default(), text).is_none();
                !(other_id && other)
            } else if text.trim().is_empty() {
                !other_id
            } else {
                // Equal calls that came whole, each with an id of its own, are two.
                let again = self.repeats(at, text) && (call.is_cut || !other_id);
                again || call.is_held() && !other_id
            }
        } else {
            // The other half of the name.
            call.said.is_blank() && call.is_open() && !other_id
        };
        if known {
            Choice::Known(at)
        } else {
            Choice::New
        }
    }

    fn choose_without_name(
        &self,
        clue: Clue<'_>,
        named: Option<usize>,
        numbered: Option<usize>,
        text: &str,
    ) -> Choice {
        let open = self.open.last().copied();
        let is_open = |at: &usize| self.all[*at].is_open();
        if text.is_empty() {
            return match named.or(numbered) {
                Some(at) => Choice::Known(at),
                // Its name may follow.
                None if clue.id.is_some() || clue.item.is_some() => Choice::New,
                None => Choice::Nothing,
            };
        }
        if let Some(at) = named.filter(is_open).or(numbered.filter(is_open)) {
            return Choice::Known(at);
        }
        if text.trim().is_empty() {
            return open.map_or(Choice::Nothing, Choice::Known);
        }
        // The name has come again, so that this is another call of the same function.
        if let Some(at) = numbered.filter(|at| self.all[*at].after == After::Name) {
            return if self.repeats(at, text) {
                Choice::Known(at)
            } else {
                Choice::New
            };
        }
        // It is held back in case of just this.
        let waits = |at: &usize| self.all[*at].is_held();
        let waiting = named.filter(waits).or(numbered.filter(waits));
        if let Some(at) = waiting.or(open) {
            return Choice::Known(at);
        }
        let newest = self.all.len().checked_sub(1);
        match named.or(numbered).or(newest) {
            None => Choice::New,
            Some(at) if self.repeats(at, text) || begins_inside(text) => Choice::Known(at),
            // Another one by its number or its id.
            Some(_) if numbered.is_none() || clue.id.is_some() && named.is_none() => Choice::New,
            Some(at) => Choice::Known(at),
        }
    }

    /// Whether the text is all that was said of the call, once more.
    fn repeats(&self, at: usize, text: &str) -> bool {
        let call = &self.all[at];
        let again = |text: &str| {
            let missing = call.said.missing(Mark::default(), text);
            missing.is_some_and(|rest| rest.trim().is_empty())
        };
        call.said.is_whole()
            && (again(text)
                || text.trim_start().starts_with('"')
                    && Encoded::default()
                        .decode(text)
                        .is_some_and(|text| again(&text)))
    }

    fn begin(&mut self, clue: Clue<'_>) -> usize {
        let at = self.all.len();
        let before = match clue.index {
            Some(index) => self.numbered.get(&index).copied(),
            None => at.checked_sub(1),
        };
        let name_again = before.and_then(|before| {
            let before = &mut self.all[before];
            let again = before.after == After::Name && clue.name.is_none();
            again.then(|| {
                before.after = After::Nothing;
                before.name.clone()
            })
        });
        self.all.push(Call {
            name: name_again.unwrap_or_default(),
            ..Call::default()
        });
        self.open.push(at);
        if let Some(index) = clue.index {
            self.numbered.insert(index, at);
        }
        at
    }

    /// Takes in what a piece says of its call besides the arguments.
    fn learn(
        &mut self,
        at: usize,
        choice: u64,
        clue: Clue<'_>,
        text: &str,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        let call = &mut self.all[at];
        let mut news = false;
        if let Some(id) = clue.id {
            if call.id.is_empty() {
                id.clone_into(&mut call.id);
                news = true;
            }
            if call.id == id {
                self.named.insert(id.to_owned(), at);
            }
        }
        if let Some(item) = clue.item {
            self.named.entry(item.to_owned()).or_insert(at);
        }
        if let Some(name) = clue.name {
            let name_grows = name.len() > call.name.len() && name.starts_with(&call.name);
            if name_grows {
                name.clone_into(&mut call.name);
                news = true;
            } else if call.name == name {
                if !call.is_open() && call.after == After::Nothing && text.trim().is_empty() {
                    call.after = After::Name;
                }
            } else if call.said.is_blank() {
                call.name.push_str(name);
                news = true;
            }
        }
        let begins = call.number.is_none() && !(call.name.is_empty() && text.trim().is_empty());
        if begins {
            call.number = Some(self.begun);
            self.begun += 1;
        }
        if let Some(number) = call.number
            && (begins || news)
        {
            sink(Delta::CallBegins {
                choice,
                call: number,
                id: present(&call.id),
                name: present(&call.name),
            });
        }
    }

    /// Passes on what is new in a piece of the arguments.
    fn add(&mut self, at: usize, choice: u64, text: &str, sink: &mut impl FnMut(Delta<'_>)) {
        let call = &mut self.all[at];
        let Some(number) = call.number else {
            return;
        };
        if text.is_empty() || call.after == After::Other {
            return;
        }
        if call.encoded.is_none() && call.said.is_blank() && text.trim_start().starts_with('"') {
            call.encoded = Some(Box::default());
        }
        if let Some(encoded) = &mut call.encoded {
            if let Some(decoded) = encoded.decode(text) {
                return self.add_decoded(at, choice, number, &decoded, sink);
            }
            // It was not: the text is wrong, as whoever reads it will say.
            call.encoded = None;
        }
        self.add_decoded(at, choice, number, text, sink);
    }

    fn add_decoded(
        &mut self,
        at: usize,
        choice: u64,
        number: u64,
        text: &str,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        if self.all[at].doubtful.is_some() {
            self.decide(at, choice, Some(text), sink);
        }
        let whole = self.all[at].said.is_whole() && !text.trim_start().is_empty();
        if whole && self.repeats(at, text) {
            return;
        }
        let call = &mut self.all[at];
        if whole && call.is_held() {
            call.forget_what_is_held();
            self.open.push(at);
        } else if whole && is_no_argument(text) {
            call.after = After::Other;
            return;
        }
        let mut text = text;
        let said = call.said;
        let before = said.missing(Mark::default(), text);
        if let Some(rest) = before.filter(|_| !said.is_blank() && !said.is_whole()) {
            if call.repeats || !said.expects_a_value() {
                call.repeats = true;
                text = rest;
            } else if !rest.is_empty() {
                call.doubtful = Some(text.to_owned());
                self.holds = true;
                return;
            }
        }
        self.say(at, choice, number, text, sink);
    }

    /// Decides what a doubtful piece was, now that it is known what follows it, if anything does.
    fn decide(
        &mut self,
        at: usize,
        choice: u64,
        next: Option<&str>,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        let call = &mut self.all[at];
        let (Some(piece), Some(number)) = (call.doubtful.take(), call.number) else {
            return;
        };
        let rest = call.said.missing(Mark::default(), &piece).unwrap_or(&piece);
        let mut repeating = call.said;
        let completes = repeating.add(rest).is_some();
        let mut nested = call.said;
        let _ = nested.add(&piece);
        call.repeats = match next {
            // Each has more than the one before it, or there is no place for a value.
            Some(next) => {
                let grows = next.len() > piece.len() || !nested.expects_a_value();
                grows && next.starts_with(&piece)
            }
            None => completes,
        };
        let text = if call.repeats { rest } else { &piece };
        self.say(at, choice, number, text, sink);
    }

    /// Passes on text that is new.
    fn say(
        &mut self,
        at: usize,
        choice: u64,
        number: u64,
        text: &str,
        sink: &mut impl FnMut(Delta<'_>),
    ) {
        if text.is_empty() {
            return;
        }
        let call = &mut self.all[at];
        let mut text = text;
        let first = call.said.is_empty();
        call.is_cut |= !first;
        if let Some(end) = call.said.add(text) {
            if is_no_argument(&text[end..]) {
                call.after = After::Other;
                text = &text[..end];
            }
            if first && text.trim() == "{}" {
                call.after = After::Held;
                self.holds = true;
            }
            if let Some(place) = self.open.iter().rposition(|open| *open == at) {
                self.open.remove(place);
            }
            if call.is_held() {
                return;
            }
        }
        sink(Delta::Piece {
            choice,
            part: Part::Call(number),
            text,
        });
    }
}

impl Clue<'_> {
    fn without_what_is_empty(self) -> Self {
        let present = |text: Option<_>| text.and_then(present);
        Self {
            index: self.index,
            id: present(self.id),
            item: present(self.item),
            name: present(self.name),
        }
    }
}

/// Whether there is something that arguments cannot begin with.
fn begins_inside(text: &str) -> bool {
    let first = text.trim_start().chars().next();
    first.is_some_and(|first| !matches!(first, '{' | '"' | '['))
}

/// Whether what follows complete arguments is a token that the server should have swallowed, such as
/// `<|im_end|>`, `</tool_call>` or `[/TOOL_CALLS]`. Anything else is the model's mistake.
fn is_no_argument(text: &str) -> bool {
    text.trim_start().starts_with(['<', '['])
}
