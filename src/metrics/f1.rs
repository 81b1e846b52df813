//! F1: the harmonic mean of precision and recall.

use super::Predictions;

/// The positive class's with two classes, else the macro average; `None` without samples.
pub fn f1(predictions: &Predictions) -> Option<f64> {
    let confusion = predictions.confusion();
    confusion.summary(predictions.positive, |class| class.f1)
}
