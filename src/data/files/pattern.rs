//! Patterns of file names, as a shell has them: `part-*.csv`.

/// Whether a text has one of a pattern's wildcards.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}
