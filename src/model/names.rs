//! Names of metadata and tensors in model files and checkpoints.

/// The version of the metadata that this program writes and reads.
pub const FORMAT_VERSION: u32 = 2;

/// The metadata key of the description that every model file has.
pub const KEY: &str = "kiln";

/// The metadata key of what a checkpoint adds.
pub const CHECKPOINT_KEY: &str = "kiln.checkpoint";

/// Prefixes of averaged parameters in a checkpoint: "ema/model.2.weight". Where a parameter has an average, the file
/// used as a model has the average.
pub const AVERAGES: [&str; 2] = ["ema", "swa"];

/// Splits a tensor's name in a checkpoint into its prefix (an average, a slot of the optimizer's state; none for the
/// parameter itself) and the parameter's name. Names of columns and heads may contain a slash, but they occur only in
/// parameters' names, and only those begin with `model.`.
pub fn split_name(tensor: &str) -> (Option<&str>, &str) {
    match tensor.split_once('/') {
        Some((what, param)) if !tensor.starts_with(PARAMS) => (Some(what), param),
        _ => (None, tensor),
    }
}

/// The prefix of all parameters' names.
pub(super) const PARAMS: &str = "model.";

/// The name without the prefix of an average.
pub fn without_average(tensor: &str) -> &str {
    match split_name(tensor) {
        (Some(what), param) if AVERAGES.contains(&what) => param,
        _ => tensor,
    }
}
