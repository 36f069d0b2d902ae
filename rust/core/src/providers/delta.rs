//! What every dialect says: the one language between a provider and the answer that is read from it.

/// How a provider says that an answer ended.
///
/// Each dialect has a table of its finish reasons. What stands in none is [`Outcome::Unknown`]: JSON
/// that is complete by itself is an answer all the same, but nothing may be made up or left out on
/// the strength of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// All that the model wanted to write has been sent.
    Whole,
    /// A limit on tokens or on the context ended it.
    CutOff,
    /// A filter of the provider's ended it.
    Filtered,
    /// The model refused.
    Refused,
    /// The provider failed.
    Failed,
    /// A reason that the dialect does not know.
    Unknown,
}

/// Which text of an answer is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The content of the message.
    Text,
    /// What the model says where it refuses.
    Refusal,
    /// The model's reasoning.
    Reasoning,
    /// The arguments of a call, by the number that [`Delta::CallBegins`] gave it.
    Call(u64),
}

/// A piece of what a provider sends, whatever its dialect.
///
/// Choices and calls are numbered by the dialect: it has sorted out which call a piece belongs to,
/// whatever indices and ids the server wrote. Calls are numbered from 0 within their choice, in the
/// order in which they began.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delta<'a> {
    /// What the server calls the answer, and the model that it comes from.
    Head {
        /// The id of the response.
        id: Option<&'a str>,
        /// The model.
        model: Option<&'a str>,
    },
    /// More of a text.
    Piece {
        /// Of which choice.
        choice: u64,
        /// Of which of its texts.
        part: Part,
        /// The characters.
        text: &'a str,
    },
    /// All of a text, at its end: what pieces have brought of it already, and what they have not.
    Whole {
        /// Of which choice.
        choice: u64,
        /// Of which of its texts.
        part: Part,
        /// All of it.
        text: &'a str,
    },
    /// A call begins, or more of its name is known.
    CallBegins {
        /// Of which choice.
        choice: u64,
        /// Its number.
        call: u64,
        /// The server's id of it.
        id: Option<&'a str>,
        /// The function, as the server wrote it.
        name: Option<&'a str>,
    },
    /// The server has said that nothing more comes of a call.
    CallEnds {
        /// Of which choice.
        choice: u64,
        /// Its number.
        call: u64,
    },
    /// Token usage.
    Usage {
        /// The JSON text of the provider's own object.
        json: &'a str,
    },
    /// A choice has ended, for all that the server says: see [`Delta::Reopens`].
    Finish {
        /// Which.
        choice: u64,
        /// What the server wrote.
        reason: &'a str,
        /// What that means.
        outcome: Outcome,
    },
    /// More comes of a choice that had ended: what its [`Delta::Finish`] said is void. Servers that
    /// write a finish reason into every event do that.
    Reopens {
        /// Which.
        choice: u64,
    },
    /// The server says that it failed.
    ServerError {
        /// Its own words: the JSON text of its error object, or plain text.
        said: &'a str,
    },
    /// Text that the server has sent instead of events, or among them, such as a page or a line of
    /// words; its beginning if there is much of it. It comes at the end, and is no failure by
    /// itself: if the answer lacks something, it may say why.
    Stray {
        /// Its own words.
        said: &'a str,
    },
    /// An event that cannot be read.
    Corrupt {
        /// What is wrong with it.
        why: &'a str,
    },
    /// What follows is of no interest.
    Done,
}
