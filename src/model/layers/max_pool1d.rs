//! 1-D pooling.

use burn::tensor::module::{avg_pool1d, max_pool1d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Layer, LayerPlan, Mismatch, Scope, into_sequence, sequence_dims};
use crate::data::{Shape, Value};

/// The largest value of each window of steps, feature by feature.
///
/// # Shapes
/// Input `[batch, length, features]`, output `[batch, length', features]`; steps beyond the last whole window
/// are left out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaxPool1d {
    /// Steps of a window.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    size: usize,
    /// Steps between windows; default: the window's size.
    #[schemars(range(min = 1))]
    stride: Option<usize>,
}

/// The mean of each window of steps, feature by feature.
///
/// # Shapes
/// As of `max_pool1d`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AvgPool1d {
    /// Steps of a window.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    size: usize,
    /// Steps between windows; default: the window's size.
    #[schemars(range(min = 1))]
    stride: Option<usize>,
}

fn two() -> usize {
    2
}

fn plan(input: Shape, size: usize, stride: Option<usize>) -> Result<LayerPlan, Mismatch> {
    let (length, features) = sequence_dims(input)?;
    if length < size {
        let message = format!("expects at least {size} steps, gets {length}");
        return Err(Mismatch::new(message).hint("use longer texts (data.length) or fewer pools"));
    }
    Ok(LayerPlan::free(Shape::Sequence {
        length: (length - size) / stride.unwrap_or(size) + 1,
        features,
    }))
}

impl Layer for MaxPool1d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        plan(input, self.size, self.stride)
    }

    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_sequence(input).permute([0, 2, 1]);
        let stride = self.stride.unwrap_or(self.size);
        let mut options = MaxPoolOptions::new([self.size]);
        options.stride = [stride];
        let y = max_pool1d(x, options);
        Value::Sequence(y.permute([0, 2, 1]))
    }
}

impl Layer for AvgPool1d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        plan(input, self.size, self.stride)
    }

    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_sequence(input).permute([0, 2, 1]);
        let stride = self.stride.unwrap_or(self.size);
        let mut options = AvgPoolOptions::new([self.size]);
        options.stride = [stride];
        let y = avg_pool1d(x, options);
        Value::Sequence(y.permute([0, 2, 1]))
    }
}
