//! RandAugment (Cubuk and others, 2019) and TrivialAugment (Müller and Hutter, 2021): operations
//! drawn from a list.
//!
//! The list and the ranges are torchvision's. What differs: operations are carried out stage by stage
//! (steps on the whole image, one warp, one colour matrix) whatever the order in which they were
//! drawn; shear is about the centre; what lies beyond the edge is what `fill` says; images are
//! warped bilinearly, not by their nearest pixels.

use schemars::JsonSchema;
use serde::Deserialize;

use super::matrix::ColourStep;
use super::operation::Augment;
use super::sharpness::Sharpen;
use super::tones::Tone;
use super::{Affine, Change, Frame};
use crate::data::core::random::Rng;

/// Some operations from a list, all of one strength (torchvision's RandAugment).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandAugment {
    /// Operations a sample.
    #[schemars(range(min = 1, max = 14))]
    num_ops: usize,
    /// Their strength, 0-30.
    #[schemars(range(min = 0, max = 30))]
    magnitude: u8,
}

impl Default for RandAugment {
    fn default() -> Self {
        RandAugment {
            num_ops: 2,
            magnitude: 9,
        }
    }
}

/// One operation from a list, of a random strength (torchvision's TrivialAugmentWide).
#[derive(Debug, Deserialize, JsonSchema)]
pub struct TrivialAugment(bool);

impl Augment for RandAugment {
    fn uncovers(&self) -> bool {
        true
    }

    fn draw(&self, rng: &mut Rng, frame: Frame, change: &mut Change) {
        let strength = f64::from(self.magnitude) / f64::from(BINS);
        for _ in 0..self.num_ops {
            let operation = OPERATIONS[rng.below(OPERATIONS.len())];
            let (rows, columns) = (frame.height as f64, frame.width as f64);
            let ranges = Ranges {
                shear: 0.3,
                shift: [150.0 / 331.0 * rows, 150.0 / 331.0 * columns],
                rotation: 30.0,
                tone: 0.9,
                bits: 4.0,
            };
            add(operation, strength, &ranges, rng, change);
        }
    }
}

impl Augment for TrivialAugment {
    fn uncovers(&self) -> bool {
        true
    }

    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        if !self.0 {
            return;
        }
        let strength = rng.below(usize::from(BINS) + 1) as f64 / f64::from(BINS);
        let operation = OPERATIONS[rng.below(OPERATIONS.len())];
        let ranges = Ranges {
            shear: 0.99,
            shift: [32.0; 2],
            rotation: 135.0,
            tone: 0.99,
            bits: 6.0,
        };
        add(operation, strength, &ranges, rng, change);
    }
}

/// The highest strength.
const BINS: u8 = 30;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Nothing,
    ShearX,
    ShearY,
    ShiftX,
    ShiftY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    Autocontrast,
    Equalize,
}

const OPERATIONS: [Operation; 14] = [
    Operation::Nothing,
    Operation::ShearX,
    Operation::ShearY,
    Operation::ShiftX,
    Operation::ShiftY,
    Operation::Rotate,
    Operation::Brightness,
    Operation::Color,
    Operation::Contrast,
    Operation::Sharpness,
    Operation::Posterize,
    Operation::Solarize,
    Operation::Autocontrast,
    Operation::Equalize,
];

/// What the highest strength means.
struct Ranges {
    /// Pixels a pixel.
    shear: f64,
    /// Pixels, of rows and columns.
    shift: [f64; 2],
    /// Degrees.
    rotation: f64,
    /// How far the factors of the tones lie from 1.
    tone: f64,
    /// Bits that posterize takes.
    bits: f64,
}

fn add(operation: Operation, strength: f64, ranges: &Ranges, rng: &mut Rng, change: &mut Change) {
    let signed = if rng.uniform() < 0.5 {
        -strength
    } else {
        strength
    };
    let factor = 1.0 + signed * ranges.tone;
    match operation {
        Operation::Nothing => {}
        Operation::ShearX => {
            change.warp(Affine::linear([[1.0, 0.0], [signed * ranges.shear, 1.0]]));
        }
        Operation::ShearY => {
            change.warp(Affine::linear([[1.0, signed * ranges.shear], [0.0, 1.0]]));
        }
        Operation::ShiftX => change.warp(Affine::shift(0.0, signed * ranges.shift[1])),
        Operation::ShiftY => change.warp(Affine::shift(signed * ranges.shift[0], 0.0)),
        Operation::Rotate => change.warp(Affine::rotation(signed * ranges.rotation)),
        Operation::Brightness => change.colours.push(ColourStep::Brightness(factor)),
        Operation::Color => change.colours.push(ColourStep::Saturation(factor)),
        Operation::Contrast => change.colours.push(ColourStep::Contrast(factor)),
        Operation::Sharpness => change.image_steps.push(Box::new(Sharpen {
            factor: factor as f32,
        })),
        Operation::Posterize => {
            let bits = 8 - (strength * ranges.bits).round() as u8;
            change.image_steps.push(Box::new(Tone::Posterize(bits)));
        }
        Operation::Solarize => {
            let threshold = 255 - (strength * 255.0) as u8;
            change.image_steps.push(Box::new(Tone::Solarize(threshold)));
        }
        Operation::Autocontrast => change.image_steps.push(Box::new(Tone::Autocontrast)),
        Operation::Equalize => change.image_steps.push(Box::new(Tone::Equalize)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Purpose;

    const FRAME: Frame = Frame {
        height: 32,
        width: 32,
    };

    fn num_changes(change: &Change) -> usize {
        let warped = usize::from(change.map != Affine::IDENTITY);
        change.image_steps.len() + change.colours.len() + warped
    }

    #[test]
    fn as_many_operations_are_drawn_as_asked_for() {
        for seed in 0..300 {
            let mut rng = Rng::new(seed, Purpose::Augment, &[]);
            let mut change = Change::default();
            TrivialAugment(true).draw(&mut rng, FRAME, &mut change);
            assert!(num_changes(&change) <= 1, "{change:?}");
            let mut change = Change::default();
            RandAugment::default().draw(&mut rng, FRAME, &mut change);
            assert!(num_changes(&change) <= 2, "{change:?}");
        }
    }

    #[test]
    fn strength_0_keeps_the_geometry_and_the_bits() {
        let policy = RandAugment {
            num_ops: 14,
            magnitude: 0,
        };
        let mut change = Change::default();
        policy.draw(&mut Rng::new(1, Purpose::Augment, &[]), FRAME, &mut change);
        assert_eq!(change.map, Affine::IDENTITY);
        let words = format!("{:?}", change.image_steps);
        assert!(
            !words.contains("Posterize") || words.contains("Posterize(8)"),
            "{words}"
        );
    }
}
