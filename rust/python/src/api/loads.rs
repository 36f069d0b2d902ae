//! `loads`: a whole document at once.
//!
//! Nothing here is shown before it is complete, so there is no spine and no plan: a sink of its
//! own, for the sake of speed.

use std::sync::Mutex;
#[cfg(Py_GIL_DISABLED)]
use std::sync::atomic::{AtomicUsize, Ordering};

use partialfast_core::json::{
    FeedError, Limits, Literal, Machine, NullSink, NumberKind, Sink, Span, Text,
};
use partialfast_core::lenient::PlainSink;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::build::driver::{Driver, number_limit};
use crate::build::lenient::{Lenience, settings};
use crate::convert::input::with_chunk;
use crate::convert::keys::StringCache;
use crate::convert::scalar;
use crate::convert::text::OpenText;
use crate::errors::json_error;
use crate::ffi::CollectorPause;
use crate::plan::Plan;

enum Level<'py> {
    /// Items from here on in `Values::items`.
    Array(usize),
    Object {
        dict: Bound<'py, PyDict>,
        key: Option<Py<PyAny>>,
    },
}

struct Whole<'a, 'py> {
    py: Python<'py>,
    levels: Vec<Level<'py>>,
    items: Vec<Bound<'py, PyAny>>,
    strings: &'a mut StringCache,
    string: OpenText,
}

/// At most 64 bytes each, so less than 512 KiB. More would hit more often, and miss the processor's
/// own cache.
const KEPT_STRINGS: usize = 1 << 12;

/// Strings of the documents read so far: those of the next are often the same.
#[cfg(not(Py_GIL_DISABLED))]
fn strings() -> &'static Mutex<StringCache> {
    static STRINGS: Mutex<StringCache> = Mutex::new(StringCache::new(KEPT_STRINGS));
    &STRINGS
}

/// Strings of the documents that this thread has read so far, alone if there are few threads.
///
/// With one cache for all, threads would find it in use by another, and hand each other strings,
/// whose counts of references then cost both of them.
#[cfg(Py_GIL_DISABLED)]
fn strings() -> &'static Mutex<StringCache> {
    const CACHES: usize = 16;
    static STRINGS: [Mutex<StringCache>; CACHES] =
        [const { Mutex::new(StringCache::new(KEPT_STRINGS)) }; CACHES];
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = THREADS.fetch_add(1, Ordering::Relaxed) % CACHES;
    }
    &STRINGS[NUMBER.with(|&number| number)]
}

impl<'py> Whole<'_, 'py> {
    fn put(&mut self, value: Bound<'py, PyAny>) -> PyResult<()> {
        if let Some(Level::Object { dict, key }) = self.levels.last_mut() {
            return key.take().map_or(Ok(()), |key| dict.set_item(key, value));
        }
        self.items.push(value);
        Ok(())
    }

    /// Where the machine stands, for an error.
    fn path(&self) -> PyResult<Bound<'py, PyTuple>> {
        let mut path = Vec::new();
        let mut end = self.items.len();
        for level in self.levels.iter().rev() {
            match level {
                Level::Array(start) => {
                    path.push((end - start).into_pyobject(self.py)?.into_any());
                    end = *start;
                }
                Level::Object { key: Some(key), .. } => path.push(key.bind(self.py).clone()),
                Level::Object { key: None, .. } => {}
            }
        }
        path.reverse();
        PyTuple::new(self.py, path)
    }
}

impl Sink for Whole<'_, '_> {
    type Error = PyErr;

    fn begin_object(&mut self, _: u64) -> PyResult<()> {
        self.levels.push(Level::Object {
            dict: PyDict::new(self.py),
            key: None,
        });
        Ok(())
    }

    fn key(&mut self, text: Text<'_>, _: Span) -> PyResult<()> {
        if let Some(Level::Object { key, .. }) = self.levels.last_mut() {
            *key = Some(self.strings.get(self.py, text)?.into_any());
        }
        Ok(())
    }

    fn end_object(&mut self, _: u64) -> PyResult<()> {
        match self.levels.pop() {
            Some(Level::Object { dict, .. }) => self.put(dict.into_any()),
            _ => Ok(()),
        }
    }

    fn begin_array(&mut self, _: u64) -> PyResult<()> {
        self.levels.push(Level::Array(self.items.len()));
        Ok(())
    }

