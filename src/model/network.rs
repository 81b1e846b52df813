//! The network: a plan (shapes, parameters, cost of every layer) and the forward pass.

use burn::tensor::{Device, Tensor};

use super::activation::Activation;
use super::layers::{LAYERS, Layer, LayerPlan, Mismatch, Pass, Scope, windows};
use super::losses::Loss;
use super::params::{ParamSpec, ParamStore};
use super::value::into_flat;
use crate::config::{Fault, Path, Spec, read_member};
use crate::data::{Shape, Value};
use crate::kernels::{BlockOptions, conv_block, on_cpu};

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

/// Neighbouring layers that run as one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fused {
    /// Layers of the block.
    pub num_layers: usize,
    options: BlockOptions,
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
                .map_err(|mismatch| vec![explain(index, &tag, mismatch)])?;
            let absorbed = layer
                .activation()
                .filter(|activation| index == last && *activation == loss.absorbs());
            shape = output;
            planned.push(PlannedLayer {
                name: format!("model.{index}"),
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
        match shape {
            Shape::Flat { .. } => Ok(network),
            other => {
                let message =
                    format!("ends with {other} values a sample, expected a row of outputs");
                let fault = Fault::new(layer_path(last), message);
                Err(vec![fault.hint("end with { dense = { units = ... } }")])
            }
        }
    }

    /// Finds the blocks: a plain convolution, with the max pooling that follows it.
    fn fuse(&mut self) {
        let mut shape = self.input;
        for index in 0..self.layers.len() {
            let pool = self
                .layers
                .get(index + 1)
                .is_some_and(|next| next.layer.is_fused_pool());
            let planned = &mut self.layers[index];
            if let (Some(conv), Shape::Image { height, width, .. }) =
                (planned.layer.fused_conv(), shape)
                && let Ok(laid) =
                    windows([height, width], conv.kernel, [1; 2], [1; 2], conv.padding)
            {
                planned.fused = Some(Fused {
                    num_layers: if pool { 2 } else { 1 },
                    options: BlockOptions {
                        padding: laid.padding,
                        relu: conv.relu,
                        pool,
                    },
                });
            }
            shape = planned.output;
        }
    }

    /// Outputs a sample.
    pub fn num_outputs(&self) -> usize {
        self.layers
            .last()
            .map_or(self.input, |layer| layer.output)
            .num_elements()
    }

    /// Checks the outputs against the classes.
    ///
    /// # Errors
    /// What the last layer must give.
    pub fn check_head(&self, loss: &dyn Loss, num_classes: usize) -> Result<(), Vec<Fault>> {
        loss.check(self.num_outputs(), num_classes)
            .map_err(|message| {
                let last = self.layers.len().saturating_sub(1);
                let message = format!("does not fit the classes: {message}");
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

    /// Maps a batch to logits, `[batch, outputs]`. `tensors` are all parameters, in order.
    pub fn forward(&self, input: Value, tensors: &[Tensor<1>], pass: &Pass<'_>) -> Tensor<2> {
        let mut value = input;
        let mut at = 0;
        let mut done = 0; // layers that a fused block has taken
        for (index, planned) in self.layers.iter().enumerate() {
            let count = planned.params.len();
            if index < done {
                at += count;
                continue;
            }
            let scope = Scope {
                name: &planned.name,
                specs: &planned.params,
                tensors: &tensors[at..at + count],
                skip_activation: planned.absorbed.is_some(),
                pass,
            };
            at += count;
            value = match (planned.fused, value) {
                (Some(fused), Value::Image(x)) if on_cpu(&x.device()) => {
                    done = index + fused.num_layers;
                    let weight: Tensor<4> = scope.weight("weight");
                    let none = || Tensor::zeros([weight.dims()[0]], &weight.device());
                    let bias = scope.param("bias").unwrap_or_else(none);
                    Value::Image(conv_block(x, weight, bias, fused.options))
                }
                (_, value) => planned.layer.forward(value, &scope),
            };
        }
        into_flat(value)
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
