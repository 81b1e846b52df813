//! Precision: of the samples predicted as a class, the share that is.

use super::Confusion;
use super::class_predictions::ClassPredictions;

/// The positive class's with two classes, else the macro average; `None` without samples.
pub fn precision(predictions: &ClassPredictions, confusion: &Confusion) -> Option<f64> {
    if confusion.num_classes() == 2 && !predictions.is_empty() {
        return Some(confusion.class(predictions.positive).precision);
    }
    precision_macro(predictions, confusion)
}

/// The mean over the classes, each counting the same.
pub fn precision_macro(_: &ClassPredictions, confusion: &Confusion) -> Option<f64> {
    confusion.macro_average(|class| class.precision)
}

/// Of the counts of all classes together: with one class a sample that is the accuracy, as in
/// scikit-learn.
pub fn precision_micro(_: &ClassPredictions, confusion: &Confusion) -> Option<f64> {
    confusion.hit_rate()
}

/// The mean over the classes, each counting as often as it has samples.
pub fn precision_weighted(_: &ClassPredictions, confusion: &Confusion) -> Option<f64> {
    confusion.weighted_average(|class| class.precision)
}
