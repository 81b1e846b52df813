//! Crops, as maps of the resized image: nothing is resized twice.

use schemars::JsonSchema;
use serde::Deserialize;

use super::operation::Augment;
use super::{Affine, Change, Frame};
use crate::data::core::random::Rng;

/// A random part of the image, stretched to the whole (torchvision's RandomResizedCrop, on the
/// resized image).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandomResizedCrop {
    /// The part's share of the area: between these two.
    #[schemars(inner(range(min = 0.001, max = 1)))]
    scale: [f64; 2],
    /// The part's width divided by its height, in pixels of the resized image: between these two.
    #[schemars(inner(range(min = 0.01, max = 100)))]
    ratio: [f64; 2],
}

impl Default for RandomResizedCrop {
    fn default() -> Self {
        RandomResizedCrop {
            scale: [0.08, 1.0],
            ratio: [3.0 / 4.0, 4.0 / 3.0],
        }
    }
}

/// A rectangle of whole pixels with a random share of the area and a random ratio (width by height,
/// uniform in its logarithm) at a random place; `None` if ten attempts do not fit.
pub fn random_box(
    rng: &mut Rng,
    frame: Frame,
    scale: [f64; 2],
    ratio: [f64; 2],
) -> Option<[usize; 4]> {
    let area = (frame.height * frame.width) as f64;
    for _ in 0..10 {
        let area = area * rng.range(scale[0], scale[1]);
        let ratio = rng.range(ratio[0].ln(), ratio[1].ln()).exp();
        let width = (area * ratio).sqrt().round() as usize;
        let height = (area / ratio).sqrt().round() as usize;
        if (1..=frame.width).contains(&width) && (1..=frame.height).contains(&height) {
            let row = rng.below(frame.height - height + 1);
            let column = rng.below(frame.width - width + 1);
            return Some([row, column, height, width]);
        }
    }
    None
}

impl Augment for RandomResizedCrop {
    fn uncovers(&self) -> bool {
        true
    }

    fn draw(&self, rng: &mut Rng, frame: Frame, change: &mut Change) {
        let (rows, columns) = (frame.height as f64, frame.width as f64);
        // torchvision falls back to the largest crop of a ratio; here that is the whole image.
        let Some(found) = random_box(rng, frame, self.scale, self.ratio) else {
            return;
        };
        let [row, column, height, width] = found.map(|value| value as f64);
        let centre = Affine::shift(
            row + height / 2.0 - rows / 2.0,
            column + width / 2.0 - columns / 2.0,
        );
        change.warp(centre.then(Affine::scale(height / rows, width / columns)));
    }
}

/// Pads each side by this many pixels (as `fill` says) and crops the old size at a random place.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct PadAndCrop(#[schemars(range(min = 0, max = 16384))] usize);

impl Augment for PadAndCrop {
    fn uncovers(&self) -> bool {
        true
    }

    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        let places = 2 * self.0 + 1;
        let mut shift = || rng.below(places) as f64 - self.0 as f64;
        change.warp(Affine::shift(shift(), shift()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Purpose;

    const FRAME: Frame = Frame {
        height: 20,
        width: 30,
    };

    #[test]
    fn a_crop_shows_its_own_pixels_only() {
        let crop = RandomResizedCrop::default();
        for seed in 0..100 {
            let mut change = Change::default();
            crop.draw(
                &mut Rng::new(seed, Purpose::Augment, &[]),
                FRAME,
                &mut change,
            );
            // The outer edges of the output's corner pixels lie inside the image.
            for axis in 0..2 {
                let half = [10.0, 15.0][axis];
                let scale = change.map.matrix[axis][axis];
                assert!(scale > 0.0 && scale <= 1.0, "{change:?}");
                let edge = change.map.offset[axis].abs() + half * scale;
                assert!(edge <= half + 1e-9, "{change:?}");
            }
        }
    }

    #[test]
    fn boxes_have_the_shares_and_ratios_asked_for() {
        let mut rng = Rng::new(1, Purpose::Augment, &[]);
        for _ in 0..100 {
            let found = random_box(&mut rng, FRAME, [0.2, 0.4], [0.5, 2.0]).expect("it fits");
            let [row, column, height, width] = found;
            assert!(row + height <= 20 && column + width <= 30, "{found:?}");
            let share = (height * width) as f64 / 600.0;
            assert!((0.15..0.46).contains(&share), "{found:?}");
        }
    }

    #[test]
    fn padding_and_cropping_shifts_by_whole_pixels() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let mut change = Change::default();
            let mut rng = Rng::new(seed, Purpose::Augment, &[]);
            PadAndCrop(2).draw(&mut rng, FRAME, &mut change);
            seen.insert(change.map.offset.map(|shift| shift as i32));
            assert_eq!(
                change.map,
                Affine::shift(change.map.offset[0].round(), change.map.offset[1].round())
            );
        }
        assert_eq!(seen.len(), 25, "every place comes up");
    }
}
