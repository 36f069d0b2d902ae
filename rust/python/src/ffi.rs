//! The one file that calls the C API directly.
//!
//! What is here is faster than what safe `PyO3` offers, or not to be had there. The figures are how
//! many more instructions the safe way takes on the workloads of `make bench-instructions`;
//! `make bench-unsafe` counts them anew.

#[cfg(not(Py_GIL_DISABLED))]
use std::cell::Cell;
use std::cell::UnsafeCell;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::{ptr, slice};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::impl_::trampoline::{MethodDef, binaryfunc};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyList, PySet, PyString, PyTuple, PyType};
use pyo3::{PyClass, ffi};

/// A code unit that `CPython` stores strings in (PEP 393).
pub trait Unit: Copy {}
impl Unit for u8 {}
impl Unit for u16 {}
impl Unit for u32 {}

/// Make a string of `units` whose largest character is `max_char`.
///
/// One allocation and one copy. The safe way goes through UTF-8: it looks at every character
/// twice more, which at 100 KB of open text is most of a snapshot's cost. It takes 3 % to 24 % more
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
/// takes 5 % more in `loads` of orders with names beyond ASCII, 10 % in ops of such an essay.
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
/// to 7 % more in typed streams, 18 % where snapshots are kept.
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
/// times a model instance: calling its `__set__` takes 18 % to 38 % more in typed streams, 81 % where
/// snapshots are kept.
/// (`PyObject_GenericSetDict` is no way to set a `__dict__`: 3.13.0 forgets that attributes may be
/// kept inline, and does not find them any more.)
pub struct Member {
    descriptor: Py<PyAny>,
    set: ffi::descrsetfunc,
    /// Where in an instance the slot is, if that is known.
    offset: Option<usize>,
}

impl Member {
    /// Wrap `descriptor`, as found in the `__dict__` of the class that declares the slot.
    pub fn new(descriptor: &Bound<'_, PyAny>) -> PyResult<Self> {
        // SAFETY: the descriptor's type is live as long as the descriptor is.
        let set = unsafe { (*ffi::Py_TYPE(descriptor.as_ptr())).tp_descr_set };
        let Some(set) = set else {
            return Err(PyTypeError::new_err(format!(
                "{descriptor} is not a slot descriptor"
            )));
        };
        let mut made = Self {
            descriptor: descriptor.clone().unbind(),
            set,
            offset: None,
        };
        if descriptor.get_type().name()? == "member_descriptor" {
            made.offset = made.look_for_offset(descriptor.py())?;
        }
        Ok(made)
    }

    /// Where in an instance the slot is: where an object is found that was put into it.
    fn look_for_offset(&self, py: Python<'_>) -> PyResult<Option<usize>> {
        let class = self.descriptor.bind(py).getattr("__objclass__")?;
        let class = class.cast_into::<PyType>()?;
        let (instance, mark) = (allocate(&class)?, PyList::empty(py).into_any());
        self.set(&instance, &mark)?;
        // SAFETY: an instance has as many bytes as its class says, all of them set when it was
        // allocated; its slots stand among them, each where a pointer may.
        let words = unsafe {
            let size = (*class.as_type_ptr()).tp_basicsize.unsigned_abs() / size_of::<usize>();
            slice::from_raw_parts(instance.as_ptr().cast::<usize>(), size)
        };
        let header = size_of::<ffi::PyObject>() / size_of::<usize>();
        let is_mark = |word: &usize| *word == mark.as_ptr().addr();
        let found = words.iter().skip(header).position(is_mark);
        Ok(found.map(|index| (header + index) * size_of::<usize>()))
    }

    /// The descriptor, for the garbage collector: it leads to the class.
    pub const fn descriptor(&self) -> &Py<PyAny> {
        &self.descriptor
    }

