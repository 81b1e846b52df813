//! The gradient of weights and bias of 3 x 3 kernels where no pooling leaves zeros in the gradient
//! of the output (a batch normalisation follows), by Winograd's minimal filtering turned round: from
//! `y = A' ((G w G') * (B' d B)) A` the gradient of `w` is `G' ((A g A') * (B' d B)) G`, summed over tiles of 2 x 2
//! outputs. A tile costs 16 multiplications a channel and filter in place of 36.
//!
//! Within fixed parts of the batch tiles are summed in order; the sums of the parts are added in order.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::gradient::{WeightGrad, add_parts};
use super::shape::ConvShape;
use super::winograd::winograd_fits;
use super::winograd_tile::{POINTS, load_tile, spread, tiles_at_a_time};
use crate::device::simd::{arch, load, num_lanes, store};
use crate::kernels::scratch::{Aligned, with_scratch};

/// Whether every output has a gradient, and the transform pays.
pub fn dense_fits(shape: &ConvShape) -> bool {
    !shape.pool && winograd_fits(shape)
}

/// Parts of the batch at most; they follow from the shape alone, so that the bits do not depend on the
/// number of threads.
const PARTS: usize = 8;

/// Sums of all parts at most: 32 MB.
const MAX_SUMS: usize = 8 << 20;

/// Transformed inputs at a time at most: they fit the second cache.
const MAX_TILES_LEN: usize = 160 << 10;

/// How the work is cut.
#[derive(Clone, Copy)]
struct Cut {
    /// Filters of a block: two vectors.
    block: usize,
    /// Channels, filled up to what is multiplied at a time.
    channels: usize,
    /// Tiles that are transformed at a time.
    tiles: usize,
}

impl Cut {
    fn sums_len(&self) -> usize {
        POINTS * self.channels * self.block
    }
}

/// `grad` is the gradient of the output.
pub fn dense_grad(shape: &ConvShape, input: &[f32], grad: &[f32]) -> WeightGrad {
    let arch = arch();
    let channels = shape.channels.next_multiple_of(tiles_at_a_time(arch));
    let cut = Cut {
        block: 2 * num_lanes(arch),
        channels,
        tiles: (MAX_TILES_LEN / POINTS / channels).clamp(24, 96),
    };
    let blocks = shape.filters.div_ceil(cut.block);
    let (sums_len, bias_len) = (blocks * cut.sums_len(), blocks * cut.block);
    let parts = (MAX_SUMS / sums_len).clamp(1, PARTS.min(shape.batch.max(1)));
    // Each filter sums on its own: how many share a task changes no bit.
    let group = blocks.div_ceil(rayon::current_num_threads().div_ceil(parts));
    let mut sums = Aligned::zeros(parts * sums_len);
    let mut bias = Aligned::zeros(parts * bias_len);
    sums.par_chunks_mut(sums_len)
        .zip(bias.par_chunks_mut(bias_len))
        .enumerate()
        .for_each(|(part, (sums, bias))| {
            let images = part * shape.batch / parts..(part + 1) * shape.batch / parts;
            sums.par_chunks_mut(group * cut.sums_len())
                .zip(bias.par_chunks_mut(group * cut.block))
                .enumerate()
                .for_each(|(index, (sums, bias))| {
                    let grads_len = POINTS * cut.tiles * cut.block;
                    let tiles_len = POINTS * cut.tiles * cut.channels;
                    with_scratch(grads_len + tiles_len, |scratch| {
                        // The gradients come first: they are whole cache lines.
                        let (grads, tiles) = scratch.split_at_mut(grads_len);
                        tiles.fill(0.0); // the channels that fill up
                        arch.dispatch(Group {
                            shape,
                            cut,
                            input,
                            grad,
                            images: images.clone(),
                            first: index * group,
                            grads,
                            tiles,
                            sums,
                            bias,
                        });
                    });
                });
        });
    add_parts(&mut sums, sums_len);
    add_parts(&mut bias, bias_len);
    let mut weight = vec![0.0; shape.filters * shape.taps()];
    weight
        .par_chunks_mut(shape.taps().max(1))
        .enumerate()
        .for_each(|(filter, weight)| {
            let sums = &sums[filter / cut.block * cut.sums_len()..][..cut.sums_len()];
            for (channel, kernel) in weight.as_chunks_mut::<9>().0.iter_mut().enumerate() {
                *kernel = transform_sums(std::array::from_fn(|point| {
                    sums[(point * cut.channels + channel) * cut.block + filter % cut.block]
                }));
            }
        });
    WeightGrad {
        weight,
        bias: bias[..shape.filters].to_vec(),
    }
}

