//! Server-sent events (WHATWG HTML, section 9.2): [`EventMachine`] takes the bytes of a stream apart.

mod machine;

pub use machine::{Event, EventError, EventErrorKind, EventLimits, EventMachine, Fed};
