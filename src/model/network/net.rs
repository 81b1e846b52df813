//! The planned net: its layers in order, its heads, and the walk over all of them.

use std::ops::Range;

use burn::tensor::Device;

use super::paths::{head_path, heads_path, trunk_path};
use crate::config::{Fault, Path};
use crate::data::{Shape, Task};
use crate::kernels::Sink;
use crate::model::compute::Compute;
use crate::model::graph::{PlannedLayer, Visited, takes_sink};
use crate::model::losses::Loss;
use crate::model::params::{ParamSpec, ParamStore};
use crate::model::tuning::Frozen;

/// A planned net: every shape is known, and fits.
#[derive(Debug)]
pub struct Network {
    /// The shape of one sample.
    pub input: Shape,
    /// From the input to the output; those of the heads come last, one head after the other.
    pub layers: Vec<PlannedLayer>,
    /// Each takes the output of the trunk, the layers before the first head; empty where the net has one output.
    pub heads: Vec<PlannedHead>,
    /// Layers before those of `model.layers`: the embedding of a table's columns.
    pub(super) before: usize,
}

/// The layers that lead to one of several outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedHead {
    /// The name of the target.
    pub name: String,
    /// Its layers among those of the net; empty where its output is that of the trunk.
    pub layers: Range<usize>,
    /// Outputs a sample.
    pub outputs: usize,
}

impl Network {
    /// The shape of the output; heads are concatenated.
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

    /// For every parameter, in order, a sink for the factors of its gradient where a kernel gives it as factors.
    pub fn sinks(&self, device: &Device, compute: Compute) -> Vec<Option<Sink>> {
        let layers = self.layers.iter();
        layers
            .flat_map(|layer| {
                let params = layer.params.iter();
                params.map(move |spec| takes_sink(layer, spec, device, compute).then(Sink::default))
            })
            .collect()
    }

    /// Multiply-adds of the forward pass of one sample; saturates.
    pub fn multiply_adds(&self) -> u64 {
        let costs = self.layers.iter().map(|layer| layer.multiply_adds);
        costs.fold(0, u64::saturating_add)
    }

    /// The number of values of all parameters.
    pub fn num_params(&self) -> u64 {
        let counts = self.params().map(|(_, spec)| spec.num_elements() as u64);
        counts.fold(0, u64::saturating_add)
    }

    /// The path of the layer at `index` in the experiment.
    pub fn place(&self, index: usize) -> Path {
        if index < self.before {
            return Path::parse("data.columns");
        }
        let head = self.heads.iter().find(|head| head.layers.contains(&index));
        match head {
            Some(head) => head_path(&head.name).index(index - head.layers.start),
            None => trunk_path().index(index - self.before),
        }
    }

    /// The number of values of the parameters that training changes in some epoch.
    pub fn num_trained(&self) -> u64 {
        let trained = self.params().filter(|(_, spec)| spec.is_trained());
        let counts = trained.map(|(_, spec)| spec.num_elements() as u64);
        counts.fold(0, u64::saturating_add)
    }

    /// Checks that there is something to train in `epochs` epochs, and that every layer that is to be thawed is.
    ///
    /// # Errors
    /// A net without a weight, or of frozen layers; a layer that would be thawed after the last epoch.
    pub fn check_trainable(&self, epochs: usize) -> Result<(), Vec<Fault>> {
        for (index, layer) in self.layers.iter().enumerate() {
            let mut frozen = layer.params.iter().map(|spec| spec.tuning.frozen);
            let late = |it: &Frozen| *it != Frozen::Always && it.in_epoch(epochs as u64 - 1);
            if let Some(Frozen::Before(first)) = frozen.find(late) {
                let path = self
                    .place(index)
                    .key(&layer.tag)
                    .key("unfreeze")
                    .key("epoch");
                let message = format!(
                    "is {}, but there are {epochs} epochs: the layer would stay frozen",
                    first + 1
                );
                let hint = "give a number up to train.epochs, or freeze = true alone";
                return Err(vec![Fault::new(path, message).hint(hint)]);
            }
        }
        if self.params().any(|(_, spec)| spec.is_trained()) {
            return Ok(());
        }
        if self.params().any(|(_, spec)| spec.trainable) {
            let fault = Fault::new(
                trunk_path(),
                "is frozen altogether: there is nothing to train",
            );
            return Err(vec![fault.hint("leave freeze out of the last layer")]);
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

    /// Checks loss and outputs against the prediction task. A loss of several targets learns where each of them lies.
    ///
    /// # Errors
    /// A loss for another task, another number of outputs; what to write instead.
    pub fn check_head(&self, loss: &mut dyn Loss, task: &Task) -> Result<(), Vec<Fault>> {
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
        checked.map_err(|mismatch| {
            let message = format!("does not fit the {}: {mismatch}", task.what());
            vec![Fault::new(path, message)]
        })
    }

    /// Calls `visitor` with every layer of the net and every layer within those, outer layers before inner ones: tag,
    /// full name, shapes of input and output, own parameters. Together their parameters are those of the parameter store,
    /// each once and in the same order. A residual block of a convolution is visited as
    ///
    /// ```text
    /// model.0              residual   no parameters of its own
    /// model.0.0            conv2d     model.0.0.weight, model.0.0.bias
    /// model.0.shortcut.0   conv2d     model.0.shortcut.0.weight
    /// ```
    pub fn visit<'a>(&'a self, visitor: &mut dyn FnMut(Visited<'a>)) {
        let layers = self.layers.iter();
        layers.for_each(|layer| layer.visit(None, visitor));
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
