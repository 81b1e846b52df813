//! The forward pass.

use std::ops::Range;

use burn::tensor::{FloatDType, Tensor};

use super::blocks::{Block, Fused};
use super::{Network, PlannedLayer};
use crate::data::Value;
use crate::kernels::{
    BlockOptions, DenseOptions, NormThen, conv_block, dense_block, max_pool_block, on_cpu,
};
use crate::model::activation::Activation;
use crate::model::compute::Compute;
use crate::model::layers::{Pass, Role, Scope};
use crate::model::value::{cast, into_flat};

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

    /// Runs the layers within the layer called `within`; `tensors` are their parameters.
    pub fn run_inner(
        &self,
        within: &str,
        input: Value,
        tensors: &[Tensor<1>],
        pass: &Pass<'_>,
    ) -> Value {
        let (mut value, mut index) = (input, 0);
        while index < self.layers.len() {
            let name = format!("{within}.{}", self.layers[index].name);
            let (count, output) = self.run(index, &name, value, tensors, pass);
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
        self.run(index, &self.layers[index].name, input, tensors, pass)
    }

    /// The same for a layer whose full name is another.
    fn run(
        &self,
        index: usize,
        name: &str,
        input: Value,
        tensors: &[Tensor<1>],
        pass: &Pass<'_>,
    ) -> (usize, Value) {
        let before = self.layers[..index].iter();
        let at: usize = before.map(|layer| layer.params.len()).sum();
        let planned = &self.layers[index];
        if let Some(ran) = self.run_folded(index, &input, &tensors[at..], pass) {
            return ran;
        }
        let params = at..at + planned.params.len();
        let (input, half) = planned.in_its_type(input, &tensors[params.clone()], pass.compute);
        let scope = Scope {
            name,
            specs: &planned.params,
            tensors: half.as_deref().unwrap_or(&tensors[params.clone()]),
            sinks: pass.sinks.get(params).unwrap_or_default(),
            skip_activation: planned.absorbed.is_some(),
            then: NormThen::Nothing,
            pass,
        };
        planned.forward(input, &scope)
    }

    /// Outside training a batch normalisation scales a convolution's outputs by constants: on the CPU they go into
    /// weights and bias, and all that follows into the convolution's block. `tensors` are the parameters of the
    /// layer at `index` and of those behind it. `None` where the layers are others.
    fn run_folded(
        &self,
        index: usize,
        input: &Value,
        tensors: &[Tensor<1>],
        pass: &Pass<'_>,
    ) -> Option<(usize, Value)> {
        let conv = &self.layers[index];
        let (Some(norm), Value::Image(x)) = (self.layers.get(index + 1), input) else {
            return None;
        };
        let (
            Some(Fused {
                num_layers: 1,
                block: Block::Conv(options @ BlockOptions { relu: false, .. }),
                then: Activation::Linear,
            }),
            Some(Fused {
                num_layers,
                block: Block::Norm(then),
                ..
            }),
            Role::Norm(epsilon),
        ) = (conv.fused, norm.fused, norm.layer.role())
        else {
            return None;
        };
        if pass.training.is_some() || pass.compute.half().is_some() || !on_cpu(&x.device()) {
            return None;
        }
        let (of_conv, rest) = tensors.split_at(conv.params.len());
        let param = |name: &str| {
            let index = norm.params.iter().position(|spec| spec.name == name);
            rest[index.expect("a batch normalisation has it")].clone()
        };
        let scale = param("gamma") / (param("running_variance") + epsilon).sqrt();
        let weight = &conv.params[0];
        let sizes: [usize; 4] = weight
            .shape
            .clone()
            .try_into()
            .expect("a kernel of an image");
        let filters = sizes[0];
        let shift = match of_conv.get(1) {
            Some(bias) => bias.clone() - param("running_mean"),
            None => param("running_mean").neg(),
        };
        let bias = shift * scale.clone() + param("beta");
        let weight = of_conv[0].clone().reshape(sizes) * scale.reshape([filters, 1, 1, 1]);
        let options = BlockOptions {
            relu: then != NormThen::Nothing,
            pool: then == NormThen::ReluPool,
            precision: pass.compute.kernels(),
            ..options
        };
        let y = conv_block(x.clone(), weight, bias, options);
        Some((1 + num_layers, Value::Image(y)))
    }
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
        // The kernels are for 32-bit floats.
        let fused = self.fused.filter(|_| scope.pass.compute.half().is_none());
        match (fused, input) {
            (
                Some(
                    fused @ Fused {
                        block: Block::Conv(options),
                        ..
                    },
                ),
                Value::Image(x),
            ) if on_cpu(&x.device()) => {
                let weight: Tensor<4> = scope.weight("weight");
                let bias = bias(&scope.tensors[0], weight.dims()[0]);
                let options = BlockOptions {
                    precision: scope.pass.compute.kernels(),
                    ..options
                };
                let y = conv_block(x, weight, bias, options);
                (fused.num_layers, fused.then.forward(Value::Image(y)))
            }
            (
                Some(
                    fused @ Fused {
                        block: Block::Dense(epilogue),
                        ..
                    },
                ),
                Value::Flat(x),
            ) if on_cpu(&x.device()) => {
                let weight: Tensor<2> = scope.weight("weight");
                let bias = bias(&scope.tensors[0], weight.dims()[1]);
                let options = DenseOptions {
                    epilogue,
                    sink: scope.sink("weight"),
                    precision: scope.pass.compute.kernels(),
                };
                let y = dense_block(x, weight, bias, options);
                (fused.num_layers, fused.then.forward(Value::Flat(y)))
            }
            (
                Some(
                    fused @ Fused {
                        block: Block::MaxPool(relu),
                        ..
                    },
                ),
                Value::Image(x),
            ) if on_cpu(&x.device()) => {
                let y = max_pool_block(x, relu);
                (fused.num_layers, fused.then.forward(Value::Image(y)))
            }
            (
                Some(Fused {
                    num_layers,
                    block: Block::Norm(then),
                    ..
                }),
                input,
            ) if is_on_cpu(&input) => {
                let scope = Scope { then, ..*scope };
                (num_layers, self.layer.forward(input, &scope))
            }
            (_, input) => (1, self.layer.forward(input, scope)),
        }
    }
}

fn is_on_cpu(value: &Value) -> bool {
    match value {
        Value::Image(x) => on_cpu(&x.device()),
        Value::Sequence(x) => on_cpu(&x.device()),
        Value::Flat(x) => on_cpu(&x.device()),
        Value::Tokens(_) => false,
    }
}
