//! Ops: what changed in the JSON of the value being written, from the builder's own events.
//!
//! No snapshot is made for them and none is compared with another. A container that opens is a
//! `set` of `{}` or `[]`; a value that is complete is a `set` of its dump; what an open string
//! grew by is told when the ops are taken (`take.rs`). Everything that happens inside a container
//! which is itself part of a pending `set` goes straight into that op's value, so what opens and
//! closes within one batch is one `set`.
//!
//! Where the dump of a complete value may differ from what was shown of it (a validator, a
//! serializer, a computed field), the containers around it keep a *shadow*: the JSON that was told
//! so far. When the value closes it is dumped once and only the difference to the shadow is told
//! (`diff.rs`), so the ops stay linear in the text.
//!
//! Where two parts of an object are dumped under one key, only pydantic knows which one is seen: such
//! an object is told as a *whole* (`whole.rs`), by what its dump differs in from its shadow.
//!
//! What must change together: a new way for a frame to come on the stack has to call `op_opened`,
//! and a new way for a value to reach its container `op_settled`; whether an open child is part of
//! the dump is said in `op_place`, and has to agree with what `spine.rs` shows.

mod destination;
mod diff;
mod dump;
mod emit;
mod take;
mod tell;
mod whole;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyBaseException;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet};

use crate::api::op::Op;
use crate::convert::text::OpenText;
use crate::plan::NodeId;

/// The ops of one stream.
pub struct Ops {
    /// Those that were not taken yet.
    pub list: Vec<Py<Op>>,
    /// How often ops were taken. What belongs to an earlier batch is the caller's, not to be
    /// changed any more.
    batch: u64,
    dumping: Dumping,
    /// What the value that is about to reach its container was, while it was open.
    closed: Closed,
    /// Why there is no dump of the whole value: for whoever takes ops next, after the last of them.
    refused: Option<Py<PyBaseException>>,
}

/// How values are dumped.
pub struct Dumping {
    pub by_alias: Option<bool>,
    /// Keyword arguments of `to_python`. `None`: values are JSON already.
    pub options: Option<Py<PyDict>>,
    /// The bound `to_python` of the whole type's serializer, and of one that goes by the value.
    pub root: Py<PyAny>,
    pub any: Py<PyAny>,
}

impl Dumping {
    /// Of values that are JSON.
    pub fn none(py: Python<'_>) -> Self {
        Self {
            by_alias: None,
            options: None,
            root: py.None(),
            any: py.None(),
        }
    }
}

impl Ops {
    pub const fn new(dumping: Dumping) -> Self {
        Self {
            list: Vec::new(),
            batch: 0,
            dumping,
            closed: Closed::Nothing,
            refused: None,
        }
    }

    pub fn reset(&mut self) {
        self.list.clear();
        self.batch += 1;
        self.closed = Closed::Nothing;
        self.refused = None;
    }

    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.list.iter().try_for_each(|op| visit.call(op))?;
        visit.call(&self.refused)?;
        visit.call(&self.dumping.options)?;
        visit.call(&self.dumping.root)?;
        visit.call(&self.dumping.any)
    }
}

/// What the ops told of an open container. A frame that is not part of the dump has none.
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts that are independent of each other, each learnt at an event of its own"
)]
pub struct Told {
    /// Where it stands in the container around it; `None` for the root, and inside a root model.
    at: Option<Py<PyAny>>,
    /// The batch in which it opened, and how many ops that one had before.
    opened: Moment,
    /// The container itself, in the value of an op that was not taken yet.
    fresh: Option<(u64, Py<PyAny>)>,
    /// What was told so far, where it may have to be compared with what becomes of it.
    shadow: Option<Py<PyAny>>,
    keeps: bool,
    /// The items of a set, which are told once.
    seen: Option<Py<PySet>>,
    /// Whether its fields were dumped as those of an instance that is not validated.
    marked: bool,
    /// Something inside it has no dump, and was not told.
    lacks: bool,
    /// Nothing inside it is told by itself: when ops are taken, it is dumped and compared.
    whole: bool,
}

#[derive(Clone, Copy)]
struct Moment {
    batch: u64,
    length: usize,
}

impl Told {
    pub fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.at)?;
        if let Some((_, fresh)) = &self.fresh {
            visit.call(fresh)?;
        }
        visit.call(&self.shadow)?;
        visit.call(&self.seen)
    }
}

/// What a value was that has just ended.
enum Closed {
    Nothing,
    /// It was not shown while it was open.
    Whole(NodeId),
    Text {
        node: NodeId,
        text: Option<OpenText>,
        /// How many of its characters were told.
        told: Option<usize>,
    },
    Container {
        node: NodeId,
        told: Option<Box<Told>>,
        /// Its dump is what was told of its parts.
        stands: bool,
    },
}

/// How a container came by its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was put together from its parts.
    Parts,
    /// It stays an instance of the partial class, for what encloses it to validate.
    Frozen,
    /// pydantic made it.
    Validated,
}
