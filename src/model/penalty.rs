//! Regularisation of single layers' weights: L1 and L2 penalties, and a limit on the norm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The options that every layer with weights has. They are for its weights, also the recurrent ones, and not
/// for biases; Keras's `kernel_regularizer` and `kernel_constraint`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Penalty {
    /// Times the sum of the layer's absolute weights, added to what training lowers and to `train.l1`: the
    /// gradient grows by `l1 sign(w)`, before it is clipped.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub l1: f64,
    /// Times the sum of the layer's squared weights, without a half, added to what training lowers and to
    /// `train.l2`: the gradient grows by `2 l2 w`, before it is clipped.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub l2: f64,
    /// After every update the weights of each unit, filter or token whose root of summed squares n is larger are
    /// multiplied by `max_norm / (n + 1e-7)` (Keras's `MaxNorm` over the inputs of a unit: axis 0 of a dense or
    /// recurrent layer, [0, 1, 2] of a 2-D convolution, 1 of an embedding).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_norm: Option<f64>,
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// A parameter's penalties, and which of its values belong to one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Restraint {
    /// The regularisation of a layer's options.
    pub penalty: Penalty,
    /// The parameter as `[groups, before, units, after]`: a unit's values lie along `before` and `after`.
    pub view: [usize; 4],
}

impl Restraint {
    /// Whether the penalties change the gradient, which is then needed as a tensor.
    pub fn shapes_gradient(&self) -> bool {
        self.penalty.l1 > 0.0 || self.penalty.l2 > 0.0
    }
}
