//! Unions whose member is decided by what has been read of the object.
//!
//! Until then the object is skipped; once it is decided, the bytes since its opening brace are
//! read a second time, for the member. Each byte is read again at most once per union around it.

use partialfast_core::json::{FeedError, Limits, Machine};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::build::raw;
use crate::build::reading::{Choosing, Expected, Why};
use crate::build::run::Run;
use crate::plan::{Action, Choice, Tag, Target};

impl<'a> Run<'a, '_> {
    /// The choice under way whose own members are being read, not some value's inside it.
    fn choosing(&mut self) -> Option<(&'a Choice, &mut Choosing)> {
        let skip = self.st.reading.skip.as_mut()?;
        let Why::Choose(choosing) = &mut skip.why else {
            return None;
        };
        if skip.depth != 1 {
            return None;
        }
        match self.plan.node(skip.expected.node).on(skip.kind) {
            Action::Choose(choice) => Some((choice, choosing)),
            _ => None,
        }
    }

    pub fn wants_tag(&mut self) -> bool {
        self.choosing()
            .is_some_and(|(_, choosing)| choosing.key.is_some())
    }

    /// A key ended at `end`.
    pub fn watch_key(&mut self, key: &str, end: u64) -> PyResult<()> {
        let Some((choice, choosing)) = self.choosing() else {
            return Ok(());
        };
        choosing.key = Some(Box::from(key));
        if let Choice::Plain(members) = choice {
            for (possible, member) in choosing.possible.iter_mut().zip(members) {
                *possible &= member.allows_key(key);
            }
            let last = last_possible(choosing, choice);
            return last.map_or(Ok(()), |target| self.decide(target, end, false));
        }
        Ok(())
    }

    /// A scalar ended at `end`.
    pub fn watch_value(&mut self, value: Tag<'_>, end: u64) -> PyResult<()> {
        let Some((choice, choosing)) = self.choosing() else {
            return Ok(());
        };
        let Some(key) = choosing.key.take() else {
            return Ok(());
        };
        let target = match choice {
            Choice::Tagged { .. } => choice.by_tag(&key, value),
            Choice::Plain(members) => {
                for (possible, member) in choosing.possible.iter_mut().zip(members) {
                    *possible &= member.allows_value(&key, value);
                }
                last_possible(choosing, choice)
            }
        };
        let number = matches!(value, Tag::Integer(_));
        target.map_or(Ok(()), |target| self.decide(target, end, number))
    }

    /// Read what there is of the object again, now that it is known to be `target`.
    ///
    /// `number` says that the stretch ends with a number, which needs a byte after it to end.
    fn decide(&mut self, target: &Target, end: u64, number: bool) -> PyResult<()> {
        let Some(skip) = self.st.reading.skip.take() else {
            return Ok(());
        };
        let mut bytes = self.st.raw.slice(skip.start, end).to_vec();
        if number {
            bytes.push(b' ');
        }
        let depth = self.st.cursor.depth().saturating_sub(skip.depth);
        let rewound = self.st.cursor.rewind(depth);
        self.st.cursor.label(target.label.clone_ref(self.py));
        self.st.reading.forced = Some(Expected {
            node: target.node,
            // As what the union says it is dumped.
            ..skip.expected
        });
        let origin = std::mem::replace(&mut self.st.reading.origin, skip.start);
        // The limits were held the first time.
        let limits = Limits {
            max_depth: usize::MAX,
            ..Limits::default()
        };
        let fed = self.read_again(&mut Machine::new(limits), &bytes, skip.start);
        self.st.reading.origin = origin;
        self.st.cursor.resume(rewound, fed.is_err());
        // The label above belongs to the value: it goes when the value closes.
        for frame in self
            .st
            .frames
            .iter_mut()
            .rev()
            .take_while(|f| f.start == skip.start)
        {
            frame.labels = skip.labels;
        }
        if let Some(again) = &mut self.st.reading.skip {
            again.labels = skip.labels;
        }
        match fed {
            Ok(()) => Ok(()),
            Err(FeedError::Sink(error)) => Err(error),
            Err(FeedError::Json(error)) => Err(PyRuntimeError::new_err(format!(
                "text that was read once could not be read again: {error}"
            ))),
        }
    }
}

impl Run<'_, '_> {
    /// Feeds `bytes`, which stand at `start` of the strict text, to `machine`.
    fn read_again(
        &mut self,
        machine: &mut Machine,
        bytes: &[u8],
        start: u64,
    ) -> Result<(), FeedError<PyErr>> {
        // The sink needs them as well, where a union inside this one is decided.
        let floats = self.st.raw.floats.clone();
        raw::replay(&floats, machine, bytes, start, self)
    }
}

fn last_possible<'a>(choosing: &Choosing, choice: &'a Choice) -> Option<&'a Target> {
    let Choice::Plain(members) = choice else {
        return None;
    };
    let mut left = members
        .iter()
        .zip(&choosing.possible)
        .filter(|(_, possible)| **possible);
    let (first, _) = left.next()?;
    left.next().is_none().then_some(&first.target)
}
