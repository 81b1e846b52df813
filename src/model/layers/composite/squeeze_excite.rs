//! Squeeze-and-excitation (Hu and others, 2018, arXiv 1709.01507): each channel of an image is multiplied by a number
//! that depends on the means of all channels.

use burn::tensor::FloatDType;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::kernels::scale_block;
use crate::model::activation::Activation;
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Operation, Params, Planned, PlannedLayer, Scope,
    Working, image_dims, run_block,
};
use crate::model::init::Init;
use crate::model::layers::dense::Dense;
use crate::model::layers::options::{self, WeightOptions};
use crate::model::layers::pool::GlobalAvgPool;
use crate::model::penalty::Penalty;

/// `x * gate(expand(activation(reduce(mean(x)))))`: the mean of each channel, two fully connected layers, and a factor for
/// each channel.
///
/// # Shapes
/// Input and output `[batch, height, width, channels]`; `reduce.weight` `[channels, reduced]`, `reduce.bias` `[reduced]`,
/// `expand.weight` `[reduced, channels]`, `expand.bias` `[channels]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqueezeExcite {
    /// Channels between the two layers; default: a sixteenth of the input's, at least 1.
    #[schemars(range(min = 1))]
    reduced: Option<usize>,
    /// What follows the first.
    #[serde(default = "relu")]
    activation: Activation,
    /// What makes factors of the second one's outputs.
    #[serde(default = "sigmoid")]
    gate: Gate,
    /// How the weights start.
    #[serde(default = "options::glorot")]
    #[schemars(extend("x-style" = {"keras": "glorot_uniform", "torch": "torch_uniform"}))]
    weight_init: Init,
    /// How the biases start.
    #[serde(default = "options::zeros")]
    #[schemars(extend("x-style" = {"keras": "zeros", "torch": "torch_uniform"}))]
    bias_init: Init,
}

/// A function from all numbers to factors between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Gate {
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `min(max(x + 3, 0), 6) / 6`: MobileNetV3's.
    HardSigmoid,
}

fn relu() -> Activation {
    Activation::Relu
}
fn sigmoid() -> Gate {
    Gate::Sigmoid
}

/// The layers for one shape of their input.
#[derive(Debug)]
struct PlannedSqueezeExcite {
    /// Called "mean", "reduce" and "expand".
    layers: [PlannedLayer; 3],
}

impl SqueezeExcite {
    fn dense(&self, units: usize, activation: Activation) -> Box<dyn Layer> {
        Box::new(Dense {
            units,
            bias: true,
            weights: WeightOptions {
                activation,
                weight_init: self.weight_init,
                bias_init: self.bias_init,
            },
            penalty: Penalty::default(),
            in_features: None,
        })
    }
}

impl Layer for SqueezeExcite {
    fn plan(&self, input: Shape, reader: LayerReader) -> Result<Planned, Mismatch> {
        let (_, _, channels) = image_dims(input)?;
        let reduced = self.reduced.unwrap_or((channels / 16).max(1));
        let gate = match self.gate {
            Gate::Sigmoid => Activation::Sigmoid,
            Gate::HardSigmoid => Activation::HardSigmoid,
        };
        let plan = |layer: Box<dyn Layer>, name: &str, tag: &str, shape: Shape| {
            let planned = layer.plan(shape, reader);
            planned.and_then(|planned| planned.named(name, tag, shape, reader.tuning()))
        };
        let mean = plan(Box::new(GlobalAvgPool {}), "mean", "global_avg_pool", input)?;
        let reduce = self.dense(reduced, self.activation);
        let reduce = plan(reduce, "reduce", "dense", mean.output)?;
        let expand = plan(self.dense(channels, gate), "expand", "dense", reduce.output)?;
        let layers = [mean, reduce, expand];
        let costs = layers.iter().map(|layer| layer.multiply_adds);
        let cost = costs.fold(input.num_elements() as u64, u64::saturating_add);
        let working = Working {
            per_sample: (2 * channels + reduced) as u64,
            fixed: 0,
        };
        Ok(Planned::new(PlannedSqueezeExcite { layers }, input)
            .multiply_adds(cost)
            .working(working))
    }
}

impl Forward for PlannedSqueezeExcite {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        let params = Params {
            tensors: scope.tensors,
            sinks: scope.sinks,
        };
        let run = |index: usize, value: Value| {
            let name = format!("{}.{}", scope.name, self.layers[index].name);
            run_block(&self.layers, index, &name, value, params, scope.pass).1
        };
        let gate = run(2, run(1, run(0, input.clone())));
        match (input, gate) {
            (Value::Image(x), Value::Flat(gate)) if scope.kernel => {
                Value::Image(scale_block(x, gate))
            }
            (Value::Image(x), Value::Flat(gate)) => {
                let [batch, channels] = gate.dims();
                let gate = gate.reshape([batch, 1, 1, channels]);
                // Where layers compute in 16 bits, the one before may have computed in 32.
                match x.dtype() == gate.dtype() {
                    true => Value::Image(x * gate),
                    false => Value::Image(x.cast(FloatDType::F32) * gate.cast(FloatDType::F32)),
                }
            }
            (input, _) => unreachable!("planned for an image, got {input:?}"),
        }
    }

    fn operation(&self) -> Operation {
        Operation::SqueezeExcite
    }

    fn children(&self) -> Vec<&PlannedLayer> {
        self.layers.iter().collect()
    }
}
