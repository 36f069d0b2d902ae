//! What is asked of pydantic, and what it said. Owned by `close.rs`.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// How the typed layer validates.
pub struct Validation {
    /// `strict`, `context`, `by_alias`, `by_name`, as far as given.
    pub arguments: Option<Py<PyDict>>,
    /// The whole type's own `validate_json`.
    pub root: Py<PyAny>,
    /// Keep on after an invalid value and report all of them at the end.
    pub defer: bool,
    /// `(error, location) -> ValidationError` with the location from the root.
    pub relocate: Py<PyAny>,
    /// `(kind, location, key) -> ValidationError` for a key that its object forbids.
    pub forbidden: Py<PyAny>,
    pub error_class: Py<PyAny>,
    /// What pydantic raises where an exception of a validator's is a directive to it.
    pub directive_class: Py<PyAny>,
    pub deepcopy: Py<PyAny>,
}

/// How many errors are kept that were put off. A document can have one for each of its values, and
/// nobody reads more.
pub const MOST_ERRORS: usize = 100;

/// What was found of the values so far.
#[derive(Default)]
pub struct Verdict {
    /// `None` where the document has no type.
    pub validation: Option<Validation>,
    /// What `on_invalid="defer"` put off.
    pub errors: Vec<Py<PyAny>>,
    /// How many more there were, beyond [`MOST_ERRORS`].
    pub more_errors: usize,
    /// The value that just ended is invalid and was left out for good, not only for now.
    pub left_out: bool,
}

impl Verdict {
    pub fn reset(&mut self) {
        self.errors.clear();
        self.more_errors = 0;
        self.left_out = false;
    }
}
