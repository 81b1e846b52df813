//! Whole and partial vectors.

use pulp::{Arch, Simd, WithSimd};

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

/// A vector, or what there is of it.
#[inline(always)]
pub fn load<S: Simd>(simd: S, from: &[f32]) -> S::f32s {
    match S::as_simd_f32s(from) {
        ([vector, ..], _) => *vector,
        _ => simd.partial_load_f32s(from),
    }
}

/// Stores a vector, or as much of it as there is room for.
#[inline(always)]
pub fn store<S: Simd>(simd: S, to: &mut [f32], value: S::f32s) {
    match S::as_mut_simd_f32s(to) {
        ([vector, ..], _) => *vector = value,
        (_, rest) => simd.partial_store_f32s(rest, value),
    }
}
