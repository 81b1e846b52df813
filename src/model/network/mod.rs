//! The network: a plan (shapes, parameters, cost of every layer) and the forward pass.

mod blocks;
mod forward;
mod list;
mod memory;
mod plan;

use std::ops::Range;

use burn::tensor::Device;

pub use blocks::Fused;
pub use list::Layers;
pub use memory::{Memory, MemoryUse};

use super::activation::Activation;
use super::compute::Compute;
use super::layers::{Layer, Role, Working};
use super::losses::Loss;
use super::params::{ParamSpec, ParamStore};
use crate::config::{Fault, Path};
use crate::data::{Shape, Task};
use crate::device::on_cpu;
use crate::kernels::Sink;
use list::{heads_path, trunk_path};

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
    /// What a training pass holds of it beside its output.
    pub working: Working,
    /// The activation that the loss computes in the layer's stead.
    pub absorbed: Option<Activation>,
    /// The fused block that begins here, on devices that have it.
    pub fused: Option<Fused>,
    layer: Box<dyn Layer>,
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

    /// Multiply-adds of the forward pass of one sample; as many as can be counted where there are more.
    pub fn multiply_adds(&self) -> u64 {
        let costs = self.layers.iter().map(|layer| layer.multiply_adds);
        costs.fold(0, u64::saturating_add)
    }

    /// Values of all parameters.
    pub fn num_params(&self) -> u64 {
        let counts = self.params().map(|(_, spec)| spec.num_elements() as u64);
        counts.fold(0, u64::saturating_add)
    }

    /// What layers within a layer hold of a pass, outputs included.
    pub(super) fn working(&self) -> Working {
        let layers = self.layers.iter().map(|layer| {
            let output = Working {
                per_sample: layer.output.num_elements() as u64,
                fixed: 0,
            };
            output + layer.working
        });
        layers.fold(Working::default(), |sum, more| sum + more)
    }

    /// Where the experiment has the layer at `index`.
    pub fn place(&self, index: usize) -> Path {
        if index < self.before {
            return Path::parse("data.columns");
        }
        let head = self.heads.iter().find(|head| head.layers.contains(&index));
        match head {
            Some(head) => list::head_path(&head.name).index(index - head.layers.start),
            None => trunk_path().index(index - self.before),
        }
    }

    /// Checks that there is something to train.
    ///
    /// # Errors
    /// A net without a weight.
    pub fn check_trainable(&self) -> Result<(), Vec<Fault>> {
        if self.params().any(|(_, spec)| spec.trainable) {
            return Ok(());
        }
        let fault = Fault::new(
            trunk_path(),
            "has no layer with weights: there is nothing to train",
        );
        Err(vec![fault.hint("add one: { dense = { units = ... } }")])
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
}
