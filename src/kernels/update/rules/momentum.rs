//! Gradient descent with a velocity.

use burn::tensor::Tensor;
use pulp::Simd;

use crate::kernels::update::rule::Rule;

/// `v = momentum v - inner g; w += outer v`; with Nesterov's look ahead `w += outer (momentum v - inner g)`
#[derive(Clone, Copy, Debug)]
pub struct Momentum {
    /// The learning rate where the velocity contains it, else 1.
    pub inner: f32,
    /// The learning rate where the velocity does not contain it, else 1.
    pub outer: f32,
    /// The share of the last step that is repeated.
    pub momentum: f32,
    /// Whether the step is taken as if the velocity had already moved the parameter.
    pub nesterov: bool,
}

impl Rule<1> for Momentum {
    #[inline(always)]
    fn fused<S: Simd>(
        &self,
        simd: S,
        param: S::f32s,
        [velocity]: &mut [S::f32s; 1],
        grad: S::f32s,
    ) -> S::f32s {
        let momentum = simd.splat_f32s(self.momentum);
        let step = simd.mul_f32s(grad, simd.splat_f32s(-self.inner));
        *velocity = simd.mul_add_e_f32s(*velocity, momentum, step);
        let change = if self.nesterov {
            simd.mul_add_e_f32s(*velocity, momentum, step)
        } else {
            *velocity
        };
        simd.mul_add_e_f32s(change, simd.splat_f32s(self.outer), param)
    }

    fn plain(
        &self,
        param: Tensor<1>,
        [velocity]: [Tensor<1>; 1],
        grad: Tensor<1>,
    ) -> (Tensor<1>, [Tensor<1>; 1]) {
        let step = grad * -self.inner;
        let velocity = velocity * self.momentum + step.clone();
        let change = match self.nesterov {
            true => velocity.clone() * self.momentum + step,
            false => velocity.clone(),
        };
        (param + change * self.outer, [velocity])
    }
}
