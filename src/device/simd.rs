//! The machine's vectors: which instructions are used, whole and partial vectors.

use std::sync::atomic::{AtomicU8, Ordering};

use pulp::{Arch, Simd, WithSimd};

/// The instructions that kernels may use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimdLimit {
    /// All that the CPU has.
    Native,
    /// AVX2 and FMA on x86-64, also the fallback there; NEON elsewhere.
    Avx2,
    /// The baseline of the architecture.
    Portable,
}

static LIMIT: AtomicU8 = AtomicU8::new(0);

/// Sets the limit for the whole process, for tests and comparisons.
pub fn limit_simd(limit: SimdLimit) {
    LIMIT.store(limit as u8, Ordering::Relaxed);
}

/// The instructions that kernels use.
pub fn arch() -> Arch {
    match LIMIT.load(Ordering::Relaxed) {
        limit if limit == SimdLimit::Native as u8 => Arch::new(),
        #[cfg(target_arch = "x86_64")]
        limit if limit == SimdLimit::Avx2 as u8 => {
            pulp::x86::V3::try_new().map_or_else(Arch::new, Arch::V3)
        }
        limit if limit == SimdLimit::Avx2 as u8 => Arch::new(),
        _ => Arch::Scalar,
    }
}

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

/// Of each lane the largest of some values, and its place: of equals the first. What is not a number is larger than
/// any number, and then nothing is larger.
#[inline(always)]
pub fn largest<S: Simd, const N: usize>(simd: S, values: &[S::f32s; N]) -> (S::f32s, S::u32s) {
    let (mut best, mut place) = (values[0], simd.splat_u32s(0));
    for (other, &value) in values.iter().enumerate().skip(1) {
        let number = simd.equal_f32s(value, value);
        let larger = simd.greater_than_f32s(value, best);
        let larger = simd.or_m32s(larger, simd.not_m32s(number));
        best = simd.select_f32s(larger, value, best);
        place = simd.select_u32s(larger, simd.splat_u32s(other as u32), place);
    }
    (best, place)
}

/// Stores a vector, or as much of it as there is room for.
#[inline(always)]
pub fn store<S: Simd>(simd: S, to: &mut [f32], value: S::f32s) {
    match S::as_mut_simd_f32s(to) {
        ([vector, ..], _) => *vector = value,
        (_, rest) => simd.partial_store_f32s(rest, value),
    }
}

/// Asks for the cache line of a value that is read soon. The hardware does so by itself where lines are read one
/// behind the other, not where a kernel comes to them in its own order.
#[inline(always)]
pub fn prefetch(from: &[f32], at: usize) {
    let place = from.as_ptr().wrapping_add(at).cast::<i8>();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction is part of SSE, which every x86-64 has; it reads nothing and faults nowhere.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
