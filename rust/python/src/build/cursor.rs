//! Where in the document the machine stands, and which values it completed.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

/// The current member of one open container.
pub enum PathStep {
    Key(Py<PyAny>),
    Index(usize),
    /// Nothing of it has begun.
    Start,
}

impl PathStep {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Key(key) => Self::Key(key.clone_ref(py)),
            Self::Index(index) => Self::Index(*index),
            Self::Start => Self::Start,
        }
    }

    fn to_python(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        Ok(match self {
            Self::Key(key) => Some(key.clone_ref(py)),
            Self::Index(index) => Some(index.into_pyobject(py)?.into_any().unbind()),
            Self::Start => None,
        })
    }
}

/// One open container: where it is, and whether a value in it is being read.
struct Level {
    array: bool,
    step: PathStep,
    /// What pydantic calls the member in the location of an error, where that is not its key.
    named: Option<Py<PyAny>>,
    active: bool,
}

/// The open containers that a rewinding left.
pub struct Rewound {
    levels: Vec<Level>,
    depth: usize,
}

/// What happened, in a form from which paths can be made later, if anybody asks.
enum Event {
    Enter,
    Leave(PathStep),
    Scalar(PathStep),
}

/// How far back to look.
#[derive(Clone, Copy, Debug)]
pub enum Extent {
    /// The last chunk.
    Chunk,
    /// All that was not forgotten.
    Kept,
}

/// The way from the root to the value being read.
#[derive(Default)]
pub struct Cursor {
    levels: Vec<Level>,
    events: Vec<Event>,
    /// How many of them are older than the last chunk.
    older: usize,
    /// Union members that pydantic names in an error's location, each with its depth.
    labels: Vec<(usize, Py<PyAny>)>,
    /// How many stretches are being read a second time, one inside the other.
    muted: usize,
}

impl Cursor {
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// A value begins in the innermost container.
    pub fn advance(&mut self) {
        if let Some(level) = self.levels.last_mut()
            && level.array
        {
            level.active = true;
            level.step = match level.step {
                PathStep::Index(index) => PathStep::Index(index + 1),
                _ => PathStep::Index(0),
            };
        }
    }

    /// Index of the item being read, in an array.
    pub fn index(&self) -> usize {
        match self.levels.last().map(|level| &level.step) {
            Some(PathStep::Index(index)) => *index,
            _ => 0,
        }
    }

    /// Index of the item that would begin next, in an array.
    pub fn next_index(&self) -> usize {
        match self.levels.last().map(|level| &level.step) {
            Some(PathStep::Index(index)) => *index + 1,
            _ => 0,
        }
    }

    pub fn key(&mut self, key: Py<PyAny>) {
        if let Some(level) = self.levels.last_mut() {
            level.active = true;
            level.step = PathStep::Key(key);
            level.named = None;
        }
    }

    /// What pydantic calls the member that was just begun in the location of an error.
    pub fn name(&mut self, name: Py<PyAny>) {
        if let Some(level) = self.levels.last_mut() {
            level.named = Some(name);
        }
    }

    fn here(&self, py: Python<'_>) -> PathStep {
        self.levels
            .last()
            .map_or(PathStep::Start, |level| level.step.clone_ref(py))
    }

    pub fn enter(&mut self, array: bool) {
        if self.muted == 0 {
            self.events.push(Event::Enter);
        }
        self.levels.push(Level {
            array,
            step: PathStep::Start,
            named: None,
            active: false,
        });
    }

    pub fn leave(&mut self, py: Python<'_>) {
        self.levels.pop();
        self.deactivate();
        if self.muted == 0 {
            self.events.push(Event::Leave(self.here(py)));
        }
    }

    pub fn scalar(&mut self, py: Python<'_>) {
        self.deactivate();
        if self.muted == 0 {
            self.events.push(Event::Scalar(self.here(py)));
        }
    }

    /// Give back the room that reading took.
    pub fn settle(&mut self) {
        self.levels.shrink_to_fit();
        self.events.shrink_to_fit();
        self.labels.shrink_to_fit();
    }