/// `G' m G` with the rows of G `[1 0 0], [1 1 1] / 2, [1 -1 1] / 2, [0 0 1]`.
fn transform_sums(points: [f32; POINTS]) -> [f32; 9] {
    let squeeze = |[a, b, c, d]: [f32; 4]| {
        let half = 0.5 * (b + c);
        [a + half, 0.5 * (b - c), half + d]
    };
    let columns = [0, 1, 2, 3].map(|v| squeeze([0, 4, 8, 12].map(|u| points[u + v])));
    let rows = [0, 1, 2].map(|u| squeeze(columns.map(|column| column[u])));
    std::array::from_fn(|tap| rows[tap / 3][tap % 3])
}

/// Some blocks of filters, of some images.
struct Group<'a> {
    shape: &'a ConvShape,
    cut: Cut,
    input: &'a [f32],
    grad: &'a [f32],
    images: Range<usize>,
    /// The first block.
    first: usize,
    /// `[point][tile][filter of a block]`
    grads: &'a mut [f32],
    /// `[point][tile][channel]`
    tiles: &'a mut [f32],
    /// `[block][point][channel][filter of a block]`
    sums: &'a mut [f32],
    /// `[block][filter of a block]`
    bias: &'a mut [f32],
}

impl WithSimd for Group<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT >= 32 {
            self.run::<S, 12>(simd);
        } else {
            self.run::<S, 4>(simd);
        }
    }
}

