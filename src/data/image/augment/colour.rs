//! Brightness, contrast, saturation, hue and grey: steps that are affine in red, green and blue, and
//! are therefore multiplied into one matrix.
//!
//! The formulas are torchvision's `ColorJitter`'s but for the hue. Values are limited to 0-255 once,
//! after all steps, where torchvision limits them after each: the two differ where a step in between
//! leaves that range. Contrast is about the mean grey of the picture before the warp. torchvision
//! shuffles the steps; here they have the order of the table.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Augment, Change, Frame, Rng};
use crate::data::image::decode::pixels::Pixels;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColourStep {
    /// `factor * x`
    Brightness(f64),
    /// `factor * x + (1 - factor) * m`, `m` the mean grey of the picture
    Contrast(f64),
    /// `factor * x + (1 - factor) * g`, `g` the pixel's own grey
    Saturation(f64),
    /// A turn about the grey axis of the RGB cube, degrees: as a shift of HSV's hue at multiples of
    /// 120; in between it keeps the mean of red, green and blue.
    Hue(f64),
}

/// Red, green, blue: rows of (factor of red, of green, of blue, offset).
pub type ColourMatrix = [[f64; 4]; 3];

const IDENTITY: ColourMatrix = [
    [1.0, 0.0, 0.0, 0.0],
    [0.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 1.0, 0.0],
];

/// The shares of red, green and blue in grey (ITU-R 601).
const GREY: [f64; 3] = [0.299, 0.587, 0.114];

/// The product of all steps. Pictures of one channel have no saturation and no hue: those steps
/// leave them alone.
pub fn matrix(steps: &[ColourStep], picture: &Pixels) -> ColourMatrix {
    let grey = if picture.channels == 1 {
        [1.0, 0.0, 0.0]
    } else {
        GREY
    };
    let about_mean = |step: &ColourStep| matches!(step, ColourStep::Contrast(_));
    let mean = match steps.iter().any(about_mean) {
        true => channel_means(picture),
        false => [0.0; 3],
    };
    steps.iter().fold(IDENTITY, |so_far, step| match *step {
        ColourStep::Brightness(factor) => blend(so_far, factor, [[0.0; 4]; 3]),
        ColourStep::Contrast(factor) => {
            let level: f64 = (0..3).map(|c| grey[c] * apply(&so_far[c], mean)).sum();
            blend(so_far, factor, [[0.0, 0.0, 0.0, level]; 3])
        }
        _ if picture.channels == 1 => so_far,
        ColourStep::Saturation(factor) => {
            let row = [0, 1, 2, 3].map(|k| (0..3).map(|c| grey[c] * so_far[c][k]).sum());
            blend(so_far, factor, [row; 3])
        }
        ColourStep::Hue(degrees) => turn(so_far, degrees),
    })
}

fn apply(row: &[f64; 4], pixel: [f64; 3]) -> f64 {
    row[0] * pixel[0] + row[1] * pixel[1] + row[2] * pixel[2] + row[3]
}

/// `factor * matrix + (1 - factor) * other`
fn blend(matrix: ColourMatrix, factor: f64, other: ColourMatrix) -> ColourMatrix {
    let mut blended = matrix;
    for (row, other) in blended.iter_mut().zip(other) {
        for (value, other) in row.iter_mut().zip(other) {
            *value = factor * *value + (1.0 - factor) * other;
        }
    }
    blended
}

/// Rodrigues' formula about (1, 1, 1).
fn turn(matrix: ColourMatrix, degrees: f64) -> ColourMatrix {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (all, side) = ((1.0 - cos) / 3.0, sin / 3f64.sqrt());
    let mut turned = [[0.0; 4]; 3];
    for (c, row) in turned.iter_mut().enumerate() {
        for (k, value) in row.iter_mut().enumerate() {
            let (own, next, last) = (matrix[c][k], matrix[(c + 1) % 3][k], matrix[(c + 2) % 3][k]);
            *value = (cos + all) * own + (all - side) * next + (all + side) * last;
        }
    }
    turned
}

fn channel_means(picture: &Pixels) -> [f64; 3] {
    let mut sums = [0u64; 3];
    for pixel in picture.bytes.chunks_exact(picture.channels) {
        for (sum, &value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(value);
        }
    }
    sums.map(|sum| sum as f64 / (picture.width * picture.height) as f64)
}

/// Brightness: every value times a random factor in [1 - brightness, 1 + brightness].
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Brightness(#[schemars(range(min = 0, max = 1))] f64);

/// Contrast: differences from the picture's mean grey times a random factor in [1 - contrast,
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

/// The probability with which a picture loses its colours.
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
    use super::*;

    fn picture(channels: usize, bytes: &[u8]) -> Pixels {
        Pixels {
            width: bytes.len() / channels,
            height: 1,
            channels,
            bytes: bytes.to_vec(),
        }
    }

    fn changed(steps: &[ColourStep], pixel: [f64; 3], all: &[u8]) -> [f64; 3] {
        let matrix = matrix(steps, &picture(3, all));
        [0, 1, 2].map(|c| apply(&matrix[c], pixel))
    }

    fn assert_near(found: [f64; 3], expected: [f64; 3]) {
        let near = (0..3).all(|c| (found[c] - expected[c]).abs() < 0.02);
        assert!(near, "{found:?}, expected {expected:?}");
    }

    /// `torchvision.transforms.v2.functional.adjust_*` on floats, torchvision 0.29, at the pixel
    /// (100, 50, 200) of a picture of two. (Its share of red in grey is 0.2989.)
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
        // The mean grey is that of the brighter picture.
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
    fn grey_pictures_have_brightness_and_contrast_only() {
        use ColourStep::{Brightness, Contrast, Hue, Saturation};
        let grey = picture(1, &[100, 50]);
        let steps = [Brightness(2.0), Saturation(0.0), Hue(90.0), Contrast(0.5)];
        let row = matrix(&steps, &grey)[0];
        assert_eq!(row, [1.0, 0.0, 0.0, 75.0]);
    }
}
