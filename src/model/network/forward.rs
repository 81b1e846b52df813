//! The forward pass.

use std::ops::Range;

use burn::tensor::{FloatDType, Tensor};

use super::blocks::{Block, Folded};
use super::{Network, PlannedLayer};
use crate::data::Value;
use crate::device::on_cpu;
use crate::kernels::conv_block;
use crate::kernels::dense_block;
use crate::kernels::{BlockOptions, DenseOptions, NormThen, Sink, max_pool_block};
use crate::model::compute::Compute;
use crate::model::layers::{Pass, Scope};
use crate::model::value::{cast, into_flat};

/// The parameters that a forward pass is given, in the order of the plan.
#[derive(Clone, Copy)]
struct Given<'a> {
    /// Flat.
    tensors: &'a [Tensor<1>],
    /// Where the gradient of each goes as factors; may be empty.
    sinks: &'a [Option<Sink>],
}

impl Network {
    /// Maps a batch to logits, `[batch, outputs]`, always of 32 bits. `tensors` are all parameters,
    /// in order.
    pub fn forward(&self, input: Value, tensors: &[Tensor<1>], pass: &Pass<'_>) -> Tensor<2> {
        let outputs = self.walk(input, |index, value| {
            self.run_block(index, value, tensors, pass)
        });
        let mut rows = outputs
            .into_iter()
            .map(|output| into_flat(output).cast(FloatDType::F32));
        match (rows.next(), rows.next()) {
            (Some(only), None) => only,
            (first, second) => {
                let rows = first.into_iter().chain(second).chain(rows);
                Tensor::cat(rows.collect(), 1)
            }
        }
    }

    /// Leads a value through the net: `run` maps the number of a layer and what comes before it to how many
    /// layers it ran and what comes behind them. Returns what each head gives, or the one output.
    pub fn walk(
        &self,
        input: Value,
        mut run: impl FnMut(usize, Value) -> (usize, Value),
    ) -> Vec<Value> {
        let mut through = |layers: Range<usize>, mut value: Value| {
            let mut index = layers.start;
            while index < layers.end {
                let (count, output) = run(index, value);
                (value, index) = (output, index + count);
            }
            value
        };
        let trunk = self
            .heads
            .first()
            .map_or(self.layers.len(), |head| head.layers.start);
        let value = through(0..trunk, input);
        if self.heads.is_empty() {
            return vec![value];
        }
        let heads = self.heads.iter();
        heads
            .map(|head| through(head.layers.clone(), value.clone()))
            .collect()
    }

    /// Runs the layers within the layer called `within`, whose parameters are those of `outer` from the one numbered
    /// `first` on. Their sinks are found in the same places: those of the pass belong to the layers of the whole net.
    pub fn run_inner(&self, within: &str, input: Value, outer: &Scope<'_>, first: usize) -> Value {
        let params = Given {
            tensors: &outer.tensors[first..],
            sinks: outer.sinks.get(first..).unwrap_or_default(),
        };
        let (mut value, mut index) = (input, 0);
        while index < self.layers.len() {
            let name = format!("{within}.{}", self.layers[index].name);
            let (count, output) = self.run(index, &name, value, params, outer.pass);
            (value, index) = (output, index + count);
        }
        value
    }

    /// Runs the layer at `index`, on the CPU with the others of its block. Returns how many have
    /// run. `tensors` are all parameters of the net.
    pub fn run_block(
        &self,
        index: usize,
        input: Value,
        tensors: &[Tensor<1>],
        pass: &Pass<'_>,
    ) -> (usize, Value) {
        let params = Given {
            tensors,
            sinks: pass.sinks,
        };
        self.run(index, &self.layers[index].name, input, params, pass)
    }

    /// The same for a layer whose full name is another.
    fn run(
        &self,
        index: usize,
        name: &str,
        input: Value,
        params: Given<'_>,
        pass: &Pass<'_>,
    ) -> (usize, Value) {
        let planned = &self.layers[index];
        let scope = self.scope(index, name, params, pass);
        if let (Some(folded), Value::Image(x)) = (planned.folded(pass), &input)
            && has_kernels(&input, pass)
        {
            let norm = self.scope(index + 1, name, params, pass);
            let y = run_folded(folded, x.clone(), &scope, &norm);
            return (folded.num_layers, Value::Image(y));
        }
        let (input, half) = planned.in_its_type(input, scope.tensors, pass.compute);
        let scope = Scope {
            tensors: half.as_deref().unwrap_or(scope.tensors),
            ..scope
        };
        planned.forward(input, &scope)
    }

