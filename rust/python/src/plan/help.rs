//! What lenient reading may know of a node. It is found out when it is first asked for: a document
//! that needs no help costs nothing.

use std::collections::HashMap;
use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Kind;

/// What a value may be.
pub struct Help {
    /// Whether each kind might be valid; all of them, where in doubt.
    accepts: [bool; super::KINDS],
    /// The members of an enumeration, as JSON, by their names and values in lower case; what could
    /// mean two of them is not among them.
    members: HashMap<String, String>,
    /// The values themselves.
    exact: Vec<String>,
}

impl Help {
    const fn takes(&self, kind: Kind) -> bool {
        self.accepts[kind as usize]
    }

    pub const fn takes_object(&self) -> bool {
        self.takes(Kind::Object)
    }

    const fn takes_scalar(&self) -> bool {
        self.takes(Kind::String)
            || self.takes(Kind::Integer)
            || self.takes(Kind::Float)
            || self.takes(Kind::Bool)
    }

    /// An object or a list, and nothing that could be a string. A null does not matter.
    pub const fn wants_container(&self) -> bool {
        (self.takes_object() || self.takes(Kind::Array)) && !self.takes_scalar()
    }

    /// A list, and no object.
    pub const fn wants_list(&self) -> bool {
        self.takes(Kind::Array) && !self.takes_object() && !self.takes_scalar()
    }

    /// Whether null is valid.
    pub const fn takes_null(&self) -> bool {
        self.takes(Kind::Null)
    }

    pub fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    /// The JSON text of the only member that `text` can mean, if it is not valid as it is.
    pub fn member(&self, text: &str) -> Option<String> {
        if self.exact.iter().any(|exact| exact == text) {
            return None;
        }
        self.members.get(&text.to_lowercase()).cloned()
    }
}

/// Help that is made when first needed.
pub struct LazyHelp {
    pub make: Py<PyAny>,
    pub built: OnceLock<Help>,
}

impl LazyHelp {
    pub const fn new(make: Py<PyAny>) -> Self {
        Self {
            make,
            built: OnceLock::new(),
        }
    }

    pub fn get(&self, py: Python<'_>) -> PyResult<&Help> {
        if self.built.get().is_none() {
            let made = read(&self.make.bind(py).call0()?)?;
            // Where two threads meet here, the first one's result stays.
            let _ = self.built.set(made);
        }
        self.built
            .get()
            .ok_or_else(|| PyRuntimeError::new_err("what helps a type vanished while it was made"))
    }
}

/// Reads what `_lenient.py` makes.
fn read(made: &Bound<'_, PyAny>) -> PyResult<Help> {
    let accepts = made.getattr("accepts")?;
    let mut flags = [false; super::KINDS];
    for (flag, (word, _)) in flags.iter_mut().zip(super::read::ON) {
        *flag = accepts.contains(word)?;
    }
    let members = made.getattr("members")?.cast_into::<PyDict>()?;
    Ok(Help {
        accepts: flags,
        members: members.extract()?,
        exact: made.getattr("exact")?.extract()?,
    })
}