    fn deactivate(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.active = false;
        }
    }

    /// A new chunk comes. `forget` says that what was completed before need not be kept.
    pub fn begin_chunk(&mut self, forget: bool) {
        if forget {
            self.events.clear();
        }
        self.older = self.events.len();
    }

    /// Go back to `depth` open containers and stop noting events, to read a stretch again.
    ///
    /// Returns what was left, for [`Self::resume`].
    pub fn rewind(&mut self, depth: usize) -> Rewound {
        self.muted += 1;
        Rewound {
            levels: self.levels.split_off(depth.min(self.levels.len())),
            depth,
        }
    }

    /// Note events again. Where reading the stretch again was `cut_short` by an error, stand
    /// where the events that were noted lead to.
    pub fn resume(&mut self, rewound: Rewound, cut_short: bool) {
        self.muted -= 1;
        if cut_short {
            self.levels.truncate(rewound.depth);
            self.levels.extend(rewound.levels);
        }
    }

    pub fn label_count(&self) -> usize {
        self.labels.len()
    }

    pub fn label(&mut self, label: Py<PyAny>) {
        self.labels.push((self.levels.len(), label));
    }

    pub fn drop_labels(&mut self, count: usize) {
        self.labels.truncate(count);
    }

    pub fn reset(&mut self) {
        self.levels.clear();
        self.events.clear();
        self.older = 0;
        self.labels.clear();
        self.muted = 0;
    }

    /// Keys and indices from the root to the value being read.
    ///
    /// `in_scalar` says that a number or literal has begun, of which nothing was heard yet.
    pub fn path<'py>(&self, py: Python<'py>, in_scalar: bool) -> PyResult<Bound<'py, PyTuple>> {
        let mut path = Vec::with_capacity(self.levels.len());
        for level in &self.levels {
            if level.active {
                path.extend(level.step.to_python(py)?);
            }
        }
        if in_scalar
            && let Some(level) = self.levels.last()
            && level.array
            && !level.active
        {
            let index = match level.step {
                PathStep::Index(index) => index + 1,
                _ => 0,
            };
            path.push(index.into_pyobject(py)?.into_any().unbind());
        }
        PyTuple::new(py, path)
    }

    /// The location of the value that just ended, as pydantic would name it in an error.
    ///
    /// `labels` says how many of the union labels count, where not all do.
    pub fn location<'py>(
        &self,
        py: Python<'py>,
        labels: Option<usize>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let mut location = Vec::with_capacity(self.levels.len() + self.labels.len());
        let count = labels.unwrap_or(self.labels.len());
        let mut labels = self.labels.iter().take(count).peekable();
        for depth in 0..=self.levels.len() {
            while let Some((_, label)) = labels.next_if(|(at, _)| *at <= depth) {
                location.push(spoken(label.bind(py))?);
            }
            match self.levels.get(depth) {
                Some(Level {
                    named: Some(name), ..
                }) => location.push(name.clone_ref(py)),
                Some(level) => location.extend(level.step.to_python(py)?),
                None => {}
            }
        }
        PyTuple::new(py, location)
    }

    /// Paths of the values completed by the last chunk, or since events were last forgotten;
    /// children before parents.
    ///
    /// The events are walked backwards from where the machine stands now: so nothing but a key
    /// and a mark had to be stored while feeding.
    pub fn completed<'py>(&self, py: Python<'py>, extent: Extent) -> PyResult<Bound<'py, PyList>> {
        let skipped = match extent {
            Extent::Chunk => self.older,
            Extent::Kept => 0,
        };
        let mut keys: Vec<Py<PyAny>> = Vec::new();
        // The containers that are open now; their own steps, without the innermost level's, which
        // names a member and not a container.
        for level in self.levels.iter().take(self.levels.len().saturating_sub(1)) {
            keys.extend(level.step.to_python(py)?);
        }
        let mut paths = Vec::new();
        for event in self.events[skipped..].iter().rev() {
            match event {
                Event::Enter => {
                    keys.pop();
                }
                Event::Leave(step) => {
                    paths.push(path_to(py, &keys, step)?);
                    keys.extend(step.to_python(py)?);
                }
                Event::Scalar(step) => paths.push(path_to(py, &keys, step)?),
            }
        }
        paths.reverse();
        PyList::new(py, paths)
    }

    pub fn visit(&self, visit: &pyo3::gc::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        self.labels
            .iter()
            .try_for_each(|(_, label)| visit.call(label))
    }
}

/// A label as it is said: some are functions, since to find it out takes a validator.
fn spoken(label: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    if label.is_callable() {
        return label.call0().map(Bound::unbind);
    }
    Ok(label.clone().unbind())
}

fn path_to<'py>(
    py: Python<'py>,
    keys: &[Py<PyAny>],
    step: &PathStep,
) -> PyResult<Bound<'py, PyTuple>> {
    let last = step.to_python(py)?;
    let path: Vec<_> = keys
        .iter()
        .map(|key| key.clone_ref(py))
        .chain(last)
        .collect();
    PyTuple::new(py, path)
}
