//! Convolutions by their definition, in 64-bit floats, and what the kernels make of the same shape.

use kiln::config::Precision;
use kiln::kernels::Pointwise;
use kiln::kernels::conv::{ConvShape, forward, input_grad, weight_grad};

use super::random;

/// Calls with (output, input pixel of the cell's place, image) for every output.
fn for_each_output(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize, usize)) {
    let [rows, columns] = shape.out_size();
    for image in 0..shape.batch {
        for row in 0..rows {
            for column in 0..columns {
                for filter in 0..shape.filters {
                    let at = ((image * rows + row) * columns + column) * shape.filters + filter;
                    let y = row * shape.cell() * shape.stride[0];
                    let x = column * shape.cell() * shape.stride[1];
                    let pixel = (image * shape.height + y) * shape.width + x;
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
    place / shape.cell() * shape.stride[0] * shape.width + place % shape.cell() * shape.stride[1]
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
        let (least, most) = match shape.then {
            Pointwise::Relu => (0.0, f64::INFINITY),
            Pointwise::Relu6 => (0.0, 6.0),
            Pointwise::Linear => (f64::NEG_INFINITY, f64::INFINITY),
            other => unreachable!("{other:?} has no place here"),
        };
        e.out[at] = best.clamp(least, most);
        if best <= least || best >= most {
            return;
        }
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

/// Everything that the kernels compute of one shape.
pub(super) struct Found {
    pub out: Vec<f32>,
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    pub input: Vec<f32>,
}

pub(super) struct Case {
    x: Vec<f32>,
    w: Vec<f32>,
    b: Vec<f32>,
    grad: Vec<f32>,
}

impl Case {
    pub(super) fn new(shape: &ConvShape) -> Case {
        Case {
            x: random(shape.input_len(), 1),
            w: random(shape.filters * shape.taps(), 2),
            b: random(shape.filters, 3),
            grad: random(shape.out_len(), 4),
        }
    }

    pub(super) fn run(&self, shape: &ConvShape, precision: Precision) -> Found {
        let Case { x, w, b, grad } = self;
        let mut places = vec![77; shape.out_len()];
        let out = forward(shape, x, w, b, Some(&mut places), precision);
        let again = forward(shape, x, w, b, None, precision);
        assert_eq!(out, again, "the same without places");
        let mut grad = grad.clone();
        if !shape.pool {
            shape.then.go_back(&out, &mut grad);
        }
        let grad = &grad[..];
        let sums = weight_grad(shape, x, grad, &places, true);
        let input = input_grad(shape, [(0, 0); 2], w, grad, &places);
        let [rows, columns] = [shape.height, shape.width].map(|size| size > 4);
        if rows && columns {
            padded_grad_is_a_part(shape, w, grad, &places, &input);
        }
        Found {
            out,
            weight: sums.weight,
            bias: sums.bias,
            input,
        }
    }
}

/// The gradient of an image without its padding is a part of that with it.
fn padded_grad_is_a_part(shape: &ConvShape, w: &[f32], grad: &[f32], places: &[u8], whole: &[f32]) {
    let found = input_grad(shape, [(1, 2), (2, 0)], w, grad, places);
    let (height, width) = (shape.height - 3, shape.width - 2);
    for (index, row) in found.chunks_exact(width * shape.channels).enumerate() {
        let (image, y) = (index / height, index % height);
        let at = ((image * shape.height + y + 1) * shape.width + 2) * shape.channels;
        for (found, whole) in row.iter().zip(&whole[at..]) {
            assert!((found - whole).abs() < 1e-5, "{found} {whole} {shape:?}");
        }
    }
}

pub(super) fn agrees(shape: ConvShape) {
    let case = Case::new(&shape);
    let Case { x, w, b, grad } = &case;
    let found = case.run(&shape, Precision::F32);
    let e = expected(&shape, x, w, b, grad);
    close("output", &shape, &found.out, &e.out);
    close("weight gradient", &shape, &found.weight, &e.weight);
    close("bias gradient", &shape, &found.bias, &e.bias);
    close("input gradient", &shape, &found.input, &e.input);
    // Two factors with 8 bits of mantissa each; the transform of Winograd's adds some more.
    let size = (shape.taps() as f64).sqrt() / 12.0;
    let rounded = case.run(&shape, Precision::Bf16);
    for (found, expected) in rounded.out.iter().zip(&e.out) {
        let error = (f64::from(*found) - expected).abs() / size.max(0.2);
        assert!(error < 0.03, "bf16: {found} {expected} {shape:?}");
    }
}
