//! The names of the files in a run folder: training creates them, and the listing of classes recognizes such folders by
//! them.

use std::path::Path;

/// The folder of all runs, in the working folder.
pub const RUNS: &str = "runs";

/// The lock file; it stays behind after the run.
pub const LOCK: &str = ".lock";

/// One object an epoch.
pub const HISTORY: &str = "history.jsonl";

/// The last checkpoint.
pub const LAST: &str = "last.safetensors";

/// The resolved experiment.
pub const EXPERIMENT: &str = "experiment.toml";

/// Whether a folder is that of a run, also of one that was killed at its beginning.
pub fn is_run(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    has(HISTORY) && (has(LOCK) || has(EXPERIMENT)) || has(EXPERIMENT) && has(LAST)
}
