//! Weights in the orders that the kernels read.

use super::ConvShape;

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
