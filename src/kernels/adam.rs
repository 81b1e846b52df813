//! Adam's update in one pass over parameter, gradient and state, in place, on the CPU. The update
//! is bound by memory: a chain of tensor operations would move several times as many bytes.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Tensor;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// The numbers of one step; `rate` holds both bias corrections.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// `learning rate * sqrt(1 - beta2^t) / (1 - beta1^t)`
    pub rate: f32,
    /// The share of the mean gradient that a step keeps.
    pub beta1: f64,
    /// The share of the mean squared gradient that a step keeps.
    pub beta2: f64,
    /// Added to the root of the mean squared gradient.
    pub epsilon: f32,
}

/// Values of one piece of work: fixed, so that the bits do not depend on the number of threads.
const CHUNK: usize = 1 << 15;

type Primitive = FloatTensor<Flex>;

/// Updates `[param, m, v]`, in place where nobody else holds them.
///
/// # Panics
/// Where a tensor does not lie on the CPU: see [`on_cpu`](super::on_cpu).
pub fn adam_step(step: AdamStep, tensors: [Tensor<1>; 3], grad: Tensor<1>) -> [Tensor<1>; 3] {
    let [mut param, mut m, mut v] = tensors.map(primitive);
    let grad = primitive(grad).to_contiguous();
    let grad = grad.as_slice::<f32>().expect("a contiguous gradient");
    let arch = Arch::new();
    param
        .storage_mut::<f32>()
        .par_chunks_mut(CHUNK)
        .zip(m.storage_mut::<f32>().par_chunks_mut(CHUNK))
        .zip(v.storage_mut::<f32>().par_chunks_mut(CHUNK))
        .zip(grad.par_chunks(CHUNK))
        .for_each(|(((param, m), v), grad)| {
            arch.dispatch(Piece {
                step,
                param,
                m,
                v,
                grad,
            });
        });
    [param, m, v].map(Tensor::from_primitive::<Flex>)
}

/// A tensor's own memory; a parameter is always whole and contiguous.
fn primitive(tensor: Tensor<1>) -> Primitive {
    tensor
        .try_into_primitive::<Flex>()
        .expect("the tensor lies on the CPU, without autodiff")
        .to_contiguous()
}

struct Piece<'a> {
    step: AdamStep,
    param: &'a mut [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
    grad: &'a [f32],
}

impl WithSimd for Piece<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lanes = S::F32_LANES;
        let splat = |value: f32| simd.splat_f32s(value);
        let (rate, epsilon) = (splat(-self.step.rate), splat(self.step.epsilon));
        let shares = |beta: f64| (splat(beta as f32), splat((1.0 - beta) as f32));
        let (beta1, rest1) = shares(self.step.beta1);
        let (beta2, rest2) = shares(self.step.beta2);
        let parts = self
            .param
            .chunks_mut(lanes)
            .zip(self.m.chunks_mut(lanes))
            .zip(self.v.chunks_mut(lanes))
            .zip(self.grad.chunks(lanes));
        for (((to_param, to_m), to_v), grad) in parts {
            let grad = simd.partial_load_f32s(grad);
            let m = simd.partial_load_f32s(to_m);
            let m = simd.mul_add_e_f32s(grad, rest1, simd.mul_f32s(m, beta1));
            let v = simd.partial_load_f32s(to_v);
            let squared = simd.mul_f32s(grad, grad);
            let v = simd.mul_add_e_f32s(squared, rest2, simd.mul_f32s(v, beta2));
            let change = simd.div_f32s(m, simd.add_f32s(simd.sqrt_f32s(v), epsilon));
            let param = simd.partial_load_f32s(to_param);
            simd.partial_store_f32s(to_param, simd.mul_add_e_f32s(rate, change, param));
            simd.partial_store_f32s(to_m, m);
            simd.partial_store_f32s(to_v, v);
        }
    }
}
