//! The gradient of the input. For each cell and each place in it, the filters whose maximum lies
//! there are summed in registers (gradient times weights) and added to the input's gradient once.
//! Split over images.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::pack::{by_filter, num_lanes};
use super::{ConvShape, SHUT};

/// Adds to nothing: `out` is overwritten. `out` has the shape of the padded input.
pub fn input_grad(shape: &ConvShape, weight: &[f32], grad: &[f32], places: &[u8], out: &mut [f32]) {
    let arch = Arch::new();
    let lanes = num_lanes(arch);
    let packed = by_filter(weight, shape, lanes);
    if shape.image_len() == 0 {
        return;
    }
    out.par_chunks_mut(shape.image_len())
        .enumerate()
        .for_each(|(image, out)| {
            let part = image * shape.out_image_len()..(image + 1) * shape.out_image_len();
            out.fill(0.0);
            arch.dispatch(Image {
                shape,
                weight: &packed,
                grad: &grad[part.clone()],
                places: &places[part],
                out,
            });
        });
}

struct Image<'a> {
    shape: &'a ConvShape,
    weight: &'a [f32],
    grad: &'a [f32],
    places: &'a [u8],
    out: &'a mut [f32],
}

impl WithSimd for Image<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let shape = self.shape;
        let cell = shape.cell();
        let [rows, columns] = shape.out_size();
        let mut lists = vec![vec![(0u32, 0.0f32); shape.filters + 1]; cell * cell];
        let filter_len = self.weight.len() / shape.filters.max(1);
        for row in 0..rows {
            for column in 0..columns {
                let from = (row * columns + column) * shape.filters;
                let mut lens = [0usize; 4];
                let grads = &self.grad[from..from + shape.filters];
                let places = &self.places[from..from + shape.filters];
                for (filter, (&grad, &place)) in grads.iter().zip(places).enumerate() {
                    let list = usize::from(place & 3) % lists.len();
                    lists[list][lens[list]] = ((filter * filter_len) as u32, grad);
                    lens[list] += usize::from(place != SHUT && grad != 0.0);
                }
                for (place, list) in lists.iter().enumerate() {
                    let corner =
                        (row * cell + place / cell) * shape.width + column * cell + place % cell;
                    self.add::<S>(simd, &list[..lens[place]], corner);
                }
            }
        }
    }
}

impl Image<'_> {
    /// Adds the filters of `list` to the window whose first pixel is `corner`.
    #[inline(always)]
    fn add<S: Simd>(&mut self, simd: S, list: &[(u32, f32)], corner: usize) {
        if list.is_empty() {
            return;
        }
        let shape = self.shape;
        let lanes = S::F32_LANES;
        let mut channel = 0;
        while channel < shape.channels {
            let vectors = (shape.channels - channel).div_ceil(lanes);
            if shape.kernel == [3, 3] && S::REGISTER_COUNT >= 32 && vectors >= 2 {
                self.add_channels::<S, 2, 9>(simd, list, corner, channel);
                channel += 2 * lanes;
            } else if shape.kernel == [3, 3] {
                self.add_channels::<S, 1, 9>(simd, list, corner, channel);
                channel += lanes;
            } else {
                self.add_tap_by_tap::<S>(simd, list, corner, channel);
                channel += lanes;
            }
        }
    }

    /// `V` vectors of channels of all `T` taps at once.
    #[inline(always)]
    fn add_channels<S: Simd, const V: usize, const T: usize>(
        &mut self,
        simd: S,
        list: &[(u32, f32)],
        corner: usize,
        channel: usize,
    ) {
        let shape = self.shape;
        let lanes = S::F32_LANES;
        let padded = shape.channels.next_multiple_of(lanes);
        let zero = simd.splat_f32s(0.0);
        let mut sums = [[zero; V]; T];
        for &(filter, grad) in list {
            let grad = simd.splat_f32s(grad);
            let weight = &self.weight[filter as usize..][..T * padded];
            let (vectors, _) = S::as_simd_f32s(weight);
            let vectors = &vectors[channel / lanes..];
            let per_tap = padded / lanes;
            for (tap, sums) in sums.iter_mut().enumerate() {
                for v in 0..V {
                    sums[v] = simd.mul_add_e_f32s(grad, vectors[tap * per_tap + v], sums[v]);
                }
            }
        }
        for (tap, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                self.store::<S>(simd, corner, tap, channel + v * lanes, *sum);
            }
        }
    }

    #[inline(always)]
    fn add_tap_by_tap<S: Simd>(
        &mut self,
        simd: S,
        list: &[(u32, f32)],
        corner: usize,
        channel: usize,
    ) {
        let shape = self.shape;
        let padded = shape.channels.next_multiple_of(S::F32_LANES);
        for tap in 0..shape.kernel[0] * shape.kernel[1] {
            let mut sum = simd.splat_f32s(0.0);
            for &(filter, grad) in list {
                let from = filter as usize + tap * padded + channel;
                let weight = simd.partial_load_f32s(&self.weight[from..from + S::F32_LANES]);
                sum = simd.mul_add_e_f32s(simd.splat_f32s(grad), weight, sum);
            }
            self.store::<S>(simd, corner, tap, channel, sum);
        }
    }

    #[inline(always)]
    fn store<S: Simd>(&mut self, simd: S, corner: usize, tap: usize, channel: usize, sum: S::f32s) {
        let shape = self.shape;
        if channel >= shape.channels {
            return;
        }
        let columns = shape.kernel[1];
        let pixel = corner + tap / columns * shape.width + tap % columns;
        let len = S::F32_LANES.min(shape.channels - channel);
        let to = &mut self.out[pixel * shape.channels + channel..][..len];
        let before = simd.partial_load_f32s(to);
        simd.partial_store_f32s(to, simd.add_f32s(before, sum));
    }
}
