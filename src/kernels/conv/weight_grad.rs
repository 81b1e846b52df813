//! The gradient of weights and bias. For each filter the outputs through which a gradient passes
//! are listed as (place in the input, gradient); the weights' gradient is the sum of the input's
//! windows at those places, times the gradients. Split over filters; images are summed in order.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::pack::for_each_tap;
use super::{ConvShape, SHUT};

/// Gradients of a block's parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightGrad {
    /// `[filters, channels, rows, columns]`
    pub weight: Vec<f32>,
    /// `[filters]`
    pub bias: Vec<f32>,
}

/// Filters whose lists are made in one pass over the outputs.
const GROUP: usize = 8;

/// `grad` is the gradient of the block's output, `places` what the forward pass kept.
pub fn weight_grad(shape: &ConvShape, input: &[f32], grad: &[f32], places: &[u8]) -> WeightGrad {
    let arch = Arch::new();
    let stride = row_stride(shape);
    let rows = shape.kernel[0];
    let mut sums = vec![0.0f32; shape.filters * (rows * stride + 1)];
    sums.par_chunks_mut(GROUP * (rows * stride + 1))
        .enumerate()
        .for_each(|(group, sums)| {
            arch.dispatch(Group {
                shape,
                input,
                grad,
                places,
                first: group * GROUP,
                sums,
            });
        });
    let mut result = WeightGrad {
        weight: vec![0.0; shape.filters * shape.taps()],
        bias: vec![0.0; shape.filters],
    };
    let span = shape.kernel[1] * shape.channels;
    let filters = sums.chunks_exact(rows * stride + 1);
    for (bias, sums) in result.bias.iter_mut().zip(filters.clone()) {
        *bias = sums[rows * stride];
    }
    let filters: Vec<&[f32]> = filters.collect();
    for_each_tap(shape, |filter, tap, to| {
        result.weight[to] = filters[filter][tap / span * stride + tap % span];
    });
    result
}

/// Values of one kernel row, filled up to whole vectors of any width.
fn row_stride(shape: &ConvShape) -> usize {
    (shape.kernel[1] * shape.channels).next_multiple_of(16)
}

struct Group<'a> {
    shape: &'a ConvShape,
    input: &'a [f32],
    grad: &'a [f32],
    places: &'a [u8],
    first: usize,
    /// Of each filter the sums of its rows, then of its bias.
    sums: &'a mut [f32],
}

impl WithSimd for Group<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let shape = self.shape;
        let stride = row_stride(shape);
        let size = shape.kernel[0] * stride + 1;
        let count = GROUP.min(shape.filters - self.first);
        let cells = shape.out_image_len() / shape.filters.max(1);
        let mut lists: Vec<List> = (0..count).map(|_| List::new(cells)).collect();
        for image in 0..shape.batch {
            let input = &self.input[image * shape.image_len()..][..shape.image_len()];
            self.fill(image, &mut lists);
            for (list, sums) in lists.iter().zip(self.sums.chunks_exact_mut(size)) {
                sums[size - 1] += list.total();
                let window = Window {
                    span: shape.kernel[1] * shape.channels,
                    row_len: shape.width * shape.channels,
                    stride,
                };
                if shape.kernel[0] == 3 {
                    add_windows::<S, 3>(simd, input, list, &window, 0, sums);
                } else {
                    for row in 0..shape.kernel[0] {
                        add_windows::<S, 1>(simd, input, list, &window, row, sums);
                    }
                }
            }
        }
    }
}

/// Where gradients pass: the start of the window in the image, and the gradient.
struct List {
    entries: Vec<(u32, f32)>,
    len: usize,
}

impl List {
    fn new(capacity: usize) -> List {
        List {
            entries: vec![(0, 0.0); capacity + 1],
            len: 0,
        }
    }

    fn get(&self) -> &[(u32, f32)] {
        &self.entries[..self.len]
    }

    fn total(&self) -> f32 {
        self.get().iter().map(|(_, grad)| grad).sum()
    }
}

