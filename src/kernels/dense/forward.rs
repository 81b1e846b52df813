//! `y = x W + b`: features are cut into parts, each of which gives partial sums of all samples.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::shape::DenseShape;
use crate::device::simd::{arch, load, store};
use crate::kernels::scratch::with_scratch;

/// Parts of the features at most.
const MAX_PARTS: usize = 32;

/// Features of a part at least, where there are that many.
const PART: usize = 128;

/// Features whose weights are read at a time: a panel of them stays in the cache.
const PANEL: usize = 64;

/// Samples from which on a batch is cut by samples, not by features.
const LARGE: usize = 256;

/// Samples that a task of a large batch takes.
const SAMPLES: usize = 16;

/// Partial sums of all parts at most: 32 MB.
const MAX_SUMS: usize = 8 << 20;

/// Outputs that are added up at a time.
const OUTPUTS: usize = 4096;

/// Overwrites `out`.
pub fn forward(
    shape: &DenseShape,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    let DenseShape {
        batch,
        features,
        units,
    } = *shape;
    if out.is_empty() {
        return;
    }
    let arch = arch();
    let parts = if batch > LARGE {
        1
    } else {
        let most = (MAX_SUMS / (batch * units)).clamp(1, MAX_PARTS);
        features.div_ceil(PART).clamp(1, most)
    };
    let samples = if parts == 1 { SAMPLES } else { batch };
    with_scratch(parts * batch * units, |sums| {
        sums.par_chunks_mut(batch * units)
            .enumerate()
            .for_each(|(part, sums)| {
                let range = part * features / parts..(part + 1) * features / parts;
                sums.par_chunks_mut(samples * units)
                    .zip(input.par_chunks((samples * features).max(1)))
                    .for_each(|(sums, input)| {
                        sums.fill(0.0);
                        arch.dispatch(Part {
                            shape,
                            input,
                            weight,
                            range: range.clone(),
                            sums,
                        });
                    });
            });
        let sums = &*sums;
        let len = (OUTPUTS / units).max(1) * units;
        out.par_chunks_mut(len)
            .enumerate()
            .for_each(|(index, out)| {
                for (sample, out) in out.chunks_exact_mut(units).enumerate() {
                    match bias {
                        Some(bias) => out.copy_from_slice(bias),
                        None => out.fill(0.0),
                    }
                    let at = index * len + sample * units;
                    for part in sums.chunks_exact(batch * units) {
                        for (out, sum) in out.iter_mut().zip(&part[at..at + units]) {
                            *out += sum;
                        }
                    }
                }
            });
    });
}

/// Some samples, some of their features, all units.
struct Part<'a> {
    shape: &'a DenseShape,
    input: &'a [f32],
    weight: &'a [f32],
    range: std::ops::Range<usize>,
    /// `[samples][units]`
    sums: &'a mut [f32],
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let samples = self.sums.len() / self.shape.units;
        for from in self.range.clone().step_by(PANEL) {
            let panel = from..(from + PANEL).min(self.range.end);
            if samples == 1 {
                // Few sums hide the latency of the additions: more units at a time.
                self.columns::<S, 1, 8>(simd, panel, samples);
            } else if S::REGISTER_COUNT >= 32 {
                self.columns::<S, 4, 4>(simd, panel, samples);
            } else {
                self.columns::<S, 4, 2>(simd, panel, samples);
            }
        }
    }
}

impl Part<'_> {
    #[inline(always)]
    fn columns<S: Simd, const N: usize, const V: usize>(
        &mut self,
        simd: S,
        panel: std::ops::Range<usize>,
        samples: usize,
    ) {
        let units = self.shape.units;
        let mut unit = 0;
        while unit < units {
            let wide = units - unit >= V * S::F32_LANES;
            let mut sample = 0;
            while sample < samples {
                let many = samples - sample >= N;
                match (many, wide) {
                    (true, true) => self.tile::<S, N, V>(simd, &panel, sample, unit),
                    (true, false) => self.tile::<S, N, 1>(simd, &panel, sample, unit),
                    (false, true) => self.tile::<S, 1, V>(simd, &panel, sample, unit),
                    (false, false) => self.tile::<S, 1, 1>(simd, &panel, sample, unit),
                }
                sample += if many { N } else { 1 };
            }
            unit += if wide { V * S::F32_LANES } else { S::F32_LANES };
        }
    }

    /// `N` samples, `V` vectors of units (with `V = 1` perhaps not a whole one).
    #[inline(always)]
    fn tile<S: Simd, const N: usize, const V: usize>(
        &mut self,
        simd: S,
        panel: &std::ops::Range<usize>,
        sample: usize,
        unit: usize,
    ) {
        let DenseShape {
            features, units, ..
        } = *self.shape;
        let lanes = S::F32_LANES;
        let mut inputs: [&[f32]; N] = [&[]; N];
        for (n, input) in inputs.iter_mut().enumerate() {
            let at = (sample + n) * features;
            *input = &self.input[at + panel.start..at + panel.end];
        }
        let rows = self.weight[panel.start * units..panel.end * units].chunks_exact(units);
        let wide = lanes.min(units - unit);
        let mut sums = [[simd.splat_f32s(0.0); V]; N];
        for (feature, row) in rows.enumerate() {
            let mut weights = [simd.splat_f32s(0.0); V];
            if wide == lanes {
                let (vectors, _) = S::as_simd_f32s(&row[unit..unit + V * lanes]);
                weights.copy_from_slice(vectors);
            } else {
                weights[0] = simd.partial_load_f32s(&row[unit..unit + wide]);
            }
            for (sums, input) in sums.iter_mut().zip(&inputs) {
                // SAFETY: there are `panel.len()` rows, and every slice of inputs is that long.
                let value = simd.splat_f32s(unsafe { *input.get_unchecked(feature) });
                for (sum, weight) in sums.iter_mut().zip(&weights) {
                    *sum = simd.mul_add_e_f32s(value, *weight, *sum);
                }
            }
        }
        for (n, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                let at = (sample + n) * units + unit + v * lanes;
                let to = &mut self.sums[at..at + wide];
                let before = load::<S>(simd, to);
                store::<S>(simd, to, simd.add_f32s(before, *sum));
            }
        }
    }
}
