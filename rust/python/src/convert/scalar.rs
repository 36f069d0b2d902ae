//! JSON scalars as Python objects.

use partialfast_core::json::Literal;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt};

/// Integers with at most this many characters fit in an `i64`.
const SHORT: usize = 18;

/// The exact integer that `text` writes.
pub fn integer(py: Python<'_>, text: &str) -> PyResult<Py<PyAny>> {
    if text.len() <= SHORT
        && let Ok(number) = text.parse::<i64>()
    {
        return Ok(number.into_pyobject(py)?.into_any().unbind());
    }
    Ok(py.get_type::<PyInt>().call1((text,))?.unbind())
}

/// The float nearest to what `text` writes, as Python's `float(text)` gives it.
pub fn float(py: Python<'_>, text: &str) -> PyResult<Py<PyAny>> {
    let number = text
        .parse::<f64>()
        .map_err(|_| PyValueError::new_err(format!("not a number: {text}")))?;
    Ok(PyFloat::new(py, number).into_any().unbind())
}

/// An integer token for a field that is declared `float`, where the result is beyond doubt.
pub fn widened(py: Python<'_>, raw: &[u8]) -> Option<Py<PyAny>> {
    /// Integers up to here have a float of their own.
    const EXACT: i64 = 1 << 53;
    let number = std::str::from_utf8(raw).ok()?.parse::<i64>().ok()?;
    if !(-EXACT..=EXACT).contains(&number) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "the range was checked above")]
    let float = number as f64;
    Some(PyFloat::new(py, float).into_any().unbind())
}

/// `None`, `False` or `True`.
pub fn literal(py: Python<'_>, literal: Literal) -> Py<PyAny> {
    match literal {
        Literal::Null => py.None(),
        Literal::False => PyBool::new(py, false).to_owned().into_any().unbind(),
        Literal::True => PyBool::new(py, true).to_owned().into_any().unbind(),
    }
}
