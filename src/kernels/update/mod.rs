//! The optimizers' updates on the CPU: one pass over parameter, gradient and state, in place. An
//! update is bound by memory: a chain of tensor operations would move several times as many bytes.
//!
//! The gradient of a fully connected layer need not be stored at all: it may come as the two
//! factors whose product it is, a few rows at a time.

pub mod blend;
mod lamb;
pub mod max_norm;
mod tensors;
#[cfg(test)]
mod tests;

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::tensor::Tensor;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::dense::DenseShape;
use super::dense::{PART_ROWS, for_each_rows};
use crate::device::flex::Primitive;
use crate::device::on_cpu;
use crate::device::simd::{arch, load, store};

/// The update of an optimizer with its numbers for one step.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// What gradient and state make of a parameter.
    pub rule: Rule,
    /// Coupled weight decay: so many times the parameter is added to the gradient first.
    pub decay: f32,
    /// What decoupled weight decay leaves of a parameter; 1 without.
    pub keep: f32,
}

/// What gradient and state make of a parameter.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// `w -= rate g`
    Sgd {
        /// The learning rate.
        rate: f32,
    },
    /// `v = momentum v - inner g; w += outer v`; with Nesterov's look ahead `w += outer (momentum v - inner g)`
    Momentum {
        /// The learning rate where the velocity contains it, else 1.
        inner: f32,
        /// The learning rate where the velocity does not contain it, else 1.
        outer: f32,
        /// The share of the last step that is repeated.
        momentum: f32,
        /// Whether the step is taken as if the velocity had already moved the parameter.
        nesterov: bool,
    },
    /// `m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w -= rate m / (sqrt(v) + epsilon)`
    Adam {
        /// `learning rate * sqrt(1 - beta2^t) / (1 - beta1^t)`
        rate: f32,
        /// The share of the mean gradient that a step keeps.
        beta1: f64,
        /// The share of the mean squared gradient that a step keeps.
        beta2: f64,
        /// Added to the root of the mean squared gradient.
        epsilon: f32,
    },
    /// m and v as `Adam`; `w -= (rate m + ahead g) / (sqrt(v) + epsilon)`
    Nadam {
        /// Of the mean gradient.
        rate: f32,
        /// Of the gradient.
        ahead: f32,
        /// The share of the mean gradient that a step keeps.
        beta1: f64,
        /// The share of the mean squared gradient that a step keeps.
        beta2: f64,
        /// Added to the root of the mean squared gradient.
        epsilon: f32,
    },
    /// `s = kept s + taken g^2; v = momentum v + inner g / (sqrt(s + inside) + outside); w -= outer v`; without
    /// momentum there is no `v` to keep
    Squares {
        /// The learning rate where the velocity contains it, else 1.
        inner: f32,
        /// The learning rate where the velocity does not contain it, else 1.
        outer: f32,
        /// The share of the squares that a step keeps.
        kept: f32,
        /// The share of its own that it adds.
        taken: f32,
        /// The share of the last step that is repeated.
        momentum: f32,
        /// Added to the squares.
        inside: f32,
        /// Added to their root.
        outside: f32,
    },
    /// `w -= rate sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g`
    Lion {
        /// The learning rate.
        rate: f32,
        /// The share of the mean gradient in the step.
        beta1: f64,
        /// The share of the mean gradient that a step keeps.
        beta2: f64,
    },
    /// m and v as `Adam`; `u = m scale1 / (sqrt(v scale2) + epsilon) + decay w; w -= rate |w| / |u| u`, norms over the
    /// whole parameter, without them where one is 0
    Lamb {
        /// The learning rate.
        rate: f32,
        /// The share of the mean gradient that a step keeps.
        beta1: f64,
        /// The share of the mean squared gradient that a step keeps.
        beta2: f64,
        /// `1 / (1 - beta1^t)`
        scale1: f32,
        /// `1 / (1 - beta2^t)`
        scale2: f32,
        /// Added to the root of the mean squared gradient.
        epsilon: f32,
        /// The share of the parameter in the step.
        decay: f32,
    },
}

impl From<Rule> for Update {
    fn from(rule: Rule) -> Update {
        Update {
            rule,
            decay: 0.0,
            keep: 1.0,
        }
    }
}

/// A gradient on its way to an update.
#[derive(Clone, Debug)]
pub enum Gradient {
    /// `[elements]`; boxed, as both are large
    Whole(Box<Tensor<1>>),
    /// Of the weights of a fully connected layer: `inputs' outputs`.
    Factors(Box<Factors>),
}