    /// What the layer at `index`, whose full name is `name`, sees. `params` are all of the net.
    fn scope<'a>(
        &'a self,
        index: usize,
        name: &'a str,
        params: Given<'a>,
        pass: &'a Pass<'a>,
    ) -> Scope<'a> {
        let planned = &self.layers[index];
        let before = self.layers[..index].iter();
        let at: usize = before.map(|layer| layer.params.len()).sum();
        let own = at..at + planned.params.len();
        Scope {
            name,
            specs: &planned.params,
            tensors: &params.tensors[own.clone()],
            sinks: params.sinks.get(own).unwrap_or_default(),
            skip_activation: planned.absorbed.is_some(),
            then: NormThen::Nothing,
            pass,
        }
    }
}

/// Outside training a batch normalisation scales a convolution's outputs by constants: they go into weights and bias.
fn run_folded(folded: Folded, x: Tensor<4>, conv: &Scope<'_>, norm: &Scope<'_>) -> Tensor<4> {
    let variance: Tensor<1> = norm.weight("running_variance");
    let scale = norm.weight::<1>("gamma") / (variance + folded.epsilon).sqrt();
    let mean: Tensor<1> = norm.weight("running_mean");
    let shift = match conv.param::<1>("bias") {
        Some(bias) => bias - mean,
        None => mean.neg(),
    };
    let bias = shift * scale.clone() + norm.weight("beta");
    let weight: Tensor<4> = conv.weight("weight");
    let filters = weight.dims()[0];
    let options = BlockOptions {
        precision: conv.pass.compute.kernels(),
        ..folded.options
    };
    conv_block(x, weight * scale.reshape([filters, 1, 1, 1]), bias, options)
}

impl PlannedLayer {
    /// The input and, where they are not the leaves themselves, the parameters in the type that the
    /// layer computes in. The casts are part of the graph: gradients arrive in the leaves' 32 bits.
    fn in_its_type(
        &self,
        input: Value,
        leaves: &[Tensor<1>],
        compute: Compute,
    ) -> (Value, Option<Vec<Tensor<1>>>) {
        match compute.half() {
            None => (input, None),
            Some(_) if self.layer.holds_layers() => (input, None),
            Some(_) if self.layer.needs_f32() => (cast(input, FloatDType::F32), None),
            Some(half) => {
                let params = leaves.iter().map(|leaf| leaf.clone().cast(half));
                (cast(input, half), Some(params.collect()))
            }
        }
    }

    /// Runs the layer, on the CPU with the others of its block. Returns how many have run.
    fn forward(&self, input: Value, scope: &Scope<'_>) -> (usize, Value) {
        let bias = |weight: &Tensor<1>, count: usize| {
            let none = || Tensor::zeros([count], &weight.device());
            scope.param("bias").unwrap_or_else(none)
        };
        let Some(fused) = self.fused.filter(|_| has_kernels(&input, scope.pass)) else {
            return (1, self.layer.forward(input, scope));
        };
        let precision = scope.pass.compute.kernels();
        let output = match (fused.block, input) {
            (Block::Conv(options, _), Value::Image(x)) => {
                let weight: Tensor<4> = scope.weight("weight");
                let bias = bias(&scope.tensors[0], weight.dims()[0]);
                let options = BlockOptions {
                    precision,
                    ..options
                };
                Value::Image(conv_block(x, weight, bias, options))
            }
            (Block::Dense(epilogue), Value::Flat(x)) => {
                let weight: Tensor<2> = scope.weight("weight");
                let bias = bias(&scope.tensors[0], weight.dims()[1]);
                let options = DenseOptions {
                    epilogue,
                    sink: scope.sink("weight"),
                    precision,
                };
                Value::Flat(dense_block(x, weight, bias, options))
            }
            (Block::MaxPool(relu), Value::Image(x)) => Value::Image(max_pool_block(x, relu)),
            (Block::Norm(then), input) => self.layer.forward(input, &Scope { then, ..*scope }),
            (_, input) => return (1, self.layer.forward(input, scope)),
        };
        (fused.num_layers, fused.then.forward(output))
    }

    /// The convolution with the batch normalisation behind it, where this pass may take them together.
    fn folded(&self, pass: &Pass<'_>) -> Option<Folded> {
        match self.fused?.block {
            Block::Conv(_, folded) if pass.training.is_none() => folded,
            _ => None,
        }
    }
}

/// Whether the kernels are for this value: of 32-bit floats, on the CPU.
fn has_kernels(value: &Value, pass: &Pass<'_>) -> bool {
    let on_cpu = match value {
        Value::Image(x) => on_cpu(&x.device()),
        Value::Sequence(x) => on_cpu(&x.device()),
        Value::Flat(x) => on_cpu(&x.device()),
        Value::Tokens(_) => false,
    };
    on_cpu && pass.compute.half().is_none()
}
