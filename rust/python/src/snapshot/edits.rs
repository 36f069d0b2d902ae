//! Whether somebody changed a container that was handed out.
//!
//! A container that nobody sees any more is handed out again (`spine.rs`), and what its holder put in
//! while he had it must not be shown as what the document says. Another length tells
//! (`Run::is_blank`). This tells of an exchange, by the identity of what the container holds.
//!
//! To compare all of a long list for each chunk would be quadratic. So of a long container its last
//! entries are compared, and a stretch of the others that is another one each time: an exchange among
//! them is found a few snapshots later.
//!
//! Instances need none of this: their partial class takes their `__dict__` away from the slot when
//! one of their attributes is set (`typed/_partial.py`).

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple};

use crate::build::run::Run;
use crate::ffi;
use crate::snapshot::frame::{Frame, Parts, Slot, Values, address};

/// How many items of a list are compared at each end of what is looked at.
const ITEMS: usize = 64;
/// How many of what is dearer to look at: entries of a dict, items of a deque or a set.
const ENTRIES: usize = 16;

impl Run<'_, '_> {
    /// Whether the container in `slot` holds what was put there, as far as is looked at.
    #[inline]
    pub(super) fn is_unchanged(&self, frame: &Frame, slot: &Slot) -> bool {
        if let Some(parts) = &slot.parts {
            return self.is_instance_unchanged(frame, slot, parts);
        }
        let object = slot.object.bind(self.py);
        match &frame.values {
            // Three times as long for each chunk, for what hardly anybody does to plain data.
            Values::Map(_) if !self.st.is_typed() => true,
            Values::Items(items) => {
                let items = items.bind(self.py);
                match object.cast_exact::<PyList>() {
                    Ok(list) => self.is_list_of(list, items, slot),
                    Err(_) => self.is_sequence_of(object, items, slot).unwrap_or(false),
                }
            }
            Values::Map(dict) | Values::Object { dict, .. } => {
                let values = dict.bind(self.py);
                match object.cast::<PyDict>() {
                    Ok(shown) => self.is_dict_of(shown, values, slot.entries, frame, slot),
                    Err(_) if object.is_instance_of::<PyTuple>() => true,
                    Err(_) => is_instance_of(object, values, frame, slot).unwrap_or(false),
                }
            }
        }
    }

    fn is_instance_unchanged(&self, frame: &Frame, slot: &Slot, parts: &Parts) -> bool {
        let received = parts.set.as_ref().map(|set| set.bind(self.py).len());
        if received.is_some_and(|received| received != parts.received) {
            return false;
        }
        match (&parts.extra, &frame.values) {
            (
                Some(shown),
                Values::Object {
                    extra: Some(extra), ..
                },
            ) => {
                let (shown, entries) = (shown.dict.bind(self.py), shown.entries);
                self.is_dict_of(shown, extra.bind(self.py), entries, frame, slot)
            }
            _ => true,
        }
    }

    /// Where the stretch begins whose turn it is, of `length` entries in stretches of `size`.
    fn stretch(&self, length: usize, size: usize) -> usize {
        if length <= 2 * size {
            // Two stretches are all there is, and the last is compared in any case.
            return 0;
        }
        // Each slot has every second turn.
        self.st.shown.turns / 2 % length.div_ceil(size) * size
    }

    fn is_list_of(&self, list: &Bound<'_, PyList>, items: &Bound<'_, PyList>, slot: &Slot) -> bool {
        let start = self.stretch(slot.seen, ITEMS);
        let tail = slot.seen.saturating_sub(ITEMS);
        ffi::have_same_items(list, items, start..slot.seen.min(start + ITEMS))
            && (start == tail || ffi::have_same_items(list, items, tail..slot.seen))
            && (slot.child == 0 || ffi::item_address(list, slot.seen) == slot.child)
    }

    /// Of a deque by identity; of a set, of text and numbers, by membership: of other items their
    /// classes would have to be asked. What cannot be changed needs no look.
    fn is_sequence_of(
        &self,
        object: &Bound<'_, PyAny>,
        items: &Bound<'_, PyList>,
        slot: &Slot,
    ) -> PyResult<bool> {
        let start = self.stretch(slot.seen, ENTRIES);
        let last = slot.seen.saturating_sub(ENTRIES);
        let looked_at = (start..slot.seen.min(start + ENTRIES)).chain(last..slot.seen);
        if let Ok(set) = object.cast::<PySet>() {
            for index in looked_at {
                let item = items.get_item(index)?;
                let plain =
                    item.is_exact_instance_of::<PyString>() || item.is_exact_instance_of::<PyInt>();
                if plain && !set.contains(item)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        if object.is_instance_of::<PyTuple>() || object.is_instance_of::<PyFrozenSet>() {
            return Ok(true);
        }
        for index in looked_at {
            if !object.get_item(index)?.is(&items.get_item(index)?) {
                return Ok(false);
            }
        }
        Ok(slot.child == 0 || object.get_item(slot.seen)?.as_ptr().addr() == slot.child)
    }

    fn is_dict_of(
        &self,
        shown: &Bound<'_, PyDict>,
        values: &Bound<'_, PyDict>,
        entries: usize,
        frame: &Frame,
        slot: &Slot,
    ) -> bool {
        let start = self.stretch(entries, ENTRIES);
        let last = entries.saturating_sub(ENTRIES);
        let looked_at = |range| {
            ffi::have_same_entries(shown, values, range, |key, value| {
                is_due(frame, slot, key, value)
            })
        };
        looked_at(start..entries.min(start + ENTRIES))
            && (start == last || looked_at(last..entries))
    }
}

/// Whether `value`, at an address, need not be what the frame has under `key`: it is the open child,
/// or was complete later and is written anew.
fn is_due(frame: &Frame, slot: &Slot, key: usize, value: usize) -> bool {
    let mut since = frame.log.iter().skip(slot.seen);
    (key == address(slot.open.as_ref()) && value == slot.child)
        || since.any(|logged| logged.key.as_ptr().addr() == key)
}

/// Whether an instance with `__slots__` has `values`, asked without code of the user's.
fn is_instance_of(
    object: &Bound<'_, PyAny>,
    values: &Bound<'_, PyDict>,
    frame: &Frame,
    slot: &Slot,
) -> PyResult<bool> {
    let get = object
        .py()
        .get_type::<PyAny>()
        .getattr("__getattribute__")?;
    for (name, value) in values {
        let shown = get.call1((object, &name))?;
        let (key, address) = (name.as_ptr().addr(), shown.as_ptr().addr());
        if !shown.is(&value) && !is_due(frame, slot, key, address) {
            return Ok(false);
        }
    }
    Ok(true)
}
