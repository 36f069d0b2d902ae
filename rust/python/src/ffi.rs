//! The one file that calls the C API directly.
//!
//! What is here is faster than what safe `PyO3` offers, or not to be had there. The figures are how
//! many more instructions the safe way takes on the workloads of `make bench-instructions`;
//! `make bench-unsafe` counts them anew.

use std::ptr;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

/// A code unit that `CPython` stores strings in (PEP 393).
pub trait Unit: Copy {}
impl Unit for u8 {}
impl Unit for u16 {}
impl Unit for u32 {}

/// Make a string of `units` whose largest character is `max_char`.
///
/// One allocation and one copy. The safe way goes through UTF-8: it looks at every character
/// twice more, which at 100 KB of open text is most of a snapshot's cost. It takes 6 % to 18 % more
/// on each of the workloads.
///
/// `max_char` must be exact up to its PEP 393 class, and every unit a valid code point.
pub fn string_of<'py, T: Unit>(
    py: Python<'py>,
    units: &[T],
    max_char: u32,
) -> PyResult<Bound<'py, PyString>> {
    debug_assert_eq!(
        size_of::<T>(),
        match max_char {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            _ => 4,
        }
    );
    let length = ffi::Py_ssize_t::try_from(units.len()).unwrap_or(ffi::Py_ssize_t::MAX);
    // SAFETY: `PyUnicode_New` returns a string with room for `length` units of the size that
    // `max_char` calls for, which the assertion above ties to `T`. It is new and unshared, unless
    // `length` is 0: then it is the empty string that everybody shares, and nothing is written.
    unsafe {
        let made = Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(length, max_char))?;
        if !units.is_empty() {
            let data = ffi::PyUnicode_DATA(made.as_ptr()).cast::<T>();
            ptr::copy_nonoverlapping(units.as_ptr(), data, units.len());
        }
        Ok(made.cast_into_unchecked())
    }
}

/// Make a string of the `length` first of `units`, whose largest character is `max_char`.
///
/// For text that is not stored as it is written: it is converted where it will stand. The safe way
/// takes 5 % more in `loads` of orders with names beyond ASCII.
///
/// The same is asked of `max_char` and the units as by [`string_of`]; of `units`, at least
/// `length`.
pub fn string_from<T: Unit>(
    py: Python<'_>,
    length: usize,
    max_char: u32,
    units: impl Iterator<Item = T>,
) -> PyResult<Bound<'_, PyString>> {
    let size = ffi::Py_ssize_t::try_from(length).unwrap_or(ffi::Py_ssize_t::MAX);
    // SAFETY: as in `string_of`; `take` keeps the writes inside the `length` units allocated.
    unsafe {
        let made = Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(size, max_char))?;
        let data = ffi::PyUnicode_DATA(made.as_ptr()).cast::<T>();
        let mut written = 0;
        for unit in units.take(length) {
            data.add(written).write(unit);
            written += 1;
        }
        if written < length {
            // Its end was never written.
            return Err(PyValueError::new_err("fewer characters than were promised"));
        }
        Ok(made.cast_into_unchecked())
    }
}

/// Allocate an instance of `class` without calling `__new__` or `__init__`.
///
/// A snapshot must run no user code, and both may be the user's. Calling `object.__new__` takes 3 %
/// to 7 % more in typed streams.
pub fn allocate<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: `class` is live, and CPython was asked, when the type was compiled, whether
    // `object.__new__` may make its instances (`typed/_layout.py`): where it may, it does no more
    // than this, so no base in C misses what its own `__new__` would have set up.
    unsafe {
        let made = ffi::PyType_GenericAlloc(class.as_type_ptr(), 0);
        Bound::from_owned_ptr_or_err(class.py(), made)
    }
}

/// A `__slots__` member or `__dict__` of a class, to be set past any `__setattr__` of the user's.
///
/// Calling the descriptor's own setter skips the attribute look-up along the class's bases, four
/// times a model instance: calling its `__set__` takes 18 % to 36 % more in typed streams.
/// (`PyObject_GenericSetDict` is no way to set a `__dict__`: 3.13.0 forgets that attributes may be
/// kept inline, and does not find them any more.)
pub struct Member {
    descriptor: Py<PyAny>,
    set: ffi::descrsetfunc,
}

impl Member {
    /// Wrap `descriptor`, as found in the `__dict__` of the class that declares the slot.
    pub fn new(descriptor: &Bound<'_, PyAny>) -> PyResult<Self> {
        // SAFETY: the descriptor's type is live as long as the descriptor is.
        let set = unsafe { (*ffi::Py_TYPE(descriptor.as_ptr())).tp_descr_set };
        match set {
            Some(set) => Ok(Self {
                descriptor: descriptor.clone().unbind(),
                set,
            }),
            None => Err(PyTypeError::new_err(format!(
                "{descriptor} is not a slot descriptor"
            ))),
        }
    }

    /// The descriptor, for the garbage collector: it leads to the class.
    pub const fn descriptor(&self) -> &Py<PyAny> {
        &self.descriptor
    }

    /// Store `value` in the slot of `object`.
    pub fn set(&self, object: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        // SAFETY: `set` is the setter of `descriptor`'s own type; it checks `object`'s type.
        let code = unsafe { (self.set)(self.descriptor.as_ptr(), object.as_ptr(), value.as_ptr()) };
        if code == 0 {
            Ok(())
        } else {
            Err(PyErr::fetch(object.py()))
        }
    }
}

/// Whether anything holds a weak reference to `object`.
///
/// Reference counts do not tell, and a weak reference can be turned into a strong one.
pub fn has_weak_references(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: where `tp_weaklistoffset` is not zero, a pointer to the list of weak references
    // stands at that offset from the object (for managed weak references the offset is negative);
    // the attached thread keeps the object from changing meanwhile.
    unsafe {
        let offset = (*ffi::Py_TYPE(object.as_ptr())).tp_weaklistoffset;
        offset != 0
            && !object
                .as_ptr()
                .cast::<u8>()
                .offset(offset)
                .cast::<*mut ffi::PyObject>()
                .read_unaligned()
                .is_null()
    }
}

/// How many references there are to `object`.
///
/// `PyO3` deprecates its own way in favour of this call.
pub fn references(object: &Bound<'_, PyAny>) -> isize {
    // SAFETY: the object is live, and the attached thread keeps its count from changing.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) }
}

/// Keeps the cyclic garbage collector from running while it lives.
///
/// A document of many containers sets off a collection for every few hundred of them, each of
/// which walks containers that are all reachable: 40 % of `loads` on `canada.json`.
pub struct CollectorPause {
    was_enabled: bool,
}

impl CollectorPause {
    /// The caller must hold on to the interpreter and run no Python code while it lives.
    pub fn new(_: Python<'_>) -> Self {
        // SAFETY: the thread is attached, as the argument shows.
        Self {
            was_enabled: unsafe { ffi::PyGC_Disable() } != 0,
        }
    }
}

impl Drop for CollectorPause {
    fn drop(&mut self) {
        if self.was_enabled {
            // SAFETY: it is dropped where it was made, on an attached thread.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}
