//! The forward pass and the gradient of the input: both gather a value's taps, channels along the vectors, several
//! columns at a time so that a weight is loaded once for all of them.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::shape::DepthwiseShape;
use super::taps::{Axis, Run, Tap};
use crate::device::simd::{arch, load, prefetch, store};
use crate::kernels::pointwise::Pointwise;
use crate::kernels::scratch::in_pieces;

/// The output, `[batch, height', width', channels]`.
pub fn forward(
    shape: &DepthwiseShape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    then: Pointwise,
) -> Vec<f32> {
    gather(shape, false, input, weight, bias, then)
}

/// The gradient of the input, from that of the output.
pub fn input_grad(shape: &DepthwiseShape, weight: &[f32], grad: &[f32]) -> Vec<f32> {
    gather(shape, true, grad, weight, None, Pointwise::Linear)
}

/// Values of a cache line.
const LINE: usize = 16;

/// Values of a piece at most: what is read for it and what is written fit the second cache.
const PIECE: usize = 48 << 10;

fn gather(
    shape: &DepthwiseShape,
    back: bool,
    from: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    then: Pointwise,
) -> Vec<f32> {
    let arch = arch();
    let (input, output) = (shape.size, shape.out_size());
    let (read, written) = if back {
        (output, input)
    } else {
        (input, output)
    };
    let [rows, columns] = [0, 1].map(|axis| Axis {
        from: read[axis],
        to: written[axis],
        kernel: shape.kernel[axis],
        stride: shape.stride[axis],
        before: shape.padding[axis].0,
        back,
    });
    let pass = Pass {
        from,
        weight: &by_tap(weight, shape),
        bias,
        then,
        channels: shape.channels,
        width: columns.from,
        kernel_columns: shape.kernel[1],
        runs: &columns.runs(),
    };
    let row_len = columns.to * shape.channels;
    let rows_of_piece = (PIECE / row_len.max(1)).clamp(1, rows.to.max(1));
    let len = shape.batch * rows.to * row_len;
    in_pieces(len, rows_of_piece * row_len, |piece, out| {
        for (index, out) in out.chunks_exact_mut(row_len).enumerate() {
            let index = piece * rows_of_piece + index;
            let (image, row) = (index / rows.to, index % rows.to);
            arch.dispatch(Row {
                pass: &pass,
                first: image * rows.from * pass.width * pass.channels,
                taps: &rows.taps(row),
                ahead: ahead(&rows, row),
                out,
            });
        }
    })
}

/// `[channels, 1, rows, columns]` to `[tap][channel]`.
fn by_tap(weight: &[f32], shape: &DepthwiseShape) -> Vec<f32> {
    let (taps, channels) = (shape.taps(), shape.channels);
    let mut turned = vec![0.0; weight.len()];
    for (channel, weight) in weight.chunks_exact(taps.max(1)).enumerate() {
        for (tap, &weight) in weight.iter().enumerate() {
            turned[tap * channels + channel] = weight;
        }
    }
    turned
}

/// The rows that are read for the next row that is written, but not for this one.
fn ahead(rows: &Axis, row: usize) -> Range<usize> {
    let last = |row: usize| {
        rows.taps(row)
            .iter()
            .map(|tap| tap.from + 1)
            .max()
            .unwrap_or(0)
    };
    let (now, next) = (last(row), if row + 1 < rows.to { last(row + 1) } else { 0 });
    now..next.max(now)
}

struct Pass<'a> {
    from: &'a [f32],
    /// `[tap][channel]`
    weight: &'a [f32],
    bias: Option<&'a [f32]>,
    then: Pointwise,
    channels: usize,
    /// Columns of what is read.
    width: usize,
    kernel_columns: usize,
    /// The columns that are written.
    runs: &'a [Run],
}

/// One row that is written.
struct Row<'a> {
    pass: &'a Pass<'a>,
    /// Where the image begins that is read.
    first: usize,
    taps: &'a [Tap],
    /// Rows that the next row will read: they are fetched meanwhile.
    ahead: Range<usize>,
    out: &'a mut [f32],
}

