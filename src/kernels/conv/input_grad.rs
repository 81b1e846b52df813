//! The gradient of the input. Behind pooling most outputs have none: for each cell and each place in it,
//! the filters whose maximum lies there are summed in registers (gradient times weights) and added to the input's
//! gradient once. Filters and channels are taken in blocks whose weights stay in the first cache. Split over images,
//! and over channels where images are few. Elsewhere it is a convolution ([`turned_grad`]).

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::gradient::conv_grad;
use super::pack::for_each_tap;
use super::padding::window;
use super::shape::{ConvShape, SHUT};
use super::turned::turned_grad;
use crate::device::simd::{arch, load, num_lanes, store};
use crate::kernels::scratch::{Aligned, with_scratch, zeros};

/// Bytes of weights that are read over and over for a row of cells.
const BLOCK_BYTES: usize = 40 << 10;

/// Taps that are summed in registers at a time: the first of these that wastes least.
const TAPS: [usize; 3] = [9, 4, 1];

/// The gradient of the input without its padding, (begin, end) rows and columns. `grad` and `places` are as for
/// [`weight_grad`](super::weight_grad()).
pub fn input_grad(
    shape: &ConvShape,
    padding: [(usize, usize); 2],
    weight: &[f32],
    grad: &[f32],
    places: &[u8],
) -> Vec<f32> {
    if !shape.pool {
        return turned_grad(shape, padding, weight, grad);
    }
    if shape.stride != [1, 1] {
        let grad = conv_grad(shape, grad, places);
        return turned_grad(&shape.plain(), padding, weight, &grad);
    }
    let mut out = zeros(shape.input_len());
    list_grad(shape, weight, grad, places, &mut out);
    if padding == [(0, 0); 2] {
        return out;
    }
    let [(top, bottom), (left, right)] = padding;
    let sizes = [shape.batch, shape.height, shape.width, shape.channels];
    let size = [shape.height - top - bottom, shape.width - left - right];
    window(&out, sizes, [top as isize, left as isize], size)
}

/// Overwrites `out`, which has the shape of the padded input.
fn list_grad(shape: &ConvShape, weight: &[f32], grad: &[f32], places: &[u8], out: &mut [f32]) {
    let arch = arch();
    let lanes = num_lanes(arch);
    let packed = Packed::new(weight, shape, lanes);
    if shape.image_len() == 0 {
        return;
    }
    let blocks = shape.channels.div_ceil(lanes);
    let run = |image: usize, blocks: std::ops::Range<usize>, stride: usize, out: &mut [f32]| {
        let part = image * shape.out_image_len()..(image + 1) * shape.out_image_len();
        out.fill(0.0);
        arch.dispatch(Image {
            shape,
            weight: &packed,
            grad: &grad[part.clone()],
            places: &places[part],
            blocks,
            stride,
            out,
        });
    };
    if shape.batch >= rayon::current_num_threads() || blocks == 1 {
        out.par_chunks_mut(shape.image_len())
            .enumerate()
            .for_each(|(image, out)| run(image, 0..blocks, shape.channels, out));
        return;
    }
    // Fewer images than threads: channels are dealt out too, and put together after.
    let pixels = shape.height * shape.width;
    for (image, out) in out.chunks_exact_mut(shape.image_len()).enumerate() {
        with_scratch(blocks * pixels * lanes, |parts| {
            parts
                .par_chunks_mut(pixels * lanes)
                .enumerate()
                .for_each(|(block, part)| run(image, block..block + 1, lanes, part));
            let parts = &*parts;
            out.par_chunks_mut(shape.channels)
                .with_min_len(64)
                .enumerate()
                .for_each(|(pixel, out)| {
                    for (block, out) in out.chunks_mut(lanes).enumerate() {
                        let at = (block * pixels + pixel) * lanes;
                        out.copy_from_slice(&parts[at..at + out.len()]);
                    }
                });
        });
    }
}

/// Weights as `[block of channels][filter][tap, filled up][lane]`; a block is one vector.
struct Packed {
    values: Aligned,
    /// Taps, filled up to whole groups.
    taps: usize,
    /// Taps of a group.
    group: usize,
    /// Filters of a block.
    filters: usize,
}

