//! Evaluation: predictions for every sample of a split.

use burn::tensor::Device;

use crate::data::{Loader, Skipped};
use crate::metrics::Predictions;
use crate::model::{Loss, Network, ParamStore, Pass, host};

/// What makes a class of two the predicted one.
#[derive(Clone, Copy, Debug)]
pub struct Decision {
    /// The index of the positive class.
    pub positive: usize,
    /// A probability of the positive class of at least this counts as positive.
    pub threshold: f32,
}

/// Predictions of a split, in the split's order.
pub struct Evaluation {
    /// For the metrics.
    pub predictions: Predictions,
    /// The index in the dataset of each prediction.
    pub indices: Vec<usize>,
    /// Samples that could not be loaded.
    pub failed: Vec<Skipped>,
}

/// A net and what judging it needs.
#[derive(Clone, Copy)]
pub struct Scorer<'a> {
    /// The net.
    pub network: &'a Network,
    /// What it was trained with.
    pub loss: &'a dyn Loss,
    /// Class names.
    pub classes: &'a [String],
    /// What makes a class of two the predicted one.
    pub decision: Decision,
    /// Without autodiff.
    pub device: &'a Device,
}

impl Scorer<'_> {
    /// Runs the net over a split. `go_on` is called with the size of each batch; evaluation ends
    /// early where it returns false.
    pub fn evaluate(
        &self,
        params: &ParamStore,
        loader: &Loader,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Evaluation {
        let tensors = params.tensors();
        let mut evaluation = Evaluation {
            predictions: Predictions {
                classes: self.classes.to_vec(),
                probabilities: Vec::new(),
                targets: Vec::new(),
                losses: Vec::new(),
                positive: self.decision.positive,
                threshold: self.decision.threshold,
            },
            indices: Vec::new(),
            failed: Vec::new(),
        };
        let shape = loader.dataset().shape();
        for loaded in loader.epoch(0) {
            evaluation.failed.extend(loaded.failed);
            if loaded.indices.is_empty() {
                continue;
            }
            let targets: Vec<usize> = loaded.batch.classes.iter().map(|&c| c as usize).collect();
            let samples = targets.len();
            let mut batch = loaded.batch.to_device(shape, self.device);
            let input = batch.inputs.swap_remove(0);
            let logits = self.network.forward(input, &tensors, &Pass::default());
            let losses = self.loss.forward(logits.clone(), &batch.targets[0]);
            let predictions = &mut evaluation.predictions;
            predictions.losses.extend(host(losses));
            predictions
                .probabilities
                .extend(host(self.loss.probabilities(logits)));
            predictions.targets.extend(targets);
            evaluation.indices.extend(loaded.indices);
            if !go_on(samples) {
                break;
            }
        }
        evaluation
    }
}
