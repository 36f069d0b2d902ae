//! Bounds on what a text may make grow.

/// Bounds on everything that a text could make grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many containers may be open at once. Default 200, as in pydantic's parser. The machine
    /// does not recurse: a greater value costs one byte for each level, no more.
    pub max_depth: usize,
    /// How many bytes the text may have, white space included. Default 1 GiB.
    pub max_bytes: u64,
    /// How many characters a number may have. Default 1 MiB: more than any consumer wants, since
    /// `CPython` reads integers of up to 4,300 digits, but floats of any length.
    pub max_number: usize,
    /// How many bytes a key may have, as written between its quotes. Default 1 MiB.
    pub max_key: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_depth: 200,
            max_bytes: 1 << 30,
            max_number: 1 << 20,
            max_key: 1 << 20,
        }
    }
}
