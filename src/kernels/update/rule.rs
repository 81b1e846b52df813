//! What gradient and state make of a parameter.

use std::fmt::Debug;

use burn::tensor::Tensor;
use pulp::Simd;

/// What gradient and state make of a parameter, in two forms that agree: fused, on the vectors of the CPU, and as
/// tensor operations on any device. `SLOTS` is the number of tensors of state, each of the parameter's shape.
pub trait Rule<const SLOTS: usize>: Debug + Send + Sync + 'static {
    /// The new values of one vector of a parameter; those of its state replace the old ones.
    ///
    /// Has to be `#[inline(always)]`: what is not inlined is compiled without the vectors' instructions.
    fn fused<S: Simd>(
        &self,
        simd: S,
        param: S::f32s,
        state: &mut [S::f32s; SLOTS],
        grad: S::f32s,
    ) -> S::f32s;

    /// The new parameter and state.
    ///
    /// # Shapes
    /// All tensors `[elements]`, without autodiff.
    fn plain(
        &self,
        param: Tensor<1>,
        state: [Tensor<1>; SLOTS],
        grad: Tensor<1>,
    ) -> (Tensor<1>, [Tensor<1>; SLOTS]);

    /// What is left to do after the fused form has run over the whole parameter, whose state is that of this step.
    fn finish(&self, param: Tensor<1>, _state: &[Tensor<1>]) -> Tensor<1> {
        param
    }
}

/// Weight decay, which every rule can have.
#[derive(Clone, Copy, Debug)]
pub struct Decay {
    /// Coupled: so many times the parameter is added to the gradient first.
    pub coupled: f32,
    /// What decoupled weight decay leaves of a parameter; 1 without.
    pub keep: f32,
}
