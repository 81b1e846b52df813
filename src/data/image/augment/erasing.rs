//! Random erasing (Zhong and others, 2017).

use schemars::JsonSchema;
use serde::Deserialize;

use super::change::Erased;
use super::crop::random_box;
use super::operation::Augment;
use super::{Change, Frame};
use crate::data::core::random::Rng;

/// Paints a random rectangle over (torchvision's RandomErasing, whose ratio is height by width).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandomErasing {
    /// How often: a probability.
    #[schemars(range(min = 0, max = 1))]
    probability: f64,
    /// The rectangle's share of the area: between these two.
    #[schemars(inner(range(min = 0.001, max = 1)))]
    scale: [f64; 2],
    /// The rectangle's width divided by its height: between these two.
    #[schemars(inner(range(min = 0.01, max = 100)))]
    ratio: [f64; 2],
    /// The grey level it is painted with, 0-255.
    #[schemars(range(min = 0, max = 255))]
    value: u8,
}

impl Default for RandomErasing {
    fn default() -> Self {
        RandomErasing {
            probability: 0.5,
            scale: [0.02, 0.33],
            ratio: [0.3, 3.3],
            value: 0,
        }
    }
}

impl Augment for RandomErasing {
    fn draw(&self, rng: &mut Rng, frame: Frame, change: &mut Change) {
        if rng.uniform() >= self.probability {
            return;
        }
        let found = random_box(rng, frame, self.scale, self.ratio);
        if let Some([row, column, height, width]) = found {
            change.erased = Some(Erased {
                rows: row..row + height,
                columns: column..column + width,
                level: f32::from(self.value),
            });
        }
    }
}
