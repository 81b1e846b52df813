//! LAMB (You and others, 2020): Adam's step, scaled by two norms over the whole parameter. So the fused form has two
//! passes: the first moves the state, the second the parameter.

use burn::backend::Flex;
use burn::tensor::Tensor;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use crate::device::flex::floats;
use crate::device::simd::{arch, load, store};
use crate::kernels::update::moving::{follow, follow_tensor};
use crate::kernels::update::pass::{CHUNK, primitive};
use crate::kernels::update::rule::Rule;

/// m and v as [`Adam`](super::Adam); `u = m scale1 / (sqrt(v scale2) + epsilon) + decay w; w -= rate |w| / |u| u`, norms over
/// the whole parameter, without them where one is 0
#[derive(Clone, Copy, Debug)]
pub struct Lamb {
    /// The learning rate.
    pub rate: f32,
    /// The share of the mean gradient that a step keeps.
    pub beta1: f64,
    /// The share of the mean squared gradient that a step keeps.
    pub beta2: f64,
    /// `1 / (1 - beta1^t)`
    pub scale1: f32,
    /// `1 / (1 - beta2^t)`
    pub scale2: f32,
    /// Added to the root of the mean squared gradient.
    pub epsilon: f32,
    /// The share of the parameter in the step.
    pub decay: f32,
}

impl Rule<2> for Lamb {
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
        param
    }

    fn plain(
        &self,
        param: Tensor<1>,
        [m, v]: [Tensor<1>; 2],
        grad: Tensor<1>,
    ) -> (Tensor<1>, [Tensor<1>; 2]) {
        let m = follow_tensor(m, grad.clone(), self.beta1);
        let v = follow_tensor(v, grad.square(), self.beta2);
        let root = (v.clone() * self.scale2).sqrt() + self.epsilon;
        let change = m.clone() * self.scale1 / root + param.clone() * self.decay;
        let trust = trust(&param, &change) * self.rate;
        let step = change * trust.expand(param.dims());
        (param - step, [m, v])
    }

    fn finish(&self, param: Tensor<1>, state: &[Tensor<1>]) -> Tensor<1> {
        let mut param = primitive(param);
        let [m, v] = [0, 1].map(|slot| primitive(state[slot].clone()));
        let (m, v) = (floats(&m), floats(&v));
        let pieces = || m.par_chunks(CHUNK).zip(v.par_chunks(CHUNK));
        let parts = floats(&param).par_chunks(CHUNK).zip(pieces());
        let squares: Vec<[f64; 2]> = parts
            .map(|(param, (m, v))| {
                arch().dispatch(SumsOfSquares {
                    rule: self,
                    param,
                    m,
                    v,
                })
            })
            .collect();
        // In order: the bits do not depend on the number of threads.
        let norm = |which: usize| squares.iter().map(|sums| sums[which]).sum::<f64>().sqrt();
        let trust = match (norm(0), norm(1)) {
            (of_param, of_change) if of_param > 0.0 && of_change > 0.0 => of_param / of_change,
            _ => 1.0,
        };
        let parts = param.storage_mut::<f32>().par_chunks_mut(CHUNK);
        parts.zip(pieces()).for_each(|(param, (m, v))| {
            arch().dispatch(Move {
                rule: self,
                trust,
                param,
                m,
                v,
            });
        });
        Tensor::from_primitive::<Flex>(param)
    }
}

/// Values that are summed in 32 bits at most.
const PART: usize = 1 << 10;

impl Lamb {
    /// The step of one vector before it is scaled.
    #[inline(always)]
    fn change<S: Simd>(&self, simd: S, param: S::f32s, m: S::f32s, v: S::f32s) -> S::f32s {
        let root = simd.sqrt_f32s(simd.mul_f32s(v, simd.splat_f32s(self.scale2)));
        let root = simd.add_f32s(root, simd.splat_f32s(self.epsilon));
        let change = simd.div_f32s(simd.mul_f32s(m, simd.splat_f32s(self.scale1)), root);
        simd.mul_add_e_f32s(param, simd.splat_f32s(self.decay), change)
    }
}

/// The sums of the squares of a piece's parameters and of its steps.
struct SumsOfSquares<'a> {
    rule: &'a Lamb,
    param: &'a [f32],
    m: &'a [f32],
    v: &'a [f32],
}

impl WithSimd for SumsOfSquares<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [f64; 2] {
        let mut total = [0.0; 2];
        for begin in (0..self.param.len()).step_by(PART) {
            let part_end = (begin + PART).min(self.param.len());
            let mut sums = [simd.splat_f32s(0.0); 2];
            for at in (begin..part_end).step_by(S::F32_LANES) {
                let end = (at + S::F32_LANES).min(part_end);
                // Beyond the end all are 0, and so is the step.
                let param = load::<S>(simd, &self.param[at..end]);
                let m = load::<S>(simd, &self.m[at..end]);
                let v = load::<S>(simd, &self.v[at..end]);
                let change = self.rule.change(simd, param, m, v);
                sums[0] = simd.mul_add_e_f32s(param, param, sums[0]);
                sums[1] = simd.mul_add_e_f32s(change, change, sums[1]);
            }
            for (total, sum) in total.iter_mut().zip(sums) {
                *total += f64::from(simd.reduce_sum_f32s(sum));
            }
        }
        total
    }
}

struct Move<'a> {
    rule: &'a Lamb,
    trust: f64,
    param: &'a mut [f32],
    m: &'a [f32],
    v: &'a [f32],
}

impl WithSimd for Move<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rate = simd.splat_f32s((-f64::from(self.rule.rate) * self.trust) as f32);
        for at in (0..self.param.len()).step_by(S::F32_LANES) {
            let end = (at + S::F32_LANES).min(self.param.len());
            let param = load::<S>(simd, &self.param[at..end]);
            let m = load::<S>(simd, &self.m[at..end]);
            let v = load::<S>(simd, &self.v[at..end]);
            let change = self.rule.change(simd, param, m, v);
            let moved = simd.mul_add_e_f32s(change, rate, param);
            store::<S>(simd, &mut self.param[at..end], moved);
        }
    }
}

/// The norm of a parameter by that of its change, or 1 where one of them is 0.
fn trust(param: &Tensor<1>, change: &Tensor<1>) -> Tensor<1> {
    let norm = |tensor: &Tensor<1>| tensor.clone().square().sum().sqrt();
    let (param, change) = (norm(param), norm(change));
    let none = param.clone().equal_elem(0.0);
    let trust = param / change.clone();
    let trust = trust.mask_fill(none, 1.0);
    trust.mask_fill(change.equal_elem(0.0), 1.0)
}