    /// Store `value` in the slot of `object`, which [`allocate`] has just made, and where nothing was
    /// stored yet.
    ///
    /// The descriptor looks at what class it is, at flags, and at what was there before. That takes
    /// 6 % more where snapshots are kept.
    pub fn fill(&self, object: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let Some(offset) = self.offset else {
            return self.set(object, value);
        };
        // SAFETY: `allocate` made the instance, so the class is the one that declares the slot or
        // inherits from it, where slots stand at the same place; it is empty, and nobody else has
        // seen the instance. It takes over the reference.
        unsafe {
            let slot = object.as_ptr().byte_add(offset);
            slot.cast::<*mut ffi::PyObject>()
                .write(value.clone().into_ptr());
        }
        Ok(())
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

/// A tuple of the items of `list` with room for more, up to `room` in all.
///
/// A snapshot of an open tuple has all its items, and a tuple cannot grow: to copy it for each chunk
/// makes a tuple of 250,000 items, in chunks of 16 bytes, a matter of minutes. `list` must not be
/// empty: the empty tuple is everybody's.
pub fn roomy_tuple<'py>(list: &Bound<'py, PyList>, room: usize) -> PyResult<Bound<'py, PyTuple>> {
    let py = list.py();
    let length = list.len();
    if length == 0 || room < length {
        return Err(PyValueError::new_err("no room for the items"));
    }
    let size = ffi::Py_ssize_t::try_from(room).unwrap_or(ffi::Py_ssize_t::MAX);
    // SAFETY: `PyTuple_New` returns a tuple with `room` places, all of them NULL, which nobody else
    // has seen. Its size says how many of them are looked at, also when it is freed: the places
    // beyond it hold no reference. It is set before any item is stored, so that at each moment the
    // first `size` places are filled.
    let made = unsafe {
        let made = Bound::from_owned_ptr_or_err(py, ffi::PyTuple_New(size))?;
        (*made.as_ptr().cast::<ffi::PyVarObject>()).ob_size = 0;
        made.cast_into_unchecked::<PyTuple>()
    };
    for item in list {
        lengthen_tuple(&made, item, room)?;
    }
    Ok(made)
}

/// Add `item` to a tuple that has room for `room` items, which nobody else may be able to see.
pub fn lengthen_tuple(
    tuple: &Bound<'_, PyTuple>,
    item: Bound<'_, PyAny>,
    room: usize,
) -> PyResult<()> {
    let length = tuple.len();
    if length >= room {
        return Err(PyValueError::new_err("no room for another item"));
    }
    let index = ffi::Py_ssize_t::try_from(length).unwrap_or(ffi::Py_ssize_t::MAX);
    // SAFETY: the place `index` is inside the allocation, as `room` is what `roomy_tuple` was given,
    // and holds no reference yet; the tuple takes over the one of `item`. The collector may have
    // stopped following the tuple, when all it held was atomic.
    unsafe {
        let tuple = tuple.as_ptr();
        ffi::PyTuple_SET_ITEM(tuple, index, item.into_ptr());
        (*tuple.cast::<ffi::PyVarObject>()).ob_size = index + 1;
        if ffi::PyObject_GC_IsTracked(tuple) == 0 {
            ffi::PyObject_GC_Track(tuple.cast());
        }
    }
    forget_hash(tuple);
    Ok(())
}

/// Take the items from `length` on off a tuple that nobody else may be able to see.
pub fn shorten_tuple(tuple: &Bound<'_, PyTuple>, length: usize) {
    let py = tuple.py();
    let last = tuple.len();
    for index in (length..last).rev() {
        let index = ffi::Py_ssize_t::try_from(index).unwrap_or(ffi::Py_ssize_t::MAX);
        // SAFETY: the place holds a reference, which becomes `item`'s; the size is made smaller
        // before it is dropped, so nothing that runs then finds it in the tuple.
        let item = unsafe {
            let tuple = tuple.as_ptr();
            let item = ffi::PyTuple_GET_ITEM(tuple, index);
            (*tuple.cast::<ffi::PyVarObject>()).ob_size = index;
            ffi::PyTuple_SET_ITEM(tuple, index, ptr::null_mut());
            Bound::from_owned_ptr(py, item)
        };
        forget_hash(tuple);
        drop(item);
    }
}

