//! Expected calibration error (Naeini and others, 2015; Guo and others, 2017): how far the net's
//! confidence is from how often it is right.

use super::Confusion;
use super::class_predictions::ClassPredictions;

const NUM_BINS: usize = 15;

/// Samples are put into 15 bins of equal width by the probability of their most probable class (the first
/// of equals, whatever `eval.threshold` says); the result is the mean over the samples of the
/// distance between a bin's mean probability and its accuracy. A bin holds its upper edge. `None`
/// without samples.
pub fn ece(predictions: &ClassPredictions, _: &Confusion) -> Option<f64> {
    // Of each bin the sum of (confidence - whether right): its samples' number cancels out.
    let mut gaps = [0.0f64; NUM_BINS];
    for sample in 0..predictions.len() {
        let row = predictions.row(sample);
        let top = super::class_predictions::largest(row);
        let confidence = f64::from(row[top]);
        let bin = (confidence * NUM_BINS as f64).ceil() as usize;
        let right = f64::from(u8::from(predictions.targets[sample] == top));
        gaps[bin.clamp(1, NUM_BINS) - 1] += confidence - right;
    }
    predictions.mean(gaps.iter().map(|gap| gap.abs()).sum())
}
