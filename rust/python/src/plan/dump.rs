//! What a plan says about dumping, for ops. pydantic is asked when it is first needed: without ops,
//! none of it is computed. What the words mean stands in `partialfast/typed/_dumping.py`.

use std::sync::OnceLock;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

/// How values of a node are dumped.
pub struct Dump {
    make: Py<PyAny>,
    facts: OnceLock<Facts>,
    to_python: OnceLock<Py<PyAny>>,
}

/// What is true of every value of a node.
pub struct Facts {
    /// JSON scalars of the value's own type are dumped as themselves.
    pub exact: bool,
    /// A container that was put together is dumped as its parts were.
    pub stands: bool,
    serializer: Py<PyAny>,
}

impl Dump {
    pub const fn new(make: Py<PyAny>) -> Self {
        Self {
            make,
            facts: OnceLock::new(),
            to_python: OnceLock::new(),
        }
    }

    pub fn facts(&self, py: Python<'_>) -> PyResult<&Facts> {
        if self.facts.get().is_none() {
            // Made outside the lock, as validators are.
            let (exact, stands, serializer) = self
                .make
                .call0(py)?
                .extract::<(bool, bool, Py<PyAny>)>(py)?;
            let _ = self.facts.set(Facts {
                exact,
                stands,
                serializer,
            });
        }
        self.facts.get().ok_or_else(vanished)
    }

    /// The bound `to_python` of a serializer of values that may be incomplete.
    pub fn to_python<'a, 'py>(&'a self, py: Python<'py>) -> PyResult<&'a Bound<'py, PyAny>> {
        if self.to_python.get().is_none() {
            let made = self.facts(py)?.serializer.call0(py)?;
            let _ = self.to_python.set(made);
        }
        let made = self.to_python.get().ok_or_else(vanished)?;
        Ok(made.bind(py))
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.make)?;
        if let Some(facts) = self.facts.get() {
            visit.call(&facts.serializer)?;
        }
        visit.call(self.to_python.get())
    }
}

/// How a field is dumped.
pub struct FieldDump {
    key: FieldKey,
    /// It is left out.
    pub hidden: bool,
    /// How its value is dumped depends on the object that holds it.
    pub guarded: bool,
}

/// Under which key a field is dumped.
struct FieldKey {
    alias: Option<Py<PyAny>>,
    /// Whether the alias is used where nobody says.
    by_alias: bool,
    /// By alias, another field has the same key.
    shared: bool,
}

impl FieldDump {
    /// Its key, where it is not its name: `by_alias` says what was asked for.
    pub fn alias(&self, by_alias: Option<bool>) -> Option<&Py<PyAny>> {
        self.key
            .alias
            .as_ref()
            .filter(|_| by_alias.unwrap_or(self.key.by_alias))
    }

    /// Whether another field has the same key.
    pub fn is_shared(&self, by_alias: Option<bool>) -> bool {
        self.key.shared && by_alias.unwrap_or(self.key.by_alias)
    }
}

/// How the fields of an object are dumped, in their order.
pub struct FieldDumps {
    make: Py<PyAny>,
    built: OnceLock<Vec<FieldDump>>,
}

impl FieldDumps {
    pub const fn new(make: Py<PyAny>) -> Self {
        Self {
            make,
            built: OnceLock::new(),
        }
    }

    pub fn get(&self, py: Python<'_>) -> PyResult<&[FieldDump]> {
        if self.built.get().is_none() {
            let made = self.make.call0(py)?;
            let made = made.extract::<Vec<(Option<Py<PyAny>>, bool, bool, bool, bool)>>(py)?;
            let made = made
                .into_iter()
                .map(|(alias, by_alias, hidden, guarded, shared)| FieldDump {
                    key: FieldKey {
                        alias,
                        by_alias,
                        shared,
                    },
                    hidden,
                    guarded,
                })
                .collect();
            let _ = self.built.set(made);
        }
        self.built.get().map(Vec::as_slice).ok_or_else(vanished)
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.make)?;
        self.built
            .get()
            .into_iter()
            .flatten()
            .try_for_each(|field| visit.call(&field.key.alias))
    }
}

#[cold]
fn vanished() -> PyErr {
    PyRuntimeError::new_err("what a plan says about dumping vanished while it was made")
}
