//! The decision rule of binary classification: positive class and threshold.

use crate::data::Task;
use crate::metrics::{
    ClassPredictions, HeadPredictions, LabelPredictions, Predictions, RegressionPredictions,
};

/// The decision rule of binary classification.
#[derive(Clone, Copy, Debug)]
pub struct Decision {
    /// The index of the positive class.
    pub positive: usize,
    /// A probability of the positive class of at least this counts as positive.
    pub threshold: f32,
}

impl Decision {
    /// The predictions of no sample.
    pub fn none(self, task: &Task) -> Predictions {
        let names = task.names().into_iter().map(str::to_string).collect();
        match task {
            Task::Classes(_) => Predictions::Classes(ClassPredictions {
                classes: names,
                probabilities: Vec::new(),
                targets: Vec::new(),
                losses: Vec::new(),
                positive: self.positive,
                threshold: self.threshold,
            }),
            Task::MultiLabel(_) => Predictions::MultiLabel(LabelPredictions {
                names,
                threshold: self.threshold,
                ..LabelPredictions::default()
            }),
            Task::Regression(_) => Predictions::Regression(RegressionPredictions {
                names,
                ..RegressionPredictions::default()
            }),
            Task::Heads(heads) => {
                let heads = heads.iter().map(|head| {
                    let decision = Decision {
                        positive: head.task.classes().len().saturating_sub(1),
                        ..self
                    };
                    (head.name.clone(), decision.none(&head.task))
                });
                Predictions::Heads(HeadPredictions {
                    heads: heads.collect(),
                    losses: Vec::new(),
                })
            }
        }
    }
}
