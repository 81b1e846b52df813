//! A loss, gradients or parameters that are not finite any more: which batch, which layer, at what
//! learning rate. The batch is loaded again and run forward layer by layer.

use std::fmt;

use anyhow::anyhow;
use burn::tensor::{Device, FloatDType, Tensor};

use super::stepper::Stepper;
use crate::config::{Experiment, OnNonFinite, Path};
use crate::data::{Loaded, Loader, Shape, Value};
use crate::device::is_finite;
use crate::model::{Network, Pass};

/// The first value that is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diverged {
    /// The loss of a batch.
    Loss,
    /// The gradients of a batch, at any loss scale.
    Gradients,
    /// The parameters after a batch.
    Parameters,
}

impl fmt::Display for Diverged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Diverged::Loss => "the loss is",
            Diverged::Gradients => "the gradients are",
            Diverged::Parameters => "the parameters are",
        })
    }
}

/// Where it was found.
#[derive(Clone, Copy, Debug)]
pub struct NonFinite {
    /// What.
    pub what: Diverged,
    /// From 0.
    pub epoch: usize,
    /// From 0.
    pub batch: usize,
    /// Whether the parameters are those that the batch met.
    pub before_update: bool,
}

/// The key of the learning rate, of the optimizer that the experiment has.
pub fn rate_key(experiment: &Experiment) -> Path {
    let optimizer = Path::parse("train.optimizer").key(experiment.train.optimizer.name());
    optimizer.key("learning_rate")
}

/// Samples that are named.
const NAMED: usize = 4;

impl NonFinite {
    /// The error, with what can be found out about its cause.
    pub fn explain(
        &self,
        network: &Network,
        stepper: &Stepper<'_>,
        train: &Loader,
        device: &Device,
        experiment: &Experiment,
    ) -> anyhow::Error {
        let mut told = format!(
            "{} not finite any more (epoch {}, batch {}, learning rate {:?})",
            self.what,
            self.epoch + 1,
            self.batch + 1,
            stepper.learning_rate()
        );
        let mut batches = train.epoch_from(self.epoch as u64, self.batch);
        if let Some(loaded) = batches.next().filter(|loaded| !loaded.indices.is_empty()) {
            told += &format!("\n  samples: {}", names(train, &loaded));
            told += &format!(
                "\n  {}",
                self.blame(network, stepper, train, loaded, device)
            );
        }
        told += &format!("\nTry a lower {}, ", rate_key(experiment));
        if matches!(network.input, Shape::Image { .. }) {
            told += "check preprocess (divide_by = 255), ";
        }
        told += match experiment.train.on_non_finite {
            OnNonFinite::Stop => "or let train.on_non_finite = \"back_off\" halve the rate",
            OnNonFinite::BackOff => "or smaller gradients (train.clip_norm = 1)",
        };
        if stepper.compute().needs_loss_scale() {
            told += ". Or use train.precision = \"f32\": f16, which this device has for \"bf16\", \
                     ends at 65504";
        }
        anyhow!(told)
    }

    fn blame(
        &self,
        network: &Network,
        stepper: &Stepper<'_>,
        train: &Loader,
        loaded: Loaded,
        device: &Device,
    ) -> String {
        let shape = train.dataset().shape();
        if let Some(place) = loaded.batch.input.iter().position(|x| !x.is_finite()) {
            let name = train
                .dataset()
                .name(loaded.indices[place / shape.num_elements()]);
            return format!("the input itself is not finite: {name}, after preprocessing");
        }
        if let Some(param) = broken_param(stepper) {
            let culprit = match (self.what, self.before_update) {
                (Diverged::Parameters, _) => "an update since the last checkpoint",
                (_, true) => "the update before",
                (_, false) => "the update of this batch or of one after it",
            };
            return format!("{param} holds values that are not finite: {culprit} broke it");
        }
        let batch = loaded.batch.to_device(shape, device);
        let pass = Pass {
            training: Some(stepper.training(self.epoch as u64, &batch.ids)),
            compute: stepper.compute(),
            skipped: stepper.skipped,
            ..Pass::default()
        };
        match broken_layer(network, stepper, batch.input, &pass) {
            Some(layer) => format!("the first layer whose output is not finite: {layer}"),
            None => {
                "every layer's output is finite: it is the loss itself, or its gradient".to_string()
            }
        }
    }
}

fn names(train: &Loader, loaded: &Loaded) -> String {
    let first = loaded.indices.iter().take(NAMED);
    let names: Vec<String> = first.map(|&index| train.dataset().name(index)).collect();
    match loaded.indices.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn broken_param<'a>(stepper: &'a Stepper<'_>) -> Option<&'a str> {
    let mut params = stepper.params.params.iter();
    let broken = params.find(|param| !is_finite(&param.tensor))?;
    Some(&broken.name)
}

/// Runs the blocks one after the other; the first whose output is not finite.
fn broken_layer(
    network: &Network,
    stepper: &Stepper<'_>,
    input: Value,
    pass: &Pass<'_>,
) -> Option<String> {
    let tensors = stepper.params.tensors();
    let mut found = None;
    network.walk_from(pass.skipped, input, |index, value| {
        let (count, output) = network.run_block(index, value, &tensors, pass);
        if found.is_none() && !value_is_finite(&output) {
            let block = &network.layers[index..index + count];
            let tags: Vec<&str> = block.iter().map(|layer| layer.tag.as_str()).collect();
            found = Some(format!("{} ({})", block[0].name, tags.join(", ")));
        }
        (count, output)
    });
    found
}

fn value_is_finite(value: &Value) -> bool {
    fn flat<const D: usize>(x: &Tensor<D>) -> bool {
        let len = x.dims().iter().product::<usize>();
        is_finite(&x.clone().cast(FloatDType::F32).reshape([len]))
    }
    match value {
        Value::Image(x) => flat(x),
        Value::Sequence(x) => flat(x),
        Value::Flat(x) => flat(x),
        Value::Tokens(_) => true,
    }
}
