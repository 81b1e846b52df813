//! The trait of one augmentation: what it draws for a sample.

use std::fmt::Debug;

use super::change::{Change, Frame};
use crate::data::core::random::Rng;

/// One augmentation.
pub trait Augment: Debug + Send + Sync {
    /// Draws what is done to one sample and adds it to `change`.
    fn draw(&self, rng: &mut Rng, frame: Frame, change: &mut Change);

    /// Whether it may show what lies beyond the image's edge.
    fn uncovers(&self) -> bool {
        false
    }

    /// Whether it does nothing to grey images.
    fn needs_colour(&self) -> bool {
        false
    }
}
