//! What the providers of models write into their events, one file for each dialect.
//!
//! A dialect turns the events of one answer into [`Delta`]s: [`Dialect`] says what it has to do. The
//! files here that are not dialects are what dialects share: `pick.rs` and `reader.rs` take the values
//! at known places out of the JSON of an event, `mend.rs` mends it where servers get it wrong,
//! `facts.rs` lists the values, `single.rs` has what answers with one choice are made of, `calls.rs`
//! tells function calls apart, `encoded.rs` reads arguments that are encoded twice, `said.rs` tells
//! what is new from what was said before, `endings.rs` has the finish reasons, `members.rs` merges
//! objects, and `paths.rs` writes JSON whose values come with their paths.
//!
//! [`BodyReader`] reads the body of a response: any framing, any dialect.

mod anthropic;
mod bedrock;
mod body;
mod calls;
mod cohere;
mod delta;
mod encoded;
mod endings;
mod facts;
mod google;
mod google_interactions;
mod members;
mod mend;
mod ollama;
mod openai_chat;
mod openai_responses;
mod paths;
mod pick;
mod reader;
mod said;
mod single;

pub use anthropic::Anthropic;
pub use bedrock::Bedrock;
pub use body::{BodyReader, Fed, Framing};
pub use cohere::Cohere;
pub use delta::{Delta, Outcome, Part};
pub use google::Google;
pub use google_interactions::GoogleInteractions;
pub use ollama::Ollama;
pub use openai_chat::OpenAiChat;
pub use openai_responses::OpenAiResponses;

/// The data of the event that ends a stream of chat completions. It is not JSON.
pub const DONE: &str = "[DONE]";

/// How one provider writes an answer: events in, deltas out.
///
/// A value of it reads one answer; the next answer gets a new one. It knows the provider's grammar
/// and nothing else: not what was asked for, not which of several texts is wanted.
///
/// What an implementation must do:
///
/// - **Number.** Choices and calls get the numbers that [`Delta`] speaks of: choices as the provider
///   numbers them, calls from 0 within their choice in the order in which they begin. Which call a piece
///   belongs to is settled here, however badly the server numbers or names them. A call's
///   [`Delta::CallBegins`] comes before anything else of it, and comes again when more of its name
///   is known.
/// - **Tell pieces from wholes.** [`Delta::Piece`] is text that is new: pieces of a text, concatenated,
///   are the text. What the provider says once more at the end, and what a message has that is not
///   streamed, is [`Delta::Whole`]; whoever receives it takes from it what the pieces lacked. An
///   empty piece is not reported.
/// - **Classify endings.** Each choice that ends gets a [`Delta::Finish`] with the provider's word and
///   its [`Outcome`] by the dialect's table. A word that is in no table is [`Outcome::Unknown`].
///   Only words that are known to mean *whole* are [`Outcome::Whole`].
/// - **Say everything a user may need.** An error object, in any of the places where servers put it,
///   becomes [`Delta::ServerError`] in the server's own words; usage is passed on as it stands.
/// - **Never panic, never guess.** What cannot be read is [`Delta::Corrupt`]. A member that is
///   absent, `null`, empty or of another kind than documented says nothing. Members that are not
///   known are stepped over.
/// - **Stay bounded.** Whatever an attacker can make grow has a limit: the texts themselves are not
///   kept, and what is kept for each call is small.
pub trait Dialect {
    /// Reads one event and hands what it says to `sink`, in order.
    ///
    /// `name` is the event's name (the `event` field of server-sent events), empty where there is
    /// none; `data` is its JSON text. After [`Delta::Done`], [`Delta::ServerError`] or
    /// [`Delta::Corrupt`] nothing else is read.
    fn read(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>));

    /// No event follows: hands over what was held back until it was clear what it is.
    fn end(&mut self, sink: &mut impl FnMut(Delta<'_>)) {
        let _ = sink;
    }
}

macro_rules! dialects {
    ($($name:literal: $dialect:ident in $framing:ident, $doc:literal;)*) => {
        /// A dialect that is chosen by its name.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum AnyDialect {
            $(#[doc = $doc] $dialect(Box<$dialect>),)*
        }

        impl AnyDialect {
            /// The names of all dialects.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// A reader of one answer in the dialect of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$dialect(Box::default())),)*
                    _ => None,
                }
            }

            /// How the events of the dialect stand in the body of a response.
            #[must_use]
            pub fn framing(&self) -> Framing {
                match self {
                    $(Self::$dialect(_) => Framing::$framing,)*
                }
            }
        }

        impl Dialect for AnyDialect {
            fn read(&mut self, name: &str, data: &str, sink: &mut impl FnMut(Delta<'_>)) {
                match self {
                    $(Self::$dialect(dialect) => dialect.read(name, data, sink),)*
                }
            }

            fn end(&mut self, sink: &mut impl FnMut(Delta<'_>)) {
                match self {
                    $(Self::$dialect(dialect) => dialect.end(sink),)*
                }
            }
        }
    };
}

// A new dialect is a line here and a file of its own.
dialects! {
    "openai_chat": OpenAiChat in Events, "`OpenAI`'s chat completions, and what speaks like them.";
    "openai_responses": OpenAiResponses in Events, "`OpenAI`'s Responses API.";
    "anthropic": Anthropic in Events, "Anthropic's messages.";
    "bedrock": Bedrock in Messages, "Amazon Bedrock's `ConverseStream`.";
    "cohere": Cohere in Events, "Cohere's chat.";
    "google": Google in Events, "Gemini's `streamGenerateContent`.";
    "google_interactions": GoogleInteractions in Events, "Gemini's interactions.";
    "ollama": Ollama in Lines, "Ollama's chat.";
}
