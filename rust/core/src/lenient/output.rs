//! Strict text, and where in the model's own text each byte of it comes from.

/// A place in the model's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Bytes before it.
    pub offset: u64,
    /// Line, counted from 1. Lines end with a line feed.
    pub line: u64,
    /// Bytes from the start of the line, counted from 1.
    pub column: u64,
}

impl Position {
    /// The first place of a text.
    pub(crate) const START: Self = Self {
        offset: 0,
        line: 1,
        column: 1,
    };

    /// The place so many bytes further on in the same line.
    pub(super) const fn plus(self, bytes: usize) -> Self {
        Self {
            offset: self.offset + bytes as u64,
            line: self.line,
            column: self.column + bytes as u64,
        }
    }

    /// The place after `character`, which stands here in so many bytes.
    pub(crate) const fn after(self, character: char, bytes: usize) -> Self {
        if character == '\n' {
            return Self {
                offset: self.offset + bytes as u64,
                line: self.line + 1,
                column: 1,
            };
        }
        self.plus(bytes)
    }
}

/// Bytes that come from one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// Index of the first of them.
    at: usize,
    mark: Position,
    /// Whether they stand there as they are; if not, all of them come from that one byte.
    copied: bool,
}

/// Strict text and its map.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    pub bytes: Vec<u8>,
    stretches: Vec<Stretch>,
    /// Where the last stretch goes on, if it was copied.
    next: Option<Position>,
}

impl Output {
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.stretches.clear();
        self.next = None;
    }

    /// Adds bytes that stand at `mark` as they are.
    #[inline]
    pub fn copy(&mut self, bytes: &[u8], mark: Position) {
        if self.next != Some(mark) {
            self.stretches.push(Stretch {
                at: self.bytes.len(),
                mark,
                copied: true,
            });
        }
        self.bytes.extend_from_slice(bytes);
        self.next = Some(mark.plus(bytes.len()));
    }

    /// Adds bytes that stand for what is at `mark`.
    pub fn insert(&mut self, bytes: &[u8], mark: Position) {
        self.stretches.push(Stretch {
            at: self.bytes.len(),
            mark,
            copied: false,
        });
        self.bytes.extend_from_slice(bytes);
        self.next = None;
    }

    /// Moves what `other` has to the end.
    pub fn append(&mut self, other: &mut Self) {
        if other.bytes.is_empty() {
            other.clear();
            return;
        }
        let base = self.bytes.len();
        for &stretch in &other.stretches {
            if stretch.at == 0 && stretch.copied && self.next == Some(stretch.mark) {
                continue;
            }
            self.stretches.push(Stretch {
                at: base + stretch.at,
                ..stretch
            });
        }
        self.bytes.extend_from_slice(&other.bytes);
        self.next = other.next;
        other.clear();
    }

    /// Keeps the first `length` bytes.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.stretches.retain(|stretch| stretch.at < length);
        self.next = None;
    }

    /// The stretches, as if `base` bytes stood before them.
    pub fn stretches(&self, base: usize) -> impl Iterator<Item = Stretch> + '_ {
        self.stretches.iter().map(move |&stretch| Stretch {
            at: base + stretch.at,
            ..stretch
        })
    }

    /// Where the byte at index `at` comes from; `None` if there is nothing.
    pub fn origin(&self, at: usize) -> Option<Position> {
        origin(&self.stretches, at)
    }
}

/// Where the byte at index `at` comes from.
pub(super) fn origin(stretches: &[Stretch], at: usize) -> Option<Position> {
    let after = stretches.partition_point(|stretch| stretch.at <= at);
    let stretch = stretches.get(after.checked_sub(1)?)?;
    Some(if stretch.copied {
        stretch.mark.plus(at - stretch.at)
    } else {
        stretch.mark
    })
}
