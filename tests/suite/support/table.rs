//! Rows of made-up tables.

/// A number that looks drawn, in `0..below`.
pub fn drawn(row: usize, column: usize, below: usize) -> usize {
    let mixed = (row * 2_654_435_761 + column * 40_503 + 12_345) as u64;
    let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 33) as usize % below
}

/// Lines of a table, one a row.
pub fn rows(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|row| line(row) + "\n").collect()
}
