//! Evaluation: predictions for every sample of a split.

use burn::tensor::Device;

use crate::data::{HostTargets, Loader, Skipped, Task};
use crate::metrics::{Predictions, decide};
use crate::model::{Loss, Network, ParamStore, Pass, host};
use crate::train::plan::decision::Decision;

/// Of predictions, row after row: how many decisions are right, of how many; none of numbers.
pub(in crate::train) fn hits(
    targets: &HostTargets,
    predicted: &[f32],
    decision: Decision,
) -> (usize, usize) {
    match targets {
        HostTargets::Classes(classes) | HostTargets::Mixed { classes, .. } => {
            let rows = predicted.chunks_exact(predicted.len() / classes.len().max(1));
            let class = |row| decide(row, decision.positive, decision.threshold);
            let hits = rows.zip(classes);
            let hits = hits.filter(|(row, target)| class(row) == **target as usize);
            (hits.count(), classes.len())
        }
        HostTargets::Labels(labels) => {
            let pairs = predicted.iter().zip(labels);
            let hits = pairs.filter(|(p, label)| (**p >= decision.threshold) == (**label > 0.5));
            (hits.count(), labels.len())
        }
        HostTargets::Real(_) => (0, 0),
    }
}

/// Adds the predictions of a batch. `of_heads`: with heads, the losses of each.
fn add(
    targets: HostTargets,
    to: &mut Predictions,
    task: &Task,
    mut predicted: Vec<f32>,
    (losses, of_heads): (&[f32], &[Vec<f32>]),
) {
    match (to, targets) {
        (Predictions::Classes(to), targets) => {
            to.losses.extend(losses);
            to.probabilities.extend(predicted);
            let classes = targets.classes().iter();
            to.targets.extend(classes.map(|&class| class as usize));
        }
        (Predictions::MultiLabel(to), HostTargets::Labels(labels)) => {
            to.losses.extend(losses);
            to.probabilities.extend(predicted);
            to.targets.extend(labels.iter().map(|&label| label > 0.5));
        }
        (Predictions::Regression(to), HostTargets::Real(mut numbers)) => {
            task.unscale(&mut predicted);
            task.unscale(&mut numbers);
            to.losses.extend(losses);
            to.predicted.extend(predicted);
            to.targets.extend(numbers);
        }
        (Predictions::Heads(to), HostTargets::Real(rows)) => {
            to.losses.extend(losses);
            let (mut output, mut target) = (0, 0);
            for ((head, (_, to)), losses) in task.heads().iter().zip(&mut to.heads).zip(of_heads) {
                let (width, target_width) = (head.task.len(), head.task.target_width());
                let own = columns(&predicted, task.len(), output, width);
                let targets = columns(&rows, task.target_width(), target, target_width);
                add(
                    targets_of(&head.task, targets),
                    to,
                    &head.task,
                    own,
                    (losses, &[]),
                );
                (output, target) = (output + width, target + target_width);
            }
        }
        (_, targets) => unreachable!("the targets are the task's, not {targets:?}"),
    }
}

/// The targets of one head, from its columns.
fn targets_of(task: &Task, columns: Vec<f32>) -> HostTargets {
    match task {
        Task::Classes(_) => {
            HostTargets::Classes(columns.iter().map(|&class| class as u32).collect())
        }
        Task::MultiLabel(_) => HostTargets::Labels(columns),
        Task::Regression(_) | Task::Heads(_) => HostTargets::Real(columns),
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
    /// The predictions.
    pub task: &'a Task,
    /// The decision rule of binary classification.
    pub decision: Decision,
    /// Without autodiff.
    pub device: &'a Device,
    /// Layers that are left out, where their outputs are what the split holds.
    pub skipped: usize,
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
        let pass = Pass {
            skipped: self.skipped,
            ..Pass::default()
        };
        let shape = loader.dataset().shape();
        let mut batches = loader.epoch(0);
        while let Some(loaded) = batches.next_while(&mut || go_on(0)) {
            evaluation.failed.extend(loaded.failed);
            if loaded.indices.is_empty() {
                continue;
            }
            let samples = loaded.indices.len();
            let targets = loaded.batch.targets.clone();
            let batch = loaded.batch.to_device(shape, self.device);
            let logits = self.network.forward(batch.input, &tensors, &pass);
            let target = &batch.target;
            let losses = host(self.loss.forward(logits.clone(), target));
            let of_heads = self.loss.forward_heads(&logits, target).into_iter();
            let of_heads: Vec<Vec<f32>> = of_heads.map(host).collect();
            let predicted = host(self.loss.predictions(logits));
            let losses = (&losses[..], &of_heads[..]);
            add(
                targets,
                &mut evaluation.predictions,
                self.task,
                predicted,
                losses,
            );
            evaluation.indices.extend(loaded.indices);
            if !go_on(samples) {
                break;
            }
        }
        evaluation
    }
}
