//! Depthwise convolutions agree with their definition, and give the same bits for any number of threads and in any
//! batch.

use kiln::kernels::Pointwise;
use kiln::kernels::depthwise::{DepthwiseShape, forward, input_grad, weight_grad};

use super::random;
use crate::support::process::at_every_simd_limit;

/// Rows and columns, kernel, stride, padding.
type Geometry = ([usize; 2], [usize; 2], [usize; 2], [(usize, usize); 2]);

const GEOMETRIES: [Geometry; 9] = [
    ([7, 9], [3, 3], [1, 1], [(1, 1), (1, 1)]),
    ([8, 8], [3, 3], [2, 2], [(0, 1), (0, 1)]),
    ([7, 20], [5, 5], [1, 1], [(2, 2), (2, 2)]),
    ([15, 14], [5, 5], [2, 2], [(2, 2), (1, 2)]),
    ([9, 9], [7, 7], [1, 1], [(3, 3), (3, 3)]),
    ([3, 3], [7, 7], [1, 1], [(3, 3), (3, 3)]),
    ([6, 7], [2, 4], [3, 1], [(0, 0), (5, 0)]),
    ([5, 5], [1, 1], [2, 2], [(0, 0), (0, 0)]),
    ([1, 12], [1, 3], [1, 2], [(0, 0), (1, 0)]),
];

fn shape(batch: usize, channels: usize, geometry: Geometry) -> DepthwiseShape {
    let (size, kernel, stride, padding) = geometry;
    DepthwiseShape {
        batch,
        size,
        channels,
        kernel,
        stride,
        padding,
    }
}

struct Case {
    x: Vec<f32>,
    w: Vec<f32>,
    b: Vec<f32>,
    grad: Vec<f32>,
}

impl Case {
    fn new(shape: &DepthwiseShape) -> Case {
        Case {
            x: random(shape.batch * shape.image_len(), 1),
            w: random(shape.channels * shape.taps(), 2),
            b: random(shape.channels, 3),
            grad: random(shape.batch * shape.out_image_len(), 4),
        }
    }

    /// Output, and gradients of input, weights and bias.
    fn run(&self, shape: &DepthwiseShape) -> [Vec<f32>; 4] {
        let out = forward(shape, &self.x, &self.w, Some(&self.b), Pointwise::Linear);
        let input = input_grad(shape, &self.w, &self.grad);
        let sums = weight_grad(shape, &self.x, &self.grad);
        [out, input, sums.weight, sums.bias]
    }

    /// The same by the definition.
    fn expected(&self, shape: &DepthwiseShape) -> [Vec<f64>; 4] {
        let [rows, columns] = shape.out_size();
        let (channels, [height, width]) = (shape.channels, shape.size);
        let zeros = |len: usize| vec![0.0f64; len];
        let mut out = zeros(self.grad.len());
        let (mut input, mut weight) = (zeros(self.x.len()), zeros(self.w.len()));
        let mut bias = zeros(channels);
        for (at, out) in out.iter_mut().enumerate() {
            let channel = at % channels;
            let (image, pixel) = (at / channels / rows / columns, at / channels);
            let [i, j] = [pixel / columns % rows, pixel % columns];
            let grad = f64::from(self.grad[at]);
            *out = f64::from(self.b[channel]);
            bias[channel] += grad;
            for u in 0..shape.kernel[0] {
                for v in 0..shape.kernel[1] {
                    let y = (i * shape.stride[0] + u).wrapping_sub(shape.padding[0].0);
                    let x = (j * shape.stride[1] + v).wrapping_sub(shape.padding[1].0);
                    if y >= height || x >= width {
                        continue;
                    }
                    let from = ((image * height + y) * width + x) * channels + channel;
                    let tap = (channel * shape.kernel[0] + u) * shape.kernel[1] + v;
                    *out += f64::from(self.x[from]) * f64::from(self.w[tap]);
                    input[from] += grad * f64::from(self.w[tap]);
                    weight[tap] += grad * f64::from(self.x[from]);
                }
            }
        }
        [out, input, weight, bias]
    }
}

