//! Perceptual hash (128 bits) and correlation of grey levels: find one photograph that was saved twice, in another
//! size or quality.
//!
//! The digest is the usual perceptual hash: the signs of the low frequencies (a discrete cosine
//! transform) of a small grey version, about their median. Images whose digests differ in a few bits
//! are candidates; the correlation of their grey levels decides.

use std::sync::LazyLock;

use crate::data::image::decode::pixels::Pixels;

/// Rows and columns of the small version.
const SIDE: usize = 32;
/// Frequencies along the rows and along the columns; the first of all (the mean) is left out.
const FREQUENCIES: [usize; 2] = [11, 12];

static COSINES: LazyLock<Vec<[f32; SIDE]>> = LazyLock::new(|| {
    let wave = |frequency: usize, at: usize| {
        let angle = std::f64::consts::PI * frequency as f64 * (at as f64 + 0.5) / SIDE as f64;
        angle.cos() as f32
    };
    (0..FREQUENCIES[1])
        .map(|frequency| std::array::from_fn(|at| wave(frequency, at)))
        .collect()
});

/// Grey levels, `[height, width]`.
fn grey(image: &Pixels) -> Vec<f32> {
    let weights: &[f32] = match image.channels {
        1 => &[1.0],
        _ => &[0.299, 0.587, 0.114],
    };
    let level = |pixel: &[u8]| -> f32 {
        let parts = pixel.iter().zip(weights);
        parts
            .map(|(value, weight)| f32::from(*value) * weight)
            .sum()
    };
    let pixels = image.bytes.chunks_exact(image.channels);
    pixels.map(level).collect()
}

/// The means of lines of `size` values over [`SIDE`] cells of equal width, each pixel counted by the
/// share of it that a cell covers.
fn cells(size: usize, value: impl Fn(usize) -> f32) -> [f32; SIDE] {
    let width = size as f32 / SIDE as f32;
    std::array::from_fn(|cell| {
        let (begin, end) = (cell as f32 * width, (cell + 1) as f32 * width);
        let pixels = begin as usize..(end.ceil() as usize).min(size);
        let covered = |pixel: usize| end.min(pixel as f32 + 1.0) - begin.max(pixel as f32);
        pixels
            .map(|pixel| covered(pixel) * value(pixel))
            .sum::<f32>()
            / width
    })
}

/// The means of the grey levels on a grid of [`SIDE`] x [`SIDE`] cells.
fn shrink(grey: &[f32], height: usize, width: usize) -> [[f32; SIDE]; SIDE] {
    let narrow: Vec<[f32; SIDE]> = grey
        .chunks_exact(width)
        .map(|line| cells(width, |x| line[x]))
        .collect();
    let mut grid = [[0.0; SIDE]; SIDE];
    for column in 0..SIDE {
        for (row, mean) in cells(height, |y| narrow[y][column]).into_iter().enumerate() {
            grid[row][column] = mean;
        }
    }
    grid
}

/// The digest.
pub fn look(image: &Pixels) -> u128 {
    let cells = shrink(&grey(image), image.height, image.width);
    let mut along_rows = [[0.0; SIDE]; FREQUENCIES[1]];
    for (frequency, cosines) in COSINES.iter().enumerate() {
        for (row, line) in cells.iter().enumerate() {
            along_rows[frequency][row] = line.iter().zip(cosines).map(|(x, c)| x * c).sum();
        }
    }
    let mut coefficients = Vec::with_capacity(FREQUENCIES[0] * FREQUENCIES[1]);
    for cosines in &COSINES[..FREQUENCIES[0]] {
        for line in &along_rows {
            let coefficient: f32 = line.iter().zip(cosines).map(|(x, c)| x * c).sum();
            coefficients.push(coefficient);
        }
    }
    let bits = &coefficients[1..129];
    let mut sorted = bits.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let median = sorted[sorted.len() / 2];
    bits.iter()
        .fold(0, |digest, &value| digest << 1 | u128::from(value > median))
}

/// The correlation of the grey levels of two images of one size, -1 to 1; 0 where one of them is flat.
pub fn similarity(one: &Pixels, other: &Pixels) -> f64 {
    let (one, other) = (grey(one), grey(other));
    let mean =
        |levels: &[f32]| levels.iter().map(|x| f64::from(*x)).sum::<f64>() / levels.len() as f64;
    let (mean_one, mean_other) = (mean(&one), mean(&other));
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (a, b) in one.iter().zip(&other) {
        let (a, b) = (f64::from(*a) - mean_one, f64::from(*b) - mean_other);
        both += a * b;
        first += a * a;
        second += b * b;
    }
    let norm = (first * second).sqrt();
    if norm > 0.0 { both / norm } else { 0.0 }
}

/// Whether no pixel differs from another by more than noise.
pub fn is_blank(image: &Pixels) -> bool {
    let channels = image.channels;
    let Some(first) = image.bytes.get(..channels) else {
        return true;
    };
    let near = |pixel: &[u8]| pixel.iter().zip(first).all(|(a, b)| a.abs_diff(*b) <= 3);
    image.bytes.chunks_exact(channels).all(near)
}

#[cfg(test)]
mod tests {
    use crate::data::image::audit::perceptual_hash::*;
    use crate::data::{Aspect, Filter, Purpose, Resizing, Rng};

    /// An image of waves, different for every number.
    pub fn waves(number: u64, side: usize) -> Pixels {
        let mut rng = Rng::new(number, Purpose::Synth, &[]);
        let waves: Vec<[f64; 4]> = (0..6)
            .map(|_| std::array::from_fn(|_| rng.range(-9.0, 9.0)))
            .collect();
        let mut bytes = Vec::new();
        for at in 0..side * side {
            let (y, x) = (
                (at / side) as f64 / side as f64,
                (at % side) as f64 / side as f64,
            );
            let sum: f64 = waves
                .iter()
                .map(|[a, b, c, d]| c * (a * x + b * y + d).sin())
                .sum();
            bytes.extend(
                [0.0, 9.0, -7.0].map(|more| (127.0 + 4.0 * sum + more).clamp(0.0, 255.0) as u8),
            );
        }
        Pixels {
            width: side,
            height: side,
            channels: 3,
            bytes,
        }
    }

    #[test]
    fn the_same_image_in_another_size_looks_the_same_and_another_does_not() {
        let large = waves(1, 200);
        let resizing = Resizing {
            size: [90, 90],
            filter: Filter::Bicubic,
            aspect: Aspect::Stretch,
            crop: 1.0,
            pad_value: 0,
        };
        let small = resizing.apply(&large).expect("a size");
        let same = (look(&large) ^ look(&small)).count_ones();
        assert!(same <= 8, "{same} bits");
        let direct = waves(1, 90);
        assert!(similarity(&small, &direct) > 0.995);
        for number in 2..30 {
            let other = waves(number, 200);
            let bits = (look(&large) ^ look(&other)).count_ones();
            assert!(bits > 20, "{bits} bits to {number}");
        }
    }

    #[test]
    fn noise_below_four_levels_is_blank() {
        let flat = |level: u8| Pixels {
            width: 2,
            height: 1,
            channels: 1,
            bytes: vec![100, level],
        };
        assert!(is_blank(&flat(103)) && !is_blank(&flat(104)));
    }
}
