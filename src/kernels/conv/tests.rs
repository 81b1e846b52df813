//! The kernels against the definition, in 64-bit floats, over shapes that do not fit the vectors.

use super::*;
use crate::data::{Purpose, Rng};

fn random(len: usize, key: u64) -> Vec<f32> {
    let mut rng = Rng::new(1, Purpose::Synth, &[key]);
    (0..len).map(|_| rng.range(-0.5, 0.5) as f32).collect()
}

/// Calls with (output, input pixel of the cell's place, image) for every output.
fn for_each_output(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize, usize)) {
    let [rows, columns] = shape.out_size();
    for image in 0..shape.batch {
        for row in 0..rows {
            for column in 0..columns {
                for filter in 0..shape.filters {
                    let at = ((image * rows + row) * columns + column) * shape.filters + filter;
                    let pixel = (image * shape.height + row * shape.cell()) * shape.width
                        + column * shape.cell();
                    visit(at, pixel, filter, image);
                }
            }
        }
    }
}

/// Calls with (index of the weight, index of the input) for the window at `pixel`.
fn for_each_tap_at(
    shape: &ConvShape,
    filter: usize,
    pixel: usize,
    mut visit: impl FnMut(usize, usize),
) {
    let [rows, columns] = shape.kernel;
    for row in 0..rows {
        for column in 0..columns {
            for channel in 0..shape.channels {
                let weight = ((filter * shape.channels + channel) * rows + row) * columns + column;
                let input = (pixel + row * shape.width + column) * shape.channels + channel;
                visit(weight, input);
            }
        }
    }
}

fn inside(shape: &ConvShape, place: usize) -> usize {
    place / shape.cell() * shape.width + place % shape.cell()
}

struct Expected {
    out: Vec<f64>,
    weight: Vec<f64>,
    bias: Vec<f64>,
    input: Vec<f64>,
}

fn expected(shape: &ConvShape, x: &[f32], w: &[f32], b: &[f32], grad: &[f32]) -> Expected {
    let mut e = Expected {
        out: vec![0.0; shape.out_len()],
        weight: vec![0.0; w.len()],
        bias: vec![0.0; b.len()],
        input: vec![0.0; x.len()],
    };
    for_each_output(shape, |at, pixel, filter, _| {
        let value = |place: usize| {
            let mut sum = f64::from(b[filter]);
            for_each_tap_at(shape, filter, pixel + inside(shape, place), |wi, xi| {
                sum += f64::from(w[wi]) * f64::from(x[xi]);
            });
            sum
        };
        let places = shape.cell() * shape.cell();
        let (place, best) = (0..places).map(|place| (place, value(place))).fold(
            (0, f64::NEG_INFINITY),
            |best, next| {
                if next.1 > best.1 { next } else { best }
            },
        );
        if shape.relu && best <= 0.0 {
            return;
        }
        e.out[at] = best;
        let grad = f64::from(grad[at]);
        e.bias[filter] += grad;
        for_each_tap_at(shape, filter, pixel + inside(shape, place), |wi, xi| {
            e.weight[wi] += grad * f64::from(x[xi]);
            e.input[xi] += grad * f64::from(w[wi]);
        });
    });
    e
}

fn close(what: &str, shape: &ConvShape, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what} {shape:?}");
    let size = expected
        .iter()
        .fold(1e-6f64, |most, value| most.max(value.abs()));
    for (index, (&found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / size;
        assert!(error < 1e-5, "{what}[{index}] {found} {expected} {shape:?}");
    }
}

fn agrees(shape: ConvShape) {
    let x = random(shape.input_len(), 1);
    let w = random(shape.filters * shape.taps(), 2);
    let b = random(shape.filters, 3);
    let grad = random(shape.out_len(), 4);
    let mut out = vec![f32::NAN; shape.out_len()];
    let mut places = vec![77; shape.out_len()];
    forward(&shape, &x, &w, &b, &mut out, Some(&mut places));
    let e = expected(&shape, &x, &w, &b, &grad);
    close("output", &shape, &out, &e.out);
    let mut again = vec![f32::NAN; shape.out_len()];
    forward(&shape, &x, &w, &b, &mut again, None);
    assert_eq!(out, again, "the same without places");
    let sums = weight_grad(&shape, &x, &grad, &places);
    close("weight gradient", &shape, &sums.weight, &e.weight);
    close("bias gradient", &shape, &sums.bias, &e.bias);
    let mut input = vec![f32::NAN; shape.input_len()];
    input_grad(&shape, &w, &grad, &places, &mut input);
    close("input gradient", &shape, &input, &e.input);
}

#[test]
fn agrees_with_the_definition_over_odd_shapes() {
    for (batch, height, width) in [(1, 3, 3), (2, 4, 9), (3, 9, 8), (1, 12, 31)] {
        for (channels, filters) in [(1, 1), (3, 32), (16, 5), (33, 17), (20, 70)] {
            for kernel in [[3, 3], [1, 1], [2, 3]] {
                for (pool, relu) in [(true, true), (false, true), (true, false), (false, false)] {
                    agrees(ConvShape {
                        batch,
                        height,
                        width,
                        channels,
                        filters,
                        kernel,
                        pool,
                        relu,
                    });
                }
            }
        }
    }
}

#[test]
fn an_image_smaller_than_a_cell_gives_nothing() {
    agrees(ConvShape {
        batch: 2,
        height: 3,
        width: 3,
        channels: 2,
        filters: 4,
        kernel: [3, 3],
        pool: true,
        relu: true,
    });
}

#[test]
fn what_is_not_a_number_is_not_hidden_by_the_relu() {
    let shape = ConvShape {
        batch: 1,
        height: 4,
        width: 4,
        channels: 1,
        filters: 2,
        kernel: [3, 3],
        pool: true,
        relu: true,
    };
    let (x, mut w) = (vec![1.0; 16], vec![1.0; 18]);
    w[..9].fill(f32::NAN);
    let mut out = vec![0.0; shape.out_len()];
    forward(&shape, &x, &w, &[0.0, 0.0], &mut out, None);
    assert!(out[0].is_nan());
    assert_eq!(out[1], 9.0);
}
