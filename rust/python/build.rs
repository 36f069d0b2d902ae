//! Makes PyO3's `cfg`s known to this crate: `spine.rs` asks for `Py_GIL_DISABLED`.

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
}
