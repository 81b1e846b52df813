//! The forward pass.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::gates::Gates;
use crate::device::simd::arch;
use crate::kernels::lstm::group::Group;
use crate::kernels::lstm::shape::{LstmShape, Masks, Trace, Weights};

/// Runs all time steps; from the last to the first where `backwards`. Returns every step's output,
/// `[batch, steps, units]`, in the order of the input, and what the backward pass needs.
pub fn forward(
    shape: &LstmShape,
    input: &[f32],
    weights: Weights<'_>,
    masks: &Masks,
    backwards: bool,
) -> (Vec<f32>, Trace) {
    let LstmShape {
        batch,
        steps,
        features,
        units,
    } = *shape;
    let group = shape.group();
    let mut trace = Trace {
        gates: vec![0.0; batch * steps * 4 * units],
        cells: vec![0.0; batch * steps * units],
        hidden: vec![0.0; batch * steps * units],
    };
    let mut output = vec![0.0; batch * steps * units];
    let per_group = group * steps * units;
    trace
        .gates
        .par_chunks_mut((4 * per_group).max(1))
        .zip(trace.cells.par_chunks_mut(per_group.max(1)))
        .zip(trace.hidden.par_chunks_mut(per_group.max(1)))
        .zip(output.par_chunks_mut(per_group.max(1)))
        .zip(input.par_chunks((group * steps * features).max(1)))
        .enumerate()
        .for_each(|(index, ((((gates, cells), hidden), output), input))| {
            let samples = output.len() / (steps * units);
            arch().dispatch(Forward {
                group: Group {
                    shape: shape.with_batch(samples),
                    weights,
                    masks,
                    first: index * group,
                    backwards,
                },
                input,
                gates,
                cells,
                hidden,
                output,
            });
        });
    (output, trace)
}

struct Forward<'a> {
    group: Group<'a>,
    input: &'a [f32],
    gates: &'a mut [f32],
    cells: &'a mut [f32],
    hidden: &'a mut [f32],
    output: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let group = self.group;
        let LstmShape {
            batch,
            steps,
            features,
            units,
        } = group.shape;
        for row in self.gates.chunks_exact_mut(4 * units) {
            row.copy_from_slice(group.weights.bias);
        }
        let rows = group.by_place(self.input, features);
        let (masks, weights) = (group.masks, group.weights);
        group.project(simd, &rows, &masks.input, weights.kernel, self.gates);
        let width = batch * units;
        for index in 0..steps {
            let z = &mut self.gates[index * 4 * width..][..4 * width];
            if index > 0 {
                let before = &self.hidden[(index - 1) * width..][..width];
                group.project(simd, before, &masks.recurrent, weights.recurrent, z);
            }
            let (before, cells) = self.cells.split_at_mut(index * width);
            Gates {
                units,
                z,
                before: before.get((index.max(1) - 1) * width..).unwrap_or_default(),
                cells: &mut cells[..width],
                hidden: &mut self.hidden[index * width..][..width],
            }
            .with_simd(simd);
        }
        group.by_sample(self.hidden, units, self.output);
    }
}
