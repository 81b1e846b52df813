//! The source coordinates of the pixels of a row.

use super::Affine;

/// Where the pixels of an output row come from: `start + step * column`, `[row, column]`. The start
/// is computed anew for each row and rounded once, so nothing drifts.
pub struct Path {
    start: [f32; 2],
    step: [f32; 2],
    /// The last row and column, which have no neighbour below and to the right.
    last: [f32; 2],
    width: usize,
}

/// Places are kept nearer than this, to be whole numbers that add up: no image is as large. A row
/// that goes further (no augmentation has such a map) shows one place out there.
pub const FAR: f32 = 1e6;

impl Path {
    /// The path of row `row` of an output of this height and width.
    #[inline(always)]
    pub fn new([height, width]: [usize; 2], map: &Affine, row: usize) -> Path {
        let last = [height as f64 - 1.0, width as f64 - 1.0];
        let y = row as f64 - last[0] / 2.0;
        let mut path = Path {
            start: [0.0; 2],
            step: [0.0; 2],
            last: [last[0] as f32, last[1] as f32],
            width,
        };
        for axis in 0..2 {
            let [by_row, by_column] = map.matrix[axis];
            let first = by_row * y - by_column * (last[1] / 2.0);
            let start = (first + map.offset[axis] + last[axis] / 2.0) as f32;
            let step = by_column as f32;
            let end = start + step * path.last[1];
            (path.start[axis], path.step[axis]) = match start.abs() < FAR && end.abs() < FAR {
                true => (start, step),
                false => (FAR.copysign(start), 0.0),
            };
        }
        path
    }

    /// The row (axis 0) or column (axis 1) that column `column` of the output shows.
    #[inline(always)]
    pub fn at(&self, axis: usize, column: f32) -> f32 {
        self.start[axis] + self.step[axis] * column
    }

    /// The columns whose four neighbours lie inside: an estimate, then made exact.
    #[inline(always)]
    pub fn span(&self) -> (usize, usize) {
        let (mut low, mut high) = (0.0f32, self.width as f32);
        for axis in 0..2 {
            let (start, step, last) = (self.start[axis], self.step[axis], self.last[axis]);
            if step != 0.0 {
                let (a, b) = (-start / step, (last - start) / step);
                low = low.max(a.min(b) - 1.0);
                high = high.min(a.max(b) + 2.0);
            }
        }
        let (mut low, mut high) = (low as usize, high.max(0.0) as usize);
        while low < high && !self.is_inside(low) {
            low += 1;
        }
        while low < high && !self.is_inside(high - 1) {
            high -= 1;
        }
        let low = low.min(self.width);
        (low, high.clamp(low, self.width))
    }

    #[inline(always)]
    fn is_inside(&self, column: usize) -> bool {
        let (row, column) = (self.at(0, column as f32), self.at(1, column as f32));
        row >= 0.0 && row < self.last[0] && column >= 0.0 && column < self.last[1]
    }
}
