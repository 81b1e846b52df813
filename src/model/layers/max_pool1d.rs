//! 1-D pooling.

use burn::tensor::module::{avg_pool1d, max_pool1d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use schemars::JsonSchema;
use serde::Deserialize;

use super::window::{Padding, Windows, check_pool_padding, windows};
use super::{Layer, LayerPlan, Mismatch, Scope, into_sequence, sequence_dims};
use crate::data::{Shape, Value};

/// The largest value of each window of steps, feature by feature.
///
/// # Shapes
/// Input `[batch, length, features]`, output `[batch, length', features]`; steps beyond the last whole window
/// are left out, as in Keras and PyTorch.
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
    /// "valid" (none), "same", or a number of steps at both ends.
    #[serde(default)]
    padding: Padding,
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
    /// "valid" (none), "same", or a number of steps at both ends.
    #[serde(default)]
    padding: Padding,
    /// Whether steps of padding count in the mean: not in Keras, by default in PyTorch.
    #[serde(default)]
    count_padding: bool,
}

fn two() -> usize {
    2
}

/// The windows over a sequence: an image of one column.
fn lay(
    length: usize,
    size: usize,
    stride: Option<usize>,
    padding: Padding,
) -> Result<Windows, Mismatch> {
    check_pool_padding(padding, &[size])?;
    let column = |n: usize| [n, 1];
    let stride = column(stride.unwrap_or(size));
    windows(column(length), column(size), stride, [1; 2], padding).map_err(|_| {
        let message = format!("expects at least {size} steps, gets {length}");
        Mismatch::new(message).hint("use longer texts (data.length) or fewer pools")
    })
}

fn plan(
    input: Shape,
    size: usize,
    stride: Option<usize>,
    padding: Padding,
) -> Result<LayerPlan, Mismatch> {
    let (length, features) = sequence_dims(input)?;
    Ok(LayerPlan::free(Shape::Sequence {
        length: lay(length, size, stride, padding)?.output[0],
        features,
    }))
}

impl Layer for MaxPool1d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        plan(input, self.size, self.stride, self.padding)
    }

    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_sequence(input).permute([0, 2, 1]);
        let laid = lay(x.dims()[2], self.size, self.stride, self.padding);
        let mut options = MaxPoolOptions::new([self.size]);
        options.stride = [self.stride.unwrap_or(self.size)];
        options.padding = [laid.expect("the plan has laid these windows").padding[0]];
        let y = max_pool1d(x, options);
        Value::Sequence(y.permute([0, 2, 1]))
    }
}

impl Layer for AvgPool1d {
    fn plan(&self, input: Shape) -> Result<LayerPlan, Mismatch> {
        plan(input, self.size, self.stride, self.padding)
    }

    fn forward(&self, input: Value, _: &Scope<'_>) -> Value {
        let x = into_sequence(input).permute([0, 2, 1]);
        let laid = lay(x.dims()[2], self.size, self.stride, self.padding);
        let mut options = AvgPoolOptions::new([self.size]);
        options.stride = [self.stride.unwrap_or(self.size)];
        options.padding = [laid.expect("the plan has laid these windows").padding[0]];
        options.count_include_pad = self.count_padding;
        let y = avg_pool1d(x, options);
        Value::Sequence(y.permute([0, 2, 1]))
    }
}
