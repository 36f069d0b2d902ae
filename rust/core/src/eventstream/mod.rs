//! AWS's event stream encoding (`application/vnd.amazon.eventstream`): [`MessageMachine`] takes the
//! bytes of a stream apart.

mod crc;
mod machine;

pub use machine::{
    Fed, Message, MessageError, MessageErrorKind, MessageKind, MessageLimits, MessageMachine,
};
