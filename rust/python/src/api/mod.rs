//! The classes and functions that Python sees, one in each file.

pub mod delta;
pub mod events;
pub mod instances;
pub mod loads;
pub mod op;
pub mod parser;
pub mod state;
pub mod text_reader;
