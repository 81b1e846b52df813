//! Small matrix products on one thread: `C = A B` or `C += A B`, A read by strides, so that it may be
//! transposed.

use pulp::{Simd, WithSimd};

use crate::device::simd::{load, store};

/// One product.
pub struct Product<'a> {
    /// Rows of A and C, rows of B, columns of B and C.
    pub sizes: [usize; 3],
    /// A, with the steps from row to row and from column to column.
    pub a: &'a [f32],
    /// See `a`.
    pub a_steps: [usize; 2],
    /// B, row by row.
    pub b: &'a [f32],
    /// From row to row of B.
    pub b_step: usize,
    /// C, row by row.
    pub c: &'a mut [f32],
    /// From row to row of C.
    pub c_step: usize,
    /// Whether C is added to.
    pub add: bool,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [rows, _, columns] = self.sizes;
        let most = if S::REGISTER_COUNT >= 32 { 8 } else { 4 };
        let mut column = 0;
        while column < columns {
            let wide = columns - column >= 2 * S::F32_LANES;
            let mut row = 0;
            while row < rows {
                let many = rows - row >= most;
                match (many, wide, most) {
                    (true, true, 8) => self.tile::<S, 8, 2>(simd, row, column),
                    (true, true, _) => self.tile::<S, 4, 2>(simd, row, column),
                    (true, false, 8) => self.tile::<S, 8, 1>(simd, row, column),
                    (true, false, _) => self.tile::<S, 4, 1>(simd, row, column),
                    (false, true, _) => self.tile::<S, 1, 2>(simd, row, column),
                    (false, false, _) => self.tile::<S, 1, 1>(simd, row, column),
                }
                row += if many { most } else { 1 };
            }
            column += if wide { 2 * S::F32_LANES } else { S::F32_LANES };
        }
    }
}

impl Product<'_> {
    /// `N` rows, `V` vectors of columns (with `V = 1` perhaps not a whole one).
    #[inline(always)]
    fn tile<S: Simd, const N: usize, const V: usize>(
        &mut self,
        simd: S,
        row: usize,
        column: usize,
    ) {
        let [_, inner, columns] = self.sizes;
        let lanes = S::F32_LANES;
        let wide = lanes.min(columns - column);
        let mut sums = [[simd.splat_f32s(0.0); V]; N];
        if self.add {
            for (n, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    let at = (row + n) * self.c_step + column + v * lanes;
                    *sum = load::<S>(simd, &self.c[at..at + wide]);
                }
            }
        }
        let [row_step, step] = self.a_steps;
        for k in 0..inner {
            let mut vectors = [simd.splat_f32s(0.0); V];
            for (v, vector) in vectors.iter_mut().enumerate() {
                let at = k * self.b_step + column + v * lanes;
                *vector = load::<S>(simd, &self.b[at..at + wide]);
            }
            let from = row * row_step + k * step;
            for (n, sums) in sums.iter_mut().enumerate() {
                let value = simd.splat_f32s(self.a[from + n * row_step]);
                for (sum, vector) in sums.iter_mut().zip(&vectors) {
                    *sum = simd.mul_add_e_f32s(value, *vector, *sum);
                }
            }
        }
        for (n, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                let at = (row + n) * self.c_step + column + v * lanes;
                store::<S>(simd, &mut self.c[at..at + wide], *sum);
            }
        }
    }
}
