//! The network: a plan (shapes, parameters, cost of every layer) and the forward pass.

use burn::tensor::{Device, FloatDType, Tensor};

use super::activation::Activation;
use super::compute::Compute;
use super::layers::{LAYERS, Layer, LayerPlan, Mismatch, Pass, Role, Scope, windows};
use super::losses::Loss;
use super::params::{ParamSpec, ParamStore};
use super::value::{cast, into_flat};
use crate::config::{Fault, Path, Precision, Spec, read_member};
use crate::data::{Shape, Task, Value};
use crate::kernels::{
    BlockOptions, DenseOptions, Epilogue, Sink, conv_block, dense_block, max_pool_block, on_cpu,
};

/// One layer in its place.
#[derive(Debug)]
pub struct PlannedLayer {
    /// The stable name ("model.2").
    pub name: String,
    /// The tag in the experiment ("dense").
    pub tag: String,
    /// The shape of its output.
    pub output: Shape,
    /// Its parameters.
    pub params: Vec<ParamSpec>,
    /// Multiply-adds of the forward pass of one sample.
    pub multiply_adds: u64,
    /// The activation that the loss computes in the layer's stead.
    pub absorbed: Option<Activation>,
    /// The fused block that begins here, on devices that have it.
    pub fused: Option<Fused>,
    layer: Box<dyn Layer>,
}

/// Layers that run as one operation on the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fused {
    /// Layers of the block.
    pub num_layers: usize,
    block: Block,
    /// What follows the block.
    then: Activation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Conv(BlockOptions),
    Dense(Epilogue),
    /// 2 x 2 max pooling, after a ReLU where true.
    MaxPool(bool),
    /// The layer's own kernel.
    Layer,
}

/// The layers of an experiment, read but not yet given shapes.
#[derive(Debug)]
pub struct Layers(Vec<(String, Box<dyn Layer>)>);

impl Layers {
    /// Reads `model.layers`.
    ///
    /// # Errors
    /// Every unknown layer and every mistake of the layers' options.
    pub fn read(specs: &[Spec]) -> Result<Layers, Vec<Fault>> {
        let mut layers = Vec::new();
        let mut faults = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            match read_member(LAYERS, "layer", spec, &layer_path(index)) {
                Ok(layer) => layers.push((spec.name().to_string(), layer)),
                Err(more) => faults.extend(more),
            }
        }
        if faults.is_empty() {
            Ok(Layers(layers))
        } else {
            Err(faults)
        }
    }
}

fn layer_path(index: usize) -> Path {
    Path::parse("model.layers").index(index)
}

/// A net whose shapes fit.
#[derive(Debug)]
pub struct Network {
    /// The shape of one sample.
    pub input: Shape,
    /// From the input to the output.
    pub layers: Vec<PlannedLayer>,
}

impl Network {
    /// Infers every shape.
    ///
    /// # Errors
    /// The first layer whose input does not fit, with what it expects and what it gets.
    pub fn plan(layers: Layers, input: Shape, loss: &dyn Loss) -> Result<Network, Vec<Fault>> {
        let last = layers.0.len().saturating_sub(1);
        let network = Self::plan_layers(layers, input, Some(loss), "model.")
            .map_err(|(index, tag, mismatch)| vec![explain(index, &tag, mismatch)])?;
        match network.output() {
            Shape::Flat { .. } => Ok(network),
            other => {
                let message =
                    format!("ends with {other} values a sample, expected a row of outputs");
                let fault = Fault::new(layer_path(last), message);
                Err(vec![fault.hint("end with { dense = { units = ... } }")])
            }
        }
    }

    /// The layers within a layer; their names are numbers.
    ///
    /// # Errors
    /// The first layer whose input does not fit, with its number and its tag.
    pub fn plan_inner(layers: Layers, input: Shape) -> Result<Network, (usize, String, Mismatch)> {
        Self::plan_layers(layers, input, None, "")
    }

