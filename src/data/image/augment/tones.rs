//! Tables of 256 grey levels, one a channel: posterize, solarize, equalize, autocontrast. All as in
//! Pillow's `ImageOps`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::change::{ImageStep, Spare};
use super::operation::Augment;
use super::{Change, Frame};
use crate::data::core::random::Rng;
use crate::data::image::decode::pixels::Pixels;

/// Keeps the highest bits of every value only, with a probability of one half: this many, 1-8.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Posterize(#[schemars(range(min = 1, max = 8))] u8);

/// Inverts the values of at least this grey level, with a probability of one half; 0-255.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Solarize(#[schemars(range(min = 0, max = 255))] u8);

/// The probability with which the grey levels of each channel are spread to be equally frequent.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Equalize(#[schemars(range(min = 0, max = 1))] f64);

/// The probability with which each channel is stretched to the whole range of grey levels.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Autocontrast(#[schemars(range(min = 0, max = 1))] f64);

impl Augment for Posterize {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        if rng.uniform() < 0.5 {
            change.image_steps.push(Box::new(Tone::Posterize(self.0)));
        }
    }
}

impl Augment for Solarize {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        if rng.uniform() < 0.5 {
            change.image_steps.push(Box::new(Tone::Solarize(self.0)));
        }
    }
}

impl Augment for Equalize {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        if rng.uniform() < self.0 {
            change.image_steps.push(Box::new(Tone::Equalize));
        }
    }
}

impl Augment for Autocontrast {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        if rng.uniform() < self.0 {
            change.image_steps.push(Box::new(Tone::Autocontrast));
        }
    }
}

/// A table of grey levels.
#[derive(Clone, Copy, Debug)]
pub enum Tone {
    /// Keeps so many bits.
    Posterize(u8),
    /// Inverts from this level on.
    Solarize(u8),
    /// Makes the levels equally frequent.
    Equalize,
    /// Stretches the levels to 0-255.
    Autocontrast,
}

impl Tone {
    /// The table for a channel of which `counts` values have each level.
    fn table(self, counts: &[u64; 256]) -> [u8; 256] {
        let level = |index: usize| index as u8;
        match self {
            Tone::Posterize(bits) => {
                let mask = !(0xFFu16 >> bits) as u8;
                std::array::from_fn(|i| level(i) & mask)
            }
            Tone::Solarize(threshold) => std::array::from_fn(|i| {
                let keep = i < usize::from(threshold);
                if keep { level(i) } else { 255 - level(i) }
            }),
            Tone::Equalize => equalized(counts),
            Tone::Autocontrast => {
                let low = counts.iter().position(|&n| n > 0).unwrap_or(0) as i64;
                let high = counts.iter().rposition(|&n| n > 0).unwrap_or(0) as i64;
                let stretched = |i: usize| (i as i64 - low) * 255 / (high - low);
                std::array::from_fn(|i| match high > low {
                    true => stretched(i).clamp(0, 255) as u8,
                    false => level(i),
                })
            }
        }
    }
}

fn equalized(counts: &[u64; 256]) -> [u8; 256] {
    let last = counts.iter().rev().find(|&&n| n > 0).copied().unwrap_or(0);
    let step = (counts.iter().sum::<u64>() - last) / 255;
    if step == 0 {
        return std::array::from_fn(|i| i as u8);
    }
    let mut below = step / 2;
    std::array::from_fn(|i| {
        let level = (below / step).min(255) as u8;
        below += counts[i];
        level
    })
}

impl ImageStep for Tone {
    fn run(&self, image: &mut Pixels, _: &mut Spare) {
        let channels = image.channels;
        let mut counts = [[0u64; 256]; 3];
        if matches!(self, Tone::Equalize | Tone::Autocontrast) {
            for pixel in image.bytes.chunks_exact(channels) {
                for (counts, &value) in counts.iter_mut().zip(pixel) {
                    counts[usize::from(value)] += 1;
                }
            }
        }
        let tables = counts.each_ref().map(|counts| self.table(counts));
        for pixel in image.bytes.chunks_exact_mut(channels) {
            for (table, value) in tables.iter().zip(pixel) {
                *value = table[usize::from(*value)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toned(tone: Tone, bytes: &[u8]) -> Vec<u8> {
        let mut image = Pixels {
            width: bytes.len(),
            height: 1,
            channels: 1,
            bytes: bytes.to_vec(),
        };
        tone.run(&mut image, &mut Spare::default());
        image.bytes
    }

    #[test]
    fn tables_are_those_of_pillow() {
        assert_eq!(
            toned(Tone::Posterize(2), &[0, 63, 64, 255]),
            [0, 0, 64, 192]
        );
        assert_eq!(toned(Tone::Posterize(8), &[0, 63, 255]), [0, 63, 255]);
        assert_eq!(
            toned(Tone::Solarize(128), &[0, 127, 128, 255]),
            [0, 127, 127, 0]
        );
        assert_eq!(toned(Tone::Autocontrast, &[50, 100, 150]), [0, 127, 255]);
        assert_eq!(toned(Tone::Autocontrast, &[50, 50]), [50, 50]);
    }

    #[test]
    fn equalized_levels_are_equally_frequent() {
        let bytes: Vec<u8> = (0..=255u8).flat_map(|i| [i / 4 + 90; 100]).collect();
        let found = toned(Tone::Equalize, &bytes);
        assert_eq!((found[0], found[25_599]), (0, 255));
        let expected = [
            0, 16, 33, 49, 65, 82, 98, 114, 131, 147, 163, 180, 196, 212, 229, 245,
        ];
        let every: Vec<u8> = found.iter().step_by(1600).copied().collect();
        assert_eq!(every, expected, "Pillow 13's `ImageOps.equalize`");
        let below = found.iter().filter(|&&level| level < 128).count();
        assert!((12_000..13_600).contains(&below), "{below} of 25,600");
    }
}
