//! Sums over rows in a fixed order.

use std::ops::Range;

use pulp::Simd;
use rayon::prelude::*;

/// Parts of the rows.
pub const PARTS: usize = 32;

/// Rows that are added up in 32 bits.
pub const BLOCK: usize = 128;

/// Blocks of the rows of each part, in order.
pub fn parts_of(
    rows: usize,
) -> impl IndexedParallelIterator<Item = impl Iterator<Item = Range<usize>>> {
    (0..PARTS).into_par_iter().map(move |part| {
        let range = part * rows / PARTS..(part + 1) * rows / PARTS;
        let end = range.end;
        let blocks = range.step_by(BLOCK);
        blocks.map(move |begin| begin..(begin + BLOCK).min(end))
    })
}

/// Two sums of each channel over all rows; `add` makes those of a block.
pub fn sums(
    rows: usize,
    channels: usize,
    add: impl Fn(Range<usize>, [&mut [f32]; 2]) + Sync,
) -> [Vec<f64>; 2] {
    let part = |blocks: &mut dyn Iterator<Item = Range<usize>>| {
        let mut totals = [vec![0.0f64; channels], vec![0.0f64; channels]];
        let mut block = [vec![0.0f32; channels], vec![0.0f32; channels]];
        for rows in blocks {
            add(rows, block.each_mut().map(|sums| &mut sums[..]));
            for (totals, block) in totals.iter_mut().zip(&block) {
                for (total, sum) in totals.iter_mut().zip(block) {
                    *total += f64::from(*sum);
                }
            }
        }
        totals
    };
    let parts: Vec<[Vec<f64>; 2]> = parts_of(rows).map(|mut blocks| part(&mut blocks)).collect();
    let mut all = [vec![0.0f64; channels], vec![0.0f64; channels]];
    for part in &parts {
        for (all, part) in all.iter_mut().zip(part) {
            for (all, part) in all.iter_mut().zip(part) {
                *all += part;
            }
        }
    }
    all
}

/// The channels of each vector. To be looped over: the body of a closure may stay a function of its own, and then it
/// is compiled without the vectors' instructions.
#[inline(always)]
pub fn vectors<S: Simd>(channels: usize) -> impl Iterator<Item = Range<usize>> {
    let firsts = (0..channels).step_by(S::F32_LANES);
    firsts.map(move |first| first..(first + S::F32_LANES).min(channels))
}
