//! The network: a plan (shapes, parameters, cost of every layer) and the forward pass.

use std::ops::Range;

use burn::tensor::{Device, FloatDType, Tensor};

use super::activation::Activation;
use super::compute::Compute;
use super::layers::{EmbedColumns, LAYERS, Layer, LayerPlan, Mismatch, Pass, Role, Scope, windows};
use super::losses::Loss;
use super::params::{ParamSpec, ParamStore};
use super::value::{cast, into_flat};
use crate::config::{Fault, Model, Path, Precision, Spec, read_member};
use crate::data::{EmbeddedColumn, Shape, Task, Value};
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
#[derive(Clone, Copy, Debug, PartialEq)]
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
pub struct Layers {
    /// Before the trunk, where columns of a table are embedded.
    columns: Option<EmbedColumns>,
    trunk: List,
    /// By name.
    heads: Vec<(String, List)>,
}

/// Layers by their tags, one behind the other.
type List = Vec<(String, Box<dyn Layer>)>;

impl Layers {
    /// Reads a list of layers.
    ///
    /// # Errors
    /// Every unknown layer and every mistake of the layers' options.
    pub fn read(specs: &[Spec]) -> Result<Layers, Vec<Fault>> {
        Ok(Layers {
            columns: None,
            trunk: read_list(specs, &trunk_path())?,
            heads: Vec::new(),
        })
    }

    /// Reads `model.layers` and `model.heads`.
    ///
    /// # Errors
    /// Every unknown layer and every mistake of the layers' options.
    pub fn of(model: &Model) -> Result<Layers, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut keep = |list: Result<List, Vec<Fault>>| match list {
            Ok(list) => list,
            Err(more) => {
                faults.extend(more);
                Vec::new()
            }
        };
        let trunk = keep(read_list(&model.layers, &trunk_path()));
        let heads = model.heads.iter();
        let heads =
            heads.map(|(name, specs)| (name.clone(), keep(read_list(specs, &head_path(name)))));
        let heads = heads.collect();
        if faults.is_empty() {
            Ok(Layers {
                columns: None,
                trunk,
                heads,
            })
        } else {
            Err(faults)
        }
    }

    /// The same behind a layer that embeds these columns, `model.embed`.
    ///
    /// # Errors
    /// Every mistake of the columns' options.
    pub fn with_columns(self, columns: Vec<EmbeddedColumn>) -> Result<Layers, Vec<Fault>> {
        let columns = EmbedColumns::read(columns)?;
        Ok(Layers { columns, ..self })
    }
}

fn read_list(specs: &[Spec], path: &Path) -> Result<List, Vec<Fault>> {
    let mut layers = Vec::new();
    let mut faults = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        match read_member(LAYERS, "layer", spec, &path.index(index)) {
            Ok(layer) => layers.push((spec.name().to_string(), layer)),
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() {
        Ok(layers)
    } else {
        Err(faults)
    }
}

fn trunk_path() -> Path {
    Path::parse("model.layers")
}

fn heads_path() -> Path {
    Path::parse("model.heads")
}

fn head_path(name: &str) -> Path {
    heads_path().key(name)
}

/// A net whose shapes fit.
#[derive(Debug)]
pub struct Network {
    /// The shape of one sample.
    pub input: Shape,
    /// From the input to the output; those of the heads come last, one head after the other.
    pub layers: Vec<PlannedLayer>,
    /// Each takes what the layers before the first of them give; none where the net has one output.
    pub heads: Vec<PlannedHead>,
    /// Layers before the experiment's, which the data brings along.
    before: usize,
}

/// The layers that lead to one of several outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedHead {
    /// The name of the target.
    pub name: String,
    /// Its layers among those of the net; none where it says what the trunk gives.
    pub layers: Range<usize>,
    /// Outputs a sample.
    pub outputs: usize,
}

impl Network {
    /// Infers every shape.
    ///
    /// # Errors
    /// The first layer whose input does not fit, with what it expects and what it gets.
    pub fn plan(layers: Layers, input: Shape, loss: &dyn Loss) -> Result<Network, Vec<Fault>> {
        let of_trunk = layers.heads.is_empty().then_some(loss);
        let columns = layers
            .columns
            .map(|columns| Self::plan_columns(columns, input))
            .transpose()?;
        let shape = columns.as_ref().map_or(input, |columns| columns.output);
        let mut network = Self::plan_list(layers.trunk, shape, of_trunk, "model.").map_err(
            |(index, tag, mismatch)| vec![explain(&trunk_path(), index, &tag, mismatch)],
        )?;
        if layers.heads.is_empty() {
            network.ends_with_a_row(&trunk_path())?;
        }
        network.input = input;
        network.before = columns.iter().len();
        network.layers.splice(0..0, columns);
        if layers.heads.is_empty() {
            return Ok(network);
        }
        let trunk = network.output();
        for (name, list) in layers.heads {
            let path = head_path(&name);
            let prefix = format!("model.heads.{name}.");
            let head = Self::plan_list(list, trunk, loss.of_head(&name), &prefix)
                .map_err(|(index, tag, mismatch)| vec![explain(&path, index, &tag, mismatch)])?;
            head.ends_with_a_row(&path)?;
            let outputs = head.num_outputs();
            let begin = network.layers.len();
            network.layers.extend(head.layers);
            network.heads.push(PlannedHead {
                name,
                layers: begin..network.layers.len(),
                outputs,
            });
        }
        Ok(network)
    }

