//! Gradient descent without a state.

use burn::tensor::Tensor;
use pulp::Simd;

use crate::kernels::update::rule::Rule;

/// `w -= rate g`
#[derive(Clone, Copy, Debug)]
pub struct Sgd {
    /// The learning rate.
    pub rate: f32,
}

impl Rule<0> for Sgd {
    #[inline(always)]
    fn fused<S: Simd>(
        &self,
        simd: S,
        param: S::f32s,
        _state: &mut [S::f32s; 0],
        grad: S::f32s,
    ) -> S::f32s {
        simd.mul_add_e_f32s(grad, simd.splat_f32s(-self.rate), param)
    }

    fn plain(
        &self,
        param: Tensor<1>,
        state: [Tensor<1>; 0],
        grad: Tensor<1>,
    ) -> (Tensor<1>, [Tensor<1>; 0]) {
        (param - grad * self.rate, state)
    }
}