/// The factors of a gradient, on the CPU.
#[derive(Clone, Debug)]
pub struct Factors {
    /// `[batch, features]`
    pub(super) inputs: Primitive,
    /// `[batch, units]`: the gradient of the layer's output.
    pub(super) outputs: Primitive,
}

impl Factors {
    fn shape(&self) -> DenseShape {
        let [batch, features] = self.inputs.shape().dims();
        let [_, units] = self.outputs.shape().dims();
        DenseShape {
            batch,
            features,
            units,
        }
    }
}

/// Values of one piece of work: fixed, so that the bits do not depend on the number of threads.
const CHUNK: usize = 1 << 15;

/// One step of an optimizer: the new parameter; the state changes in its place.
///
/// # Shapes
/// All tensors `[elements]`, without autodiff.
///
/// # Panics
/// Where the number of tensors of state is not the update's.
pub fn update(
    update: Update,
    param: Tensor<1>,
    slots: &mut Vec<Tensor<1>>,
    grad: Gradient,
) -> Tensor<1> {
    assert_eq!(slots.len(), update.num_slots(), "{update:?}");
    let state = std::mem::take(slots);
    match grad {
        Gradient::Whole(grad) if !on_cpu(&param.device()) => {
            let (param, state) = update.on_tensors(param, state, *grad);
            *slots = state;
            param
        }
        grad => {
            let param = match state.len() {
                0 => in_place::<0>(update, param, state, slots, grad),
                1 => in_place::<1>(update, param, state, slots, grad),
                _ => in_place::<2>(update, param, state, slots, grad),
            };
            match update.rule {
                Rule::Lamb { .. } => lamb::trusted_step(update.rule, param, slots),
                _ => param,
            }
        }
    }
}

/// One pass, in place where nobody else holds the tensors.
fn in_place<const N: usize>(
    update: Update,
    param: Tensor<1>,
    state: Vec<Tensor<1>>,
    slots: &mut Vec<Tensor<1>>,
    grad: Gradient,
) -> Tensor<1> {
    let mut param = primitive(param);
    let mut state: Vec<Primitive> = state.into_iter().map(primitive).collect();
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
                    .for_each(|(mut piece, grad)| apply(update, &mut piece, 0, grad));
            }
            Gradient::Factors(factors) => {
                let shape = factors.shape();
                let inputs = factors.inputs.as_slice::<f32>().expect("contiguous");
                let outputs = factors.outputs.as_slice::<f32>().expect("contiguous");
                let pieces = pieces(param, state, (PART_ROWS * shape.units).max(1));
                for_each_rows(&shape, inputs, outputs, pieces, |piece, at, grad| {
                    apply(update, piece, at, grad);
                });
            }
        }
    }
    slots.extend(state.into_iter().map(Tensor::from_primitive::<Flex>));
    Tensor::from_primitive::<Flex>(param)
}

/// A tensor's own memory; a parameter is always whole and contiguous.
fn primitive(tensor: Tensor<1>) -> Primitive {
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
fn apply<const N: usize>(update: Update, piece: &mut Piece<'_, N>, at: usize, grad: &[f32]) {
    let range = at..at + grad.len();
    arch().dispatch(Apply {
        update,
        param: &mut piece.0[range.clone()],
        slots: piece.1.each_mut().map(|slot| &mut slot[range.clone()]),
        grad,
    });
}

impl Update {
    /// Tensors of state.
    pub fn num_slots(&self) -> usize {
        match self.rule {
            Rule::Sgd { .. } => 0,
            Rule::Momentum { .. } | Rule::Lion { .. } => 1,
            Rule::Squares { momentum, .. } => 1 + usize::from(momentum > 0.0),
            Rule::Adam { .. } | Rule::Nadam { .. } | Rule::Lamb { .. } => 2,
        }
    }
}

struct Apply<'a, const N: usize> {
    update: Update,
    param: &'a mut [f32],
    slots: [&'a mut [f32]; N],
    grad: &'a [f32],
}

impl<const N: usize> WithSimd for Apply<'_, N> {
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
            let param = step::<S>(simd, &self.update, param, &mut slots, grad);
            store::<S>(simd, &mut self.param[at..end], param);
            for (slot, to) in slots.iter().zip(&mut self.slots) {
                store::<S>(simd, &mut to[at..end], *slot);
            }
        }
    }
}