    fn end_array(&mut self, _: u64) -> PyResult<()> {
        match self.levels.pop() {
            Some(Level::Array(start)) => {
                let list = PyList::new(self.py, self.items.drain(start..))?;
                self.put(list.into_any())
            }
            _ => Ok(()),
        }
    }

    fn string(&mut self, text: Text<'_>, _: Span) -> PyResult<()> {
        let string = self.strings.get(self.py, text)?;
        self.put(string.into_bound(self.py).into_any())
    }

    fn begin_string(&mut self, _: u64) -> PyResult<()> {
        self.string = OpenText::new();
        Ok(())
    }

    fn string_part(&mut self, text: Text<'_>) -> PyResult<()> {
        self.string.push(text.text, text.ascii);
        Ok(())
    }

    fn end_string(&mut self, _: u64) -> PyResult<()> {
        let string = self.string.to_python(self.py)?;
        self.put(string.into_any())
    }

    fn number(&mut self, text: &str, kind: NumberKind, _: Span) -> PyResult<()> {
        let number = match kind {
            NumberKind::Integer => scalar::integer(self.py, text)?,
            NumberKind::Float => scalar::float(self.py, text)?,
        };
        self.put(number.into_bound(self.py))
    }

    fn literal(&mut self, literal: Literal, _: Span) -> PyResult<()> {
        self.put(scalar::literal(self.py, literal).into_bound(self.py))
    }
}

/// Documented in `_core.pyi`.
#[pyfunction]
#[pyo3(signature = (
    data, /, *, partial = false, max_depth = 200, max_bytes = 1_073_741_824, lenient = None,
    max_repairs = 100_000
))]
pub fn loads(
    data: &Bound<'_, PyAny>,
    partial: bool,
    max_depth: usize,
    max_bytes: u64,
    lenient: Option<&Bound<'_, PyAny>>,
    max_repairs: usize,
) -> PyResult<Option<Py<PyAny>>> {
    let py = data.py();
    let settings = settings(lenient, max_repairs, false)?;
    let limits = Limits {
        max_depth,
        max_bytes,
        ..Limits::default()
    };
    if partial {
        let plan = Plan::untyped(py)?;
        let mut driver = Driver::with(limits, settings, false);
        with_chunk(data, |chunk| driver.feed(py, plan.get(), chunk))?;
        return driver.snapshot(py, plan.get());
    }
    with_chunk(data, |chunk| {
        let bytes = chunk.bytes();
        // Nothing below runs Python code: what is made is new, and what the cache drops are plain
        // strings. So nobody else can come to hold the lock either; without the GIL somebody may.
        let pause = CollectorPause::new(py);
        let mut own = StringCache::new(1 << 8);
        let mut shared = strings().try_lock();
        let mut reader = settings.map(|settings| Lenience::new(settings, limits, false).reader);
        let mut machine = Machine::new(limits);
        let mut whole = Whole {
            py,
            levels: Vec::new(),
            items: Vec::new(),
            strings: shared.as_deref_mut().unwrap_or(&mut own),
            string: OpenText::new(),
        };
        let mut rest = bytes;
        let mut read = || -> Result<(), FeedError<PyErr>> {
            if let Some(reader) = &mut reader {
                reader.feed(bytes, &mut PlainSink(&mut whole))?;
                return reader.finish(&mut PlainSink(&mut whole));
            }
            while !rest.is_empty() {
                rest = &rest[machine.feed(rest, &mut whole)?.consumed..];
            }
            machine.finish(&mut whole)
        };
        let error = match read() {
            Ok(()) => return Ok(whole.items.pop().map(Bound::unbind)),
            Err(error) => error,
        };
        let path = whole.path()?;
        // Making an exception runs Python code.
        drop(whole);
        drop((shared, pause));
        Err(match error {
            FeedError::Json(error) => json_error(error, &path),
            FeedError::Sink(error) if error.is_instance_of::<PyValueError>(py) => {
                // A machine that was stopped says where.
                let at = match &mut reader {
                    Some(reader) => reader.feed(&[], &mut PlainSink(&mut NullSink)).err(),
                    None => machine.feed(&[], &mut NullSink).err(),
                };
                number_limit(at, error, &path)
            }
            FeedError::Sink(error) => error,
        })
    })
}
