//! Snapshots: open containers as objects that the caller can keep.

mod edits;
pub mod frame;
mod fresh;
pub mod instance;
pub mod shown;
pub mod spine;
mod update;
