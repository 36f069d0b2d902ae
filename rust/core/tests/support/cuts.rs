//! Where to cut an input, found from the input itself: so that any file is an input as it is, and a
//! finding can be kept as a regression file.

/// A few places, the same for the same bytes.
pub fn cuts(data: &[u8]) -> Vec<usize> {
    // FNV-1a to begin with, then xorshift: any spread will do.
    let mut state = data
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |state: u64, &byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or_default()
    };
    let count = next() % 8;
    (0..count).map(|_| next()).collect()
}
