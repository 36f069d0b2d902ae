//! What is asked of pydantic, and what it said.

use pyo3::gc::{PyTraverseError, PyVisit};
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
const MOST_ERRORS: usize = 100;

/// What was found of the values so far.
#[derive(Default)]
pub struct Verdict {
    /// `None` where the document has no type.
    validation: Option<Validation>,
    /// What `on_invalid="defer"` put off.
    errors: Vec<Py<PyAny>>,
    /// How many more there were, beyond [`MOST_ERRORS`].
    more_errors: usize,
    /// The value that just ended is invalid and was left out for good, not only for now.
    left_out: bool,
}

impl Verdict {
    /// Has the values validated from now on.
    pub fn validate(&mut self, validation: Validation) {
        self.validation = Some(validation);
    }

    /// How the values are validated; `None` where the document has no type.
    #[inline]
    pub fn validation(&self) -> Option<&Validation> {
        self.validation.as_ref()
    }

    /// The errors that were put off.
    pub fn errors(&self) -> &[Py<PyAny>] {
        &self.errors
    }

    /// How many more there were than are kept.
    pub fn more_errors(&self) -> usize {
        self.more_errors
    }

    /// Whether no more errors are kept: of another one, only that it was there.
    pub fn is_full(&self) -> bool {
        self.errors.len() >= MOST_ERRORS
    }

    /// An error to be raised at the end.
    pub fn put_off(&mut self, error: Py<PyAny>) {
        self.errors.push(error);
    }

    /// An error that is not kept.
    pub fn count(&mut self) {
        self.more_errors += 1;
    }

    /// The value that just ended is invalid, and whether it is left out for good.
    pub fn leave_out(&mut self, for_good: bool) {
        self.left_out = for_good;
    }

    /// Whether the value that just ended was left out for good. To be asked once a value.
    #[inline]
    pub fn take_left_out(&mut self) -> bool {
        std::mem::take(&mut self.left_out)
    }

    pub fn reset(&mut self) {
        self.errors.clear();
        self.more_errors = 0;
        self.left_out = false;
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.errors.iter().try_for_each(|error| visit.call(error))?;
        if let Some(validation) = &self.validation {
            visit.call(&validation.arguments)?;
            visit.call(&validation.root)?;
            visit.call(&validation.relocate)?;
            visit.call(&validation.forbidden)?;
        }
        Ok(())
    }
}
