//! The open containers, as objects that the caller can keep.

pub mod frame;
pub mod spine;
