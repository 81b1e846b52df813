//! Zoom, each axis on its own.

use schemars::JsonSchema;
use serde::Deserialize;

use super::operation::Augment;
use super::{Affine, Change, Frame};
use crate::data::core::random::Rng;

/// Zoom of height and width, each by its own random factor in [1 - zoom, 1 + zoom]; a factor
/// under 1 magnifies.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Zoom(#[schemars(range(min = 0), extend("exclusiveMaximum" = 1))] f64);

impl Augment for Zoom {
    fn uncovers(&self) -> bool {
        true
    }

    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        let rows = rng.range(1.0 - self.0, 1.0 + self.0);
        let columns = rng.range(1.0 - self.0, 1.0 + self.0);
        change.warp(Affine::scale(rows, columns));
    }
}
