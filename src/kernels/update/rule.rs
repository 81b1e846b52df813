//! Update rules: a new parameter from gradient and state.

use std::fmt::Debug;

use burn::tensor::Tensor;
use pulp::Simd;

/// An update rule of a parameter, in two forms that agree: fused, on the vectors of the CPU, and as
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

    /// Finishes the update after the fused form has run over the whole parameter, with the state of this step.
    fn finish(&self, param: Tensor<1>, _state: &[Tensor<1>]) -> Tensor<1> {
        param
    }
}

/// Weight decay, which every rule can have.
#[derive(Clone, Copy, Debug)]
pub struct Decay {
    /// Coupled: so many times the parameter is added to the gradient first.
    pub coupled: f32,
    /// The factor of decoupled weight decay; 1 without.
    pub keep: f32,
}