    fn plan_layers(
        layers: Layers,
        input: Shape,
        loss: Option<&dyn Loss>,
        prefix: &str,
    ) -> Result<Network, (usize, String, Mismatch)> {
        let mut planned = Vec::new();
        let mut shape = input;
        let last = layers.0.len().saturating_sub(1);
        for (index, (tag, layer)) in layers.0.into_iter().enumerate() {
            let LayerPlan {
                output,
                params,
                multiply_adds,
            } = layer
                .plan(shape)
                .map_err(|mismatch| (index, tag.clone(), mismatch))?;
            let absorbed = layer.activation().filter(|activation| {
                let absorbs = loss.map_or(Activation::Linear, |loss| loss.absorbs());
                index == last && absorbs != Activation::Linear && *activation == absorbs
            });
            shape = output;
            planned.push(PlannedLayer {
                name: format!("{prefix}{index}"),
                tag,
                output,
                params,
                multiply_adds,
                absorbed,
                fused: None,
                layer,
            });
        }
        let mut network = Network {
            input,
            layers: planned,
        };
        network.fuse();
        Ok(network)
    }

    /// The shape of what the last layer gives.
    pub fn output(&self) -> Shape {
        self.layers.last().map_or(self.input, |layer| layer.output)
    }

    /// Finds the blocks: a convolution or a fully connected layer, with the activation and the max
    /// pooling that follow it.
    fn fuse(&mut self) {
        let mut shape = self.input;
        let mut done = 0;
        for index in 0..self.layers.len() {
            if index >= done {
                self.layers[index].fused = self.block_at(index, shape);
                done = index + self.layers[index].fused.map_or(1, |fused| fused.num_layers);
            }
            shape = self.layers[index].output;
        }
    }

    /// The block that begins with a layer whose input is `shape`.
    fn block_at(&self, index: usize, shape: Shape) -> Option<Fused> {
        let layer = &self.layers[index];
        let role = |offset: usize| {
            let layer = self.layers.get(index + offset);
            layer.map_or(Role::Plain, |layer| layer.layer.role())
        };
        let own = |activation| match layer.absorbed {
            Some(_) => Activation::Linear,
            None => activation,
        };
        match (layer.layer.role(), shape) {
            (Role::Conv(conv), Shape::Image { height, width, .. }) => {
                let size = [height, width];
                let laid = windows(size, conv.kernel, [1; 2], [1; 2], conv.padding).ok()?;
                let (mut num_layers, mut activation) = (1, own(conv.activation));
                if let (Activation::Linear, Role::Pointwise(next)) = (activation, role(1)) {
                    (num_layers, activation) = (2, next);
                }
                let pool = role(num_layers) == Role::MaxPool && activation.is_monotone();
                let relu = activation == Activation::Relu;
                Some(Fused {
                    num_layers: num_layers + usize::from(pool),
                    block: Block::Conv(BlockOptions {
                        padding: laid.padding,
                        relu,
                        pool,
                        precision: Precision::F32,
                    }),
                    then: if relu { Activation::Linear } else { activation },
                })
            }
            (Role::Dense(activation), Shape::Flat { .. }) => {
                let (mut num_layers, mut activation) = (1, own(activation));
                if let (Activation::Linear, Role::Pointwise(next)) = (activation, role(1))
                    && self.layers[index + 1].absorbed.is_none()
                {
                    (num_layers, activation) = (2, next);
                }
                let epilogue = match activation {
                    Activation::Relu => Some(Epilogue::Relu),
                    Activation::Sigmoid => Some(Epilogue::Sigmoid),
                    Activation::Tanh => Some(Epilogue::Tanh),
                    _ => None,
                };
                Some(Fused {
                    num_layers,
                    block: Block::Dense(epilogue.unwrap_or_default()),
                    then: epilogue.map_or(activation, |_| Activation::Linear),
                })
            }
            (Role::MaxPool, Shape::Image { .. }) => Some(Fused {
                num_layers: 1,
                block: Block::MaxPool(false),
                then: Activation::Linear,
            }),
            (Role::Pointwise(activation), Shape::Image { .. })
                if activation.is_monotone() && role(1) == Role::MaxPool =>
            {
                let relu = activation == Activation::Relu;
                Some(Fused {
                    num_layers: 2,
                    block: Block::MaxPool(relu),
                    then: if relu { Activation::Linear } else { activation },
                })
            }
            (Role::Alone, _) => Some(Fused {
                num_layers: 1,
                block: Block::Layer,
                then: Activation::Linear,
            }),
            _ => None,
        }
    }

