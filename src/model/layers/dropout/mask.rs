//! Masks of dropout that hold for whole channels, or for all steps of a sequence.

use crate::data::{Purpose, Rng, hash_text};
use crate::model::graph::Training;

/// Masks of each sample of a batch, `[batch, gates, width]`: 0 for the share `rate`, else `1 / (1 -
/// rate)`; empty where nothing is dropped. They are a function of (seed, layer, what is dropped, epoch,
/// sample).
pub fn masks(
    layer: &str,
    what: &str,
    rate: f64,
    training: Option<&Training<'_>>,
    gates: usize,
    width: usize,
) -> Vec<f32> {
    let Some(training) = training.filter(|_| rate > 0.0) else {
        return Vec::new();
    };
    let keep = (1.0 / (1.0 - rate)) as f32;
    let layer = hash_text(&format!("{layer}.{what}"));
    let mut masks = Vec::with_capacity(training.ids.len() * gates * width);
    for &id in training.ids {
        let address = [layer, training.epoch, u64::from(id)];
        let mut rng = Rng::new(training.seed, Purpose::Dropout, &address);
        let values = 0..gates * width;
        masks.extend(values.map(|_| if rng.uniform() < rate { 0.0 } else { keep }));
    }
    masks
}
