//! Weights in the orders that the kernels read.

use pulp::{Arch, Simd, WithSimd};

use super::ConvShape;

/// 32-bit floats in one of the machine's vectors.
pub fn num_lanes(arch: Arch) -> usize {
    arch.dispatch(Lanes)
}

struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> usize {
        S::F32_LANES
    }
}

/// `[filters, channels, rows, columns]` to `[block][tap][lane]`, filters in blocks of `lanes`, the
/// last one filled up with zeros. A tap is (row, column, channel).
pub fn by_tap(weight: &[f32], shape: &ConvShape, lanes: usize) -> Vec<f32> {
    let taps = shape.taps();
    let blocks = shape.filters.div_ceil(lanes);
    let mut packed = vec![0.0; blocks * taps * lanes];
    for_each_tap(shape, |filter, tap, source| {
        let at = (filter / lanes * taps + tap) * lanes + filter % lanes;
        packed[at] = weight[source];
    });
    packed
}

/// `[filters, channels, rows, columns]` to `[filter][row, column][channel padded to lanes]`.
pub fn by_filter(weight: &[f32], shape: &ConvShape, lanes: usize) -> Vec<f32> {
    let padded = shape.channels.next_multiple_of(lanes);
    let places = shape.kernel[0] * shape.kernel[1];
    let mut packed = vec![0.0; shape.filters * places * padded];
    for_each_tap(shape, |filter, tap, source| {
        let (place, channel) = (tap / shape.channels, tap % shape.channels);
        packed[(filter * places + place) * padded + channel] = weight[source];
    });
    packed
}

/// Calls with (filter, tap, index in `[filters, channels, rows, columns]`).
pub fn for_each_tap(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let [rows, columns] = shape.kernel;
    for filter in 0..shape.filters {
        for row in 0..rows {
            for column in 0..columns {
                for channel in 0..shape.channels {
                    let tap = (row * columns + column) * shape.channels + channel;
                    let source = ((filter * shape.channels + channel) * rows + row) * columns;
                    visit(filter, tap, source + column);
                }
            }
        }
    }
}
