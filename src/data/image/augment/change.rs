//! The random change of one sample: filled in by the augmentations, then applied in one pass.

use std::fmt::Debug;
use std::ops::Range;

use super::Affine;
use super::matrix::ColourStep;
use crate::data::image::decode::pixels::Pixels;

/// The size of the images.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels per row.
    pub width: usize,
}

/// What is done to one sample, in this order: steps on the whole image, one warp, one colour
/// matrix, noise, erasing.
#[derive(Debug, Default)]
pub struct Change {
    /// Done to the image's bytes, one after the other.
    pub image_steps: Vec<Box<dyn ImageStep>>,
    /// From output to input pixels, `(row, column)` measured from the centre.
    pub map: Affine,
    /// Multiplied into one matrix.
    pub colours: Vec<ColourStep>,
    /// Added to every value.
    pub noise: Option<Noise>,
    /// Painted over.
    pub erased: Option<Erased>,
}

impl Change {
    /// Multiplies a map to those drawn so far; it is applied to the output's place before them.
    pub fn warp(&mut self, map: Affine) {
        self.map = self.map.then(map);
    }
}

/// A step that needs the whole image.
pub trait ImageStep: Debug {
    /// Changes the image, not its size.
    fn run(&self, image: &mut Pixels, spare: &mut Spare);
}

/// Buffers that steps may use; their content means nothing.
#[derive(Debug, Default)]
pub struct Spare {
    /// For pixels.
    pub bytes: Vec<u8>,
    /// For sums.
    pub floats: Vec<f32>,
}

/// Normally distributed noise.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// The standard deviation, grey levels.
    pub deviation: f32,
    /// Names the stream of random numbers.
    pub seed: u64,
}

/// A rectangle of one grey level.
#[derive(Clone, Debug)]
pub struct Erased {
    /// The rows.
    pub rows: Range<usize>,
    /// The columns.
    pub columns: Range<usize>,
    /// The grey level.
    pub level: f32,
}
