//! Evaluation: predictions for every sample of a split.

use burn::tensor::Device;

use crate::data::{HostBatch, Loader, Skipped, Task};
use crate::metrics::{Predictions, decide};
use crate::model::{Loss, Network, ParamStore, Pass, host};
use crate::train::plan::decision::Decision;

/// What should be said of the samples of a batch.
pub(in crate::train) struct Said {
    classes: Vec<u32>,
    rows: Vec<f32>,
    labels: bool,
}

impl Said {
    pub(in crate::train) fn of(batch: &HostBatch) -> Said {
        Said {
            classes: batch.classes.clone(),
            rows: batch.rows.clone(),
            labels: batch.labels,
        }
    }

    /// The number of samples.
    pub(in crate::train) fn samples(&self) -> usize {
        self.classes.len()
    }

    /// Of predictions, row after row: how many decisions are right, of how many; none of numbers.
    pub(in crate::train) fn hits(&self, predicted: &[f32], decision: Decision) -> (usize, usize) {
        if self.rows.is_empty() {
            let rows = predicted.chunks_exact(predicted.len() / self.samples().max(1));
            let class = |row| decide(row, decision.positive, decision.threshold);
            let hits = rows.zip(&self.classes);
            let hits = hits.filter(|(row, target)| class(row) == **target as usize);
            (hits.count(), self.samples())
        } else if self.labels {
            let pairs = predicted.iter().zip(&self.rows);
            let hits = pairs.filter(|(p, label)| (**p >= decision.threshold) == (**label > 0.5));
            (hits.count(), self.rows.len())
        } else {
            (0, 0)
        }
    }

    /// `of_heads`: with heads, the losses of each.
    fn add_to(
        self,
        to: &mut Predictions,
        task: &Task,
        mut predicted: Vec<f32>,
        (losses, of_heads): (&[f32], &[Vec<f32>]),
    ) {
        match to {
            Predictions::Classes(to) => {
                to.losses.extend(losses);
                to.probabilities.extend(predicted);
                to.targets.extend(self.classes.iter().map(|&c| c as usize));
            }
            Predictions::Labels(to) => {
                to.losses.extend(losses);
                to.probabilities.extend(predicted);
                to.targets
                    .extend(self.rows.iter().map(|&label| label > 0.5));
            }
            Predictions::Numbers(to) => {
                let mut targets = self.rows;
                task.unscale(&mut predicted);
                task.unscale(&mut targets);
                to.losses.extend(losses);
                to.predicted.extend(predicted);
                to.targets.extend(targets);
            }
            Predictions::Heads(to) => {
                to.losses.extend(losses);
                let (mut said, mut target) = (0, 0);
                for ((head, (_, to)), losses) in
                    task.heads().iter().zip(&mut to.heads).zip(of_heads)
                {
                    let (width, target_width) = (head.task.len(), head.task.target_width());
                    let own = columns(&predicted, task.len(), said, width);
                    let part = self.of_head(&head.task, task.target_width(), target);
                    part.add_to(to, &head.task, own, (losses, &[]));
                    (said, target) = (said + width, target + target_width);
                }
            }
        }
    }

    /// What a head should say, whose columns of all `width` begin at `first`.
    fn of_head(&self, task: &Task, width: usize, first: usize) -> Said {
        let own = columns(&self.rows, width, first, task.target_width());
        match task {
            Task::Classes(_) => Said {
                classes: own.iter().map(|&class| class as u32).collect(),
                rows: Vec::new(),
                labels: false,
            },
            _ => Said {
                classes: self.classes.clone(),
                rows: own,
                labels: matches!(task, Task::Labels(_)),
            },
        }
    }
}

/// Of rows of `width` numbers, `count` from `first` on.
fn columns(rows: &[f32], width: usize, first: usize, count: usize) -> Vec<f32> {
    let rows = rows.chunks_exact(width.max(1));
    rows.flat_map(|row| &row[first..first + count])
        .copied()
        .collect()
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
    /// What the net says.
    pub task: &'a Task,
    /// What makes a class of two the predicted one.
    pub decision: Decision,
    /// Without autodiff.
    pub device: &'a Device,
}

impl Scorer<'_> {
    /// Runs the net over a split. `go_on` is called with the size of each batch, and with 0 while
    /// one is waited for; evaluation ends early where it returns false.
    pub fn evaluate(
        &self,
        params: &ParamStore,
        loader: &Loader,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Evaluation {
        let tensors = params.tensors();
        let mut evaluation = Evaluation {
            predictions: self.decision.none(self.task),
            indices: Vec::new(),
            failed: Vec::new(),
        };
        let shape = loader.dataset().shape();
        let mut batches = loader.epoch(0);
        while let Some(loaded) = batches.next_while(&mut || go_on(0)) {
            evaluation.failed.extend(loaded.failed);
            if loaded.indices.is_empty() {
                continue;
            }
            let samples = loaded.indices.len();
            let said = Said::of(&loaded.batch);
            let mut batch = loaded.batch.to_device(shape, self.device);
            let input = batch.inputs.swap_remove(0);
            let logits = self.network.forward(input, &tensors, &Pass::default());
            let target = &batch.targets[0];
            let losses = host(self.loss.forward(logits.clone(), target));
            let of_heads = self.loss.forward_heads(&logits, target).into_iter();
            let of_heads: Vec<Vec<f32>> = of_heads.map(host).collect();
            let predicted = host(self.loss.predictions(logits));
            let losses = (&losses[..], &of_heads[..]);
            said.add_to(&mut evaluation.predictions, self.task, predicted, losses);
            evaluation.indices.extend(loaded.indices);
            if !go_on(samples) {
                break;
            }
        }
        evaluation
    }
}
