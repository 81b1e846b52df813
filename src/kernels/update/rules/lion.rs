//! Lion (Chen and others, 2023).

use burn::tensor::Tensor;
use pulp::Simd;

use crate::kernels::update::moving::{follow, follow_tensor};
use crate::kernels::update::rule::Rule;

/// `w -= rate sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g`
#[derive(Clone, Copy, Debug)]
pub struct Lion {
    /// The learning rate.
    pub rate: f32,
    /// The share of the mean gradient in the step.
    pub beta1: f64,
    /// The share of the mean gradient that a step keeps.
    pub beta2: f64,
}

impl Rule<1> for Lion {
    #[inline(always)]
    fn fused<S: Simd>(
        &self,
        simd: S,
        param: S::f32s,
        [m]: &mut [S::f32s; 1],
        grad: S::f32s,
    ) -> S::f32s {
        let step = follow::<S>(simd, *m, grad, self.beta1);
        *m = follow::<S>(simd, *m, grad, self.beta2);
        simd.mul_add_e_f32s(sign::<S>(simd, step), simd.splat_f32s(-self.rate), param)
    }

    fn plain(
        &self,
        param: Tensor<1>,
        [m]: [Tensor<1>; 1],
        grad: Tensor<1>,
    ) -> (Tensor<1>, [Tensor<1>; 1]) {
        let step = follow_tensor(m.clone(), grad.clone(), self.beta1).sign();
        (
            param - step * self.rate,
            [follow_tensor(m, grad, self.beta2)],
        )
    }
}

/// -1, 0 or 1; what is not a number stays so.
#[inline(always)]
fn sign<S: Simd>(simd: S, value: S::f32s) -> S::f32s {
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    let below = simd.select_f32s(simd.less_than_f32s(value, zero), simd.neg_f32s(one), value);
    simd.select_f32s(simd.less_than_f32s(zero, value), one, below)
}
