//! The gradient of weights and bias. For each filter the outputs through which a gradient passes
//! are listed as (place in the input, gradient); the weights' gradient is the sum of the input's
//! windows at those places, times the gradients.
//!
//! The image is taken in blocks that fit the first cache beside the sums of one filter. Split over
//! fixed parts of the batch, whose sums are added in order, and over filters.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::dense_grad::{dense_fits, dense_grad};
use super::outer_grad::outer_grad;
use super::pack::for_each_tap;
use super::patch_grad::{patch_grad, patches_fit};
use super::shape::{ConvShape, SHUT};
use crate::device::simd::{arch, load, num_lanes};
use crate::kernels::conv::gradient::{WeightGrad, add_parts, bias_grad, conv_grad};
use crate::kernels::scratch::{Aligned, with_scratch};

/// Where the block pools, `grad` is the gradient of its output and `places` what the forward pass kept; else `grad` is
/// the gradient of the convolution's own output, before the activation. The bias may be left out where it is not asked
/// for.
pub fn weight_grad(
    shape: &ConvShape,
    input: &[f32],
    grad: &[f32],
    places: &[u8],
    with_bias: bool,
) -> WeightGrad {
    if dense_fits(shape) {
        dense_grad(shape, input, grad)
    } else if !shape.pool {
        let bias = if with_bias {
            bias_grad(grad, shape.filters)
        } else {
            Vec::new()
        };
        let weight = outer_grad(shape, input, grad);
        WeightGrad { weight, bias }
    } else if shape.stride != [1, 1] {
        let grad = conv_grad(shape, grad, places);
        weight_grad(&shape.plain(), input, &grad, &[], with_bias)
    } else if patches_fit(shape) {
        patch_grad(shape, input, grad, places)
    } else {
        list_grad(shape, input, grad, places)
    }
}

/// Floats of the first cache that a block of the image may fill: the lists and sums come beside.
const BLOCK_LEN: usize = 6 << 10;

/// How an image is cut.
#[derive(Clone, Copy)]
struct Blocks {
    /// Cells of a block, downwards and across.
    cells: [usize; 2],
    /// Channels of a block: whole vectors.
    channels: usize,
    /// Blocks of channels.
    num_channel_blocks: usize,
}

impl Blocks {
    fn new(shape: &ConvShape, lanes: usize) -> Blocks {
        let vectors = if lanes >= 16 { 2 } else { 1 };
        let channels = lanes * vectors.min(shape.channels.div_ceil(lanes));
        let out = shape.out_size();
        // As many cells as fit, so that loading and storing the sums is rare.
        let fitting = |rows: usize| {
            let height = rows * shape.cell() + shape.kernel[0] - 1;
            let width = (BLOCK_LEN / channels / height).saturating_sub(shape.kernel[1] - 1);
            let most = ((CAPACITY - 1) / rows).min(out[1]).max(1);
            (width / shape.cell()).clamp(1, most)
        };
        let most = (1..=out[0].clamp(1, 8)).map(|rows| [rows, fitting(rows)]);
        let cells = most
            .max_by_key(|[rows, columns]| rows * columns)
            .unwrap_or([1, 1]);
        let even = |size: usize, most: usize| size.div_ceil(size.div_ceil(most).max(1)).max(1);
        Blocks {
            cells: [even(out[0], cells[0]), even(out[1], cells[1])],
            channels,
            num_channel_blocks: shape.channels.div_ceil(channels),
        }
    }

    /// Rows and columns of input under a block.
    fn input_size(&self, shape: &ConvShape) -> [usize; 2] {
        [0, 1].map(|axis| self.cells[axis] * shape.cell() + shape.kernel[axis] - 1)
    }

    /// Values of input under a block.
    fn len(&self, shape: &ConvShape) -> usize {
        let [height, width] = self.input_size(shape);
        height * width * self.channels
    }

    /// Values of the sums of one filter and one block of channels.
    fn sums_len(&self, shape: &ConvShape) -> usize {
        shape.kernel[0] * shape.kernel[1] * self.channels
    }
}

/// Parts of the batch at most; they follow from the shape alone, so that the bits do not depend on
/// the number of threads.
const PARTS: usize = 8;

/// Sums of all parts at most: 32 MB.
const MAX_SUMS: usize = 8 << 20;

/// Cells of a part at least: to add its sums takes a while.
const PART_CELLS: usize = 144;

