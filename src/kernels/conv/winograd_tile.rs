//! Winograd's transforms of tiles and kernels: the matrices B', G and A' of F(2 x 2, 3 x 3).

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::shape::ConvShape;
use crate::config::Precision;
use crate::device::simd::load;
use crate::kernels::bf16::pair;
use crate::kernels::scratch::Aligned;

/// Values of a transformed tile: 4 x 4.
pub const POINTS: usize = 16;

/// Tiles whose sums, for two vectors of filters, fit the registers.
pub fn tiles_at_a_time(arch: Arch) -> usize {
    struct Tiles;
    impl WithSimd for Tiles {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            if S::REGISTER_COUNT >= 32 { 12 } else { 4 }
        }
    }
    arch.dispatch(Tiles)
}

/// Words of a transformed tile's point: its channels, or pairs of them.
pub fn words(shape: &ConvShape, precision: Precision) -> usize {
    match precision {
        Precision::F32 => shape.channels,
        Precision::Bf16 => shape.channels.div_ceil(2),
    }
}

/// `[filters, channels, 3, 3]` to `[block][point][channel or pair][lane]`, filters in blocks of
/// `lanes`.
pub fn transform_weights(
    weight: &[f32],
    shape: &ConvShape,
    lanes: usize,
    precision: Precision,
) -> Aligned {
    let words = words(shape, precision);
    let block_len = POINTS * words * lanes;
    let mut packed = Aligned::zeros(shape.filters.div_ceil(lanes) * block_len);
    packed
        .par_chunks_mut(block_len)
        .zip(weight.par_chunks(lanes * shape.channels * 9))
        .for_each(|(packed, weight)| {
            let kernels = weight.as_chunks::<9>().0;
            for (lane, kernels) in kernels.chunks_exact(shape.channels).enumerate() {
                let mut put = |word: usize, values: [f32; POINTS]| {
                    for (point, value) in values.into_iter().enumerate() {
                        packed[(point * words + word) * lanes + lane] = value;
                    }
                };
                match precision {
                    Precision::F32 => {
                        for (channel, kernel) in kernels.iter().enumerate() {
                            put(channel, transform_kernel(kernel));
                        }
                    }
                    Precision::Bf16 => {
                        for (index, kernels) in kernels.chunks(2).enumerate() {
                            let first = transform_kernel(&kernels[0]);
                            let second = kernels.get(1).map_or([0.0; POINTS], transform_kernel);
                            let point = |point: usize| pair(first[point], second[point]);
                            put(index, std::array::from_fn(|p| f32::from_bits(point(p))));
                        }
                    }
                }
            }
        });
    packed
}

/// `G k G'` with the rows of G `[1 0 0], [1 1 1] / 2, [1 -1 1] / 2, [0 0 1]`.
fn transform_kernel(kernel: &[f32; 9]) -> [f32; POINTS] {
    let spread = |[a, b, c]: [f32; 3]| {
        let (sum, middle) = (0.5 * (a + c), 0.5 * b);
        [a, sum + middle, sum - middle, c]
    };
    let columns = [0, 1, 2].map(|v| spread([kernel[v], kernel[3 + v], kernel[6 + v]]));
    let mut points = [0.0; POINTS];
    for (u, points) in points.chunks_exact_mut(4).enumerate() {
        points.copy_from_slice(&spread(columns.map(|column| column[u])));
    }
    points
}

/// The 4 x 4 pixels from (row, column) on, one vector of channels; zeros beyond the image.
#[inline(always)]
pub fn load_tile<S: Simd>(
    simd: S,
    shape: &ConvShape,
    image: &[f32],
    [row, column]: [usize; 2],
    channel: usize,
) -> [[S::f32s; 4]; 4] {
    let lanes = S::F32_LANES;
    let len = lanes.min(shape.channels - channel);
    let mut d = [[simd.splat_f32s(0.0); 4]; 4];
    if row + 4 <= shape.height && column + 4 <= shape.width && len == lanes {
        for (u, d) in d.iter_mut().enumerate() {
            let from = ((row + u) * shape.width + column) * shape.channels;
            let line = &image[from + channel..][..3 * shape.channels + lanes];
            for (v, d) in d.iter_mut().enumerate() {
                *d = load::<S>(simd, &line[v * shape.channels..][..lanes]);
            }
        }
        return d;
    }
    for (u, d) in d.iter_mut().enumerate() {
        for (v, d) in d.iter_mut().enumerate() {
            if row + u < shape.height && column + v < shape.width {
                let pixel = (row + u) * shape.width + column + v;
                let at = pixel * shape.channels + channel;
                *d = load::<S>(simd, &image[at..at + len]);
            }
        }
    }
    d
}

/// `B' d`
#[inline(always)]
pub fn spread<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
    [
        simd.sub_f32s(a, c),
        simd.add_f32s(b, c),
        simd.sub_f32s(c, b),
        simd.sub_f32s(b, d),
    ]
}

/// `A' m`
#[inline(always)]
pub fn gather<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
    let sum = simd.add_f32s(simd.add_f32s(a, b), c);
    [sum, simd.sub_f32s(simd.sub_f32s(b, c), d)]
}