impl WithSimd for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut taps = Vec::new();
        for run in self.pass.runs {
            self.fill(run, &mut taps);
            let mut done = 0;
            while done < run.count {
                match run.count - done {
                    8.. => self.columns::<S, 8, 1>(simd, run, done, &taps),
                    4..8 => self.columns::<S, 4, 1>(simd, run, done, &taps),
                    _ => self.columns::<S, 1, 4>(simd, run, done, &taps),
                }
                done += match run.count - done {
                    8.. => 8,
                    4..8 => 4,
                    _ => 1,
                };
            }
        }
    }
}

impl Row<'_> {
    /// Of each tap of the run's first column where it begins in what is read, and in the weights.
    fn fill(&self, run: &Run, taps: &mut Vec<(usize, usize)>) {
        let pass = self.pass;
        taps.clear();
        for row in self.taps {
            for column in &run.taps {
                let from = row.from * pass.width + column.from;
                let weight = row.tap * pass.kernel_columns + column.tap;
                taps.push((self.first + from * pass.channels, weight * pass.channels));
            }
        }
    }

    /// `Q` columns of the run, `V` vectors of channels at a time.
    #[inline(always)]
    fn columns<S: Simd, const Q: usize, const V: usize>(
        &mut self,
        simd: S,
        run: &Run,
        done: usize,
        taps: &[(usize, usize)],
    ) {
        let channels = self.pass.channels;
        let lanes = S::F32_LANES;
        let mut channel = 0;
        while channel + V * lanes <= channels {
            self.tile::<S, Q, V, true>(simd, run, done, taps, channel..channel + V * lanes);
            channel += V * lanes;
        }
        while channel + lanes <= channels {
            self.tile::<S, Q, 1, true>(simd, run, done, taps, channel..channel + lanes);
            channel += lanes;
        }
        if channel < channels {
            self.tile::<S, Q, 1, false>(simd, run, done, taps, channel..channels);
        }
    }

    /// `WHOLE` says whether the channels are whole vectors.
    #[inline(always)]
    fn tile<S: Simd, const Q: usize, const V: usize, const WHOLE: bool>(
        &mut self,
        simd: S,
        run: &Run,
        done: usize,
        taps: &[(usize, usize)],
        at: Range<usize>,
    ) {
        let Pass {
            from,
            weight,
            bias,
            then,
            channels,
            ..
        } = *self.pass;
        let lanes = S::F32_LANES;
        let wide = if WHOLE { lanes } else { at.len() };
        let shift = run.shift * channels;
        let mut sums = [[simd.splat_f32s(0.0); V]; Q];
        if let Some(bias) = bias {
            for v in 0..V {
                let bias = load::<S>(simd, &bias[at.start + v * lanes..][..wide]);
                for sums in &mut sums {
                    sums[v] = bias;
                }
            }
        }
        self.fetch_ahead::<Q>(run, done, at.clone());
        let start = at.start + done * shift;
        for &(begin, tap) in taps {
            let part = &from[begin + start..][..(Q - 1) * shift + at.len()];
            let weight = &weight[tap + at.start..][..at.len()];
            for v in 0..V {
                let weight = load::<S>(simd, &weight[v * lanes..][..wide]);
                for (q, sums) in sums.iter_mut().enumerate() {
                    let x = q * shift + v * lanes;
                    // SAFETY: `part` ends with the last of the `at.len()` channels of column `Q - 1`: `V` whole
                    // vectors, or `wide` values where `V` is 1.
                    let x = unsafe { part.get_unchecked(x..x + wide) };
                    let x = load::<S>(simd, x);
                    sums[v] = simd.mul_add_e_f32s(x, weight, sums[v]);
                }
            }
        }
        for (q, sums) in sums.iter().enumerate() {
            let column = run.first + (done + q) * run.step;
            let to = &mut self.out[column * channels..][at.clone()];
            for (v, sum) in sums.iter().enumerate() {
                store::<S>(simd, &mut to[v * lanes..][..wide], then.of(simd, *sum));
            }
        }
    }

    /// Asks for what the next row reads below `Q` columns.
    #[inline(always)]
    fn fetch_ahead<const Q: usize>(&self, run: &Run, done: usize, at: Range<usize>) {
        let pass = self.pass;
        let Some(tap) = run.taps.first() else {
            return;
        };
        for row in self.ahead.clone() {
            let pixel = row * pass.width + tap.from + done * run.shift;
            for q in 0..Q * run.shift {
                let first = self.first + (pixel + q) * pass.channels;
                for at in at.clone().step_by(LINE) {
                    prefetch(pass.from, first + at);
                }
            }
        }
    }
}