/// Forget the hash that a tuple keeps from Python 3.14 on.
///
/// Else one that has grown would be looked for where it was before.
#[cfg_attr(
    not(Py_3_14),
    expect(unused_variables, reason = "there is none to forget")
)]
fn forget_hash(tuple: &Bound<'_, PyTuple>) {
    #[cfg(Py_3_14)]
    // SAFETY: the tuple is live, and the attached thread keeps others from it.
    unsafe {
        (*tuple.as_ptr().cast::<ffi::PyTupleObject>()).ob_hash = -1;
    }
}

/// Add `item` to a frozen set that nobody else may be able to see.
///
/// As for tuples: a copy for each chunk is quadratic.
pub fn add_to_frozen(set: &Bound<'_, PyFrozenSet>, item: &Bound<'_, PyAny>) -> PyResult<()> {
    let object = set.as_ptr();
    // SAFETY: a frozen set and a set are the same struct, and `PySet_Add` goes by the type alone. It
    // may run code of the item's (`__hash__`, `__eq__`), which cannot reach the set. The type is put
    // back whatever comes of it, and the hash that the set may have kept is forgotten.
    let code = unsafe {
        let frozen = ffi::Py_TYPE(object);
        (*object).ob_type = &raw mut ffi::PySet_Type;
        let code = ffi::PySet_Add(object, item.as_ptr());
        (*object).ob_type = frozen;
        (*object.cast::<ffi::PySetObject>()).hash = -1;
        code
    };
    if code == 0 {
        Ok(())
    } else {
        Err(PyErr::fetch(set.py()))
    }
}

/// Whether there are just `count` references to `object`, so that nobody else has it.
///
/// With the GIL, nobody can take another one while the answer is used. Without it nobody can either,
/// if all of them are this thread's: whoever wants one has to come by one of them first. That is
/// what `CPython`'s `PyUnstable_Object_IsUniquelyReferenced` looks at, for a count of one. With the
/// GIL, `PyO3` deprecates its own way in favour of this call.
pub fn has_references(object: &Bound<'_, PyAny>, count: u8) -> bool {
    let pointer = object.as_ptr();
    #[cfg(not(Py_GIL_DISABLED))]
    // SAFETY: the object is live, and the attached thread keeps its count from changing.
    return unsafe { ffi::Py_REFCNT(pointer) } == ffi::Py_ssize_t::from(count);
    #[cfg(Py_GIL_DISABLED)]
    // SAFETY: the object is live. Of its fields, the owner never becomes this thread, the local
    // count is changed by the owner alone, and the shared one is atomic. It is zero where no other
    // thread holds a reference; acquiring it makes what one that did hold one has read happen
    // before what is written now.
    unsafe {
        use std::sync::atomic::Ordering;

        (*pointer).ob_tid == this_thread(object.py())
            && (*pointer).ob_ref_local.load(Ordering::Relaxed) == u32::from(count)
            && (*pointer).ob_ref_shared.load(Ordering::Acquire) == 0
    }
}

/// What `CPython` writes into the objects that this thread makes. A new object tells.
#[cfg(Py_GIL_DISABLED)]
fn this_thread(py: Python<'_>) -> usize {
    thread_local! {
        static OWNER: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    }
    OWNER.with(|owner| {
        if owner.get() == 0 {
            // SAFETY: the list is live, and its owner does not change.
            owner.set(unsafe { (*PyList::empty(py).as_ptr()).ob_tid });
        }
        owner.get()
    })
}

/// A list of the items of `list`, and of `added` after them.
///
/// To append to a copy is to allocate twice: 0.9 % more where snapshots are kept.
pub fn list_with<'py>(
    list: &Bound<'py, PyList>,
    added: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let py = list.py();
    let length = list.len();
    let size = length + usize::from(added.is_some());
    let size = ffi::Py_ssize_t::try_from(size).unwrap_or(ffi::Py_ssize_t::MAX);
    // SAFETY: `PyList_New` returns a list with room for so many items, all of them NULL. Each is
    // filled before anybody sees it, and no code runs in between that could make `list` another
    // length. It takes over the references.
    unsafe {
        let made = Bound::from_owned_ptr_or_err(py, ffi::PyList_New(size))?;
        for (index, item) in list.iter().chain(added.cloned()).enumerate() {
            let index = ffi::Py_ssize_t::try_from(index).unwrap_or(ffi::Py_ssize_t::MAX);
            ffi::PyList_SET_ITEM(made.as_ptr(), index, item.into_ptr());
        }
        Ok(made.cast_into_unchecked())
    }
}

