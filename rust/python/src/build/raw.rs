//! The strict text that may still be needed, and how it is read again.

use partialfast_core::json::{FeedError, Machine, Sink};

/// The text received so far, as far as it may still be needed.
#[derive(Default)]
pub struct Raw {
    pub bytes: Vec<u8>,
    /// Offset of `bytes[0]` in the document.
    pub base: u64,
    /// Where in the strict text floats stand that JSON has no way to write, and which.
    pub floats: Vec<(u64, &'static str)>,
}

impl Raw {
    /// Append `bytes`. A long text grows by an eighth at a time and not to its double: what is
    /// reserved and never used counts as memory too.
    pub fn append(&mut self, bytes: &[u8]) {
        const LONG: usize = 1 << 20;
        let held = self.bytes.len();
        if self.bytes.capacity() - held < bytes.len() && held > LONG {
            self.bytes.reserve_exact(bytes.len() + held / 8);
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub fn slice(&self, start: u64, end: u64) -> &[u8] {
        let at = |offset: u64| usize::try_from(offset.saturating_sub(self.base)).unwrap_or(0);
        self.bytes.get(at(start)..at(end)).unwrap_or_default()
    }
}

/// Feed `bytes`, which stand at `start` of the strict text, to `machine`, and those of `floats` that
/// stand among them.
pub fn replay<S: Sink>(
    floats: &[(u64, &'static str)],
    machine: &mut Machine,
    bytes: &[u8],
    start: u64,
    sink: &mut S,
) -> Result<(), FeedError<S::Error>> {
    // Those before `start` belong to values that are over.
    let first = floats.partition_point(|&(offset, _)| offset < start);
    let mut at = 0;
    for &(offset, text) in floats.get(first..).unwrap_or_default() {
        let index = usize::try_from(offset - start).unwrap_or(usize::MAX);
        let Some(before) = bytes.get(at..index) else {
            break;
        };
        feed(machine, before, sink)?;
        machine.non_finite(text, sink)?;
        at = index + text.len();
    }
    feed(machine, bytes.get(at..).unwrap_or_default(), sink)
}

/// Feed all of `bytes`: a call returns early where a sink asks for it.
fn feed<S: Sink>(
    machine: &mut Machine,
    mut bytes: &[u8],
    sink: &mut S,
) -> Result<(), FeedError<S::Error>> {
    while !bytes.is_empty() {
        let fed = machine.feed(bytes, sink)?;
        bytes = bytes.get(fed.consumed..).unwrap_or_default();
    }
    Ok(())
}