    fn plan_columns(columns: EmbedColumns, input: Shape) -> Result<PlannedLayer, Vec<Fault>> {
        let plan = columns.plan(input).map_err(|mismatch| {
            let path = Path::parse("data.columns");
            vec![Fault::new(path, mismatch.message)]
        })?;
        Ok(PlannedLayer {
            name: "model.embed".into(),
            tag: "embedding".into(),
            output: plan.output,
            params: plan.params,
            multiply_adds: plan.multiply_adds,
            absorbed: None,
            fused: None,
            layer: Box::new(columns),
        })
    }

    fn ends_with_a_row(&self, path: &Path) -> Result<(), Vec<Fault>> {
        let Shape::Flat { .. } = self.output() else {
            let message = format!(
                "ends with {} values a sample, expected a row of outputs",
                self.output()
            );
            let path = match self.layers.len() {
                0 => path.clone(),
                len => path.index(len - 1),
            };
            let fault = Fault::new(path, message);
            return Err(vec![fault.hint("end with { dense = { units = ... } }")]);
        };
        Ok(())
    }

    /// The layers within a layer; their names are numbers.
    ///
    /// # Errors
    /// The first layer whose input does not fit, with its number and its tag.
    pub fn plan_inner(layers: Layers, input: Shape) -> Result<Network, (usize, String, Mismatch)> {
        Self::plan_list(layers.trunk, input, None, "")
    }

    fn plan_list(
        list: List,
        input: Shape,
        loss: Option<&dyn Loss>,
        prefix: &str,
    ) -> Result<Network, (usize, String, Mismatch)> {
        let mut planned = Vec::new();
        let mut shape = input;
        let last = list.len().saturating_sub(1);
        for (index, (tag, layer)) in list.into_iter().enumerate() {
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
            heads: Vec::new(),
            before: 0,
        };
        network.fuse();
        Ok(network)
    }

    /// The shape of what the last layer gives, or all heads side by side.
    pub fn output(&self) -> Shape {
        if self.heads.is_empty() {
            return self.layers.last().map_or(self.input, |layer| layer.output);
        }
        let outputs = self.heads.iter().map(|head| head.outputs);
        Shape::Flat {
            features: outputs.sum(),
        }
    }

    /// The outputs of each head, in the order of the logits.
    fn head_outputs(&self) -> Vec<(&str, usize)> {
        let heads = self.heads.iter();
        heads.map(|head| (&*head.name, head.outputs)).collect()
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
                    let whole = spec.restraint.shapes_gradient();
                    (fused && dense && biased && !whole && spec.name == "weight")
                        .then(Sink::default)
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
        let (checked, path) = match (&self.heads[..], task) {
            ([], Task::Heads(heads)) => {
                let names: Vec<&str> = heads.iter().map(|head| &*head.name).collect();
                let message = format!(
                    "has no heads, but the data has targets of different kinds: {}",
                    names.join(", ")
                );
                let hint = format!(
                    "give each its layers: [model.heads] {} = [{{ dense = {{ units = ... }} }}]",
                    names.first().unwrap_or(&"NAME")
                );
                let fault = Fault::new(Path::parse("model"), message);
                return Err(vec![fault.hint(hint)]);
            }
            ([], _) => {
                let last = (self.layers.len() - self.before).saturating_sub(1);
                let checked = loss.check(self.num_outputs(), task);
                (checked, trunk_path().index(last))
            }
            (_, Task::Heads(_)) => {
                let checked = loss.check_heads(&self.head_outputs(), task);
                (checked, heads_path())
            }
            (heads, _) => {
                let names: Vec<&str> = heads.iter().map(|head| &*head.name).collect();
                let message = format!(
                    "are {}, but the data has {} as its one target",
                    names.join(", "),
                    task.what()
                );
                let hint = "data.target = [...] with data.task = \"heads\" makes each column a head's target";
                return Err(vec![Fault::new(heads_path(), message).hint(hint)]);
            }
        };
        checked.map_err(|message| {
            let message = format!("does not fit the {}: {message}", task.what());
            vec![Fault::new(path, message)]
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

fn explain(list: &Path, index: usize, tag: &str, mismatch: Mismatch) -> Fault {
    let layer = list.index(index);
    let fault = match mismatch.key {
        Some(key) => Fault::new(layer.key(tag).key(key), mismatch.message),
        None => Fault::new(layer, format!("({tag}) {}", mismatch.message)),
    };
    match mismatch.hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}