/// A copy of a set: asked for its iterator, it would give it item by item.
pub fn copy_set<'py>(set: &Bound<'py, PySet>) -> PyResult<Bound<'py, PySet>> {
    // SAFETY: the set is live; the new one is a set, or an error was raised.
    unsafe {
        let made = ffi::PySet_New(set.as_ptr());
        Ok(Bound::from_owned_ptr_or_err(set.py(), made)?.cast_into_unchecked())
    }
}

/// Whether two lists, which nobody else may be able to see, hold the same objects in `range`.
///
/// For each chunk, of each open list: to ask for the items one by one takes ten times as long.
pub fn have_same_items(
    list: &Bound<'_, PyList>,
    other: &Bound<'_, PyList>,
    range: Range<usize>,
) -> bool {
    if range.is_empty() {
        return true;
    }
    if range.end > list.len() || range.end > other.len() {
        return false;
    }
    // SAFETY: each list has an array of at least `range.end` pointers, and the attached thread, or
    // that nobody else sees them, keeps both from changing while they are compared.
    unsafe {
        let items = |list: &Bound<'_, PyList>| {
            let first = (*list.as_ptr().cast::<ffi::PyListObject>()).ob_item;
            // As numbers they are compared many at a time; pointers are not.
            slice::from_raw_parts(first.add(range.start).cast::<usize>(), range.len())
        };
        items(list) == items(other)
    }
}

/// The address of the item at `index`; 0 where there is none.
pub fn item_address(list: &Bound<'_, PyList>, index: usize) -> usize {
    if index >= list.len() {
        return 0;
    }
    let index = ffi::Py_ssize_t::try_from(index).unwrap_or(0);
    // SAFETY: the index is inside the list. The item is not touched, only told from others.
    unsafe { ffi::PyList_GET_ITEM(list.as_ptr(), index) }.addr()
}

/// Whether `dict`, which nobody else may be able to see, holds in `range` the keys and values that
/// `other` has there, or such that `is_due` says, of both their addresses, are to be expected.
///
/// The places are those in which `CPython` keeps the entries of a dict; where entries were taken out
/// they are others, and the two differ.
pub fn have_same_entries(
    dict: &Bound<'_, PyDict>,
    other: &Bound<'_, PyDict>,
    range: Range<usize>,
    is_due: impl Fn(usize, usize) -> bool,
) -> bool {
    let start = ffi::Py_ssize_t::try_from(range.start).unwrap_or(ffi::Py_ssize_t::MAX);
    let next = |dict: &Bound<'_, PyDict>, place: &mut ffi::Py_ssize_t| {
        let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: any place is allowed, one without an entry is passed over; the attached thread, or
        // that nobody else sees the dicts, keeps them from changing. What is found is not touched,
        // only told from others.
        let found = unsafe { ffi::PyDict_Next(dict.as_ptr(), place, &raw mut key, &raw mut value) };
        (found != 0).then(|| (key.addr(), value.addr()))
    };
    let (mut place, mut other_place) = (start, start);
    range.into_iter().all(|_| {
        let entry = next(dict, &mut place);
        let expected = next(other, &mut other_place);
        entry == expected
            || entry.is_some_and(|(key, value)| {
                expected.is_none_or(|(other_key, _)| other_key == key) && is_due(key, value)
            })
    })
}

/// A short chunk as text, if all of it is ASCII.
///
/// The machine needs text. The safe way to it takes 4.5 % more of a parser that is fed chunks of a
/// few bytes and asked for nothing.
#[inline]
pub fn short_ascii(bytes: &[u8]) -> Option<&str> {
    const SHORT: usize = 32;
    if bytes.len() > SHORT || !bytes.is_ascii() {
        return None;
    }
    // SAFETY: ASCII is UTF-8.
    Some(unsafe { std::str::from_utf8_unchecked(bytes) })
}

