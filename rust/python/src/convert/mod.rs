//! Text, scalars and keys between Python and the core.

pub mod input;
pub mod keys;
pub mod scalar;
pub mod text;
