//! The names of the files of a run's folder: training makes them, and the listing of classes tells such a
//! folder from a class.

use std::path::Path;

/// The folder of all runs, in the working folder.
pub const RUNS: &str = "runs";

/// The file that is locked; it stays behind, which says nothing.
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