#[test]
fn depthwise_convolutions_agree_with_the_definition() {
    at_every_simd_limit(|_| {
        for geometry in GEOMETRIES {
            for (batch, channels) in [(1, 1), (3, 7), (2, 16), (2, 40), (17, 24), (1, 72)] {
                let shape = shape(batch, channels, geometry);
                let case = Case::new(&shape);
                let found = case.run(&shape);
                for (part, (found, expected)) in found.iter().zip(case.expected(&shape)).enumerate()
                {
                    assert_eq!(found.len(), expected.len(), "part {part}, {shape:?}");
                    let size = expected.iter().fold(1e-6f64, |most, x| most.max(x.abs()));
                    for (found, expected) in found.iter().zip(expected) {
                        let error = (f64::from(*found) - expected).abs() / size;
                        assert!(error < 1e-5, "part {part}: {found} {expected} {shape:?}");
                    }
                }
            }
        }
    });
}

#[test]
fn activations_follow_in_the_same_pass() {
    at_every_simd_limit(|_| {
        let shape = shape(2, 37, GEOMETRIES[0]);
        let case = Case::new(&shape);
        let w: Vec<f32> = case.w.iter().map(|w| w * 9.0).collect();
        let plain = forward(&shape, &case.x, &w, Some(&case.b), Pointwise::Linear);
        for (then, expected) in [
            (Pointwise::Relu, (|x| x.max(0.0)) as fn(f32) -> f32),
            (Pointwise::Relu6, |x| x.clamp(0.0, 6.0)),
            (Pointwise::HardSilu, |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
            (Pointwise::Silu, |x| x / (1.0 + (-x).exp())),
        ] {
            let found = forward(&shape, &case.x, &w, Some(&case.b), then);
            for (found, x) in found.iter().zip(&plain) {
                let expected = expected(*x);
                assert!(
                    (found - expected).abs() < 3e-6,
                    "{then:?}({x}): {found} {expected}"
                );
            }
        }
    });
}

#[test]
fn what_is_not_a_number_passes_every_activation() {
    at_every_simd_limit(|_| {
        let shape = shape(1, 1, ([1, 2], [1, 1], [1, 1], [(0, 0); 2]));
        for then in [
            Pointwise::Linear,
            Pointwise::Relu,
            Pointwise::Relu6,
            Pointwise::HardSilu,
            Pointwise::Silu,
        ] {
            let found = forward(&shape, &[f32::NAN, 1.0], &[1.0], None, then);
            assert!(
                found[0].is_nan() && !found[1].is_nan(),
                "{then:?}: {found:?}"
            );
        }
    });
}

#[test]
fn depthwise_bits_are_the_same_for_any_number_of_threads_and_in_any_batch() {
    for geometry in GEOMETRIES {
        let shape = shape(9, 40, geometry);
        let case = Case::new(&shape);
        let bits = |parts: &[Vec<f32>; 4]| {
            parts
                .each_ref()
                .map(|part| part.iter().map(|x| x.to_bits()).collect::<Vec<u32>>())
        };
        let first = bits(&case.run(&shape));
        for threads in [1, 2, 5, 16] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let found = pool.expect("threads").install(|| bits(&case.run(&shape)));
            assert!(found == first, "{threads} threads, {shape:?}");
        }
        let one = DepthwiseShape { batch: 1, ..shape };
        let image = &case.x[4 * shape.image_len()..][..shape.image_len()];
        let alone = forward(&one, image, &case.w, Some(&case.b), Pointwise::Linear);
        let alone: Vec<u32> = alone.iter().map(|x| x.to_bits()).collect();
        let len = shape.out_image_len();
        assert!(first[0][4 * len..][..len] == alone, "{shape:?}");
    }
}
