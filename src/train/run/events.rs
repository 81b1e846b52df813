//! Events of a run. The loop computes; observers print, draw and write.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One line of `history.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean over the training samples, as they were seen (augmented, with dropout), times the class
    /// weights where there are any.
    pub train_loss: f64,
    /// Share of the training samples (of labels: of their labels), as they were seen; not with numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<f64>,
    /// `valid_loss`, `valid_accuracy`, ...: one figure per metric; null where not defined.
    #[serde(flatten)]
    pub valid: Map<String, Value>,
    /// The optimizer's rate in this epoch.
    pub learning_rate: f64,
    /// How often the learning rate was halved so far, where the experiment has
    /// `on_non_finite = "back_off"`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backed_off: u32,
    /// Training and validation.
    #[serde(default)]
    pub seconds: f64,
    /// Training alone.
    #[serde(default)]
    pub train_seconds: f64,
    /// Time in training that the step waited for data.
    #[serde(default)]
    pub data_wait_seconds: f64,
    /// Time that the epoch's checkpoints held training up.
    #[serde(default)]
    pub checkpoint_seconds: f64,
    /// Training samples a second of training time.
    #[serde(default)]
    pub samples_per_second: f64,
    /// Whether the epoch is the best so far.
    pub best: bool,
}

impl EpochRecord {
    /// A figure by its name in `history.jsonl`.
    pub fn figure(&self, name: &str) -> Option<f64> {
        match name {
            "train_loss" => Some(self.train_loss),
            "train_accuracy" => self.train_accuracy,
            other => self.valid.get(other).and_then(Value::as_f64),
        }
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Whether a figure is a duration. Durations do not belong into model files: the same
/// training gives the same file.
pub fn is_time(figure: &str) -> bool {
    // Figures of validation may speak of a target that is called so.
    !figure.starts_with("valid_") && (figure.contains("seconds") || figure.contains("per_second"))
}

/// Something that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// An epoch begins.
    EpochBegan {
        /// Counted from 1.
        epoch: usize,
        /// Epochs of the run.
        num_epochs: usize,
        /// Batches of the epoch.
        num_batches: usize,
        /// Batches that were trained on before the run was resumed.
        first_batch: usize,
    },
    /// A batch was trained on.
    Stepped {
        /// Samples of the batch.
        samples: usize,
        /// Mean loss of the epoch so far.
        loss: f64,
        /// Accuracy of the epoch so far; not with numbers.
        accuracy: Option<f64>,
    },
    /// Validation begins.
    Validating,
    /// An epoch is over.
    EpochEnded(&'a EpochRecord),
    /// Something the user should know.
    Notice(&'a str),
}

/// Callback for the events of a run.
pub trait Observer {
    /// Something happened.
    fn on(&mut self, event: &Event<'_>);
}
