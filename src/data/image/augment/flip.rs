//! Mirroring with probability one half.

use schemars::JsonSchema;
use serde::Deserialize;

use super::operation::Augment;
use super::{Affine, Change, Frame};
use crate::data::core::random::Rng;

/// Mirror left and right in half of the cases.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct HorizontalFlip(bool);

/// Mirror top and bottom in half of the cases.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct VerticalFlip(bool);

fn sign(enabled: bool, rng: &mut Rng) -> f64 {
    if enabled && rng.uniform() < 0.5 {
        -1.0
    } else {
        1.0
    }
}

impl Augment for HorizontalFlip {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        change.warp(Affine::scale(1.0, sign(self.0, rng)));
    }
}

impl Augment for VerticalFlip {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        change.warp(Affine::scale(sign(self.0, rng), 1.0));
    }
}
