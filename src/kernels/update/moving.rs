//! The exponential moving average, in both forms.

use burn::tensor::Tensor;
use pulp::Simd;

/// `share mean + (1 - share) value`
#[inline(always)]
pub fn follow<S: Simd>(simd: S, mean: S::f32s, value: S::f32s, share: f64) -> S::f32s {
    let kept = simd.mul_f32s(mean, simd.splat_f32s(share as f32));
    simd.mul_add_e_f32s(value, simd.splat_f32s((1.0 - share) as f32), kept)
}

/// The same of tensors.
pub fn follow_tensor(mean: Tensor<1>, value: Tensor<1>, share: f64) -> Tensor<1> {
    mean * share + value * (1.0 - share)
}
