//! A list of layers, planned one behind the other.

use burn::tensor::Tensor;

use super::fusion::fuse;
use super::layer::{LayerList, LayerReader};
use super::mismatch::Mismatch;
use super::planned::{Planned, PlannedLayer};
use super::run::{Params, run_block, through};
use super::scope::Scope;
use super::size::Working;
use crate::config::Path;
use crate::data::{Shape, Value};
use crate::kernels::Sink;
use crate::model::activation::Activation;

/// Planned layers, each of which takes what the one before gives.
#[derive(Debug)]
pub struct Chain {
    /// The shape of one sample.
    pub input: Shape,
    /// From the input to the output; none where the chain gives what it gets.
    pub layers: Vec<PlannedLayer>,
}

impl Chain {
    /// Plans a list of layers, whose names are `prefix` and their number. The loss computes the activation `absorbs`
    /// in the last layer's stead (linear: none).
    ///
    /// # Errors
    /// The first layer whose input does not fit.
    pub fn plan(
        list: &LayerList,
        input: Shape,
        prefix: &str,
        absorbs: Activation,
        reader: LayerReader,
    ) -> Result<Chain, Misfit> {
        let mut layers: Vec<PlannedLayer> = Vec::new();
        let mut shape = input;
        for (index, (tag, layer)) in list.iter().enumerate() {
            let named = |planned: Planned| {
                planned.named(format!("{prefix}{index}"), tag, shape, reader.tuning())
            };
            let planned = layer
                .plan(shape, reader)
                .and_then(named)
                .map_err(|mismatch| Misfit {
                    index,
                    tag: tag.clone(),
                    mismatch,
                })?;
            shape = planned.output;
            layers.push(planned);
        }
        if let Some(last) = layers.last_mut().filter(|_| absorbs != Activation::Linear) {
            last.absorbed = last.forward.activation().filter(|own| *own == absorbs);
        }
        fuse(&mut layers);
        Ok(Chain { input, layers })
    }

    /// Plans the layers within a layer: nothing is left to the loss.
    ///
    /// # Errors
    /// As [`Chain::plan`].
    pub fn plan_within(
        list: &LayerList,
        input: Shape,
        prefix: &str,
        reader: LayerReader,
    ) -> Result<Chain, Misfit> {
        Self::plan(list, input, prefix, Activation::Linear, reader)
    }

    /// The shape of what the last layer gives.
    pub fn output(&self) -> Shape {
        self.layers.last().map_or(self.input, |layer| layer.output)
    }

    /// Multiply-adds of the forward pass of one sample; as many as can be counted where there are more.
    pub fn multiply_adds(&self) -> u64 {
        let costs = self.layers.iter().map(|layer| layer.multiply_adds);
        costs.fold(0, u64::saturating_add)
    }

    /// Parameters of all layers.
    pub fn num_params(&self) -> usize {
        self.layers.iter().map(|layer| layer.params.len()).sum()
    }

    /// What a training pass holds of layers within a layer, outputs included.
    pub fn working(&self) -> Working {
        let layers = self.layers.iter().map(|layer| {
            let output = Working {
                per_sample: layer.output.num_elements() as u64,
                fixed: 0,
            };
            output + layer.working
        });
        layers.fold(Working::default(), |sum, more| sum + more)
    }

    /// Runs the chain within the layer that sees `outer`, whose parameters from the one numbered `first` on are the
    /// chain's. Their sinks are found in the same places: those of the pass belong to the layers of the whole net.
    pub fn run_within(&self, outer: &Scope<'_>, first: usize, input: Value) -> Value {
        let tensors: &[Tensor<1>] = &outer.tensors[first..];
        let sinks: &[Option<Sink>] = outer.sinks.get(first..).unwrap_or_default();
        let params = Params { tensors, sinks };
        through(0..self.layers.len(), input, &mut |index, value| {
            let name = format!("{}.{}", outer.name, self.layers[index].name);
            run_block(&self.layers, index, &name, value, params, outer.pass)
        })
    }
}

/// The layer of a list whose input does not fit.
#[derive(Clone, Debug)]
pub struct Misfit {
    /// Its place in the list.
    pub index: usize,
    /// Its tag.
    pub tag: String,
    /// What does not fit, with paths from the layer's options on.
    pub mismatch: Mismatch,
}

impl Misfit {
    /// As a mismatch of the layer that describes the list at `list`, a path from its options on.
    pub fn within(self, list: &Path) -> Mismatch {
        Mismatch {
            faults: self.mismatch.at(&list.index(self.index), &self.tag),
        }
    }
}
