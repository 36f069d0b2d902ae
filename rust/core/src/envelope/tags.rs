//! Tags around a model's reasoning: where one opens and where one closes.
//!
//! `<think>` and the like, in any case and with attributes; Mistral's `[THINK]`; and the channels
//! of harmony, `<|channel|>analysis` up to `<|end|>` or another channel.

/// What encloses reasoning.
const WORDS: &[&str] = &[
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "seed:think",
];
/// Longer names are none of these.
const NAME: usize = 16;
/// What goes on for longer is not a tag.
const ATTRIBUTES: usize = 256;

/// A tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkupTag {
    /// Reasoning follows.
    Open,
    /// What came before was reasoning.
    Close,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Spot {
    #[default]
    Text,
    /// After `<`; the name is kept.
    Angle,
    /// After the name of an opening tag, and so many characters.
    Attributes(usize),
    /// After `[`.
    Square,
    /// After `<|channel|>`.
    Channel,
}

/// Looks for tags, a character at a time.
#[derive(Clone, Debug, Default)]
pub struct Tags {
    spot: Spot,
    name: String,
    /// A channel of reasoning is open.
    channel: bool,
}

impl Tags {
    /// A reader after `[`.
    pub fn after_a_bracket() -> Self {
        Self {
            spot: Spot::Square,
            ..Self::default()
        }
    }

    /// Whether what came last may be part of a tag.
    pub fn is_inside(&self) -> bool {
        self.spot != Spot::Text
    }

    /// Reads a character, which may be the last one of a tag.
    pub fn step(&mut self, char: char) -> Option<MarkupTag> {
        match (self.spot, char) {
            (Spot::Channel, 'a'..='z') if self.name.len() < NAME => self.name.push(char),
            (Spot::Channel, _) => {
                let was_open = std::mem::replace(&mut self.channel, self.name == "analysis");
                self.begin(char);
                return match (was_open, self.channel) {
                    (_, true) => Some(MarkupTag::Open),
                    (true, false) => Some(MarkupTag::Close),
                    _ => None,
                };
            }
            (Spot::Angle, '>') => return self.end_of_name(),
            (Spot::Angle, ' ' | '\t' | '\n') if is_word(&self.name) => {
                self.spot = Spot::Attributes(0);
            }
            (Spot::Attributes(_), '>') => {
                self.spot = Spot::Text;
                return Some(MarkupTag::Open);
            }
            (Spot::Attributes(count), _) if char != '<' && count < ATTRIBUTES => {
                self.spot = Spot::Attributes(count + 1);
            }
            (Spot::Square, ']') => {
                self.spot = Spot::Text;
                return match self.name.as_str() {
                    "THINK" => Some(MarkupTag::Open),
                    "/THINK" => Some(MarkupTag::Close),
                    _ => None,
                };
            }
            (Spot::Square, 'A'..='Z' | '/')
            | (Spot::Angle, 'a'..='z' | 'A'..='Z' | ':' | '|' | '/')
                if self.name.len() < NAME =>
            {
                self.name.push(char);
            }
            _ => self.begin(char),
        }
        None
    }

    fn begin(&mut self, char: char) {
        self.name.clear();
        self.spot = match char {
            '<' => Spot::Angle,
            '[' => Spot::Square,
            _ => Spot::Text,
        };
    }

    fn end_of_name(&mut self) -> Option<MarkupTag> {
        self.spot = Spot::Text;
        match self.name.as_str() {
            "|channel|" => {
                self.spot = Spot::Channel;
                self.name.clear();
                None
            }
            "|end|" => std::mem::take(&mut self.channel).then_some(MarkupTag::Close),
            name => match name.strip_prefix('/') {
                Some(word) => is_word(word).then_some(MarkupTag::Close),
                None => is_word(name).then_some(MarkupTag::Open),
            },
        }
    }
}

fn is_word(name: &str) -> bool {
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::{MarkupTag, Tags};

    fn found(text: &str) -> Vec<(usize, MarkupTag)> {
        let mut tags = Tags::default();
        let found = text.char_indices();
        found
            .filter_map(|(at, char)| Some((at + 1, tags.step(char)?)))
            .collect()
    }

    #[test]
    fn tags_and_what_only_looks_like_them() {
        for (text, open, close) in [
            ("<think>x</think>", 7, 16),
            ("<<Thinking>x</ThinkinG>", 11, 23),
            ("<think time=\"3\">x</think>", 16, 25),
            ("<seed:think>x</seed:think>", 12, 26),
            ("[THINK]x[/THINK]", 7, 16),
            ("<|channel|>analysis<|message|>x<|end|>", 20, 38),
        ] {
            assert_eq!(
                found(text),
                [(open, MarkupTag::Open), (close, MarkupTag::Close)],
                "{text}"
            );
        }
        let harmony = "<|channel|>analysis<|message|>x<|channel|>final<|message|>{";
        assert_eq!(
            found(harmony),
            [(20, MarkupTag::Open), (48, MarkupTag::Close)]
        );
        for text in [
            "<thinker>",
            "a < b > c",
            "</ think>",
            "<think",
            "[think]",
            "<|end|>",
            "<|channel|>final<|message|>",
            "<b>[1, 2]",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
