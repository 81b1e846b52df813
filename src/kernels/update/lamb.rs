//! LAMB's second pass: its step is scaled by two norms over the whole parameter.

use burn::backend::Flex;
use burn::tensor::Tensor;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{CHUNK, Rule, primitive};
use crate::device::flex::floats;
use crate::device::simd::{arch, load, store};

/// Values that are summed in 32 bits at most.
const PART: usize = 1 << 10;

/// Moves a parameter, whose state is that of this step.
pub fn trusted_step(rule: Rule, param: Tensor<1>, slots: &[Tensor<1>]) -> Tensor<1> {
    let mut param = primitive(param);
    let [m, v] = [0, 1].map(|slot| primitive(slots[slot].clone()));
    let (m, v) = (floats(&m), floats(&v));
    let state = || m.par_chunks(CHUNK).zip(v.par_chunks(CHUNK));
    let parts = floats(&param).par_chunks(CHUNK).zip(state());
    let squares: Vec<[f64; 2]> = parts
        .map(|(param, (m, v))| arch().dispatch(Squares { rule, param, m, v }))
        .collect();
    // In order: the bits do not depend on the number of threads.
    let norm = |which: usize| squares.iter().map(|sums| sums[which]).sum::<f64>().sqrt();
    let trust = match (norm(0), norm(1)) {
        (of_param, of_change) if of_param > 0.0 && of_change > 0.0 => of_param / of_change,
        _ => 1.0,
    };
    let parts = param.storage_mut::<f32>().par_chunks_mut(CHUNK);
    parts.zip(state()).for_each(|(param, (m, v))| {
        arch().dispatch(Move {
            rule,
            trust,
            param,
            m,
            v,
        });
    });
    Tensor::from_primitive::<Flex>(param)
}

/// The step of one vector before it is scaled.
#[inline(always)]
fn change<S: Simd>(simd: S, rule: Rule, param: S::f32s, m: S::f32s, v: S::f32s) -> S::f32s {
    let Rule::Lamb {
        scale1,
        scale2,
        epsilon,
        decay,
        ..
    } = rule
    else {
        unreachable!("the pass is LAMB's");
    };
    let root = simd.sqrt_f32s(simd.mul_f32s(v, simd.splat_f32s(scale2)));
    let root = simd.add_f32s(root, simd.splat_f32s(epsilon));
    let change = simd.div_f32s(simd.mul_f32s(m, simd.splat_f32s(scale1)), root);
    simd.mul_add_e_f32s(param, simd.splat_f32s(decay), change)
}

/// The sums of the squares of a piece's parameters and of its steps.
struct Squares<'a> {
    rule: Rule,
    param: &'a [f32],
    m: &'a [f32],
    v: &'a [f32],
}

impl WithSimd for Squares<'_> {
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
                let change = change::<S>(simd, self.rule, param, m, v);
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
    rule: Rule,
    trust: f64,
    param: &'a mut [f32],
    m: &'a [f32],
    v: &'a [f32],
}

impl WithSimd for Move<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Rule::Lamb { rate, .. } = self.rule else {
            unreachable!("the pass is LAMB's");
        };
        let rate = simd.splat_f32s((-f64::from(rate) * self.trust) as f32);
        for at in (0..self.param.len()).step_by(S::F32_LANES) {
            let end = (at + S::F32_LANES).min(self.param.len());
            let param = load::<S>(simd, &self.param[at..end]);
            let m = load::<S>(simd, &self.m[at..end]);
            let v = load::<S>(simd, &self.v[at..end]);
            let change = change::<S>(simd, self.rule, param, m, v);
            let moved = simd.mul_add_e_f32s(change, rate, param);
            store::<S>(simd, &mut self.param[at..end], moved);
        }
    }
}
