//! Long short-term memory on the CPU, on plain slices: all time steps of some samples at a time, on one
//! thread, while the weights stay in its cache.
//!
//! Gates come in Keras's order: input, forget, candidate, output. Inputs are `[batch, steps,
//! features]`, kernels `[features, 4 units]` and `[units, 4 units]`. Dropout masks are `[batch, 4, features]` and
//! `[batch, 4, units]`, the same at every step (Gal and Ghahramani, 2016). Samples are cut into groups by
//! their number alone, and the groups' sums are added in order: the bits do not depend on the threads.

pub mod block;
mod gates;
mod product;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use gates::{GateGrads, Gates};
use product::Product;

use crate::device::simd::arch;

/// Samples of a group, where there are not too many groups.
const GROUP: usize = 8;
/// Groups at most, each of which has sums of its own.
const MOST_GROUPS: usize = 64;

/// Sizes of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LstmShape {
    /// Samples.
    pub batch: usize,
    /// Time steps.
    pub steps: usize,
    /// Inputs a step.
    pub features: usize,
    /// Outputs a step.
    pub units: usize,
}

impl LstmShape {
    fn group(&self) -> usize {
        GROUP.max(self.batch.div_ceil(MOST_GROUPS))
    }

    fn with_batch(self, batch: usize) -> LstmShape {
        LstmShape { batch, ..self }
    }
}

/// The weights of a layer.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    /// `[features, 4 units]`
    pub kernel: &'a [f32],
    /// `[units, 4 units]`
    pub recurrent: &'a [f32],
    /// `[4 units]`
    pub bias: &'a [f32],
}

/// Dropout masks: 0 or `1 / (1 - rate)`; empty where nothing is dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Masks {
    /// `[batch, 4, features]`
    pub input: Vec<f32>,
    /// `[batch, 4, units]`
    pub recurrent: Vec<f32>,
}

/// What the forward pass leaves: everything by group, then step, then sample.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The gates after their activations, `[steps, batch, 4 units]` within a group.
    gates: Vec<f32>,
    /// The cells, `[steps, batch, units]` within a group.
    cells: Vec<f32>,
    /// The outputs, laid out as the cells.
    hidden: Vec<f32>,
}

/// Gradients of a layer.
#[derive(Clone, Debug, Default)]
pub struct Grads {
    /// `[batch, steps, features]`
    pub input: Vec<f32>,
    /// `[features, 4 units]`
    pub kernel: Vec<f32>,
    /// `[units, 4 units]`
    pub recurrent: Vec<f32>,
    /// `[4 units]`
    pub bias: Vec<f32>,
}

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

fn add(to: &mut [f32], part: &[f32]) {
    to.iter_mut().zip(part).for_each(|(to, part)| *to += part);
}

/// `[rows, columns]` to `[columns, rows]`.
fn turn(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut turned = vec![0.0; matrix.len()];
    for row in 0..rows {
        for column in 0..columns {
            turned[column * rows + row] = matrix[row * columns + column];
        }
    }
    turned
}

/// Samples that one thread works on.
#[derive(Clone, Copy)]
struct Group<'a> {
    shape: LstmShape,
    weights: Weights<'a>,
    masks: &'a Masks,
    /// The first sample's place in the batch.
    first: usize,
    backwards: bool,
}

