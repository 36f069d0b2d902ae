//! Makes the `cfg`s of `PyO3` known to this crate: `spine.rs` asks for `Py_GIL_DISABLED`.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
