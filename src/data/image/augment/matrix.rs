//! Brightness, contrast, saturation, hue and grey as one affine map of red, green and blue.

use crate::data::image::decode::pixels::Pixels;

const IDENTITY: ColourMatrix = [
    [1.0, 0.0, 0.0, 0.0],
    [0.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 1.0, 0.0],
];

/// The shares of red, green and blue in grey (ITU-R 601).
pub const GREY: [f64; 3] = [0.299, 0.587, 0.114];

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColourStep {
    /// `factor * x`
    Brightness(f64),
    /// `factor * x + (1 - factor) * m`, `m` the mean grey of the image
    Contrast(f64),
    /// `factor * x + (1 - factor) * g`, `g` the pixel's own grey
    Saturation(f64),
    /// A turn about the grey axis of the RGB cube, degrees: as a shift of HSV's hue at multiples of
    /// 120; in between it keeps the mean of red, green and blue.
    Hue(f64),
}

/// Red, green, blue: rows of (factor of red, of green, of blue, offset).
pub type ColourMatrix = [[f64; 4]; 3];

/// The product of all steps. Images of one channel have no saturation and no hue: those steps
/// leave them alone.
pub fn matrix(steps: &[ColourStep], image: &Pixels) -> ColourMatrix {
    let grey = if image.channels == 1 {
        [1.0, 0.0, 0.0]
    } else {
        GREY
    };
    let about_mean = |step: &ColourStep| matches!(step, ColourStep::Contrast(_));
    let mean = match steps.iter().any(about_mean) {
        true => channel_means(image),
        false => [0.0; 3],
    };
    steps.iter().fold(IDENTITY, |so_far, step| match *step {
        ColourStep::Brightness(factor) => blend(so_far, factor, [[0.0; 4]; 3]),
        ColourStep::Contrast(factor) => {
            let level: f64 = (0..3).map(|c| grey[c] * apply(&so_far[c], mean)).sum();
            blend(so_far, factor, [[0.0, 0.0, 0.0, level]; 3])
        }
        _ if image.channels == 1 => so_far,
        ColourStep::Saturation(factor) => {
            let row = [0, 1, 2, 3].map(|k| (0..3).map(|c| grey[c] * so_far[c][k]).sum());
            blend(so_far, factor, [row; 3])
        }
        ColourStep::Hue(degrees) => turn(so_far, degrees),
    })
}

/// One row of the map on a pixel.
pub fn apply(row: &[f64; 4], pixel: [f64; 3]) -> f64 {
    row[0] * pixel[0] + row[1] * pixel[1] + row[2] * pixel[2] + row[3]
}

/// `factor * matrix + (1 - factor) * other`
pub fn blend(matrix: ColourMatrix, factor: f64, other: ColourMatrix) -> ColourMatrix {
    let mut blended = matrix;
    for (row, other) in blended.iter_mut().zip(other) {
        for (value, other) in row.iter_mut().zip(other) {
            *value = factor * *value + (1.0 - factor) * other;
        }
    }
    blended
}

/// Rodrigues' formula about (1, 1, 1).
pub fn turn(matrix: ColourMatrix, degrees: f64) -> ColourMatrix {
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

fn channel_means(image: &Pixels) -> [f64; 3] {
    let mut sums = [0u64; 3];
    for pixel in image.bytes.chunks_exact(image.channels) {
        for (sum, &value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(value);
        }
    }
    sums.map(|sum| sum as f64 / (image.width * image.height) as f64)
}