impl Group<'_> {
    /// The time step that comes at place `index`.
    fn step(&self, index: usize) -> usize {
        match self.backwards {
            true => self.shape.steps - 1 - index,
            false => index,
        }
    }

    /// A sample's mask for a gate.
    #[inline(always)]
    fn mask<'m>(&self, masks: &'m [f32], width: usize, sample: usize, gate: usize) -> &'m [f32] {
        let at = ((self.first + sample) * 4 + gate) * width;
        &masks[at..at + width]
    }

    /// `z += (rows * mask of each gate) matrix`, for `places` rows of every sample; `rows` are `[places,
    /// batch, width]`, `z` `[places, batch, 4 units]`.
    #[inline(always)]
    fn project<S: Simd>(
        &self,
        simd: S,
        rows: &[f32],
        masks: &[f32],
        matrix: &[f32],
        z: &mut [f32],
    ) {
        let units = self.shape.units;
        let width = matrix.len() / (4 * units);
        let count = z.len() / (4 * units);
        if masks.is_empty() {
            Product {
                sizes: [count, width, 4 * units],
                a: rows,
                a_steps: [width, 1],
                b: matrix,
                b_step: 4 * units,
                c: z,
                c_step: 4 * units,
                add: true,
            }
            .with_simd(simd);
            return;
        }
        let mut masked = vec![0.0; rows.len()];
        for gate in 0..4 {
            self.apply(rows, masks, width, gate, &mut masked);
            Product {
                sizes: [count, width, units],
                a: &masked,
                a_steps: [width, 1],
                b: &matrix[gate * units..],
                b_step: 4 * units,
                c: &mut z[gate * units..],
                c_step: 4 * units,
                add: true,
            }
            .with_simd(simd);
        }
    }

    /// `out = rows * mask of a gate`.
    #[inline(always)]
    fn apply(&self, rows: &[f32], masks: &[f32], width: usize, gate: usize, out: &mut [f32]) {
        let batch = self.shape.batch;
        let pairs = rows.chunks_exact(width).zip(out.chunks_exact_mut(width));
        for (place, (row, out)) in pairs.enumerate() {
            let mask = self.mask(masks, width, place % batch, gate);
            for ((out, x), mask) in out.iter_mut().zip(row).zip(mask) {
                *out = x * mask;
            }
        }
    }

    /// `grad += (dz turned) * mask`: the gradient of the rows that [`project`](Self::project) took.
    #[inline(always)]
    fn project_back<S: Simd>(
        &self,
        simd: S,
        dz: &[f32],
        masks: &[f32],
        turned: &[f32],
        grad: &mut [f32],
    ) {
        let units = self.shape.units;
        let width = turned.len() / (4 * units);
        let count = dz.len() / (4 * units);
        if masks.is_empty() {
            Product {
                sizes: [count, 4 * units, width],
                a: dz,
                a_steps: [4 * units, 1],
                b: turned,
                b_step: width,
                c: grad,
                c_step: width,
                add: true,
            }
            .with_simd(simd);
            return;
        }
        let batch = self.shape.batch;
        let mut part = vec![0.0; grad.len()];
        for gate in 0..4 {
            Product {
                sizes: [count, units, width],
                a: &dz[gate * units..],
                a_steps: [4 * units, 1],
                b: &turned[gate * units * width..],
                b_step: width,
                c: &mut part,
                c_step: width,
                add: false,
            }
            .with_simd(simd);
            let pairs = grad.chunks_exact_mut(width).zip(part.chunks_exact(width));
            for (place, (grad, part)) in pairs.enumerate() {
                let mask = self.mask(masks, width, place % batch, gate);
                for ((grad, part), mask) in grad.iter_mut().zip(part).zip(mask) {
                    *grad += part * mask;
                }
            }
        }
    }

    /// `(rows * mask)' dz`: the gradient of a matrix.
    #[inline(always)]
    fn matrix_grad<S: Simd>(
        &self,
        simd: S,
        rows: &[f32],
        masks: &[f32],
        width: usize,
        dz: &[f32],
    ) -> Vec<f32> {
        let units = self.shape.units;
        let count = dz.len() / (4 * units);
        let mut grad = vec![0.0; width * 4 * units];
        if count == 0 {
            return grad; // of the recurrent weights, where there is one step only
        }
        if masks.is_empty() {
            Product {
                sizes: [width, count, 4 * units],
                a: rows,
                a_steps: [1, width],
                b: dz,
                b_step: 4 * units,
                c: &mut grad,
                c_step: 4 * units,
                add: false,
            }
            .with_simd(simd);
            return grad;
        }
        let mut masked = vec![0.0; rows.len()];
        for gate in 0..4 {
            self.apply(rows, masks, width, gate, &mut masked);
            Product {
                sizes: [width, count, units],
                a: &masked,
                a_steps: [1, width],
                b: &dz[gate * units..],
                b_step: 4 * units,
                c: &mut grad[gate * units..],
                c_step: 4 * units,
                add: false,
            }
            .with_simd(simd);
        }
        grad
    }

    /// `[batch, steps, width]` to `[places, batch, width]`, in the order in which the steps come.
    #[inline(always)]
    fn by_place(&self, rows: &[f32], width: usize) -> Vec<f32> {
        let LstmShape { batch, steps, .. } = self.shape;
        let mut out = vec![0.0; rows.len()];
        for (index, out) in out.chunks_exact_mut((batch * width).max(1)).enumerate() {
            for (sample, out) in out.chunks_exact_mut(width).enumerate() {
                let at = (sample * steps + self.step(index)) * width;
                out.copy_from_slice(&rows[at..at + width]);
            }
        }
        out
    }

    /// The way back, from `[places, batch, width]`.
    #[inline(always)]
    fn by_sample(&self, places: &[f32], width: usize, out: &mut [f32]) {
        let LstmShape { batch, steps, .. } = self.shape;
        for (index, row) in places.chunks_exact((batch * width).max(1)).enumerate() {
            for (sample, row) in row.chunks_exact(width).enumerate() {
                let at = (sample * steps + self.step(index)) * width;
                out[at..at + width].copy_from_slice(row);
            }
        }
    }
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
