//! The forward pass of 3 x 3 kernels by Winograd's minimal filtering, F(2 x 2, 3 x 3) (Lavin and
//! Gray, 2016): a tile of 2 x 2 outputs, which is just a cell of the pooling, costs 16
//! multiplications a channel in place of 36. In 32-bit floats it is as exact as the plain sum.
//!
//! A strip of tiles goes through three steps without leaving the second cache: transform of the
//! input, 16 matrix products, transform of the output with bias, activation and pooling.

use pulp::{Simd, WithSimd};

use super::finish::{Outputs, for_each_chunk, outputs_in_pieces, pad_bias};
use super::shape::ConvShape;
use super::winograd_tile::{
    POINTS, gather, load_tile, spread, tiles_at_a_time, transform_weights, words,
};
use crate::config::Precision;
use crate::device::simd::{arch, num_lanes, store};
use crate::kernels::bf16::{Operands, is_native, store_halves, tile};
use crate::kernels::scratch::with_scratch;

/// Channels from which on the transforms pay.
const MIN_CHANNELS: usize = 8;

/// Whether the transform pays.
pub fn winograd_fits(shape: &ConvShape) -> bool {
    shape.kernel == [3, 3]
        && shape.stride == [1, 1]
        && shape.channels >= MIN_CHANNELS
        && shape.filters >= MIN_CHANNELS
}

/// See [`forward`](super::forward()).
pub fn winograd(
    shape: &ConvShape,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    places: Option<&mut [u8]>,
    precision: Precision,
) -> Vec<f32> {
    let arch = arch();
    let lanes = num_lanes(arch);
    let packed = transform_weights(weight, shape, 2 * lanes, precision);
    let native = is_native();
    let padded_bias = pad_bias(bias, 2 * lanes);
    let [_, columns] = shape.out_size();
    let tile_columns = if shape.pool {
        columns
    } else {
        columns.div_ceil(2)
    };
    let cut = Cut::new(shape, tile_columns, tiles_at_a_time(arch));
    let products_len = POINTS * cut.block * 2 * lanes;
    let run = |index: usize, out: &mut [f32], places: Option<&mut [u8]>| {
        let (first, strip) = (index / cut.strips * cut.images, index % cut.strips);
        // One 32-bit word for each channel, or for each pair of them.
        let len = POINTS * cut.num_tiles * words(shape, precision);
        with_scratch(len + products_len, |scratch| {
            // The products come first: they are whole cache lines.
            let (products, tiles) = scratch.split_at_mut(products_len);
            let images = cut.images.min(shape.batch - first);
            arch.dispatch(Strip {
                shape,
                input: &input[first * shape.image_len()..][..images * shape.image_len()],
                first_row: strip * cut.tile_rows,
                tile_rows: cut.tile_rows,
                tile_columns,
                num_tiles: cut.num_tiles,
                precision,
                native,
                weight: &packed,
                tiles,
                products,
                outputs: Outputs {
                    shape,
                    bias: &padded_bias,
                    out,
                    places,
                },
            });
        });
    };
    // First by image, then by strip: the last strip of an image may be smaller.
    let (image_len, strip_len) = (cut.images * shape.out_image_len(), cut.strip_len(shape));
    outputs_in_pieces(shape.out_len(), image_len, places, |image, out, places| {
        for_each_chunk(out, places, strip_len, |strip, out, places| {
            run(image * cut.strips + strip, out, places);
        });
    })
}

/// How a batch is cut: large images into strips, small ones into groups.
struct Cut {
    /// Images of a task.
    images: usize,
    /// Rows of tiles of each image that a task takes.
    tile_rows: usize,
    /// Tasks of an image.
    strips: usize,
    /// Tiles that are multiplied at a time.
    block: usize,
    /// Tiles of a task, filled up to whole blocks.
    num_tiles: usize,
}

/// Tiles of a task at most: what they are transformed to fits the second cache.
const MAX_TILES: usize = 72;

impl Cut {
    /// Wastes little of the last block of a task.
    fn new(shape: &ConvShape, tile_columns: usize, block: usize) -> Cut {
        let [rows, _] = shape.out_size();
        let all_rows = if shape.pool { rows } else { rows.div_ceil(2) };
        let waste = |tiles: usize| {
            let tiles = tiles.max(1);
            (tiles.next_multiple_of(block) - tiles) * 1000 / tiles
        };
        let tiles = (all_rows * tile_columns).max(1);
        // Which images share a task changes no bit.
        let most = (shape.batch / rayon::current_num_threads()).clamp(1, 16);
        let images = (1..=(MAX_TILES / tiles).clamp(1, most))
            .min_by_key(|images| waste(images * tiles))
            .unwrap_or(1);
        let most = (MAX_TILES / tile_columns.max(1)).clamp(1, all_rows.max(1));
        let tile_rows = if tiles <= MAX_TILES {
            all_rows.max(1)
        } else {
            let best = (1..=most).min_by_key(|&rows| waste(rows * tile_columns));
            best.unwrap_or(1)
        };
        Cut {
            images,
            tile_rows,
            strips: all_rows.div_ceil(tile_rows).max(1),
            block,
            num_tiles: (images * tile_rows * tile_columns).next_multiple_of(block),
        }
    }

