//! What a net is to say of each sample.

use serde::{Deserialize, Serialize};

/// What a net is to say of each sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Which one of these classes it is of, in sorted order.
    Classes(Vec<String>),
    /// Which of these labels hold; any number of them may.
    Labels(Vec<String>),
    /// These numbers.
    Numbers(Vec<Output>),
}

/// A number to be predicted, and how it is scaled for the net: `(value - mean) / std`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The column.
    pub name: String,
    /// Subtracted for the net.
    pub mean: f64,
    /// Divides for the net.
    pub std: f64,
}

impl Output {
    /// A number that the net sees as it is.
    pub fn unscaled(name: &str) -> Output {
        Output {
            name: name.to_string(),
            mean: 0.0,
            std: 1.0,
        }
    }

    /// The number that the net's output stands for.
    pub fn unscale(&self, value: f32) -> f32 {
        (f64::from(value) * self.std + self.mean) as f32
    }
}

impl Default for Task {
    fn default() -> Self {
        Task::Classes(Vec::new())
    }
}

impl Task {
    /// The classes, labels or numbers by name.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Task::Classes(names) | Task::Labels(names) => {
                names.iter().map(String::as_str).collect()
            }
            Task::Numbers(outputs) => outputs.iter().map(|output| &*output.name).collect(),
        }
    }

    /// The number of classes, labels or numbers.
    pub fn len(&self) -> usize {
        match self {
            Task::Classes(names) | Task::Labels(names) => names.len(),
            Task::Numbers(outputs) => outputs.len(),
        }
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The classes; none where the task is another.
    pub fn classes(&self) -> &[String] {
        match self {
            Task::Classes(names) => names,
            Task::Labels(_) | Task::Numbers(_) => &[],
        }
    }

    /// Brings the net's predictions, row after row, to the units of the data.
    pub fn unscale(&self, predictions: &mut [f32]) {
        if let Task::Numbers(outputs) = self {
            for row in predictions.chunks_exact_mut(outputs.len().max(1)) {
                for (value, output) in row.iter_mut().zip(outputs) {
                    *value = output.unscale(*value);
                }
            }
        }
    }

    /// What the samples are called by, in messages.
    pub fn what(&self) -> &'static str {
        match self {
            Task::Classes(_) => "classes",
            Task::Labels(_) => "labels",
            Task::Numbers(_) => "numbers",
        }
    }
}