    /// Of every parameter, in order, a place for its gradient's factors where it can be had as such:
    /// the weights of fully connected layers in the CPU's kernels.
    pub fn sinks(&self, device: &Device, compute: Compute) -> Vec<Option<Sink>> {
        let fused = on_cpu(device) && compute.half().is_none();
        let layers = self.layers.iter();
        layers
            .flat_map(|layer| {
                // Of sequences the layer runs by plain operations.
                let dense = matches!(layer.layer.role(), Role::Dense(_))
                    && matches!(layer.output, Shape::Flat { .. });
                // The bias keeps the layer in the graph.
                let biased = layer.params.iter().any(|spec| spec.name == "bias");
                let params = layer.params.iter();
                params.map(move |spec| {
                    (fused && dense && biased && spec.name == "weight").then(Sink::default)
                })
            })
            .collect()
    }

    /// Outputs a sample.
    pub fn num_outputs(&self) -> usize {
        self.output().num_elements()
    }

    /// Checks the outputs against what the net is to say.
    ///
    /// # Errors
    /// What the last layer must give.
    pub fn check_head(&self, loss: &dyn Loss, task: &Task) -> Result<(), Vec<Fault>> {
        loss.check(self.num_outputs(), task).map_err(|message| {
            let last = self.layers.len().saturating_sub(1);
            let message = format!("does not fit the {}: {message}", task.what());
            vec![Fault::new(layer_path(last), message)]
        })
    }

    /// Every parameter with its full name, in order.
    pub fn params(&self) -> impl Iterator<Item = (String, &ParamSpec)> {
        self.layers.iter().flat_map(|layer| {
            let specs = layer.params.iter();
            specs.map(move |spec| (format!("{}.{}", layer.name, spec.name), spec))
        })
    }

    /// Draws initial parameters.
    pub fn init(&self, seed: u64, device: &Device) -> ParamStore {
        ParamStore::init(self.params(), seed, device)
    }

    /// Maps a batch to logits, `[batch, outputs]`, always of 32 bits. `tensors` are all parameters,
    /// in order.
    pub fn forward(&self, input: Value, tensors: &[Tensor<1>], pass: &Pass<'_>) -> Tensor<2> {
        let mut value = input;
        let mut index = 0;
        while index < self.layers.len() {
            let (count, output) = self.run_block(index, value, tensors, pass);
            (value, index) = (output, index + count);
        }
        into_flat(value).cast(FloatDType::F32)
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
        let params = at..at + planned.params.len();
        let (input, half) = planned.in_its_type(input, &tensors[params.clone()], pass.compute);
        let scope = Scope {
            name,
            specs: &planned.params,
            tensors: half.as_deref().unwrap_or(&tensors[params.clone()]),
            sinks: pass.sinks.get(params).unwrap_or_default(),
            skip_activation: planned.absorbed.is_some(),
            pass,
        };
        planned.forward(input, &scope)
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
            (_, input) => (1, self.layer.forward(input, scope)),
        }
    }

    /// What the layer table says of the way that the layer runs on the CPU.
    pub fn note(&self) -> String {
        match (self.absorbed, self.fused, self.layer.role()) {
            (Some(activation), ..) => format!("{} is left to the loss", activation.name()),
            (None, Some(fused), _) => match fused.num_layers {
                1 => "fused".to_string(),
                2 => "fused with the next".to_string(),
                more => format!("fused with the next {}", more - 1),
            },
            (None, None, Role::Slow(option)) => format!("plain operations ({option})"),
            (None, None, _) => String::new(),
        }
    }
}

fn explain(index: usize, tag: &str, mismatch: Mismatch) -> Fault {
    let layer = layer_path(index);
    let fault = match mismatch.key {
        Some(key) => Fault::new(layer.key(tag).key(key), mismatch.message),
        None => Fault::new(layer, format!("({tag}) {}", mismatch.message)),
    };
    match mismatch.hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}