/// A class with a method `feed` that takes a chunk by position.
pub trait Feed: PyClass {
    /// Reads a chunk.
    fn feed(slf: &Bound<'_, Self>, chunk: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>>;
}

/// Give `C` its method `feed`, as one of `METH_O`.
///
/// `PyO3` makes a method of one argument as it makes one of many: the interpreter hands over an array
/// and names, which are read into another array. That takes 7 % more of a parser that is fed chunks of
/// a few bytes and asked for nothing. What is around the call is what `PyO3` has around a slot of two
/// objects, so that panics are caught and the thread counts as attached, as everywhere else. It is no
/// part of `PyO3`'s public API, so a later version may call it something else.
pub fn add_feed<C: Feed>(py: Python<'_>) -> PyResult<()> {
    // SAFETY: it may be called with two live objects, of which the first is an instance of `C`.
    unsafe fn feed<C: Feed>(
        py: Python<'_>,
        slf: *mut ffi::PyObject,
        chunk: *mut ffi::PyObject,
    ) -> PyResult<*mut ffi::PyObject> {
        // SAFETY: both are live until the call returns, as of any call.
        let (slf, chunk) = unsafe { (Borrowed::from_ptr(py, slf), Borrowed::from_ptr(py, chunk)) };
        // SAFETY: the descriptor looks at the class of what it is called on.
        let slf = unsafe { slf.cast_unchecked::<C>() };
        let fed = C::feed(&slf, &chunk)?;
        Ok(fed.unwrap_or_else(|| py.None()).into_ptr())
    }

    struct Method<C>(PhantomData<C>);

    impl<C: Feed> MethodDef<binaryfunc::Func> for Method<C> {
        const METH: binaryfunc::Func = feed::<C>;
    }

    let doc = c"feed($self, chunk, /)\n--\n\nRead more of the text.";
    add_method::<Method<C>>(&py.get_type::<C>(), c"feed", doc)
}

/// What a metaclass answers when it is asked what is an instance of one of its classes.
pub trait InstanceCheck {
    /// Answers for `class`.
    fn check(class: &Bound<'_, PyAny>, instance: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>>;
}

/// Give `metaclass`, which need not be ours, its method `__instancecheck__`.
///
/// `PyO3` makes methods of its own classes only, and what it can give to another one is no method: it
/// would not be told which class is asked.
pub fn add_instance_check<C: InstanceCheck>(metaclass: &Bound<'_, PyType>) -> PyResult<()> {
    // SAFETY: it may be called with two live objects.
    unsafe fn check<C: InstanceCheck>(
        py: Python<'_>,
        class: *mut ffi::PyObject,
        instance: *mut ffi::PyObject,
    ) -> PyResult<*mut ffi::PyObject> {
        // SAFETY: both are live until the call returns, as of any call.
        let (class, instance) = unsafe {
            (
                Borrowed::from_ptr(py, class),
                Borrowed::from_ptr(py, instance),
            )
        };
        Ok(C::check(&class, &instance)?.into_ptr())
    }

    struct Method<C>(PhantomData<C>);

    impl<C: InstanceCheck> MethodDef<binaryfunc::Func> for Method<C> {
        const METH: binaryfunc::Func = check::<C>;
    }

    let doc = c"__instancecheck__($self, instance, /)\n--\n\nTell what is an instance.";
    add_method::<Method<C>>(metaclass, c"__instancecheck__", doc)
}

/// Give `class` a method of one argument.
fn add_method<M: MethodDef<binaryfunc::Func>>(
    class: &Bound<'_, PyType>,
    name: &'static CStr,
    doc: &'static CStr,
) -> PyResult<()> {
    let method = ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer {
            PyCFunction: binaryfunc::<M>,
        },
        ml_flags: ffi::METH_O,
        ml_doc: doc.as_ptr(),
    };
    // SAFETY: the descriptor looks into what it is made of as long as it lives, which is for ever.
    let descriptor = unsafe {
        let made = ffi::PyDescr_NewMethod(class.as_type_ptr(), Box::leak(Box::new(method)));
        Bound::from_owned_ptr_or_err(class.py(), made)?
    };
    class.setattr(
        PyString::new(class.py(), &name.to_string_lossy()),
        descriptor,
    )
}

/// A value that one caller at a time has the use of.
///
/// `PyO3` keeps an atomic flag for that in each instance. With the GIL a flag that is not atomic will do;
/// the atomic one takes 8 % of the time of a short chunk, whose instructions it hardly adds to.
pub struct Guarded<T> {
    held: Flag,
    value: UnsafeCell<T>,
}

// SAFETY: the flag is looked at and set by attached threads alone, one at a time: `hold` asks for the
// proof of that, and `Hold`, which ends with it, cannot be sent to where there is none. Without the
// GIL it is atomic. The value is reached by whoever set the flag.
unsafe impl<T: Send> Sync for Guarded<T> {}

#[cfg(not(Py_GIL_DISABLED))]
#[derive(Default)]
struct Flag(Cell<bool>);

#[cfg(not(Py_GIL_DISABLED))]
impl Flag {
    /// Whether it was not set, and is now.
    fn set(&self) -> bool {
        !self.0.replace(true)
    }

