//! What model files and checkpoints call their metadata and their tensors.

/// The version of the metadata that this program writes and reads.
pub const FORMAT_VERSION: u32 = 2;

/// The metadata key of what every model file says.
pub const KEY: &str = "kiln";

/// The metadata key of what a checkpoint says beside it.
pub const CHECKPOINT_KEY: &str = "kiln.checkpoint";

/// What names the averages of parameters in a checkpoint: "ema/model.2.weight". Where there is one it is what the
/// file shows as a model.
pub const AVERAGES: [&str; 2] = ["ema", "swa"];

/// What a tensor of a checkpoint is of its parameter (an average, a slot of the optimizer's state), if it is not the
/// parameter itself; and the parameter. Names of columns and heads, which may hold any sign, are in the
/// parameter's name alone, and that begins with `model.`, as nothing else does.
pub fn split_name(tensor: &str) -> (Option<&str>, &str) {
    match tensor.split_once('/') {
        Some((what, param)) if !tensor.starts_with(PARAMS) => (Some(what), param),
        _ => (None, tensor),
    }
}

/// What the names of all parameters begin with.
pub(super) const PARAMS: &str = "model.";

/// The parameter of which a tensor may be the average.
pub fn without_average(tensor: &str) -> &str {
    match split_name(tensor) {
        (Some(what), param) if AVERAGES.contains(&what) => param,
        _ => tensor,
    }
}
