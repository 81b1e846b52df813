//! Batch normalisation (Ioffe and Szegedy, 2015).
//!
//! `y = gamma (x - mean) / sqrt(variance + epsilon) + beta`, channel by channel. In training mean and variance are the
//! batch's (`sum (x - mean)^2 / n`), and the running ones follow: `running = momentum running + (1 - momentum) batch`. In
//! evaluation they are the running ones, so that the layer is a product and a sum, which a convolution before it takes
//! in (`graph::run`).

use std::sync::{Arc, Mutex};

use burn::tensor::Tensor;
use burn::tensor::module::{batch_norm, batch_norm_train};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::data::{Shape, Value};
use crate::kernels::{Moments, NormMoments, NormOptions, batch_norm_block};
use crate::model::graph::{
    Forward, Layer, LayerReader, Mismatch, Operation, Planned, Scope, channels_first, channels_last,
};
use crate::model::init::{Fans, Init};
use crate::model::params::{ParamSpec, upload};
use crate::model::value::host;

/// Scales each channel to mean 0 and variance 1: over the batch in training, over running
/// averages in evaluation; then `gamma * x + beta`.
///
/// # Shapes
/// Input and output `[batch, height, width, channels]`, `[batch, length, channels]` or `[batch, channels]`; gamma, beta,
/// running mean and running variance `[channels]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// The share of the running averages that a step keeps (Keras's meaning; PyTorch's momentum
    /// is 1 minus this).
    #[serde(default = "default_momentum")]
    #[schemars(range(min = 0, max = 1))]
    #[schemars(extend("x-style" = {"keras": 0.99, "torch": 0.9}))]
    momentum: f64,
    /// Added to the variance.
    #[serde(default = "default_epsilon")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("x-style" = {"keras": 1e-3, "torch": 1e-5}))]
    epsilon: f64,
    /// Whether the running variance follows `sum / (n - 1)`, as in PyTorch, and not `sum / n`, as in Keras.
    #[serde(default)]
    #[schemars(extend("x-style" = {"keras": false, "torch": true}))]
    unbiased: bool,
}

impl Default for BatchNorm {
    fn default() -> Self {
        BatchNorm {
            momentum: default_momentum(),
            epsilon: default_epsilon(),
            unbiased: false,
        }
    }
}

fn default_momentum() -> f64 {
    0.99
}

fn default_epsilon() -> f64 {
    1e-3
}

impl BatchNorm {
    /// The share of the running averages that this pass keeps.
    fn momentum(&self, scope: &Scope<'_>) -> f64 {
        scope.pass.momentum.unwrap_or(self.momentum)
    }

    /// What the variance of `values` numbers, of which each channel has one in `channels`, is multiplied by for
    /// the running average.
    fn correction(&self, values: usize, channels: usize) -> f64 {
        let n = (values / channels.max(1)) as f64;
        if self.unbiased && n > 1.0 {
            n / (n - 1.0)
        } else {
            1.0
        }
    }

    /// On the CPU; channels are the last dimension.
    fn fused<const D: usize>(&self, x: Tensor<D>, scope: &Scope<'_>) -> Tensor<D> {
        let (gamma, beta) = (scope.weight("gamma"), scope.weight("beta"));
        let mean: Tensor<1> = scope.weight("running_mean");
        let variance: Tensor<1> = scope.weight("running_variance");
        let options = |moments| NormOptions {
            epsilon: self.epsilon as f32,
            moments,
            then: scope.then,
        };
        let running = Moments {
            mean: host(mean),
            variance: host(variance),
        };
        if scope.pass.training.is_none() {
            let given = NormMoments::Given(Arc::new(running));
            return batch_norm_block(x, gamma, beta, options(given));
        }
        let device = x.device().inner();
        let correction = self.correction(x.dims().iter().product(), x.dims()[D - 1]) as f32;
        let place = Arc::new(Mutex::new(Moments::default()));
        let found = NormMoments::Found(place.clone());
        let output = batch_norm_block(x, gamma, beta, options(found));
        let batch = std::mem::take(&mut *place.lock().expect("nobody panicked with it"));
        let momentum = self.momentum(scope) as f32;
        let follow = |running: Vec<f32>, batch: Vec<f32>| {
            let pairs = running.iter().zip(&batch);
            let values = pairs.map(|(r, b)| r * momentum + b * (1.0 - momentum));
            upload(values.collect(), &device)
        };
        scope.update("running_mean", follow(running.mean, batch.mean));
        let variance = batch.variance.into_iter().map(|v| v * correction);
        let variance = follow(running.variance, variance.collect());
        scope.update("running_variance", variance);
        output
    }

    fn normalise<const D: usize>(&self, x: Tensor<D>, scope: &Scope<'_>) -> Tensor<D> {
        let (gamma, beta) = (scope.weight("gamma"), scope.weight("beta"));
        let mean: Tensor<1> = scope.weight("running_mean");
        let variance: Tensor<1> = scope.weight("running_variance");
        if scope.pass.training.is_none() {
            return batch_norm(x, gamma, beta, mean, variance, self.epsilon);
        }
        let correction = self.correction(x.dims().iter().product(), x.dims()[1]);
        let result = batch_norm_train(x, gamma, beta, self.epsilon);
        let momentum = self.momentum(scope);
        let follow = |running: Tensor<1>, batch: Tensor<1>| {
            running.inner() * momentum + batch.inner() * (1.0 - momentum)
        };
        scope.update("running_mean", follow(mean, result.mean));
        scope.update(
            "running_variance",
            follow(variance, result.variance * correction),
        );
        result.output
    }
}

impl Layer for BatchNorm {
    fn plan(&self, input: Shape, _: LayerReader) -> Result<Planned, Mismatch> {
        let channels = match input {
            Shape::Image { channels, .. } => channels,
            Shape::Flat { features } | Shape::Sequence { features, .. } => features,
            other => {
                return Err(Mismatch::new(format!(
                    "expects an image, a sequence or a row, gets {other}"
                )));
            }
        };
        let fans = Fans {
            fan_in: 1,
            fan_out: 1,
        };
        let shape = [channels];
        Ok(Planned::new(self.clone(), input)
            .params(vec![
                ParamSpec::new("gamma", &shape, Init::Ones, fans),
                ParamSpec::new("beta", &shape, Init::Zeros, fans),
                ParamSpec::buffer("running_mean", &shape, Init::Zeros),
                ParamSpec::buffer("running_variance", &shape, Init::Ones),
            ])
            .multiply_adds(input.num_elements() as u64))
    }
}

impl Forward for BatchNorm {
    fn forward(&self, input: Value, scope: &Scope<'_>) -> Value {
        match input {
            Value::Image(x) if scope.kernel => Value::Image(self.fused(x, scope)),
            Value::Flat(x) if scope.kernel => Value::Flat(self.fused(x, scope)),
            Value::Sequence(x) if scope.kernel => Value::Sequence(self.fused(x, scope)),
            Value::Sequence(x) => {
                let x = self.normalise(x.permute([0, 2, 1]), scope);
                Value::Sequence(x.permute([0, 2, 1]))
            }
            Value::Image(x) => {
                Value::Image(channels_last(self.normalise(channels_first(x), scope)))
            }
            Value::Flat(x) => Value::Flat(self.normalise(x, scope)),
            other => unreachable!("planned for numbers, got {other:?}"),
        }
    }

    fn operation(&self) -> Operation {
        Operation::BatchNorm {
            epsilon: self.epsilon,
        }
    }

    fn needs_f32(&self) -> bool {
        true
    }
}
