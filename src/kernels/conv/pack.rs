//! Weights in the orders that the kernels read.

use rayon::prelude::*;

use super::shape::ConvShape;
use crate::kernels::bf16::round;
use crate::kernels::scratch::Aligned;

/// How filters are cut into panels: vectors whose sums for some positions fit the registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panels {
    /// Of each panel: 3, 2 or 1. One vector alone reads more than it multiplies, so 4 are 2 and 2.
    pub vectors: Vec<usize>,
    lanes: usize,
}

impl Panels {
    /// Panels of so many filters.
    pub fn new(filters: usize, lanes: usize) -> Panels {
        let mut left = filters.div_ceil(lanes);
        let mut vectors = Vec::new();
        while left > 0 {
            vectors.push(if left == 4 { 2 } else { left.min(3) });
            left -= vectors[vectors.len() - 1];
        }
        Panels { vectors, lanes }
    }
}

/// `[filters, channels, rows, columns]` to `[panel][tap][lane of the panel]`, filled up with zeros. A tap is (row,
/// column, channel).
pub fn by_tap(weight: &[f32], shape: &ConvShape, panels: &Panels) -> Aligned {
    let taps = shape.taps();
    let mut packed = Aligned::zeros(panels.vectors.iter().sum::<usize>() * panels.lanes * taps);
    let (mut first, mut rest) = (0, &mut packed[..]);
    let mut tasks = Vec::with_capacity(panels.vectors.len());
    for vectors in &panels.vectors {
        let lanes = vectors * panels.lanes;
        let (panel, behind) = rest.split_at_mut(lanes * taps);
        tasks.push((first..(first + lanes).min(shape.filters), lanes, panel));
        (first, rest) = (first + lanes, behind);
    }
    tasks.into_par_iter().for_each(|(filters, lanes, panel)| {
        let pixels = shape.kernel[0] * shape.kernel[1];
        // Channels in blocks, so that what is written stays in the first cache.
        for begin in (0..shape.channels).step_by(CHANNELS) {
            let channels = begin..(begin + CHANNELS).min(shape.channels);
            for (lane, filter) in filters.clone().enumerate() {
                let from = &weight[filter * taps..][channels.start * pixels..channels.end * pixels];
                for (channel, from) in channels.clone().zip(from.chunks_exact(pixels)) {
                    for (pixel, value) in from.iter().enumerate() {
                        panel[(pixel * shape.channels + channel) * lanes + lane] = *value;
                    }
                }
            }
        }
    });
    packed
}

/// Channels that are packed at a time.
const CHANNELS: usize = 16;

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
