//! NAdam (Dozat, 2016).

use burn::tensor::Tensor;
use pulp::Simd;

use crate::kernels::update::moving::{follow, follow_tensor};
use crate::kernels::update::rule::Rule;

/// m and v as [`Adam`](super::Adam); `w -= (rate m + ahead g) / (sqrt(v) + epsilon)`
#[derive(Clone, Copy, Debug)]
pub struct Nadam {
    /// Of the mean gradient.
    pub rate: f32,
    /// Of the gradient.
    pub ahead: f32,
    /// The share of the mean gradient that a step keeps.
    pub beta1: f64,
    /// The share of the mean squared gradient that a step keeps.
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    pub epsilon: f32,
}

impl Rule<2> for Nadam {
    #[inline(always)]
    fn fused<S: Simd>(
        &self,
        simd: S,
        param: S::f32s,
        [m, v]: &mut [S::f32s; 2],
        grad: S::f32s,
    ) -> S::f32s {
        *m = follow::<S>(simd, *m, grad, self.beta1);
        *v = follow::<S>(simd, *v, simd.mul_f32s(grad, grad), self.beta2);
        let root = simd.add_f32s(simd.sqrt_f32s(*v), simd.splat_f32s(self.epsilon));
        let change = simd.mul_f32s(*m, simd.splat_f32s(self.rate));
        let change = simd.mul_add_e_f32s(grad, simd.splat_f32s(self.ahead), change);
        simd.sub_f32s(param, simd.div_f32s(change, root))
    }

    fn plain(
        &self,
        param: Tensor<1>,
        [m, v]: [Tensor<1>; 2],
        grad: Tensor<1>,
    ) -> (Tensor<1>, [Tensor<1>; 2]) {
        let m = follow_tensor(m, grad.clone(), self.beta1);
        let v = follow_tensor(v, grad.clone().square(), self.beta2);
        let change = m.clone() * self.rate + grad * self.ahead;
        let root = v.clone().sqrt() + self.epsilon;
        (param - change / root, [m, v])
    }
}