    /// Values of the output of a task.
    fn strip_len(&self, shape: &ConvShape) -> usize {
        if self.strips == 1 {
            return self.images * shape.out_image_len();
        }
        let out_rows = if shape.pool {
            self.tile_rows
        } else {
            2 * self.tile_rows
        };
        out_rows * shape.out_size()[1] * shape.filters
    }
}

/// Some rows of tiles of one image, or some whole images.
struct Strip<'a> {
    shape: &'a ConvShape,
    input: &'a [f32],
    /// The first row of tiles.
    first_row: usize,
    /// Rows of tiles of an image.
    tile_rows: usize,
    tile_columns: usize,
    /// Tiles, filled up to whole blocks.
    num_tiles: usize,
    precision: Precision,
    /// Whether the CPU multiplies pairs of bf16.
    native: bool,
    /// `[block][point][channel or pair][two vectors]`; pairs are bit patterns.
    weight: &'a [f32],
    /// `[point][tile][channel or pair]`
    tiles: &'a mut [f32],
    /// `[point][tile of a block][two vectors]`
    products: &'a mut [f32],
    outputs: Outputs<'a>,
}

impl WithSimd for Strip<'_> {
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

impl Strip<'_> {
    #[inline(always)]
    fn run<S: Simd, const P: usize>(mut self, simd: S) {
        let images = self.input.len() / self.shape.image_len();
        let count = images * self.tile_rows * self.tile_columns;
        for tile in 0..self.num_tiles {
            self.transform_input::<S>(simd, tile, tile < count);
        }
        let lanes = 2 * S::F32_LANES;
        let block_len = POINTS * words(self.shape, self.precision) * lanes;
        for (block, weight) in self.weight.chunks_exact(block_len).enumerate() {
            for first in (0..count).step_by(P) {
                for point in 0..POINTS {
                    match self.precision {
                        Precision::F32 => self.multiply::<S, P>(simd, weight, point, first),
                        Precision::Bf16 => {
                            self.multiply_pairs::<S, P>(simd, weight, point, first);
                        }
                    }
                }
                for tile in 0..P.min(count - first) {
                    for half in 0..2 {
                        let filter = block * lanes + half * S::F32_LANES;
                        if filter < self.shape.filters {
                            self.transform_output::<S, P>(simd, first, tile, half, filter);
                        }
                    }
                }
            }
        }
    }

    /// `B' d B` of one tile, for every channel; zeros where there is no such tile.
    #[inline(always)]
    fn transform_input<S: Simd>(&mut self, simd: S, tile: usize, exists: bool) {
        let shape = self.shape;
        let (image, row, column) = self.place(tile);
        let place = [2 * (self.first_row + row), 2 * column];
        let zero = simd.splat_f32s(0.0);
        for channel in (0..shape.channels).step_by(S::F32_LANES) {
            let mut d = [[zero; 4]; 4];
            if exists {
                let image = &self.input[image * shape.image_len()..];
                d = load_tile::<S>(simd, shape, image, place, channel);
            }
            let [a, b, c, d] = d;
            let a = spread::<S>(simd, a);
            let b = spread::<S>(simd, b);
            let c = spread::<S>(simd, c);
            let d = spread::<S>(simd, d);
            // Written out: as a loop, the arrays would live in memory.
            self.put::<S>(simd, 0, tile, channel, [a[0], b[0], c[0], d[0]]);
            self.put::<S>(simd, 1, tile, channel, [a[1], b[1], c[1], d[1]]);
            self.put::<S>(simd, 2, tile, channel, [a[2], b[2], c[2], d[2]]);
            self.put::<S>(simd, 3, tile, channel, [a[3], b[3], c[3], d[3]]);
        }
    }

    /// Transforms and stores column `v` of a tile.
    #[inline(always)]
    fn put<S: Simd>(
        &mut self,
        simd: S,
        v: usize,
        tile: usize,
        channel: usize,
        column: [S::f32s; 4],
    ) {
        let [a, b, c, d] = spread::<S>(simd, column);
        self.put_point::<S>(simd, v, tile, channel, a);
        self.put_point::<S>(simd, 4 + v, tile, channel, b);
        self.put_point::<S>(simd, 8 + v, tile, channel, c);
        self.put_point::<S>(simd, 12 + v, tile, channel, d);
    }

    #[inline(always)]
    fn put_point<S: Simd>(
        &mut self,
        simd: S,
        point: usize,
        tile: usize,
        channel: usize,
        value: S::f32s,
    ) {
        let channels = self.shape.channels;
        let tile = point * self.num_tiles + tile;
        if self.precision == Precision::F32 {
            let end = (channel + S::F32_LANES).min(channels);
            let at = tile * channels;
            store::<S>(simd, &mut self.tiles[at + channel..at + end], value);
        } else {
            let padded = channels.next_multiple_of(2);
            // The last vector also writes what fills up the pair.
            let last = channel + S::F32_LANES >= channels;
            let end = if last { padded } else { channel + S::F32_LANES };
            let at = tile * padded;
            let tiles: &mut [u16] = bytemuck::cast_slice_mut(self.tiles);
            store_halves::<S>(simd, &mut tiles[at + channel..at + end], value);
        }
    }

    /// One point of `P` tiles from `first` on, for two vectors of filters.
    #[inline(always)]
    fn multiply<S: Simd, const P: usize>(
        &mut self,
        simd: S,
        weight: &[f32],
        point: usize,
        first: usize,
    ) {
        let channels = self.shape.channels;
        let lanes = 2 * S::F32_LANES;
        let weight = &weight[point * channels * lanes..][..channels * lanes];
        let (pairs, _) = S::as_simd_f32s(weight).0.as_chunks::<2>();
        let tiles = &self.tiles[(point * self.num_tiles + first) * channels..][..P * channels];
        let rows: [&[f32]; P] = std::array::from_fn(|p| &tiles[p * channels..][..channels]);
        let mut sums = [[simd.splat_f32s(0.0); 2]; P];
        for (channel, pair) in pairs.iter().enumerate() {
            for (sum, row) in sums.iter_mut().zip(&rows) {
                // SAFETY: `channel < pairs.len() == channels`, and every row has length `channels`.
                let value = simd.splat_f32s(unsafe { *row.get_unchecked(channel) });
                sum[0] = simd.mul_add_e_f32s(value, pair[0], sum[0]);
                sum[1] = simd.mul_add_e_f32s(value, pair[1], sum[1]);
            }
        }
        let products = &mut self.products[point * P * lanes..][..P * lanes];
        let (to, _) = S::as_mut_simd_f32s(products);
        to.copy_from_slice(sums.as_flattened());
    }

    /// The same for pairs of bf16.
    #[inline(always)]
    fn multiply_pairs<S: Simd, const P: usize>(
        &mut self,
        simd: S,
        weight: &[f32],
        point: usize,
        first: usize,
    ) {
        let pairs = words(self.shape, self.precision);
        let lanes = 2 * S::F32_LANES;
        let weights = &weight[point * pairs * lanes..][..pairs * lanes];
        let mut at = [0; P];
        for (p, at) in at.iter_mut().enumerate() {
            *at = (point * self.num_tiles + first + p) * 2 * pairs;
        }
        let products = &mut self.products[point * P * lanes..][..P * lanes];
        products.fill(0.0);
        let operands = Operands {
            inputs: bytemuck::cast_slice(self.tiles),
            at,
            segments: 1,
            stride: 0,
            pairs,
            weights: bytemuck::cast_slice(weights),
        };
        tile::<S, P>(simd, self.native, &operands, products);
    }

    /// `A' m A` of one tile and one vector of filters, then what follows the convolution.
    #[inline(always)]
    fn transform_output<S: Simd, const P: usize>(
        &mut self,
        simd: S,
        first: usize,
        tile: usize,
        half: usize,
        filter: usize,
    ) {
        let (products, _) = S::as_simd_f32s(self.products);
        let at = |point: usize| products[(point * P + tile) * 2 + half];
        let [a0, a1] = gather::<S>(simd, [at(0), at(4), at(8), at(12)]);
        let [b0, b1] = gather::<S>(simd, [at(1), at(5), at(9), at(13)]);
        let [c0, c1] = gather::<S>(simd, [at(2), at(6), at(10), at(14)]);
        let [d0, d1] = gather::<S>(simd, [at(3), at(7), at(11), at(15)]);
        let values = [
            gather::<S>(simd, [a0, b0, c0, d0]),
            gather::<S>(simd, [a1, b1, c1, d1]),
        ];
        let (image, row, column) = self.place(first + tile);
        let out_rows = self.shape.out_size()[0];
        let image = image * out_rows;
        if self.shape.pool {
            let [[a, b], [c, d]] = values;
            self.finish::<S, _>(simd, &[a, b, c, d], image + row, column, filter);
            return;
        }
        for (u, values) in values.iter().enumerate() {
            let row = 2 * row + u;
            // A strip ends with the outputs it was given, an image of a group with its last row.
            if row >= out_rows {
                continue;
            }
            for (v, value) in values.iter().enumerate() {
                let column = 2 * column + v;
                self.finish::<S, _>(simd, &[*value], image + row, column, filter);
            }
        }
    }

    /// What follows the sums of one cell, where it lies inside.
    #[inline(always)]
    fn finish<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        sums: &[S::f32s; N],
        row: usize,
        column: usize,
        filter: usize,
    ) {
        let [_, columns] = self.shape.out_size();
        let cell = row * columns + column;
        if column < columns && cell * self.shape.filters < self.outputs.out.len() {
            self.outputs.finish::<S, _>(simd, sums, cell, filter);
        }
    }

    /// Image, row and column of a tile of the strip.
    #[inline(always)]
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (row, column) = (tile / self.tile_columns, tile % self.tile_columns);
        (row / self.tile_rows, row % self.tile_rows, column)
    }
}
