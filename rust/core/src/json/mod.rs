//! The resumable JSON machine.

mod error;
mod event;
mod machine;
mod scan;
mod utf8;

pub use error::{JsonError, JsonErrorKind};
pub use event::{Literal, NullSink, NumberKind, Sink, Span, Text};
pub use machine::{Fed, FeedError, Limits, Machine, Status};
