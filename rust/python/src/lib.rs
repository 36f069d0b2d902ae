//! The compiled module `partialfast._core`: the machine of `partialfast-core`, with a sink that
//! makes Python objects and pydantic models.
//!
//! The one crate that names `PyO3`. It translates: no grammar (that is the core's) and no reading
//! of types (that is `partialfast/_plan.py`'s).
#![deny(unsafe_op_in_unsafe_fn)]
// No input may make it panic. (That no index is out of bounds is what the fuzzers look for.)
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::panic,
        clippy::todo,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod builder;
mod choice;
mod close;
mod driver;
mod errors;
mod ffi;
mod frame;
mod input;
mod intake;
mod keys;
mod loads;
mod parser;
mod place;
mod plan;
mod run;
mod scalar;
mod spine;
mod sse;
mod state;
mod text;

/// The module. It needs the GIL: whether a snapshot's containers can be used again is told by
/// their reference counts, which without the GIL another thread may be changing.
#[pyo3::pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::intake::Intake;
    #[pymodule_export]
    use crate::loads::loads;
    #[pymodule_export]
    use crate::parser::JsonParser;
    #[pymodule_export]
    use crate::plan::Plan;
    #[pymodule_export]
    use crate::sse::EventReader;
    #[pymodule_export]
    use crate::state::StateCore;

    /// The version in `Cargo.toml`, which is the package's.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