    fn unset(&self) {
        self.0.set(false);
    }
}

#[cfg(Py_GIL_DISABLED)]
#[derive(Default)]
struct Flag(std::sync::atomic::AtomicBool);

#[cfg(Py_GIL_DISABLED)]
impl Flag {
    /// Whether it was not set, and is now.
    fn set(&self) -> bool {
        !self.0.swap(true, std::sync::atomic::Ordering::Acquire)
    }

    fn unset(&self) {
        self.0.store(false, std::sync::atomic::Ordering::Release);
    }
}

impl<T> Guarded<T> {
    /// A value that nobody has the use of.
    pub fn new(value: T) -> Self {
        Self {
            held: Flag::default(),
            value: UnsafeCell::new(value),
        }
    }

    /// The use of the value; `None` while somebody else has it, further up the stack or in another
    /// thread.
    #[inline]
    pub fn hold<'a>(&'a self, _: Python<'a>) -> Option<Hold<'a, T>> {
        self.held.set().then(|| Hold {
            guarded: self,
            stays: PhantomData,
        })
    }

    /// What `look` makes of the value, for the garbage collector, who calls on an attached thread and
    /// has no other proof of it; `None` while somebody has the use of the value.
    pub fn visited<R>(&self, _: &PyVisit<'_>, look: impl FnOnce(&T) -> R) -> Option<R> {
        let hold = self.held.set().then(|| Hold {
            guarded: self,
            stays: PhantomData,
        })?;
        Some(look(&hold))
    }
}

/// The use of a guarded value, to its own end.
pub struct Hold<'a, T> {
    guarded: &'a Guarded<T>,
    /// On its thread.
    stays: PhantomData<*mut ()>,
}

impl<T> Deref for Hold<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this is the only `Hold` there is, and lends the value as it is lent itself.
        unsafe { &*self.guarded.value.get() }
    }
}

impl<T> DerefMut for Hold<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`.
        unsafe { &mut *self.guarded.value.get() }
    }
}

impl<T> Drop for Hold<'_, T> {
    fn drop(&mut self) {
        self.guarded.held.unset();
    }
}

/// Keeps the cyclic garbage collector from running while it lives.
///
/// A document of many containers sets off a collection for every few hundred of them, each of
/// which walks containers that are all reachable: 40 % of `loads` on `canada.json`.
///
/// Without the GIL it does nothing: the pause would be one of the whole process, so that other
/// threads' garbage would pile up, and the one that ends it first would end it for all.
pub struct CollectorPause {
    was_enabled: bool,
}

impl CollectorPause {
    /// The caller must hold on to the interpreter and run no Python code while it lives.
    pub fn new(_: Python<'_>) -> Self {
        if cfg!(Py_GIL_DISABLED) {
            return Self { was_enabled: false };
        }
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
