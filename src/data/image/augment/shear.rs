//! Shear, as Keras defines it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::operation::Augment;
use super::{Affine, Change, Frame};
use crate::data::core::random::Rng;

/// Shear by a random angle up to this many degrees, either way (in degrees, as Keras has it).
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Shear(#[schemars(range(min = 0, max = 89))] f64);

impl Augment for Shear {
    fn uncovers(&self) -> bool {
        true
    }

    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        change.warp(Affine::shear(rng.range(-self.0, self.0)));
    }
}