/// The new values of one vector of parameters.
#[inline(always)]
fn step<S: Simd>(
    simd: S,
    update: &Update,
    param: S::f32s,
    slots: &mut [S::f32s],
    grad: S::f32s,
) -> S::f32s {
    let grad = if update.decay == 0.0 {
        grad
    } else {
        simd.mul_add_e_f32s(param, simd.splat_f32s(update.decay), grad)
    };
    let param = simd.mul_f32s(param, simd.splat_f32s(update.keep));
    match (update.rule, slots) {
        (
            Rule::Momentum {
                inner,
                outer,
                momentum,
                nesterov,
            },
            [velocity],
        ) => {
            let momentum = simd.splat_f32s(momentum);
            let step = simd.mul_f32s(grad, simd.splat_f32s(-inner));
            *velocity = simd.mul_add_e_f32s(*velocity, momentum, step);
            let change = if nesterov {
                simd.mul_add_e_f32s(*velocity, momentum, step)
            } else {
                *velocity
            };
            simd.mul_add_e_f32s(change, simd.splat_f32s(outer), param)
        }
        (
            Rule::Adam {
                rate,
                beta1,
                beta2,
                epsilon,
            },
            [m, v],
        ) => {
            *m = follow::<S>(simd, *m, grad, beta1);
            *v = follow::<S>(simd, *v, simd.mul_f32s(grad, grad), beta2);
            let root = simd.add_f32s(simd.sqrt_f32s(*v), simd.splat_f32s(epsilon));
            let change = simd.div_f32s(*m, root);
            simd.mul_add_e_f32s(simd.splat_f32s(-rate), change, param)
        }
        (
            Rule::Nadam {
                rate,
                ahead,
                beta1,
                beta2,
                epsilon,
            },
            [m, v],
        ) => {
            *m = follow::<S>(simd, *m, grad, beta1);
            *v = follow::<S>(simd, *v, simd.mul_f32s(grad, grad), beta2);
            let root = simd.add_f32s(simd.sqrt_f32s(*v), simd.splat_f32s(epsilon));
            let change = simd.mul_f32s(*m, simd.splat_f32s(rate));
            let change = simd.mul_add_e_f32s(grad, simd.splat_f32s(ahead), change);
            simd.sub_f32s(param, simd.div_f32s(change, root))
        }
        (
            Rule::Squares {
                inner,
                outer,
                kept,
                taken,
                momentum,
                inside,
                outside,
            },
            [squares, velocity @ ..],
        ) => {
            let before = simd.mul_f32s(*squares, simd.splat_f32s(kept));
            let square = simd.mul_f32s(grad, grad);
            *squares = simd.mul_add_e_f32s(square, simd.splat_f32s(taken), before);
            let root = simd.sqrt_f32s(simd.add_f32s(*squares, simd.splat_f32s(inside)));
            let root = simd.add_f32s(root, simd.splat_f32s(outside));
            let mut change = simd.mul_f32s(simd.div_f32s(grad, root), simd.splat_f32s(inner));
            if let [velocity, ..] = velocity {
                change = simd.mul_add_e_f32s(*velocity, simd.splat_f32s(momentum), change);
                *velocity = change;
            }
            simd.mul_add_e_f32s(change, simd.splat_f32s(-outer), param)
        }
        (Rule::Lion { rate, beta1, beta2 }, [m]) => {
            let step = follow::<S>(simd, *m, grad, beta1);
            *m = follow::<S>(simd, *m, grad, beta2);
            simd.mul_add_e_f32s(sign::<S>(simd, step), simd.splat_f32s(-rate), param)
        }
        // The norms are over the whole parameter, which moves in a second pass.
        (Rule::Lamb { beta1, beta2, .. }, [m, v]) => {
            *m = follow::<S>(simd, *m, grad, beta1);
            *v = follow::<S>(simd, *v, simd.mul_f32s(grad, grad), beta2);
            param
        }
        (Rule::Sgd { rate }, _) => simd.mul_add_e_f32s(grad, simd.splat_f32s(-rate), param),
        _ => unreachable!("the number of tensors of state was checked"),
    }
}

/// -1, 0 or 1; what is not a number stays so.
#[inline(always)]
fn sign<S: Simd>(simd: S, value: S::f32s) -> S::f32s {
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    let below = simd.select_f32s(simd.less_than_f32s(value, zero), simd.neg_f32s(one), value);
    simd.select_f32s(simd.less_than_f32s(zero, value), one, below)
}

/// `share mean + (1 - share) value`
#[inline(always)]
fn follow<S: Simd>(simd: S, mean: S::f32s, value: S::f32s, share: f64) -> S::f32s {
    let kept = simd.mul_f32s(mean, simd.splat_f32s(share as f32));
    simd.mul_add_e_f32s(value, simd.splat_f32s((1.0 - share) as f32), kept)
}
