//! Rotation about the centre.

use schemars::JsonSchema;
use serde::Deserialize;

use super::operation::Augment;
use super::{Affine, Change, Frame};
use crate::data::core::random::Rng;

/// Rotation by a random angle up to this many degrees, either way.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Rotation(#[schemars(range(min = 0, max = 180))] f64);

impl Augment for Rotation {
    fn uncovers(&self) -> bool {
        true
    }

    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        change.warp(Affine::rotation(rng.range(-self.0, self.0)));
    }
}