impl Group<'_> {
    #[inline(always)]
    fn run<S: Simd, const P: usize>(mut self, simd: S) {
        let [rows, columns] = self.shape.out_size().map(|size| size.div_ceil(2));
        let count = self.images.len() * rows * columns;
        for first in (0..count).step_by(self.cut.tiles) {
            let num_tiles = self.cut.tiles.min(count - first);
            let place = |tile: usize| {
                let (row, column) = ((first + tile) / columns, (first + tile) % columns);
                (row / rows, [2 * (row % rows), 2 * column])
            };
            for tile in 0..num_tiles {
                self.transform_input::<S>(simd, tile, place(tile));
            }
            for block in 0..self.bias.len() / self.cut.block {
                for tile in 0..num_tiles {
                    self.transform_grad::<S>(simd, block, tile, place(tile));
                }
                for point in 0..POINTS {
                    for channel in (0..self.cut.channels).step_by(P) {
                        self.add::<S, P>(simd, block, point, channel, num_tiles);
                    }
                }
            }
        }
    }

    /// `B' d B` of one tile, for every channel.
    #[inline(always)]
    fn transform_input<S: Simd>(
        &mut self,
        simd: S,
        tile: usize,
        (image, place): (usize, [usize; 2]),
    ) {
        let shape = self.shape;
        let image = &self.input[(self.images.start + image) * shape.image_len()..];
        for channel in (0..shape.channels).step_by(S::F32_LANES) {
            let [a, b, c, d] = load_tile::<S>(simd, shape, image, place, channel);
            let a = spread::<S>(simd, a);
            let b = spread::<S>(simd, b);
            let c = spread::<S>(simd, c);
            let d = spread::<S>(simd, d);
            // Written out: as a loop, the arrays would live in memory.
            self.put_tile::<S>(simd, 0, tile, channel, [a[0], b[0], c[0], d[0]]);
            self.put_tile::<S>(simd, 1, tile, channel, [a[1], b[1], c[1], d[1]]);
            self.put_tile::<S>(simd, 2, tile, channel, [a[2], b[2], c[2], d[2]]);
            self.put_tile::<S>(simd, 3, tile, channel, [a[3], b[3], c[3], d[3]]);
        }
    }

    /// Transforms and stores column `v` of a tile.
    #[inline(always)]
    fn put_tile<S: Simd>(
        &mut self,
        simd: S,
        v: usize,
        tile: usize,
        channel: usize,
        column: [S::f32s; 4],
    ) {
        let channels = self.cut.channels;
        let end = (channel + S::F32_LANES).min(channels);
        for (u, value) in spread::<S>(simd, column).into_iter().enumerate() {
            let at = ((4 * u + v) * self.cut.tiles + tile) * channels;
            store::<S>(simd, &mut self.tiles[at + channel..at + end], value);
        }
    }

    /// `A g A'` of one tile, for the filters of a block; their bias sums the gradients.
    #[inline(always)]
    fn transform_grad<S: Simd>(
        &mut self,
        simd: S,
        block: usize,
        tile: usize,
        (image, [row, column]): (usize, [usize; 2]),
    ) {
        let shape = self.shape;
        let [rows, columns] = shape.out_size();
        let image = (self.images.start + image) * shape.out_image_len();
        for half in 0..2 {
            let lane = half * S::F32_LANES;
            let filter = (self.first + block) * self.cut.block + lane;
            let end = (filter + S::F32_LANES).min(shape.filters);
            let mut g = [[simd.splat_f32s(0.0); 2]; 2];
            for (u, g) in g.iter_mut().enumerate() {
                for (v, g) in g.iter_mut().enumerate() {
                    if row + u < rows && column + v < columns && filter < end {
                        let at = image + ((row + u) * columns + column + v) * shape.filters;
                        *g = load::<S>(simd, &self.grad[at + filter..at + end]);
                    }
                }
            }
            let [[a, b], [c, d]] = g;
            let bias = &mut self.bias[block * self.cut.block + lane..][..S::F32_LANES];
            let sum = simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d));
            let sum = simd.add_f32s(load::<S>(simd, bias), sum);
            store::<S>(simd, bias, sum);
            let (left, right) = (widen::<S>(simd, [a, c]), widen::<S>(simd, [b, d]));
            for (u, (left, right)) in left.into_iter().zip(right).enumerate() {
                for (v, value) in widen::<S>(simd, [left, right]).into_iter().enumerate() {
                    let at = ((4 * u + v) * self.cut.tiles + tile) * self.cut.block + lane;
                    store::<S>(simd, &mut self.grads[at..at + S::F32_LANES], value);
                }
            }
        }
    }

    /// Adds the products of one point of every tile, for `P` channels and a block of filters.
    #[inline(always)]
    fn add<S: Simd, const P: usize>(
        &mut self,
        simd: S,
        block: usize,
        point: usize,
        channel: usize,
        num_tiles: usize,
    ) {
        let Cut {
            channels, tiles, ..
        } = self.cut;
        let at = block * self.cut.sums_len() + (point * channels + channel) * self.cut.block;
        let (to, _) = S::as_mut_simd_f32s(&mut self.sums[at..at + P * self.cut.block]);
        let to = to.as_chunks_mut::<2>().0;
        let mut sums = [[simd.splat_f32s(0.0); 2]; P];
        sums.copy_from_slice(to);
        let grads = &self.grads[point * tiles * self.cut.block..][..num_tiles * self.cut.block];
        let pairs = S::as_simd_f32s(grads).0.as_chunks::<2>().0;
        let rows = &self.tiles[point * tiles * channels..][..num_tiles * channels];
        for (pair, row) in pairs.iter().zip(rows.chunks_exact(channels)) {
            let row = row[channel..].first_chunk::<P>();
            let row = row.expect("channels are filled up to whole chunks");
            for (sum, value) in sums.iter_mut().zip(row) {
                let value = simd.splat_f32s(*value);
                sum[0] = simd.mul_add_e_f32s(value, pair[0], sum[0]);
                sum[1] = simd.mul_add_e_f32s(value, pair[1], sum[1]);
            }
        }
        to.copy_from_slice(&sums);
    }
}

/// `A g` with the rows of A `[1 0], [1 1], [1 -1], [0 -1]`.
#[inline(always)]
fn widen<S: Simd>(simd: S, [a, b]: [S::f32s; 2]) -> [S::f32s; 4] {
    let zero = simd.splat_f32s(0.0);
    [
        a,
        simd.add_f32s(a, b),
        simd.sub_f32s(a, b),
        simd.sub_f32s(zero, b),
    ]
}