impl Packed {
    fn new(weight: &[f32], shape: &ConvShape, lanes: usize) -> Packed {
        let taps = shape.kernel[0] * shape.kernel[1];
        let group = TAPS.into_iter().min_by_key(|&group| {
            // A group of one tap takes about twice as long for each.
            taps.next_multiple_of(group) * if group == 1 { 2 } else { 1 }
        });
        let group = if taps == 1 { 1 } else { group.unwrap_or(1) };
        let taps = taps.next_multiple_of(group);
        let filter_len = taps * lanes;
        let block_len = shape.filters * filter_len;
        let mut values = Aligned::zeros(shape.channels.div_ceil(lanes) * block_len);
        for_each_tap(shape, |filter, tap, source| {
            let (tap, channel) = (tap / shape.channels, tap % shape.channels);
            let at = channel / lanes * block_len + filter * filter_len + tap * lanes;
            values[at + channel % lanes] = weight[source];
        });
        let most = (BLOCK_BYTES / (4 * filter_len)).max(1);
        let blocks = shape.filters.div_ceil(most).max(1);
        Packed {
            values,
            taps,
            group,
            filters: shape.filters.div_ceil(blocks).max(1),
        }
    }
}

struct Image<'a> {
    shape: &'a ConvShape,
    weight: &'a Packed,
    grad: &'a [f32],
    places: &'a [u8],
    /// Blocks of channels, one vector each, that `out` has.
    blocks: std::ops::Range<usize>,
    /// Values of a pixel in `out`.
    stride: usize,
    out: &'a mut [f32],
}

/// The filters of one block whose gradient passes at each place of a row of cells.
struct Lists {
    /// `[cell][place][capacity]`: the start of the filter's weights in the block, and the gradient.
    entries: Vec<(u32, f32)>,
    /// `[cell][place]`
    lens: Vec<u32>,
    capacity: usize,
}

impl WithSimd for Image<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let shape = self.shape;
        let [rows, columns] = shape.out_size();
        let size = shape.cell() * shape.cell();
        let capacity = self.weight.filters + 1;
        let mut lists = Lists {
            entries: vec![(0, 0.0); columns * size * capacity],
            lens: vec![0; columns * size],
            capacity,
        };
        let block_len = shape.filters * self.weight.taps * S::F32_LANES;
        for first in (0..shape.filters).step_by(self.weight.filters) {
            let count = self.weight.filters.min(shape.filters - first);
            for row in 0..rows {
                self.fill::<S>(row, first, count, &mut lists);
                for block in self.blocks.clone() {
                    let weight = &self.weight.values[block * block_len..][..block_len];
                    if shape.kernel == [3, 3] && shape.pool && S::REGISTER_COUNT >= 32 {
                        self.slide::<S>(simd, weight, row, block * S::F32_LANES, &lists);
                    } else {
                        self.add_row::<S>(simd, weight, row, block * S::F32_LANES, &lists);
                    }
                }
            }
        }
    }
}

