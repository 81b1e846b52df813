//! Gaussian blur, in two passes.

use pulp::{Simd, WithSimd};
use schemars::JsonSchema;
use serde::Deserialize;

use super::change::{ImageStep, Spare};
use super::fill::{FillMode, fold};
use super::operation::Augment;
use super::{Change, Frame};
use crate::data::core::random::Rng;
use crate::data::image::decode::pixels::Pixels;
use crate::device::simd::arch;

/// Gaussian blur with a random sigma up to this many pixels.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Blur(#[schemars(range(min = 0, max = 100))] f64);

impl Augment for Blur {
    fn draw(&self, rng: &mut Rng, _: Frame, change: &mut Change) {
        let sigma = rng.range(0.0, self.0);
        change.image_steps.push(Box::new(Gaussian { sigma }));
    }
}

/// Blurs with one sigma, pixels; the image is mirrored at its edges. Sigmas below 0.1 change
/// nothing.
#[derive(Debug)]
pub struct Gaussian {
    /// Pixels.
    pub sigma: f64,
}

impl ImageStep for Gaussian {
    fn run(&self, image: &mut Pixels, spare: &mut Spare) {
        if self.sigma >= 0.1 {
            let kernel = kernel(self.sigma);
            arch().dispatch(Passes {
                kernel: &kernel,
                image,
                buffer: &mut spare.floats,
            });
        }
    }
}

/// Weights up to three sigmas either side; their sum is 1.
fn kernel(sigma: f64) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil() as i32;
    let weight = |at: i32| (-0.5 * (f64::from(at) / sigma).powi(2)).exp();
    let sum: f64 = (-reach..=reach).map(weight).sum();
    (-reach..=reach)
        .map(|at| (weight(at) / sum) as f32)
        .collect()
}

struct Passes<'a> {
    kernel: &'a [f32],
    image: &'a mut Pixels,
    buffer: &'a mut Vec<f32>,
}

impl WithSimd for Passes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Pixels {
            width,
            height,
            channels,
            ..
        } = *self.image;
        let bytes = &mut self.image.bytes;
        let reach = self.kernel.len() / 2;
        let len = width * channels;
        // The blurred rows, a row with its mirrored ends, a sum.
        self.buffer
            .resize((height + 2) * len + 2 * reach * channels, 0.0);
        let (rows, rest) = self.buffer.split_at_mut(height * len);
        let (sum, padded) = rest.split_at_mut(len);
        for (line, out) in bytes.chunks_exact(len).zip(rows.chunks_exact_mut(len)) {
            for (at, pixel) in padded.chunks_exact_mut(channels).enumerate() {
                let from = fold(at as i32 - reach as i32, width as i32, FillMode::Reflect);
                let from = from.unwrap_or(0) * channels;
                for (value, byte) in pixel.iter_mut().zip(&line[from..from + channels]) {
                    *value = f32::from(*byte);
                }
            }
            out.fill(0.0);
            for (tap, weight) in self.kernel.iter().enumerate() {
                add(out, &padded[tap * channels..tap * channels + len], *weight);
            }
        }
        for (row, line) in bytes.chunks_exact_mut(len).enumerate() {
            sum.fill(0.0);
            for (tap, weight) in self.kernel.iter().enumerate() {
                let at = (row + tap) as i32 - reach as i32;
                let from = fold(at, height as i32, FillMode::Reflect).unwrap_or(0) * len;
                add(sum, &rows[from..from + len], *weight);
            }
            for (byte, level) in line.iter_mut().zip(&*sum) {
                *byte = (level + 0.5) as u8;
            }
        }
    }
}

#[inline(always)]
fn add(sum: &mut [f32], from: &[f32], weight: f32) {
    for (sum, value) in sum.iter_mut().zip(from) {
        *sum += value * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blurred(image: &Pixels, sigma: f64) -> Vec<u8> {
        let mut image = image.clone();
        Gaussian { sigma }.run(&mut image, &mut Spare::default());
        image.bytes
    }

    /// `numpy.rint(scipy.ndimage.gaussian_filter(x, 1.0, truncate=3.0, mode="reflect"))`, SciPy 1.17.
    #[test]
    fn agrees_with_scipy() {
        let mut image = Pixels {
            width: 4,
            height: 3,
            channels: 1,
            bytes: vec![0, 0, 255, 0, 10, 20, 30, 40, 200, 0, 0, 100],
        };
        let expected = [22, 50, 77, 63, 48, 46, 55, 56, 88, 52, 42, 57];
        assert_eq!(blurred(&image, 1.0), expected);
        image.bytes = vec![77; 12];
        assert_eq!(
            blurred(&image, 3.0),
            [77; 12],
            "an even image stays as it is"
        );
        assert_eq!(blurred(&image, 0.0), [77; 12]);
    }
}
