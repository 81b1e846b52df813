//! Recall: of the samples of a class, the share that is predicted as such.

use super::Predictions;

/// The positive class's with two classes, else the macro average; `None` without samples.
pub fn recall(predictions: &Predictions) -> Option<f64> {
    let confusion = predictions.confusion();
    confusion.summary(predictions.positive, |class| class.recall)
}