impl Image<'_> {
    /// Lists `count` filters from `first` on, for one row of cells.
    #[inline(always)]
    fn fill<S: Simd>(&self, row: usize, first: usize, count: usize, lists: &mut Lists) {
        let shape = self.shape;
        let columns = shape.out_size()[1];
        let size = shape.cell() * shape.cell();
        let filter_len = self.weight.taps * S::F32_LANES;
        let cells = lists.entries.chunks_exact_mut(size * lists.capacity);
        for (column, (entries, lens)) in cells.zip(lists.lens.chunks_exact_mut(size)).enumerate() {
            let from = (row * columns + column) * shape.filters + first;
            let grads = &self.grad[from..from + count];
            let places = &self.places[from..from + count];
            lens.fill(0);
            for (filter, (&grad, &place)) in grads.iter().zip(places).enumerate() {
                let list = usize::from(place) % size;
                let at = list * lists.capacity + lens[list] as usize;
                entries[at] = (((first + filter) * filter_len) as u32, grad);
                lens[list] += u32::from(place != SHUT && grad != 0.0);
            }
        }
    }

    /// The same as `add_row` for 3 x 3 kernels under 2 x 2 cells: the 4 x 4 pixels under a cell
    /// stay in registers for all of its places, and slide on to the next cell.
    #[inline(always)]
    fn slide<S: Simd>(
        &mut self,
        simd: S,
        weight: &[f32],
        row: usize,
        channel: usize,
        lists: &Lists,
    ) {
        let shape = self.shape;
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[zero; 4]; 4];
        let first = 2 * row * shape.width;
        let lens = lists.lens.as_chunks::<4>().0;
        for (column, lens) in lens.iter().enumerate() {
            let entries = &lists.entries[column * 4 * lists.capacity..][..4 * lists.capacity];
            let list = |place: usize| &entries[place * lists.capacity..][..lens[place] as usize];
            sum_at::<S, 0, 0>(simd, weight, list(0), &mut sums);
            sum_at::<S, 0, 1>(simd, weight, list(1), &mut sums);
            sum_at::<S, 1, 0>(simd, weight, list(2), &mut sums);
            sum_at::<S, 1, 1>(simd, weight, list(3), &mut sums);
            for (u, sums) in sums.iter_mut().enumerate() {
                let pixel = first + u * shape.width + 2 * column;
                self.add_at::<S>(simd, pixel, channel, sums[0]);
                self.add_at::<S>(simd, pixel + 1, channel, sums[1]);
                *sums = [sums[2], sums[3], zero, zero];
            }
        }
        for (u, sums) in sums.iter().enumerate() {
            let pixel = first + u * shape.width + 2 * lens.len();
            self.add_at::<S>(simd, pixel, channel, sums[0]);
            self.add_at::<S>(simd, pixel + 1, channel, sums[1]);
        }
    }

    /// Adds to one vector of channels of a pixel.
    #[inline(always)]
    fn add_at<S: Simd>(&mut self, simd: S, pixel: usize, channel: usize, sum: S::f32s) {
        let len = S::F32_LANES.min(self.shape.channels - channel);
        let at = pixel * self.stride + channel - self.blocks.start * S::F32_LANES;
        let to = &mut self.out[at..at + len];
        let before = load::<S>(simd, to);
        store::<S>(simd, to, simd.add_f32s(before, sum));
    }

    /// Adds the lists of a row of cells to one vector of channels of the windows under them.
    #[inline(always)]
    fn add_row<S: Simd>(
        &mut self,
        simd: S,
        weight: &[f32],
        row: usize,
        channel: usize,
        lists: &Lists,
    ) {
        let shape = self.shape;
        let cell = shape.cell();
        let size = cell * cell;
        for (index, &len) in lists.lens.iter().enumerate() {
            if len == 0 {
                continue;
            }
            let (column, place) = (index / size, index % size);
            let list = &lists.entries[index * lists.capacity..][..len as usize];
            let corner = (row * cell + place / cell) * shape.width + column * cell + place % cell;
            for tap in (0..self.weight.taps).step_by(self.weight.group) {
                match self.weight.group {
                    9 => self.add::<S, 9>(simd, weight, list, [corner, tap, channel]),
                    4 => self.add::<S, 4>(simd, weight, list, [corner, tap, channel]),
                    _ => self.add::<S, 1>(simd, weight, list, [corner, tap, channel]),
                }
            }
        }
    }

    /// Adds the sums over a list, of `T` taps from `first` on.
    #[inline(always)]
    fn add<S: Simd, const T: usize>(
        &mut self,
        simd: S,
        weight: &[f32],
        list: &[(u32, f32)],
        [corner, first, channel]: [usize; 3],
    ) {
        let mut sums = [simd.splat_f32s(0.0); T];
        for &(filter, grad) in list {
            let grad = simd.splat_f32s(grad);
            let from = filter as usize + first * S::F32_LANES;
            let (vectors, _) = S::as_simd_f32s(&weight[from..from + T * S::F32_LANES]);
            for (sum, vector) in sums.iter_mut().zip(vectors) {
                *sum = simd.mul_add_e_f32s(grad, *vector, *sum);
            }
        }
        let [rows, columns] = self.shape.kernel;
        for (index, &sum) in sums.iter().enumerate().take(rows * columns - first) {
            let tap = first + index;
            let pixel = corner + tap / columns * self.shape.width + tap % columns;
            self.add_at::<S>(simd, pixel, channel, sum);
        }
    }
}

/// Adds a list to the window at (`U`, `V`) of the 4 x 4 pixels under a cell.
#[inline(always)]
fn sum_at<S: Simd, const U: usize, const V: usize>(
    simd: S,
    weight: &[f32],
    list: &[(u32, f32)],
    sums: &mut [[S::f32s; 4]; 4],
) {
    let mut window = [simd.splat_f32s(0.0); 9];
    for (tap, sum) in window.iter_mut().enumerate() {
        *sum = sums[U + tap / 3][V + tap % 3];
    }
    for &(filter, grad) in list {
        let grad = simd.splat_f32s(grad);
        let weight = &weight[filter as usize..][..9 * S::F32_LANES];
        let (vectors, _) = S::as_simd_f32s(weight);
        for (sum, vector) in window.iter_mut().zip(vectors) {
            *sum = simd.mul_add_e_f32s(grad, *vector, *sum);
        }
    }
    for (tap, sum) in window.iter().enumerate() {
        sums[U + tap / 3][V + tap % 3] = *sum;
    }
}
