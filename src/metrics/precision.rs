//! Precision: of the samples predicted as a class, the share that is.

use super::Predictions;

/// The positive class's with two classes, else the macro average; `None` without samples.
pub fn precision(predictions: &Predictions) -> Option<f64> {
    let confusion = predictions.confusion();
    confusion.summary(predictions.positive, |class| class.precision)
}
