//! The stages of each row after the warp, while it is in the L1 cache: the colour matrix,
//! noise, erasing, and the scaling that makes it the net's input.

use super::change::{Change, Erased, Noise};
use super::matrix::ColourMatrix;
use super::warp::RowPass;
use crate::data::image::scale::Scale;

/// A whole number of pixels of 1 and of 3 channels, and of the machine's vectors.
const PERIOD: usize = 48;

/// The pass after the warp.
pub struct Finish {
    channels: usize,
    colour: Option<[[f32; 4]; 3]>,
    noise: Option<Noise>,
    erased: Option<Erased>,
    factor: [f32; PERIOD],
    offset: [f32; PERIOD],
}

impl Finish {
    /// What `change` says, with `colour` as the product of its steps; then `scale`.
    pub fn new(
        change: &Change,
        colour: Option<ColourMatrix>,
        scale: &Scale,
        channels: usize,
    ) -> Finish {
        let mut finish = Finish {
            channels,
            colour: colour.map(|rows| rows.map(|row| row.map(|value| value as f32))),
            noise: change.noise,
            erased: change.erased.clone(),
            factor: [0.0; PERIOD],
            offset: [0.0; PERIOD],
        };
        for index in 0..PERIOD {
            finish.offset[index] = scale.apply(0.0, index % channels);
            finish.factor[index] = scale.factor(index % channels);
        }
        finish
    }
}

impl RowPass for Finish {
    #[inline(always)]
    fn run(&self, row: usize, levels: &mut [f32]) {
        if let Some(matrix) = &self.colour {
            match self.channels {
                1 => grey(&matrix[0], levels),
                _ => colour(matrix, levels),
            }
        }
        if let Some(noise) = &self.noise {
            noise.add(row, levels);
        }
        if self.colour.is_some() || self.noise.is_some() {
            for level in levels.iter_mut() {
                *level = level.clamp(0.0, 255.0);
            }
        }
        if let Some(erased) = self.erased.as_ref().filter(|e| e.rows.contains(&row)) {
            let columns = &erased.columns;
            levels[columns.start * self.channels..columns.end * self.channels].fill(erased.level);
        }
        self.scale(levels);
    }
}

impl Finish {
    #[inline(always)]
    fn scale(&self, levels: &mut [f32]) {
        let mut blocks = levels.chunks_exact_mut(PERIOD);
        for block in &mut blocks {
            let pattern = self.factor.iter().zip(&self.offset);
            for (level, (factor, offset)) in block.iter_mut().zip(pattern) {
                *level = *level * factor + offset;
            }
        }
        for (index, level) in blocks.into_remainder().iter_mut().enumerate() {
            *level = *level * self.factor[index] + self.offset[index];
        }
    }
}

#[inline(always)]
fn grey(row: &[f32; 4], levels: &mut [f32]) {
    for level in levels {
        *level = *level * row[0] + row[3];
    }
}

#[inline(always)]
fn colour(matrix: &[[f32; 4]; 3], levels: &mut [f32]) {
    for pixel in levels.chunks_exact_mut(3) {
        let (red, green, blue) = (pixel[0], pixel[1], pixel[2]);
        for (row, value) in matrix.iter().zip(pixel) {
            *value = row[0] * red + row[1] * green + row[2] * blue + row[3];
        }
    }
}
