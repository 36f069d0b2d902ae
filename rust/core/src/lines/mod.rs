//! JSON texts that travel one a line: [`LineMachine`] takes the bytes of a stream apart.

mod machine;

pub use machine::{Fed, LineError, LineErrorKind, LineLimits, LineMachine};
