//! From events to values: what the machine emits becomes Python objects and models.

pub mod builder;
pub mod choice;
pub mod close;
pub mod cursor;
pub mod driver;
mod keys;
pub mod lenient;
pub mod raw;
pub mod reading;
pub mod run;
pub mod verdict;
