//! Where JSON begins in what a model writes. All states and transitions stand in this file.
//!
//! # Theory of operation
//!
//! After nothing but white space, a code fence, or a `</think>`, the next bracket begins JSON. In
//! the middle of prose a bracket may be part of the prose, so there it begins JSON only together
//! with what follows: `{` before a key or `}`, `[` before `{` (where reading is lenient, before
//! more). The bracket and the white space after it are held back until then. A code fence with the name of
//! another language is skipped as a whole, and so is one without a name that does not begin as JSON
//! does.
//!
//! Reasoning ends with a tag that closes it, with or without one that opened it.

use super::tags::{MarkupTag, Tags};
use crate::lenient::Position;

/// The most white space that is held back after a bracket: a model that writes more of it is not
/// writing JSON.
const HELD: usize = 4096;
/// Longest name of a language after a fence that is looked at.
const NAME: usize = 64;

/// JSON begins.
#[derive(Debug)]
pub struct Began {
    /// Where in the chunk.
    pub at: usize,
    /// What of earlier chunks, or of this one in front of `at`, belongs to it.
    pub held: String,
    /// Whether it stands in a code fence.
    pub fenced: bool,
    /// Whether it stands in the middle of prose, and may be part of it.
    pub in_prose: bool,
    /// Its place in the text.
    pub place: Position,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Only white space so far, or since a `</think>`.
    #[default]
    Blank,
    Prose,
    /// After a bracket in prose; it and white space are held.
    Bracket,
    /// After so many backticks.
    Ticks(u8),
    /// In the line after an opening fence; the name is held.
    Info,
    /// In a fence, in front of its first character; whether it is said to hold JSON.
    Fence {
        named: bool,
    },
    /// In a fence of another language.
    Other,
    /// There, after so many backticks.
    OtherTicks(u8),
    /// Maybe inside a tag.
    MarkupTag,
    /// In reasoning, up to the tag that closes it.
    Think,
}

/// Looks for the beginning.
#[derive(Clone, Debug)]
pub struct Start {
    state: State,
    held: String,
    tags: Tags,
    /// Whether JSON may begin as lenient reading takes it.
    lenient: bool,
    /// The place of the next character, and of the first that is held.
    pub place: Position,
    held_at: Position,
}

impl Start {
    /// In front of a text.
    pub fn new(lenient: bool) -> Self {
        Self {
            state: State::Blank,
            held: String::new(),
            tags: Tags::default(),
            lenient,
            place: Position::START,
            held_at: Position::START,
        }
    }

    /// The one after a bracket that did not begin JSON: a tag may begin so.
    pub fn after_a_bracket() -> Self {
        Self {
            state: State::MarkupTag,
            tags: Tags::after_a_bracket(),
            ..Self::new(false)
        }
    }

    /// Reads a chunk, up to where JSON begins.
    pub fn feed(&mut self, text: &str) -> Option<Began> {
        for (at, char) in text.char_indices() {
            let in_prose = matches!(self.state, State::Bracket);
            if self.held.is_empty() {
                self.held_at = self.place;
            }
            if let Some(fenced) = self.step(char) {
                let held = std::mem::take(&mut self.held);
                let place = if held.is_empty() {
                    self.place
                } else {
                    self.held_at
                };
                return Some(Began {
                    at,
                    held,
                    fenced,
                    in_prose,
                    place,
                });
            }
            self.place = self.place.after(char, char.len_utf8());
        }
        None
    }

    /// Reads a character. `Some` when JSON begins with what is held and this character; it says
    /// whether in a fence.
    fn step(&mut self, char: char) -> Option<bool> {
        self.state = match self.state {
            State::Blank => match char {
                '{' | '[' => return Some(false),
                '"' if self.lenient => {
                    // Text that is a document, or the first word.
                    self.held.push(char);
                    State::Bracket
                }
                ' ' | '\t' | '\r' | '\n' => State::Blank,
                _ => return self.prose(char),
            },
            State::Prose => return self.prose(char),
            State::Bracket => match char {
                ' ' | '\t' | '\r' | '\n' if self.held.len() < HELD => {
                    self.held.push(char);
                    State::Bracket
                }
                '"' | '}' if self.held.trim_end() == "{" => return Some(false),
                '{' if self.held.starts_with('[') => return Some(false),
                _ if self.lenient => return self.lenient_bracket(char),
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
                _ if self.lenient && begins_leniently(char) => return Some(true),
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
            State::MarkupTag => match self.tags.step(char) {
                Some(MarkupTag::Open) => State::Think,
                // What came before it was reasoning, though nothing said so.
                Some(MarkupTag::Close) => State::Blank,
                None if self.tags.is_inside() => State::MarkupTag,
                None => return self.prose(char),
            },
            State::Think => match self.tags.step(char) {
                Some(MarkupTag::Close) => State::Blank,
                _ => State::Think,
            },
        };
        None
    }

    /// What follows a bracket or a quote in prose, where JSON need not be strict.
    fn lenient_bracket(&mut self, char: char) -> Option<bool> {
        match (self.held.chars().next(), char) {
            // A key in other quotes, or with escaped ones; text that is a document.
            (Some('{'), '\'' | '`' | '\\' | '“' | '”' | '‘' | '’' | '/')
            | (Some('['), '\'' | '[' | '"' | '\\')
            | (Some('"'), '{' | '[') => Some(false),
            // A key without quotes, if a colon follows.
            // A key without quotes, if a colon follows.
            (Some('{'), ':') if self.held.trim_end() != "{" => Some(false),
            (Some('{'), _) if self.held.len() < HELD && self.takes_key(char) => {
                self.held.push(char);
                self.state = State::Bracket;
                None
            }
            _ => self.prose(char),
        }
    }

    /// Whether the character is one more of the key that is held, which has no quotes.
    fn takes_key(&self, char: char) -> bool {
        let ended = self.held.ends_with([' ', '\t', '\r', '\n']) && self.held.trim_end() != "{";
        !ended && (char.is_alphanumeric() || matches!(char, '_' | '$' | '-'))
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
            '<' => {
                let _ = self.tags.step(char);
                State::MarkupTag
            }
            _ => State::Prose,
        };
        None
    }
}

/// Whether a JSON text can begin with the character.
fn begins_json(char: char) -> bool {
    matches!(char, '{' | '[' | '"' | '-' | '0'..='9' | 't' | 'f' | 'n')
}

/// Whether a text in a fence without a name can begin with the character in lenient reading.
const fn begins_leniently(char: char) -> bool {
    matches!(char, '\'' | '`' | '“' | '‘' | 'N' | 'T' | 'F')
}

/// Whether a fence with this name holds JSON: `json` and the like, or no name.
fn is_json(name: &str) -> bool {
    let name = name.trim();
    name.is_empty()
        || name
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("json"))
}