fn list_grad(shape: &ConvShape, input: &[f32], grad: &[f32], places: &[u8]) -> WeightGrad {
    let arch = arch();
    let blocks = Blocks::new(shape, num_lanes(arch));
    let filter_len = blocks.num_channel_blocks * blocks.sums_len(shape);
    let cells = shape.out_len() / shape.filters.max(1);
    let most = (MAX_SUMS / (shape.filters * filter_len).max(1)).clamp(1, PARTS);
    let parts = (cells / PART_CELLS).clamp(1, most.min(shape.batch).max(1));
    // Each filter sums on its own: how many share a task changes no bit.
    let groups = rayon::current_num_threads().div_ceil(parts);
    let group = shape.filters.div_ceil(groups).next_multiple_of(8);
    let block_len = blocks.len(shape);
    let mut sums = Aligned::zeros(parts * shape.filters * filter_len);
    let mut bias = vec![0.0f32; parts * shape.filters];
    sums.par_chunks_mut((shape.filters * filter_len).max(1))
        .zip(bias.par_chunks_mut(shape.filters.max(1)))
        .enumerate()
        .for_each(|(part, (sums, bias))| {
            let images = part * shape.batch / parts..(part + 1) * shape.batch / parts;
            sums.par_chunks_mut(group * filter_len)
                .zip(bias.par_chunks_mut(group))
                .enumerate()
                .for_each(|(index, (sums, bias))| {
                    with_scratch(block_len, |block| {
                        arch.dispatch(Group {
                            shape,
                            blocks,
                            input,
                            grad,
                            places,
                            images: images.clone(),
                            first: index * group,
                            block,
                            sums,
                            bias,
                        });
                    });
                });
        });
    add_parts(&mut sums, shape.filters * filter_len);
    add_parts(&mut bias, shape.filters);
    bias.truncate(shape.filters);
    let mut weight = vec![0.0; shape.filters * shape.taps()];
    for_each_tap(shape, |filter, tap, to| {
        let (place, channel) = (tap / shape.channels, tap % shape.channels);
        let part = channel / blocks.channels * blocks.sums_len(shape);
        let at = place * blocks.channels + channel % blocks.channels;
        weight[to] = sums[filter * filter_len + part + at];
    });
    WeightGrad { weight, bias }
}

struct Group<'a> {
    shape: &'a ConvShape,
    blocks: Blocks,
    input: &'a [f32],
    grad: &'a [f32],
    places: &'a [u8],
    images: std::ops::Range<usize>,
    /// The first filter.
    first: usize,
    /// A part of the image, some of its channels: `[rows][columns][channels]`.
    block: &'a mut [f32],
    /// Of each filter and each block of channels the sums, `[rows][columns][channels]`.
    sums: &'a mut [f32],
    /// Of each filter.
    bias: &'a mut [f32],
}

impl WithSimd for Group<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [rows, columns] = self.shape.out_size();
        let cells = self.blocks.cells[0] * self.blocks.cells[1];
        let mut corners = Vec::with_capacity(cells);
        let mut lists: Vec<List> = self
            .bias
            .iter()
            .map(|_| List {
                entries: [(0, 0.0); CAPACITY],
                len: 0,
            })
            .collect();
        for image in self.images.clone() {
            for row in (0..rows).step_by(self.blocks.cells[0]) {
                for column in (0..columns).step_by(self.blocks.cells[1]) {
                    self.corners(image, [row, column], &mut corners);
                    self.fill(&corners, &mut lists);
                    for part in 0..self.blocks.num_channel_blocks {
                        self.copy::<S>(simd, image, [row, column], part);
                        self.add::<S>(simd, part, &lists);
                    }
                }
            }
        }
    }
}

/// Where gradients pass: the start of the window in the block, and the gradient.
struct List {
    entries: [(u32, f32); CAPACITY],
    len: usize,
}

/// Entries of a list: more than a block has cells.
const CAPACITY: usize = 64;

impl List {
    fn get(&self) -> &[(u32, f32)] {
        &self.entries[..self.len]
    }
}

