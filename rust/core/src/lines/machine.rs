//! The resumable machine for lines. Everything that affects its state lives in this file.
//!
//! # Theory of operation
//!
//! A line ends with LF; a CR before it is white space, which a JSON text may have at its end. A line
//! that lies in one chunk is handed out where it is; one that a chunk cuts is collected in `line`.
//! Lines of white space alone are skipped. The last line may have no end: [`LineMachine::end`] hands
//! it out.

use std::fmt;

use memchr::memchr;

use crate::utf8;

/// Bounds on what a stream may make grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineLimits {
    /// How many bytes a line may have, without its end. Default 16 MiB.
    pub max_line: usize,
}

impl Default for LineLimits {
    fn default() -> Self {
        Self { max_line: 16 << 20 }
    }
}

/// What a call of [`LineMachine::feed`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Fed<'a> {
    /// How many bytes of the chunk were used: all of them, unless a line ended among them.
    pub consumed: usize,
    /// The line that ended. `None`: all was used, and more is needed.
    pub line: Option<&'a str>,
}

/// Why the stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineErrorKind {
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// A line with more bytes than the configured limit.
    LineLimit,
}

impl LineErrorKind {
    /// The stable snake-case name, as shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::LineLimit => "line_limit",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid UTF-8 in a line of the stream",
            Self::LineLimit => "a line of the stream is longer than the limit",
        }
    }
}

/// An error and where it stands in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineError {
    /// What is wrong.
    pub kind: LineErrorKind,
    /// Bytes of the stream before the offending one.
    pub offset: u64,
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.kind.message(), self.offset)
    }
}

impl std::error::Error for LineError {}

/// Reads a stream of lines, in chunks cut anywhere.
///
/// # Examples
///
/// ```
/// use partialfast_core::lines::{LineLimits, LineMachine};
///
/// let mut machine = LineMachine::new(LineLimits::default());
/// let mut seen = Vec::new();
/// for mut chunk in [&b"{\"a\""[..], b": 1}\r\n\n[2]\n[", b"3]"] {
///     loop {
///         let fed = machine.feed(chunk)?;
///         chunk = &chunk[fed.consumed..];
///         match fed.line {
///             Some(line) => seen.push(line.trim().to_owned()),
///             None => break,
///         }
///     }
/// }
/// seen.extend(machine.end()?.map(str::to_owned));
/// assert_eq!(seen, ["{\"a\": 1}", "[2]", "[3]"]);
/// # Ok::<(), partialfast_core::lines::LineError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LineMachine {
    limits: LineLimits,
    /// Offset of the open line.
    start: u64,
    /// What came of it, if a chunk cut it.
    line: Vec<u8>,
    /// `line` was handed out.
    handed_out: bool,
    error: Option<LineError>,
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

impl LineMachine {
    /// A machine in front of a stream.
    #[must_use]
    pub fn new(limits: LineLimits) -> Self {
        Self {
            limits,
            start: 0,
            line: Vec::new(),
            handed_out: false,
            error: None,
        }
    }

    /// Whether the stream stands inside a line. (An error is inside a line.)
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.error.is_some() || !self.handed_out && !is_blank(&self.line)
    }

    /// Reads up to the end of the next line that is not blank. Call again with the rest of the chunk
    /// until there is none; a rest that is empty may be fed or not.
    ///
    /// # Errors
    ///
    /// [`LineErrorKind::InvalidUtf8`] and [`LineErrorKind::LineLimit`], with the same offset for
    /// every way to cut the stream. All later calls return the same error.
    pub fn feed<'a>(&'a mut self, chunk: &'a [u8]) -> Result<Fed<'a>, LineError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.forget();
        let mut at = 0;
        while let Some(length) = memchr(b'\n', &chunk[at..]) {
            let piece = at..at + length;
            at = piece.end + 1;
            let cut = !self.line.is_empty();
            self.check(&chunk[piece.clone()])?;
            if cut {
                self.line.extend_from_slice(&chunk[piece.clone()]);
            }
            let line = if cut {
                &self.line
            } else {
                &chunk[piece.clone()]
            };
            let start = self.start;
            self.start += line.len() as u64 + 1;
            if is_blank(line) {
                self.line.clear();
                continue;
            }
            if let Err(error) = checked(line, start) {
                self.error = Some(error);
                return Err(error);
            }
            self.handed_out = cut;
            // A line that was cut is in the machine, any other one in the chunk.
            let line = if cut { &self.line } else { &chunk[piece] };
            return Ok(Fed {
                consumed: at,
                line: Some(checked(line, start)?),
            });
        }
        self.check(&chunk[at..])?;
        self.line.extend_from_slice(&chunk[at..]);
        Ok(Fed {
            consumed: chunk.len(),
            line: None,
        })
    }

    /// The stream is over: its last line, if that has no end and is not blank.
    ///
    /// # Errors
    ///
    /// As those of [`LineMachine::feed`].
    pub fn end(&mut self) -> Result<Option<&str>, LineError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.forget();
        if is_blank(&self.line) {
            return Ok(None);
        }
        self.handed_out = true;
        let line = checked(&self.line, self.start);
        self.error = line.err();
        line.map(Some)
    }

    fn forget(&mut self) {
        if self.handed_out {
            self.line.clear();
            self.handed_out = false;
        }
    }

    /// The open line, of which `piece` is what comes now, must not be too long.
    fn check(&mut self, piece: &[u8]) -> Result<(), LineError> {
        let before = self.line.len();
        if before + piece.len() <= self.limits.max_line {
            return Ok(());
        }
        let allowed = self.limits.max_line - before;
        self.line.extend_from_slice(&piece[..allowed]);
        // What is wrong before the limit comes first, as if it had been read byte by byte.
        let possible = utf8::examine(&self.line).possible;
        let kind = if possible < self.line.len() {
            LineErrorKind::InvalidUtf8
        } else {
            LineErrorKind::LineLimit
        };
        let error = LineError {
            kind,
            offset: self.start + possible as u64,
        };
        self.error = Some(error);
        Err(error)
    }
}

/// The text of a line that begins at `start`.
fn checked(line: &[u8], start: u64) -> Result<&str, LineError> {
    str::from_utf8(line).map_err(|_| LineError {
        kind: LineErrorKind::InvalidUtf8,
        offset: start + utf8::examine(line).possible as u64,
    })
}
