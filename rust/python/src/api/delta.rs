//! `Delta`: what a provider says, as Python objects.

use std::convert::Infallible;

use partialfast_core::providers as core;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

/// A word of a small set, which is a string for Python.
macro_rules! words {
    ($(#[$doc:meta])* $class:ident, $of:literal: $($variant:ident = $word:literal),*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $class {
            $($variant),*
        }

        impl<'py> IntoPyObject<'py> for $class {
            type Target = PyString;
            type Output = Bound<'py, PyString>;
            type Error = Infallible;

            fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Infallible> {
                Ok(match self {
                    $(Self::$variant => pyo3::intern!(py, $word).clone()),*
                })
            }
        }

        impl FromPyObject<'_, '_> for $class {
            type Error = PyErr;

            fn extract(word: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
                match word.extract::<&str>()? {
                    $($word => Ok(Self::$variant),)*
                    word => Err(PyValueError::new_err(format!(
                        "{word:?} is not {}: use one of {}",
                        $of,
                        [$($word),*].join(", "),
                    ))),
                }
            }
        }
    };
}

words! {
    /// Which text of an answer.
    Part, "a part": Text = "text", Refusal = "refusal", Reasoning = "reasoning", Call = "call"
}

words! {
    /// What an ending means.
    Outcome, "an outcome": Whole = "whole", CutOff = "cut_off", Filtered = "filtered",
    Refused = "refused", Failed = "failed", Unknown = "unknown"
}

impl From<core::Outcome> for Outcome {
    fn from(outcome: core::Outcome) -> Self {
        match outcome {
            core::Outcome::Whole => Self::Whole,
            core::Outcome::CutOff => Self::CutOff,
            core::Outcome::Filtered => Self::Filtered,
            core::Outcome::Refused => Self::Refused,
            core::Outcome::Failed => Self::Failed,
            // Variants that the core may add are not known here.
            _ => Self::Unknown,
        }
    }
}

/// Documented in `_core.pyi`.
#[pyclass(frozen, eq, module = "partialfast._core")]
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    #[pyo3(constructor = (id, model))]
    Head {
        id: Option<String>,
        model: Option<String>,
    },
    #[pyo3(constructor = (choice, part, call, text))]
    Piece {
        choice: u64,
        part: Part,
        call: Option<u64>,
        text: String,
    },
    #[pyo3(constructor = (choice, part, call, text))]
    Whole {
        choice: u64,
        part: Part,
        call: Option<u64>,
        text: String,
    },
    #[pyo3(constructor = (choice, call, id, name))]
    CallBegins {
        choice: u64,
        call: u64,
        id: Option<String>,
        name: Option<String>,
    },
    #[pyo3(constructor = (choice, call))]
    CallEnds { choice: u64, call: u64 },
    #[pyo3(constructor = (json))]
    Usage { json: String },
    #[pyo3(constructor = (choice, reason, outcome))]
    Finish {
        choice: u64,
        reason: String,
        outcome: Outcome,
    },
    #[pyo3(constructor = (choice))]
    Reopens { choice: u64 },
    #[pyo3(constructor = (said))]
    ServerError { said: String },
    #[pyo3(constructor = (said))]
    Stray { said: String },
    #[pyo3(constructor = (why))]
    Corrupt { why: String },
    #[pyo3(constructor = ())]
    Done {},
}

fn part_of(part: core::Part) -> (Part, Option<u64>) {
    match part {
        core::Part::Text => (Part::Text, None),
        core::Part::Refusal => (Part::Refusal, None),
        core::Part::Reasoning => (Part::Reasoning, None),
        core::Part::Call(call) => (Part::Call, Some(call)),
    }
}

impl Part {
    /// The same for the core; a call without a number is the first.
    pub fn of_core(self, call: Option<u64>) -> core::Part {
        match self {
            Self::Text => core::Part::Text,
            Self::Refusal => core::Part::Refusal,
            Self::Reasoning => core::Part::Reasoning,
            Self::Call => core::Part::Call(call.unwrap_or_default()),
        }
    }
}

impl Delta {
    /// Whether it says what the model writes, and not something about it.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Piece { .. } | Self::Whole { .. })
    }

    /// The delta as an object; `None` for what the core says and Python does not know yet.
    pub fn of(delta: &core::Delta<'_>) -> Option<Self> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Some(match delta {
            core::Delta::Head { id, model } => Self::Head {
                id: owned(*id),
                model: owned(*model),
            },
            core::Delta::Piece { choice, part, text } => {
                let (part, call) = part_of(*part);
                Self::Piece {
                    choice: *choice,
                    part,
                    call,
                    text: (*text).to_owned(),
                }
            }
            core::Delta::Whole { choice, part, text } => {
                let (part, call) = part_of(*part);
                Self::Whole {
                    choice: *choice,
                    part,
                    call,
                    text: (*text).to_owned(),
                }
            }
            core::Delta::CallBegins {
                choice,
                call,
                id,
                name,
            } => Self::CallBegins {
                choice: *choice,
                call: *call,
                id: owned(*id),
                name: owned(*name),
            },
            core::Delta::CallEnds { choice, call } => Self::CallEnds {
                choice: *choice,
                call: *call,
            },
            core::Delta::Usage { json } => Self::Usage {
                json: (*json).to_owned(),
            },
            core::Delta::Finish {
                choice,
                reason,
                outcome,
            } => Self::Finish {
                choice: *choice,
                reason: (*reason).to_owned(),
                outcome: (*outcome).into(),
            },
            core::Delta::Reopens { choice } => Self::Reopens { choice: *choice },
            core::Delta::ServerError { said } => Self::ServerError {
                said: (*said).to_owned(),
            },
            core::Delta::Stray { said } => Self::Stray {
                said: (*said).to_owned(),
            },
            core::Delta::Corrupt { why } => Self::Corrupt {
                why: (*why).to_owned(),
            },
            core::Delta::Done => Self::Done {},
            _ => return None,
        })
    }
}

#[pymethods]
impl Delta {
    /// As the constructor is written: `Delta.Piece(choice=0, part='text', call=None, text='{')`.
    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        static NAMES: PyOnceLock<Py<PyString>> = PyOnceLock::new();
        let py = slf.py();
        let names = NAMES.get_or_init(py, || PyString::intern(py, "__match_args__").unbind());
        let class = slf.as_any().get_type();
        let names: Vec<String> = class.getattr(names.bind(py))?.extract()?;
        let mut shown = Vec::new();
        for name in names {
            let value = slf.as_any().getattr(name.as_str())?.repr()?;
            shown.push(format!("{name}={value}"));
        }
        Ok(format!("{}({})", class.qualname()?, shown.join(", ")))
    }
}
