//! Sizes, weights and results of a recurrent layer.

/// Samples of a group, where there are not too many groups.
const GROUP: usize = 8;
/// Groups at most, each of which has sums of its own.
const MOST_GROUPS: usize = 64;

/// Sizes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LstmShape {
    /// Samples.
    pub batch: usize,
    /// Time steps.
    pub steps: usize,
    /// Inputs a step.
    pub features: usize,
    /// Outputs a step.
    pub units: usize,
}

impl LstmShape {
    pub fn group(&self) -> usize {
        GROUP.max(self.batch.div_ceil(MOST_GROUPS))
    }

    pub fn with_batch(self, batch: usize) -> LstmShape {
        LstmShape { batch, ..self }
    }
}

/// The weights of a layer.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    /// `[features, 4 units]`
    pub kernel: &'a [f32],
    /// `[units, 4 units]`
    pub recurrent: &'a [f32],
    /// `[4 units]`
    pub bias: &'a [f32],
}

/// Dropout masks: 0 or `1 / (1 - rate)`; empty where nothing is dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Masks {
    /// `[batch, 4, features]`
    pub input: Vec<f32>,
    /// `[batch, 4, units]`
    pub recurrent: Vec<f32>,
}

/// What the forward pass leaves: everything by group, then step, then sample.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The gates after their activations, `[steps, batch, 4 units]` within a group.
    pub gates: Vec<f32>,
    /// The cells, `[steps, batch, units]` within a group.
    pub cells: Vec<f32>,
    /// The outputs, laid out as the cells.
    pub hidden: Vec<f32>,
}

/// Gradients of a layer.
#[derive(Clone, Debug, Default)]
pub struct Grads {
    /// `[batch, steps, features]`
    pub input: Vec<f32>,
    /// `[features, 4 units]`
    pub kernel: Vec<f32>,
    /// `[units, 4 units]`
    pub recurrent: Vec<f32>,
    /// `[4 units]`
    pub bias: Vec<f32>,
}
