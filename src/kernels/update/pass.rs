//! One pass over parameter, gradient and state, in place. An update is bound by memory: a chain of tensor operations
//! would move several times as many bytes.

use burn::backend::Flex;
use burn::tensor::Tensor;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::gradient::Gradient;
use super::rule::{Decay, Rule};
use crate::device::flex::Primitive;
use crate::device::simd::{arch, load, store};
use crate::kernels::dense::{PART_ROWS, for_each_rows};

/// Values of one piece of work: fixed, so that the bits do not depend on the number of threads.
pub const CHUNK: usize = 1 << 15;

/// One pass, in place if the tensors are not shared.
pub fn in_place<const N: usize>(
    rule: &impl Rule<N>,
    decay: Decay,
    param: Tensor<1>,
    slots: &mut Vec<Tensor<1>>,
    grad: Gradient,
) -> Tensor<1> {
    let mut param = primitive(param);
    let mut state: Vec<Primitive> = std::mem::take(slots).into_iter().map(primitive).collect();
    {
        let state: &mut [Primitive; N] = state.as_mut_array().expect("as many as the update has");
        let state = state.each_mut().map(|slot| slot.storage_mut::<f32>());
        let param = param.storage_mut::<f32>();
        match grad {
            Gradient::Whole(grad) => {
                let grad = primitive(*grad);
                let grad = grad.as_slice::<f32>().expect("a contiguous gradient");
                pieces(param, state, CHUNK)
                    .zip(grad.par_chunks(CHUNK))
                    .for_each(|(mut piece, grad)| apply(rule, decay, &mut piece, 0, grad));
            }
            Gradient::Factors(factors) => {
                let shape = factors.shape();
                let inputs = factors.inputs.as_slice::<f32>().expect("contiguous");
                let outputs = factors.outputs.as_slice::<f32>().expect("contiguous");
                let pieces = pieces(param, state, (PART_ROWS * shape.units).max(1));
                for_each_rows(&shape, inputs, outputs, pieces, |piece, at, grad| {
                    apply(rule, decay, piece, at, grad);
                });
            }
        }
    }
    slots.extend(state.into_iter().map(Tensor::from_primitive::<Flex>));
    Tensor::from_primitive::<Flex>(param)
}

/// A tensor's own memory; a parameter is always whole and contiguous.
pub fn primitive(tensor: Tensor<1>) -> Primitive {
    tensor
        .try_into_primitive::<Flex>()
        .expect("the tensor lies on the CPU, without autodiff")
        .to_contiguous()
}

/// A parameter's part with the same part of its state.
type Piece<'a, const N: usize> = (&'a mut [f32], [&'a mut [f32]; N]);

/// Cuts a parameter and its state.
fn pieces<'a, const N: usize>(
    param: &'a mut [f32],
    slots: [&'a mut [f32]; N],
    len: usize,
) -> impl IndexedParallelIterator<Item = Piece<'a, N>> {
    let mut slots = slots.map(|slot| slot.chunks_mut(len));
    let pieces: Vec<Piece<'a, N>> = param
        .chunks_mut(len)
        .map(|param| {
            let parts = slots
                .each_mut()
                .map(|slot| slot.next().expect("the state is as long as its parameter"));
            (param, parts)
        })
        .collect();
    pieces.into_par_iter()
}

/// Updates the values of a piece from `at` on, as many as `grad` has.
fn apply<const N: usize>(
    rule: &impl Rule<N>,
    decay: Decay,
    piece: &mut Piece<'_, N>,
    at: usize,
    grad: &[f32],
) {
    let range = at..at + grad.len();
    arch().dispatch(Apply {
        rule,
        decay,
        param: &mut piece.0[range.clone()],
        slots: piece.1.each_mut().map(|slot| &mut slot[range.clone()]),
        grad,
    });
}

struct Apply<'a, const N: usize, R> {
    rule: &'a R,
    decay: Decay,
    param: &'a mut [f32],
    slots: [&'a mut [f32]; N],
    grad: &'a [f32],
}

impl<const N: usize, R: Rule<N>> WithSimd for Apply<'_, N, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = S::F32_LANES;
        for at in (0..self.param.len()).step_by(lanes) {
            let end = (at + lanes).min(self.param.len());
            let grad = load::<S>(simd, &self.grad[at..end]);
            let param = load::<S>(simd, &self.param[at..end]);
            let mut slots = [simd.splat_f32s(0.0); N];
            for (slot, from) in slots.iter_mut().zip(&self.slots) {
                *slot = load::<S>(simd, &from[at..end]);
            }
            let grad = if self.decay.coupled == 0.0 {
                grad
            } else {
                simd.mul_add_e_f32s(param, simd.splat_f32s(self.decay.coupled), grad)
            };
            let param = simd.mul_f32s(param, simd.splat_f32s(self.decay.keep));
            let param = self.rule.fused(simd, param, &mut slots, grad);
            store::<S>(simd, &mut self.param[at..end], param);
            for (slot, to) in slots.iter().zip(&mut self.slots) {
                store::<S>(simd, &mut to[at..end], *slot);
            }
        }
    }
}