impl Group<'_> {
    /// Lists the passing gradients of one image.
    #[inline(always)]
    fn fill(&self, image: usize, lists: &mut [List]) {
        let shape = self.shape;
        let cell = shape.cell();
        let [rows, columns] = shape.out_size();
        let base = image * shape.out_image_len();
        lists.iter_mut().for_each(|list| list.len = 0);
        for row in 0..rows {
            for column in 0..columns {
                let from = base + (row * columns + column) * shape.filters + self.first;
                let grads = &self.grad[from..from + lists.len()];
                let places = &self.places[from..from + lists.len()];
                let corner = row * cell * shape.width + column * cell;
                for ((list, &grad), &place) in lists.iter_mut().zip(grads).zip(places) {
                    let inside = usize::from(place >> 1) * shape.width + usize::from(place & 1);
                    let at = (corner + inside) * shape.channels;
                    list.entries[list.len] = (at as u32, grad);
                    list.len += usize::from(place != SHUT && grad != 0.0);
                }
            }
        }
    }
}

/// How the rows of a kernel's window lie in the image and in the sums.
struct Window {
    /// Values of one row.
    span: usize,
    /// Values from one row to the next in the image.
    row_len: usize,
    /// Values from one row to the next in the sums.
    stride: usize,
}

/// `sums += gradient * window` over a list, for `R` rows of the window from `row` on, as many
/// vectors at a time as registers hold.
#[inline(always)]
fn add_windows<S: Simd, const R: usize>(
    simd: S,
    input: &[f32],
    list: &List,
    window: &Window,
    row: usize,
    sums: &mut [f32],
) {
    let lanes = S::F32_LANES;
    let mut from = 0;
    while from < window.span {
        let left = window.span - from;
        let whole = left / lanes;
        if whole >= 6 && (R == 1 || S::REGISTER_COUNT >= 32) {
            add_part::<S, R, 6>(simd, input, list, window, row, from, sums);
            from += 6 * lanes;
        } else if whole >= 3 {
            add_part::<S, R, 3>(simd, input, list, window, row, from, sums);
            from += 3 * lanes;
        } else if whole >= 1 {
            add_part::<S, R, 1>(simd, input, list, window, row, from, sums);
            from += lanes;
        } else {
            add_rest::<S, R>(simd, input, list, window, row, from, left, sums);
            from = window.span;
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)] // a kernel's inner step: the arguments are its registers
fn add_part<S: Simd, const R: usize, const V: usize>(
    simd: S,
    input: &[f32],
    list: &List,
    window: &Window,
    row: usize,
    from: usize,
    sums: &mut [f32],
) {
    let len = V * S::F32_LANES;
    let mut totals = [[simd.splat_f32s(0.0); V]; R];
    for (r, totals) in totals.iter_mut().enumerate() {
        let at = (row + r) * window.stride + from;
        let (vectors, _) = S::as_simd_f32s(&sums[at..at + len]);
        totals.copy_from_slice(vectors);
    }
    let start = row * window.row_len + from;
    for &(at, grad) in list.get() {
        let grad = simd.splat_f32s(grad);
        let part = &input[at as usize + start..][..(R - 1) * window.row_len + len];
        for (r, totals) in totals.iter_mut().enumerate() {
            let (vectors, _) = S::as_simd_f32s(&part[r * window.row_len..][..len]);
            for (total, vector) in totals.iter_mut().zip(vectors) {
                *total = simd.mul_add_e_f32s(grad, *vector, *total);
            }
        }
    }
    for (r, totals) in totals.iter().enumerate() {
        let at = (row + r) * window.stride + from;
        let (vectors, _) = S::as_mut_simd_f32s(&mut sums[at..at + len]);
        vectors.copy_from_slice(totals);
    }
}

/// The last values of the rows, fewer than a vector.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // a kernel's inner step: the arguments are its registers
fn add_rest<S: Simd, const R: usize>(
    simd: S,
    input: &[f32],
    list: &List,
    window: &Window,
    row: usize,
    from: usize,
    len: usize,
    sums: &mut [f32],
) {
    let mut totals = [simd.splat_f32s(0.0); R];
    for (r, total) in totals.iter_mut().enumerate() {
        let at = (row + r) * window.stride + from;
        *total = simd.partial_load_f32s(&sums[at..at + len]);
    }
    let start = row * window.row_len + from;
    for &(at, grad) in list.get() {
        let grad = simd.splat_f32s(grad);
        let part = &input[at as usize + start..][..(R - 1) * window.row_len + len];
        for (r, total) in totals.iter_mut().enumerate() {
            let values = simd.partial_load_f32s(&part[r * window.row_len..][..len]);
            *total = simd.mul_add_e_f32s(grad, values, *total);
        }
    }
    for (r, total) in totals.iter().enumerate() {
        let at = (row + r) * window.stride + from;
        simd.partial_store_f32s(&mut sums[at..at + len], *total);
    }
}