impl Group<'_> {
    /// Of every cell of the block that begins at `from`: its outputs, and its corner in the block.
    #[inline(always)]
    fn corners(&mut self, image: usize, from: [usize; 2], corners: &mut Vec<(usize, usize)>) {
        let shape = self.shape;
        let [rows, columns] = shape.out_size();
        let [_, width] = self.blocks.input_size(shape);
        let base = image * shape.out_image_len();
        corners.clear();
        for row in from[0]..(from[0] + self.blocks.cells[0]).min(rows) {
            for column in from[1]..(from[1] + self.blocks.cells[1]).min(columns) {
                let at = base + (row * columns + column) * shape.filters + self.first;
                let (row, column) = (row - from[0], column - from[1]);
                corners.push((at, (row * width + column) * shape.cell()));
            }
        }
    }

    /// Lists the passing gradients of the block's cells.
    #[inline(always)]
    fn fill(&mut self, corners: &[(usize, usize)], lists: &mut [List]) {
        let width = self.blocks.input_size(self.shape)[1];
        for &(at, _) in corners {
            let grads = &self.grad[at..at + lists.len()];
            let places = &self.places[at..at + lists.len()];
            for ((bias, &grad), &place) in self.bias.iter_mut().zip(grads).zip(places) {
                *bias += if place == SHUT { 0.0 } else { grad };
            }
        }
        let channels = self.blocks.channels as u32;
        let mut inside = [0u32; 8];
        for (place, inside) in inside.iter_mut().enumerate().take(4) {
            *inside = (place as u32 / 2 * width as u32 + place as u32 % 2) * channels;
        }
        for (filter, list) in lists.iter_mut().enumerate() {
            let mut len = 0;
            for &(at, corner) in corners {
                let (place, grad) = (self.places[at + filter], self.grad[at + filter]);
                let at = corner as u32 * channels + inside[usize::from(place & 7)];
                list.entries[len % CAPACITY] = (at, grad);
                len += usize::from((place != SHUT) & (grad.to_bits() << 1 != 0));
            }
            list.len = len;
        }
    }

    /// Copies the block of the image, channels filled up with zeros.
    #[inline(always)]
    fn copy<S: Simd>(&mut self, simd: S, image: usize, from: [usize; 2], part: usize) {
        let shape = self.shape;
        let [height, width] = self.blocks.input_size(shape);
        let [top, left] = from.map(|cell| cell * shape.cell());
        let first = part * self.blocks.channels;
        let count = self.blocks.channels.min(shape.channels - first);
        let input = &self.input[image * shape.image_len()..][..shape.image_len()];
        for row in 0..height.min(shape.height - top) {
            let at = ((top + row) * shape.width + left) * shape.channels;
            let pixels = input[at..].chunks(shape.channels);
            let to = self.block[row * width * self.blocks.channels..]
                .chunks_exact_mut(self.blocks.channels)
                .take(width.min(shape.width - left));
            for (to, pixel) in to.zip(pixels) {
                let (vectors, _) = S::as_mut_simd_f32s(to);
                for (v, vector) in vectors.iter_mut().enumerate() {
                    let begin = v * S::F32_LANES;
                    let end = (begin + S::F32_LANES).min(count);
                    *vector = load::<S>(simd, &pixel[first + begin.min(end)..first + end]);
                }
            }
        }
    }

    /// Adds every list's windows to the sums of its filter.
    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S, part: usize, lists: &[List]) {
        let shape = self.shape;
        let len = self.blocks.sums_len(shape);
        let window = Window {
            span: shape.kernel[1] * self.blocks.channels,
            row_len: self.blocks.input_size(shape)[1] * self.blocks.channels,
        };
        let filters = self
            .sums
            .chunks_exact_mut(len * self.blocks.num_channel_blocks);
        for (list, sums) in lists.iter().zip(filters) {
            let sums = &mut sums[part * len..][..len];
            if shape.kernel[0] == 3 {
                add_windows::<S, 3>(simd, self.block, list, &window, 0, sums);
            } else {
                for row in 0..shape.kernel[0] {
                    add_windows::<S, 1>(simd, self.block, list, &window, row, sums);
                }
            }
        }
    }
}

/// How the rows of a kernel's window lie in the block.
struct Window {
    /// Values of one row: whole vectors.
    span: usize,
    /// Values from one row to the next in the block.
    row_len: usize,
}

/// `sums += gradient * window` over a list, for `R` rows of the window from `row` on, as many
/// vectors at a time as registers hold.
#[inline(always)]
fn add_windows<S: Simd, const R: usize>(
    simd: S,
    block: &[f32],
    list: &List,
    window: &Window,
    row: usize,
    sums: &mut [f32],
) {
    let lanes = S::F32_LANES;
    let mut from = 0;
    while from < window.span {
        let left = (window.span - from) / lanes;
        if left >= 6 && (R == 1 || S::REGISTER_COUNT >= 32) {
            add_part::<S, R, 6>(simd, block, list, window, row, from, sums);
            from += 6 * lanes;
        } else if left >= 3 {
            add_part::<S, R, 3>(simd, block, list, window, row, from, sums);
            from += 3 * lanes;
        } else {
            add_part::<S, R, 1>(simd, block, list, window, row, from, sums);
            from += lanes;
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)] // a kernel's inner step: the arguments are its registers
fn add_part<S: Simd, const R: usize, const V: usize>(
    simd: S,
    block: &[f32],
    list: &List,
    window: &Window,
    row: usize,
    from: usize,
    sums: &mut [f32],
) {
    let len = V * S::F32_LANES;
    let mut totals = [[simd.splat_f32s(0.0); V]; R];
    for (r, totals) in totals.iter_mut().enumerate() {
        let at = (row + r) * window.span + from;
        let (vectors, _) = S::as_simd_f32s(&sums[at..at + len]);
        totals.copy_from_slice(vectors);
    }
    let start = row * window.row_len + from;
    for &(at, grad) in list.get() {
        let grad = simd.splat_f32s(grad);
        let part = &block[at as usize + start..][..(R - 1) * window.row_len + len];
        for (r, totals) in totals.iter_mut().enumerate() {
            let (vectors, _) = S::as_simd_f32s(&part[r * window.row_len..][..len]);
            for (total, vector) in totals.iter_mut().zip(vectors) {
                *total = simd.mul_add_e_f32s(grad, *vector, *total);
            }
        }
    }
    for (r, totals) in totals.iter().enumerate() {
        let at = (row + r) * window.span + from;
        let (vectors, _) = S::as_mut_simd_f32s(&mut sums[at..at + len]);
        vectors.copy_from_slice(totals);
    }
}
