//! Products of 16-bit floats (bf16) with 32-bit sums: the operands of a fast product are rounded to
//! 8 bits of mantissa, nothing else is.
//!
//! [`tile`] is the one inner step. Where the CPU has it (AVX512-BF16) it uses the instruction that
//! multiplies pairs; elsewhere the same numbers are multiplied in 32 bits, which is no faster than
//! working in 32 bits throughout.

use pulp::{Simd, WithSimd};

use crate::device::simd::arch;

/// Whether the CPU multiplies pairs of bf16.
pub fn is_native() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        is_x86_feature_detected!("avx512bf16")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// The nearest bf16, ties to even; what is not a number stays none.
#[inline(always)]
pub fn round(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    // Both are computed, so that loops of this become vectors.
    let not_a_number = bits >> 16 | 0x40;
    (if x.is_nan() { not_a_number } else { rounded }) as u16
}

/// Rounds a slice.
pub fn round_all(from: &[f32], to: &mut [u16]) {
    arch().dispatch(RoundAll { from, to });
}

struct RoundAll<'a> {
    from: &'a [f32],
    to: &'a mut [u16],
}

impl WithSimd for RoundAll<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (to, from) in self.to.iter_mut().zip(self.from) {
            *to = round(*from);
        }
    }
}

/// Two bf16 in one number, the first in the low half.
#[inline(always)]
pub fn pair(first: f32, second: f32) -> u32 {
    u32::from(round(first)) | u32::from(round(second)) << 16
}

/// Stores a vector rounded, or as much of it as there is room for.
#[inline(always)]
pub fn store_halves<S: Simd>(simd: S, to: &mut [u16], value: S::f32s) {
    let bits = simd.transmute_u32s_f32s(value);
    let sixteen = simd.splat_u32s(16);
    let upper = simd.wrapping_dyn_shr_u32s(bits, sixteen);
    let odd = simd.and_u32s(upper, simd.splat_u32s(1));
    let half = simd.add_u32s(odd, simd.splat_u32s(0x7fff));
    let rounded = simd.wrapping_dyn_shr_u32s(simd.add_u32s(bits, half), sixteen);
    let mut words = [0u32; 16];
    if let ([to, ..], _) = S::as_mut_simd_u32s(&mut words) {
        *to = rounded;
    }
    if let ([to, ..], _) = to.as_chunks_mut::<16>() {
        *to = std::array::from_fn(|lane| words[lane] as u16);
    } else {
        for (to, word) in to.iter_mut().zip(&words) {
            *to = *word as u16;
        }
    }
}

/// Where [`tile`] finds its operands.
#[derive(Clone, Copy)]
pub struct Operands<'a, const P: usize> {
    /// bf16 values.
    pub inputs: &'a [u16],
    /// Of each of `P` rows the start of its first segment in `inputs`.
    pub at: [usize; P],
    /// Segments of a row.
    pub segments: usize,
    /// From the start of a segment to that of the next.
    pub stride: usize,
    /// Pairs of a segment.
    pub pairs: usize,
    /// `[segment][pair][two vectors]`: pairs of bf16.
    pub weights: &'a [u32],
}

/// `sums[p] += row p * weights`, for `P` rows and two vectors of columns.
///
/// # Panics
/// Where a row, the weights or the sums are too short.
#[inline(always)]
pub fn tile<S: Simd, const P: usize>(
    simd: S,
    native: bool,
    operands: &Operands<'_, P>,
    sums: &mut [f32],
) {
    let Operands {
        inputs,
        at,
        segments,
        stride,
        pairs,
        weights,
    } = *operands;
    let lanes = 2 * S::F32_LANES;
    let reach = segments.saturating_sub(1) * stride + 2 * pairs;
    assert!(at.iter().all(|at| at + reach <= inputs.len()));
    assert!(weights.len() >= segments * pairs * lanes && sums.len() >= P * lanes);
    #[cfg(target_arch = "x86_64")]
    if native && S::F32_LANES == 16 {
        // SAFETY: `native` is `is_native()`, so the CPU has the instructions; the lengths have
        // been checked.
        unsafe { tile_avx512(operands, sums) };
        return;
    }
    let _ = native;
    let (sixteen, high) = (simd.splat_u32s(16), simd.splat_u32s(0xffff_0000));
    let mut totals = [[simd.splat_f32s(0.0); 2]; P];
    for segment in 0..segments {
        for index in 0..pairs {
            let from = (segment * pairs + index) * lanes;
            let (vectors, _) = S::as_simd_u32s(&weights[from..from + lanes]);
            for (p, totals) in totals.iter_mut().enumerate() {
                let at = at[p] + segment * stride + 2 * index;
                let widen = |bits: u16| simd.splat_f32s(f32::from_bits(u32::from(bits) << 16));
                let (first, second) = (widen(inputs[at]), widen(inputs[at + 1]));
                for (total, &vector) in totals.iter_mut().zip(vectors) {
                    let low = simd.wrapping_dyn_shl_u32s(vector, sixteen);
                    let low = simd.transmute_f32s_u32s(low);
                    let high = simd.transmute_f32s_u32s(simd.and_u32s(vector, high));
                    *total = simd.mul_add_e_f32s(first, low, *total);
                    *total = simd.mul_add_e_f32s(second, high, *total);
                }
            }
        }
    }
    let (sums, _) = S::as_mut_simd_f32s(&mut sums[..P * lanes]);
    for (sum, total) in sums.iter_mut().zip(totals.as_flattened()) {
        *sum = simd.add_f32s(*sum, *total);
    }
}

