//! Shifts. Keras's `ImageDataGenerator` swaps the two axes (its issue 17398); here the width
//! shift moves along the width.

use schemars::JsonSchema;
use serde::Deserialize;

use super::operation::Augment;
use super::{Affine, Change, Frame};
use crate::data::core::random::Rng;

/// Shift to the left or right by up to this fraction of the width.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct WidthShift(#[schemars(range(min = 0, max = 1))] f64);

/// Shift up or down by up to this fraction of the height.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct HeightShift(#[schemars(range(min = 0, max = 1))] f64);

impl Augment for WidthShift {
    fn uncovers(&self) -> bool {
        true
    }

    fn draw(&self, rng: &mut Rng, frame: Frame, change: &mut Change) {
        change.warp(Affine::shift(
            0.0,
            rng.range(-self.0, self.0) * frame.width as f64,
        ));
    }
}

impl Augment for HeightShift {
    fn uncovers(&self) -> bool {
        true
    }

    fn draw(&self, rng: &mut Rng, frame: Frame, change: &mut Change) {
        change.warp(Affine::shift(
            rng.range(-self.0, self.0) * frame.height as f64,
            0.0,
        ));
    }
}
