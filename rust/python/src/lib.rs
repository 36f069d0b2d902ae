//! The compiled module `partialfast._core`: the machine of `partialfast-core`, with a sink that
//! makes Python objects and pydantic models.
//!
//! The one crate that names `PyO3`. It translates: no grammar (that is the core's), and of types only
//! what the compiler in `partialfast/typed` made of them.
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

mod api;
mod build;
mod convert;
mod errors;
mod ffi;
mod ops;
mod plan;
mod snapshot;

/// The module. It does not need the GIL: each object is one thread's at a time, which `PyO3` checks,
/// and what a snapshot's containers are used again for, `ffi::has_references` tells without it.
#[pyo3::pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;

    use crate::ffi;

    #[pymodule_export]
    use crate::api::delta::Delta;
    #[pymodule_export]
    use crate::api::events::EventReader;
    #[pymodule_export]
    use crate::api::instances::ask_about_instances;
    #[pymodule_export]
    use crate::api::loads::loads;
    #[pymodule_export]
    use crate::api::op::Op;
    #[pymodule_export]
    use crate::api::parser::JsonParser;
    #[pymodule_export]
    use crate::api::state::StateCore;
    #[pymodule_export]
    use crate::api::text_reader::TextReader;
    #[pymodule_export]
    use crate::plan::Plan;

    /// The version in `Cargo.toml`, which is the package's.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        ffi::add_feed::<JsonParser>(module.py())?;
        ffi::add_feed::<StateCore>(module.py())
    }
}