/// [`tile`] with 16 lanes and the instruction for pairs.
///
/// # Safety
/// The CPU has AVX512F, AVX512BW and AVX512-BF16; rows, weights and sums are as long as [`tile`]
/// asks.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn tile_avx512<const P: usize>(operands: &Operands<'_, P>, sums: &mut [f32]) {
    use std::arch::x86_64::{
        __m512bh, __m512i, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_ps, _mm512_loadu_si512,
        _mm512_set1_epi32, _mm512_setzero_ps, _mm512_storeu_ps,
    };
    const LANES: usize = 16;
    // SAFETY: both are 512 bits without invalid values.
    let halves = |bits: __m512i| unsafe { std::mem::transmute::<__m512i, __m512bh>(bits) };
    let mut totals = [[_mm512_setzero_ps(); 2]; P];
    let mut weights = operands.weights.as_ptr();
    for segment in 0..operands.segments {
        for index in 0..operands.pairs {
            let offset = segment * operands.stride + 2 * index;
            // SAFETY: `weights` has two vectors for each pair, `segments * pairs` in all.
            let columns = unsafe {
                let both = [weights, weights.add(LANES)];
                weights = weights.add(2 * LANES);
                both.map(|from| halves(_mm512_loadu_si512(from.cast())))
            };
            for (total, at) in totals.iter_mut().zip(&operands.at) {
                // SAFETY: `at + offset + 2 <= inputs.len()`; the read need not be aligned.
                let pair = unsafe {
                    let from = operands.inputs.as_ptr().add(at + offset);
                    from.cast::<i32>().read_unaligned()
                };
                let row = halves(_mm512_set1_epi32(pair));
                total[0] = _mm512_dpbf16_ps(total[0], row, columns[0]);
                total[1] = _mm512_dpbf16_ps(total[1], row, columns[1]);
            }
        }
    }
    for (index, total) in totals.as_flattened().iter().enumerate() {
        // SAFETY: `sums` has two vectors for each of the `P` rows.
        unsafe {
            let to = sums.as_mut_ptr().add(index * LANES);
            _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), *total));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_the_nearest_even() {
        for (x, expected) in [
            (1.0, 0x3f80),
            (1.0 + 0.5 / 128.0, 0x3f80),
            (1.0 + 1.5 / 128.0, 0x3f82),
        ] {
            assert_eq!(round(x), expected, "{x}");
        }
        assert_eq!(round(f32::INFINITY), 0x7f80);
        assert!(f32::from_bits(u32::from(round(f32::NAN)) << 16).is_nan());
        assert_eq!(pair(1.0, -2.0), 0xc000_3f80);
    }

    struct Both;

    impl WithSimd for Both {
        type Output = Vec<Vec<f32>>;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            let lanes = 2 * S::F32_LANES;
            let wave = |i: usize| ((i * 37 + 11) % 97) as f32 / 97.0 - 0.5;
            let mut inputs = vec![0; 3 * 40];
            round_all(&(0..120).map(wave).collect::<Vec<f32>>(), &mut inputs);
            let weights: Vec<u32> = (0..2 * 5 * lanes)
                .map(|i| pair(wave(3 * i), wave(5 * i + 1)))
                .collect();
            let operands = Operands {
                inputs: &inputs,
                at: [0, 7, 40],
                segments: 2,
                stride: 21,
                pairs: 5,
                weights: &weights,
            };
            let kinds = [false, is_native()].into_iter();
            kinds
                .map(|native| {
                    let mut sums = vec![1.0; 3 * lanes];
                    tile::<S, 3>(simd, native, &operands, &mut sums);
                    sums
                })
                .collect()
        }
    }

    #[test]
    fn the_instruction_and_its_stand_in_agree() {
        let results = arch().dispatch(Both);
        for (a, b) in results[0].iter().zip(&results[1]) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
    }
}
