//! The section `[train]`: how the network is trained.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::family::Spec;

/// How the net is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("not" = {"required": ["ema", "swa"]}))]
pub struct Train {
    /// The number of epochs.
    #[schemars(range(min = 1))]
    pub epochs: usize,
    /// The batch size, samples, or "all".
    #[serde(default)]
    pub batch_size: BatchSize,
    /// Drops the last batch of an epoch if it is smaller than the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drop_last: bool,
    /// Gradient accumulation: the number of batches per update. The update uses the mean gradient over all samples, as
    /// one batch of that many times the size. Schedules, warm-up, `max_steps` and checkpoints count updates; the last
    /// update of an epoch may have fewer batches.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1))]
    pub accumulate: usize,
    /// The loss.
    #[schemars(extend("x-family" = "losses"))]
    pub loss: Spec,
    /// How much a sample of each class counts in the loss: "balanced" (samples / (classes * samples of the
    /// class)), a list with a number for each class in sorted order, or a table of class names (1 for
    /// those it does not name). Default: 1 for all. Validation weighs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// How the samples of an epoch are drawn.
    #[serde(default, skip_serializing_if = "Sampler::is_default")]
    pub sampler: Sampler,
    /// The optimizer.
    #[serde(default = "default_optimizer")]
    #[schemars(extend("x-family" = "optimizers"))]
    pub optimizer: Spec,
    /// The learning rate schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-family" = "schedules"))]
    pub schedule: Option<Spec>,
    /// Linear warm-up of the learning rate: a number of steps, or { epochs = 1 }.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Warmup>,
    /// Clips the gradient to this norm over all parameters (PyTorch's `clip_grad_norm_`, Keras's `global_clipnorm`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub clip_norm: Option<f64>,
    /// Clips every gradient element to this absolute value (Keras's `clipvalue`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub clip_value: Option<f64>,
    /// L1 penalty: this times the sum of the absolute weights (not of biases) is added to the loss (Keras's `l1`); the
    /// reported loss is without it.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub l1: f64,
    /// L2 penalty: this times the sum of the squared weights (not of biases) is added to the loss (Keras's `l2`); the
    /// reported loss is without it.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub l2: f64,
    /// Keeps a running average of the weights (an exponential moving average), which is what validation,
    /// `best.safetensors`, eval and predict use; training goes on with the weights themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<Ema>,
    /// Averages the weights of the last epochs (stochastic weight averaging), for the same uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swa: Option<Swa>,
    /// Early stopping: ends the training when validation stops improving. `best.safetensors` holds the best epoch in any
    /// case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
    /// Ends the training after this many steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_steps: Option<u64>,
    /// Ends the training after this many minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub max_minutes: Option<f64>,
    /// The metric that decides which epoch is best, by its name in `history.jsonl`.
    #[serde(default = "default_monitor")]
    pub monitor: String,
    /// The numeric type of the heavy layers while training; master weights, gradients for the optimizer and its state
    /// always have 32 bits, and so do evaluation and prediction.
    #[serde(default)]
    pub precision: Precision,
    /// What happens when the loss or the parameters are not finite any more.
    #[serde(default)]
    pub on_non_finite: OnNonFinite,
}

fn one() -> usize {
    1
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// The length of the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Warmup {
    /// A number of steps.
    Steps(usize),
    /// In epochs.
    Epochs {
        /// Epochs, perhaps a part of one.
        #[schemars(range(min = 0))]
        epochs: f64,
    },
}

/// A running average of the weights: after each step `average = d average + (1 - d) weights`, from the weights after
/// the first one on. The running averages of batch normalisation are averaged with them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ema {
    /// The decay `d`: the fraction of the average that a step keeps.
    #[serde(default = "default_decay")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub decay: f64,
    /// Whether the decay is lower at first, so that the initial weights do not linger: step t keeps
    /// `min(decay, (1 + t) / (10 + t))`, as in TensorFlow. Without it as Keras's `use_ema` and PyTorch's `AveragedModel`.
    #[serde(default = "default_warmup")]
    pub warmup: bool,
}

fn default_decay() -> f64 {
    0.999
}

fn default_warmup() -> bool {
    true
}

/// The mean of the weights at the end of each epoch from one on (Izmailov and others, 2018; PyTorch's
/// `AveragedModel`). The running averages of batch normalisation are recomputed for it, in one pass over
/// the epoch's training batches (PyTorch's `update_bn`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Swa {
    /// The first epoch, counted from 1, whose weights are averaged.
    #[schemars(range(min = 1))]
    pub start_epoch: usize,
    /// The constant learning rate from that epoch on, instead of the schedule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub learning_rate: Option<f64>,
}

/// Early stopping: ends the training when validation stops improving.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// The metric that must improve, by its name in `history.jsonl`; default: `train.monitor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<String>,
    /// Epochs without improvement after which training ends.
    #[schemars(range(min = 1))]
    pub patience: usize,
    /// The minimum improvement that counts.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub min_delta: f64,
    /// Epochs at the beginning that are not counted.
    #[serde(default)]
    pub start_from_epoch: usize,
}

/// What happens when the loss or the parameters are not finite any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnNonFinite {
    /// The run ends with an error; the last checkpoint stays.
    #[default]
    Stop,
    /// Rolls back to the last checkpoint and halves the learning rate, at most 5 times. This keeps a
    /// copy of parameters and optimizer state in memory from the first step on.
    BackOff,
}

/// How much a sample of each class counts in the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClassWeights {
    /// All classes have the same total weight.
    Balanced(Balanced),
    /// One weight per class, in sorted order.
    PerClass(#[schemars(inner(range(min = 0)))] Vec<f64>),
    /// Weights by class name.
    Named(
        #[schemars(extend("patternProperties" = {"": {"type": "number", "minimum": 0}}))]
        BTreeMap<String, f64>,
    ),
}

/// The word "balanced".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Balanced {
    /// In inverse proportion to the classes' samples.
    Balanced,
}

/// How the samples of an epoch are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sampler {
    /// Every sample once, in random order.
    #[default]
    Shuffle,
    /// As many samples as the split has, of each class as many as of every other: those of rare
    /// classes several times, those of frequent ones in turn, over the epochs.
    Balanced,
}

impl Sampler {
    fn is_default(&self) -> bool {
        *self == Sampler::default()
    }
}

/// The numeric type of the heavy layers while training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// 16-bit floats. On the CPU the operands of fast products, as bf16. On a GPU inputs,
    /// activations and operands: as bf16 where it has it, else as f16 with loss scaling; a GPU with
    /// neither refuses.
    Bf16,
}

fn default_optimizer() -> Spec {
    Spec::Name("adam".into())
}

fn default_monitor() -> String {
    "valid_loss".into()
}

/// The batch size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BatchSize {
    /// That many; the last batch of an epoch may be smaller.
    Count(#[schemars(range(min = 1))] usize),
    /// One batch per epoch.
    All(All),
}

/// The word "all".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum All {
    /// All samples at once.
    All,
}

impl Default for BatchSize {
    fn default() -> Self {
        BatchSize::Count(32)
    }
}

impl BatchSize {
    /// The count, for a split of `num_samples`.
    pub fn resolve(self, num_samples: usize) -> usize {
        match self {
            BatchSize::Count(count) => count,
            BatchSize::All(_) => num_samples.max(1),
        }
    }
}
