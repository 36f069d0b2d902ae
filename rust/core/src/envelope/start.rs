//! Where JSON begins in what a model writes. All states and transitions stand in this file.
//!
//! # Theory of operation
//!
//! Behind nothing but white space, a code fence, or a `</think>`, the next bracket begins JSON. In the
//! middle of prose a bracket may be part of the prose, so there it begins JSON only together with what
//! follows: `{` before a key or `}`, `[` before `{`. The bracket and the white space behind it are held
//! back until then. A code fence with the name of another language is skipped as a whole, and so is
//! one without a name that begins as no JSON does.

/// White space that is held back behind a bracket, at most: a model that writes more of it is not
/// writing JSON.
const HELD: usize = 4096;
/// Longest name of a language behind a fence that is looked at.
const NAME: usize = 64;

const OPEN: &[u8] = b"<think>";
const CLOSE: &[u8] = b"</think>";

/// JSON begins.
#[derive(Debug)]
pub struct Began {
    /// Where in the chunk.
    pub at: usize,
    /// What of earlier chunks, or of this one in front of `at`, belongs to it.
    pub held: String,
    /// Whether it stands in a code fence.
    pub fenced: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Only white space so far, or since a `</think>`.
    #[default]
    Blank,
    Prose,
    /// Behind a bracket in prose; it and white space are held.
    Bracket,
    /// Behind so many backticks.
    Ticks(u8),
    /// In the line behind an opening fence; the name is held.
    Info,
    /// In a fence, in front of its first character; whether it is said to hold JSON.
    Fence {
        named: bool,
    },
    /// In a fence of another language.
    Other,
    /// There, behind so many backticks.
    OtherTicks(u8),
    /// Behind so many characters of `<think>`.
    Tag(u8),
    Think,
    /// There, behind so many characters of `</think>`.
    CloseTag(u8),
}

/// Looks for the beginning.
#[derive(Clone, Debug, Default)]
pub struct Start {
    state: State,
    held: String,
}

impl Start {
    /// Reads a chunk, up to where JSON begins.
    pub fn feed(&mut self, text: &str) -> Option<Began> {
        for (at, char) in text.char_indices() {
            if let Some(fenced) = self.step(char) {
                let held = std::mem::take(&mut self.held);
                return Some(Began { at, held, fenced });
            }
        }
        None
    }

    /// Reads a character. `Some` when JSON begins with what is held and this character; it says
    /// whether in a fence.
    fn step(&mut self, char: char) -> Option<bool> {
        self.state = match self.state {
            State::Blank => match char {
                '{' | '[' => return Some(false),
                ' ' | '\t' | '\r' | '\n' => State::Blank,
                _ => return self.prose(char),
            },
            State::Prose => return self.prose(char),
            State::Bracket => match char {
                ' ' | '\t' | '\r' | '\n' if self.held.len() < HELD => {
                    self.held.push(char);
                    State::Bracket
                }
                '"' | '}' if self.held.starts_with('{') => return Some(false),
                '{' if self.held.starts_with('[') => return Some(false),
                _ => return self.prose(char),
            },
            State::Ticks(count) => match char {
                '`' => State::Ticks(count.saturating_add(1)),
                _ if count < 3 => return self.prose(char),
                _ => {
                    self.held.clear();
                    self.state = State::Info;
                    return self.step(char);
                }
            },
            State::Info => match char {
                '\n' if is_json(&self.held) => {
                    let named = !self.held.trim().is_empty();
                    self.held.clear();
                    State::Fence { named }
                }
                '\n' => State::Other,
                '{' | '[' if is_json(&self.held) => {
                    self.held.clear();
                    return Some(true);
                }
                // A fence has no backtick in its first line (CommonMark 4.5): it was inline code.
                '`' => State::Prose,
                _ => {
                    if self.held.len() < NAME {
                        self.held.push(char);
                    }
                    State::Info
                }
            },
            State::Fence { named } => match char {
                ' ' | '\t' | '\r' | '\n' => State::Fence { named },
                '`' => State::Ticks(1),
                _ if named || begins_json(char) => return Some(true),
                _ => State::Other,
            },
            State::Other => match char {
                '`' => State::OtherTicks(1),
                _ => State::Other,
            },
            State::OtherTicks(count) => match char {
                '`' if count >= 2 => State::Prose,
                '`' => State::OtherTicks(count + 1),
                _ => State::Other,
            },
            State::Tag(count) => match matched(OPEN, count, char) {
                Some(count) if usize::from(count) == OPEN.len() => State::Think,
                Some(count) => State::Tag(count),
                None => return self.prose(char),
            },
            State::Think => match char {
                '<' => State::CloseTag(1),
                _ => State::Think,
            },
            State::CloseTag(count) => match matched(CLOSE, count, char) {
                Some(count) if usize::from(count) == CLOSE.len() => State::Blank,
                Some(count) => State::CloseTag(count),
                None if char == '<' => State::CloseTag(1),
                None => State::Think,
            },
        };
        None
    }

    /// A character in prose.
    fn prose(&mut self, char: char) -> Option<bool> {
        self.held.clear();
        self.state = match char {
            '{' | '[' => {
                self.held.push(char);
                State::Bracket
            }
            '`' => State::Ticks(1),
            '<' => State::Tag(1),
            _ => State::Prose,
        };
        None
    }
}

/// How many characters of the tag are matched with this one, or `None`.
fn matched(tag: &[u8], count: u8, char: char) -> Option<u8> {
    let expected = char::from(tag[usize::from(count)]);
    (char == expected).then_some(count + 1)
}

/// Whether a JSON text can begin with the character.
fn begins_json(char: char) -> bool {
    matches!(char, '{' | '[' | '"' | '-' | '0'..='9' | 't' | 'f' | 'n')
}

/// Whether a fence with this name holds JSON: `json` and its kin, or none.
fn is_json(name: &str) -> bool {
    let name = name.trim();
    name.is_empty()
        || name
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("json"))
}
