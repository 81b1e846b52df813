//! The gradients, from the last time step to the first.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::gates::GateGrads;
use super::group::add;
use crate::device::simd::arch;
use crate::kernels::lstm::group::Group;
use crate::kernels::lstm::shape::{Grads, LstmShape, Masks, Trace, Weights};

/// The gradients, from that of every step's output, `[batch, steps, units]`.
pub fn backward(
    shape: &LstmShape,
    input: &[f32],
    weights: Weights<'_>,
    masks: &Masks,
    backwards: bool,
    trace: &Trace,
    grad: &[f32],
) -> Grads {
    let LstmShape {
        batch,
        steps,
        features,
        units,
    } = *shape;
    let group = shape.group();
    let turned = [
        turn(weights.kernel, features, 4 * units),
        turn(weights.recurrent, units, 4 * units),
    ];
    let mut input_grad = vec![0.0; batch * steps * features];
    let per_group = group * steps * units;
    let parts: Vec<Grads> = input_grad
        .par_chunks_mut((group * steps * features).max(1))
        .zip(input.par_chunks((group * steps * features).max(1)))
        .zip(grad.par_chunks(per_group.max(1)))
        .zip(trace.gates.par_chunks((4 * per_group).max(1)))
        .zip(trace.cells.par_chunks(per_group.max(1)))
        .zip(trace.hidden.par_chunks(per_group.max(1)))
        .enumerate()
        .map(
            |(index, (((((input_grad, input), grad), gates), cells), hidden))| {
                let samples = grad.len() / (steps * units);
                arch().dispatch(Back {
                    group: Group {
                        shape: shape.with_batch(samples),
                        weights,
                        masks,
                        first: index * group,
                        backwards,
                    },
                    turned: &turned,
                    input,
                    grad,
                    gates,
                    cells,
                    hidden,
                    input_grad,
                })
            },
        )
        .collect();
    let mut grads = Grads {
        input: input_grad,
        kernel: vec![0.0; features * 4 * units],
        recurrent: vec![0.0; units * 4 * units],
        bias: vec![0.0; 4 * units],
    };
    for part in &parts {
        add(&mut grads.kernel, &part.kernel);
        add(&mut grads.recurrent, &part.recurrent);
        add(&mut grads.bias, &part.bias);
    }
    grads
}

/// `[rows, columns]` to `[columns, rows]`.
pub fn turn(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut turned = vec![0.0; matrix.len()];
    for row in 0..rows {
        for column in 0..columns {
            turned[column * rows + row] = matrix[row * columns + column];
        }
    }
    turned
}

struct Back<'a> {
    group: Group<'a>,
    /// The kernels, turned.
    turned: &'a [Vec<f32>; 2],
    input: &'a [f32],
    grad: &'a [f32],
    gates: &'a [f32],
    cells: &'a [f32],
    hidden: &'a [f32],
    input_grad: &'a mut [f32],
}

impl WithSimd for Back<'_> {
    type Output = Grads;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Grads {
        let group = self.group;
        let LstmShape {
            batch,
            steps,
            features,
            units,
        } = group.shape;
        let width = batch * units;
        let masks = group.masks;
        let mut dz = vec![0.0; steps * 4 * width];
        let mut dh = group.by_place(self.grad, units);
        let mut dc = vec![0.0; width];
        for index in (0..steps).rev() {
            let before = match index {
                0 => &[],
                _ => &self.cells[(index - 1) * width..][..width],
            };
            let dz = &mut dz[index * 4 * width..][..4 * width];
            GateGrads {
                units,
                gates: &self.gates[index * 4 * width..][..4 * width],
                before,
                cells: &self.cells[index * width..][..width],
                dh: &dh[index * width..][..width],
                dc: &mut dc,
                dz,
            }
            .with_simd(simd);
            if index > 0 {
                let dh = &mut dh[(index - 1) * width..][..width];
                group.project_back(simd, dz, &masks.recurrent, &self.turned[1], dh);
            }
        }
        let rows = group.by_place(self.input, features);
        let mut drows = vec![0.0; rows.len()];
        group.project_back(simd, &dz, &masks.input, &self.turned[0], &mut drows);
        group.by_sample(&drows, features, self.input_grad);
        let mut bias = vec![0.0; 4 * units];
        for row in dz.chunks_exact(4 * units) {
            bias.iter_mut().zip(row).for_each(|(sum, dz)| *sum += dz);
        }
        let later = 4 * width.min(dz.len());
        let earlier = self.hidden.len() - width.min(self.hidden.len());
        Grads {
            input: Vec::new(),
            kernel: group.matrix_grad(simd, &rows, &masks.input, features, &dz),
            recurrent: group.matrix_grad(
                simd,
                &self.hidden[..earlier],
                &masks.recurrent,
                units,
                &dz[later..],
            ),
            bias,
        }
    }
}
