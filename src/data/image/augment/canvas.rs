//! The buffers of the warp: the source image, and what is kept between its stages.

use super::Affine;
use super::fill::{Fill, fold};
use super::path::{FAR, Path};
use crate::data::image::decode::pixels::Pixels;

/// Bytes that are read and written at once.
pub const WORD: usize = 4;

/// Bytes behind the image: a pixel of the fill value, and what is read beyond the last pixel.
pub const PAD: usize = 8;

/// An image that can be read a word at a time, and the room to warp it.
#[derive(Debug, Default)]
pub struct Canvas {
    /// Row after row, then a pixel of the fill value.
    pub bytes: Vec<u8>,
    /// Rows of pixels.
    pub height: usize,
    /// Pixels per row.
    pub width: usize,
    /// Values per pixel.
    pub channels: usize,
    /// Where each row and column begins, from the first that the warp needs on; those that show the
    /// fill value begin at its pixel.
    pub begins: [Vec<u32>; 2],
    /// One row between the stages.
    pub row: RowBuffers,
}

/// One row between the stages.
#[derive(Debug, Default)]
pub struct RowBuffers {
    /// The column of each value.
    pub columns: Vec<f32>,
    /// The row and column above left of each value's place.
    pub whole: [Vec<i32>; 2],
    /// Where that pixel begins in the image's bytes, if it and its neighbours lie inside.
    pub inside: Vec<u32>,
    /// How far the place lies from there, 0-1.
    pub share: [Vec<f32>; 2],
    /// Each value's neighbours above left, above right, below left, below right.
    pub taps: [Vec<u8>; 4],
}

impl Canvas {
    /// Takes a copy of an image.
    pub fn set(&mut self, image: &Pixels, fill: Fill) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&image.bytes);
        self.bytes.extend_from_slice(&[fill.value; PAD]);
        (self.height, self.width) = (image.height, image.width);
        self.channels = image.channels;
    }

    /// Makes room for the stages and fills the tables; the result is the row and column with which they
    /// begin.
    pub fn prepare(&mut self, map: &Affine, fill: Fill) -> [i32; 2] {
        let len = self.width * self.channels;
        let columns = (0..len).map(|at| (at / self.channels) as f32);
        self.row.columns.clear();
        self.row.columns.extend(columns);
        self.row
            .whole
            .iter_mut()
            .for_each(|whole| whole.resize(len, 0));
        self.row.inside.resize(len, 0);
        self.row
            .share
            .iter_mut()
            .for_each(|share| share.resize(len, 0.0));
        // A pixel is written as a word, whatever its length.
        self.row
            .taps
            .iter_mut()
            .for_each(|taps| taps.resize(len + WORD, 0));
        let size = [self.height, self.width];
        let lengths = [len, self.channels];
        let beyond = (self.height * len) as u32;
        let mut first = [0; 2];
        for axis in 0..2 {
            let corners = [0, self.height - 1].map(|row| {
                let path = Path::new([self.height, self.width], map, row);
                [path.at(axis, 0.0), path.at(axis, (self.width - 1) as f32)]
            });
            let corners = corners.as_flattened();
            let low = corners.iter().copied().fold(FAR, f32::min).floor() as i32 - 1;
            let high = corners.iter().copied().fold(-FAR, f32::max).floor() as i32 + 2;
            let begin = |at| match fold(at, size[axis] as i32, fill.mode) {
                Some(index) => (index * lengths[axis]) as u32,
                None => beyond,
            };
            self.begins[axis].clear();
            self.begins[axis].extend((low..=high).map(begin));
            first[axis] = low;
        }
        first
    }
}
