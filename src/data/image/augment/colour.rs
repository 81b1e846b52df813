//! Brightness, contrast, saturation, hue and grey: steps that are affine in red, green and blue, and
//! are therefore multiplied into one matrix.
//!
//! The formulas are torchvision's `ColorJitter`'s but for the hue. Values are limited to 0-255 once,
//! after all steps, where torchvision limits them after each: the two differ where a step in between
//! leaves that range. Contrast is about the mean grey of the image before the warp. torchvision
//! shuffles the steps; here they have the order of the table.

use schemars::JsonSchema;
use serde::Deserialize;

use super::matrix::ColourStep;
use super::operation::Augment;
use super::{Change, Frame};
use crate::data::core::random::Rng;

/// Brightness: every value times a random factor in [1 - brightness, 1 + brightness].
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Brightness(#[schemars(range(min = 0, max = 1))] f64);

/// Contrast: differences from the image's mean grey times a random factor in [1 - contrast,
/// 1 + contrast].
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Contrast(#[schemars(range(min = 0, max = 1))] f64);

/// Saturation: differences from the pixel's own grey times a random factor in [1 - saturation,
/// 1 + saturation].
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Saturation(#[schemars(range(min = 0, max = 1))] f64);

/// Hue: turned by a random angle up to this many degrees, either way (torchvision's 0.1 is 36).
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Hue(#[schemars(range(min = 0, max = 180))] f64);

/// The probability with which an image loses its colours.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Grayscale(#[schemars(range(min = 0, max = 1))] f64);

fn factor(reach: f64, rng: &mut Rng) -> f64 {
    rng.range(1.0 - reach, 1.0 + reach)
}

impl Augment for Brightness {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        let step = ColourStep::Brightness(factor(self.0, rng));
        change.colours.push(step);
    }
}

impl Augment for Contrast {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        let step = ColourStep::Contrast(factor(self.0, rng));
        change.colours.push(step);
    }
}

impl Augment for Saturation {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        let step = ColourStep::Saturation(factor(self.0, rng));
        change.colours.push(step);
    }

    fn needs_colour(&self) -> bool {
        true
    }
}

impl Augment for Hue {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        let step = ColourStep::Hue(rng.range(-self.0, self.0));
        change.colours.push(step);
    }

    fn needs_colour(&self) -> bool {
        true
    }
}

impl Augment for Grayscale {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        if rng.uniform() < self.0 {
            change.colours.push(ColourStep::Saturation(0.0));
        }
    }

    fn needs_colour(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::matrix::{apply, matrix};
    use super::*;
    use crate::data::image::decode::pixels::Pixels;

    fn image(channels: usize, bytes: &[u8]) -> Pixels {
        Pixels {
            width: bytes.len() / channels,
            height: 1,
            channels,
            bytes: bytes.to_vec(),
        }
    }

    fn changed(steps: &[ColourStep], pixel: [f64; 3], all: &[u8]) -> [f64; 3] {
        let matrix = matrix(steps, &image(3, all));
        [0, 1, 2].map(|c| apply(&matrix[c], pixel))
    }

    fn assert_near(found: [f64; 3], expected: [f64; 3]) {
        let near = (0..3).all(|c| (found[c] - expected[c]).abs() < 0.02);
        assert!(near, "{found:?}, expected {expected:?}");
    }

    /// `torchvision.transforms.v2.functional.adjust_*` on floats, torchvision 0.29, at the pixel
    /// (100, 50, 200) of an image of two. (Its share of red in grey is 0.2989.)
    #[test]
    fn agrees_with_torchvision() {
        use ColourStep::{Brightness, Contrast, Saturation};
        let all = [100, 50, 200, 20, 40, 60];
        let check = |steps: &[ColourStep], expected: [f64; 3]| {
            assert_near(changed(steps, [100.0, 50.0, 200.0], &all), expected);
        };
        check(&[Brightness(1.2)], [120.0, 60.0, 240.0]);
        check(&[Contrast(0.5)], [79.5845, 54.5845, 129.5845]);
        check(&[Saturation(0.5)], [91.02, 66.02, 141.02]);
        check(&[Saturation(0.0)], [82.04; 3]);
        // The mean grey is that of the brighter image.
        let both = [Brightness(1.2), Contrast(0.5)];
        check(&both, [95.5014, 65.5014, 155.5015]);
    }

    #[test]
    fn a_third_of_a_turn_makes_red_green_and_grey_stays_grey() {
        let third = [ColourStep::Hue(120.0)];
        assert_near(
            changed(&third, [255.0, 0.0, 0.0], &[0; 3]),
            [0.0, 255.0, 0.0],
        );
        assert_near(
            changed(&third, [0.0, 255.0, 0.0], &[0; 3]),
            [0.0, 0.0, 255.0],
        );
        let hue = [ColourStep::Hue(17.0)];
        assert_near(changed(&hue, [90.0; 3], &[0; 3]), [90.0; 3]);
    }

    #[test]
    fn grey_images_have_brightness_and_contrast_only() {
        use ColourStep::{Brightness, Contrast, Hue, Saturation};
        let grey = image(1, &[100, 50]);
        let steps = [Brightness(2.0), Saturation(0.0), Hue(90.0), Contrast(0.5)];
        let row = matrix(&steps, &grey)[0];
        assert_eq!(row, [1.0, 0.0, 0.0, 75.0]);
    }
}
