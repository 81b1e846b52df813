//! Weights in the orders that the kernels read.

use super::shape::ConvShape;
use crate::kernels::bf16::round;

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

/// The same in pairs of bf16, `[block][row][pair][lane]`: the values of a row of the window two by
/// two, an odd one beside a 0.
pub fn by_pair(weight: &[f32], shape: &ConvShape, lanes: usize) -> Vec<u32> {
    let span = shape.kernel[1] * shape.channels;
    let pairs = span.div_ceil(2);
    let block_len = shape.kernel[0] * pairs * lanes;
    let mut packed = vec![0; shape.filters.div_ceil(lanes) * block_len];
    for_each_tap(shape, |filter, tap, source| {
        let (row, value) = (tap / span, tap % span);
        let pair = (row * pairs + value / 2) * lanes;
        let at = filter / lanes * block_len + pair + filter % lanes;
        packed[at] |= u32::from(round(weight[source])) << (16 * (value % 2));
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
