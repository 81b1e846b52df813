//! Sharpness, as Pillow's `ImageEnhance`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::change::{ImageStep, Spare};
use super::operation::Augment;
use super::{Change, Frame};
use crate::data::core::random::Rng;
use crate::data::image::decode::pixels::Pixels;

/// Differences from a slightly smoothed image times a random factor in [1 - sharpness,
/// 1 + sharpness].
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Sharpness(#[schemars(range(min = 0, max = 1))] f64);

impl Augment for Sharpness {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        let factor = rng.range(1.0 - self.0, 1.0 + self.0) as f32;
        change.image_steps.push(Box::new(Sharpen { factor }));
    }
}

/// `factor * x + (1 - factor) * s`, `s` the mean of a pixel and its neighbours in which it counts five
/// times. The outermost pixels stay as they are.
#[derive(Debug)]
pub struct Sharpen {
    /// 0 smooths, 1 changes nothing.
    pub factor: f32,
}

impl ImageStep for Sharpen {
    fn run(&self, image: &mut Pixels, spare: &mut Spare) {
        let Pixels {
            width,
            height,
            channels,
            ..
        } = *image;
        if width < 3 || height < 3 {
            return;
        }
        let len = width * channels;
        let before = &mut spare.bytes;
        before.clear();
        before.extend_from_slice(&image.bytes);
        for (row, line) in image.bytes.chunks_exact_mut(len).enumerate() {
            if row == 0 || row == height - 1 {
                continue;
            }
            let rows = [row - 1, row, row + 1].map(|row| &before[row * len..(row + 1) * len]);
            let inside = &mut line[channels..len - channels];
            for (at, value) in inside.iter_mut().enumerate() {
                let nine = rows.map(|row| {
                    u16::from(row[at])
                        + u16::from(row[at + channels])
                        + u16::from(row[at + 2 * channels])
                });
                let own = rows[1][at + channels];
                let smooth = f32::from(nine[0] + nine[1] + nine[2] + 4 * u16::from(own)) / 13.0;
                let level = smooth + self.factor * (f32::from(own) - smooth);
                *value = (level + 0.5) as u8; // saturates at 0 and 255
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_is_smoothed_or_sharpened() {
        let run = |factor| {
            let mut image = Pixels {
                width: 3,
                height: 3,
                channels: 1,
                bytes: vec![13, 13, 13, 13, 143, 13, 13, 13, 13],
            };
            Sharpen { factor }.run(&mut image, &mut Spare::default());
            image.bytes[4]
        };
        assert_eq!(run(0.0), 63); // (8 * 13 + 5 * 143) / 13
        assert_eq!(run(1.0), 143);
        assert_eq!(run(2.0), 223);
        assert_eq!(run(9.0), 255);
    }
}
