//! The context of a layer during a forward pass.

use std::cell::RefCell;

use burn::tensor::Tensor;

use crate::data::{SampleId, Value};
use crate::kernels::{NormThen, Sink};
use crate::model::activation::Activation;
use crate::model::compute::Compute;
use crate::model::params::ParamSpec;
use crate::model::tuning::Tuning;

/// The context of a layer during a forward pass.
pub struct Scope<'a> {
    /// The layer's full name ("model.2").
    pub name: &'a str,
    /// The layer's parameters as its plan lists them, those of the layers within it last.
    pub specs: &'a [ParamSpec],
    /// Their tensors, flat.
    pub tensors: &'a [Tensor<1>],
    /// Where the gradients of some of them go as factors, in the order of the parameters.
    pub sinks: &'a [Option<Sink>],
    /// Whether the layer's activation is left to the loss.
    pub skip_activation: bool,
    /// Whether the CPU's own kernel of this layer runs it, and not plain operations; `fusion` decides.
    pub kernel: bool,
    /// The operations of later layers that a batch normalisation fuses into its pass.
    pub then: NormThen,
    /// The pass.
    pub pass: &'a Pass<'a>,
}

impl Scope<'_> {
    /// The parameter called `name`, in its shape; `None` where the layer's plan has none.
    pub fn param<const D: usize>(&self, name: &str) -> Option<Tensor<D>> {
        let index = self.specs.iter().position(|spec| spec.name == name)?;
        let shape: [usize; D] = self.specs[index].shape.clone().try_into().ok()?;
        Some(self.tensors[index].clone().reshape(shape))
    }

    /// The parameter called `name`, which the layer's plan always has.
    pub fn weight<const D: usize>(&self, name: &str) -> Tensor<D> {
        self.param(name)
            .unwrap_or_else(|| panic!("{}.{name} is planned with rank {D}", self.name))
    }

    /// Where the gradient of the parameter called `name` goes, if not into the graph.
    pub fn sink(&self, name: &str) -> Option<Sink> {
        let index = self.specs.iter().position(|spec| spec.name == name)?;
        self.sinks.get(index).cloned().flatten()
    }

    /// Applies the layer's activation, or leaves it to the loss.
    pub fn activate(&self, activation: Activation, value: Value) -> Value {
        if self.skip_activation {
            value
        } else {
            activation.forward(value)
        }
    }

    /// Records the new value of a buffer (a running mean).
    pub fn update(&self, name: &str, value: Tensor<1>) {
        let full = format!("{}.{name}", self.name);
        self.pass.updates.borrow_mut().push((full, value));
    }
}

/// One forward pass.
#[derive(Default)]
pub struct Pass<'a> {
    /// Set in training.
    pub training: Option<Training<'a>>,
    /// Of every parameter, where its gradient goes as factors; may be left empty.
    pub sinks: &'a [Option<Sink>],
    /// The numeric type of the heavy layers.
    pub compute: Compute,
    /// The momentum of running averages, instead of the layers' own, when they are recomputed.
    pub momentum: Option<f64>,
    /// Layers of the net that are not run: the input is what they give.
    pub skipped: usize,
    /// New values of buffers, by full name, as the layers recorded them.
    pub updates: RefCell<Vec<(String, Tensor<1>)>>,
}

impl Pass<'_> {
    /// Whether a layer runs as in evaluation: outside training, and where it is frozen.
    pub fn evaluates(&self, tuning: Tuning) -> bool {
        let training = self.training.as_ref();
        training.is_none_or(|training| tuning.frozen.in_epoch(training.epoch))
    }

    /// The same pass for a layer that runs as in evaluation.
    pub fn frozen(&self) -> Pass<'_> {
        Pass {
            sinks: self.sinks,
            compute: self.compute,
            ..Pass::default()
        }
    }
}

/// The keys of random choices in a training pass.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// The experiment's seed.
    pub seed: u64,
    /// Counted from 0.
    pub epoch: u64,
    /// The samples of the batch, in order.
    pub ids: &'a [SampleId],
}
