//! Convolutions agree with their definition, and give the same bits for any number of threads.

use burn::tensor::{Device, Tensor, TensorData};
use kiln::config::Precision;
use kiln::data::{Purpose, Rng};
use kiln::kernels::conv::{ConvShape, forward};
use kiln::kernels::dense::{self, DenseShape};
use kiln::kernels::{Pointwise, max_pool_block};

use super::definition::{Case, agrees};
use super::random;
use crate::support::process::at_every_simd_limit;
use crate::support::recorded::floats as values;

/// Kernels and strides.
const KERNELS: [([usize; 2], [usize; 2]); 8] = [
    ([3, 3], [1, 1]),
    ([1, 1], [1, 1]),
    ([2, 3], [1, 1]),
    ([5, 5], [1, 1]),
    ([3, 3], [2, 2]),
    ([1, 1], [2, 2]),
    ([4, 3], [3, 2]),
    ([2, 1], [1, 3]),
];

#[test]
fn convolutions_agree_with_the_definition_over_odd_shapes() {
    at_every_simd_limit(|_| {
        for (batch, height, width) in [(1, 3, 3), (2, 4, 9), (3, 9, 8), (1, 12, 31)] {
            for (channels, filters) in [(1, 1), (3, 32), (16, 5), (33, 17), (20, 70)] {
                for (kernel, stride) in KERNELS {
                    for (pool, then) in [
                        (true, Pointwise::Relu),
                        (false, Pointwise::Relu),
                        (true, Pointwise::Linear),
                        (false, Pointwise::Linear),
                    ] {
                        if height < kernel[0] || width < kernel[1] {
                            continue;
                        }
                        agrees(ConvShape {
                            batch,
                            height,
                            width,
                            channels,
                            filters,
                            kernel,
                            stride,
                            pool,
                            then,
                        });
                    }
                }
            }
        }
    });
}

#[test]
fn convolutions_agree_with_the_definition_over_random_shapes() {
    at_every_simd_limit(|limit| {
        let mut rng = Rng::new(7, Purpose::Synth, &[limit as u64]);
        for _ in 0..40 {
            let kernel = [1 + rng.below(4), 1 + rng.below(4)];
            agrees(
                ConvShape {
                    batch: 1 + rng.below(12),
                    height: kernel[0] + rng.below(14),
                    width: kernel[1] + rng.below(14),
                    channels: 1 + rng.below(40),
                    filters: 1 + rng.below(80),
                    kernel: if rng.below(2) == 0 { [3, 3] } else { kernel },
                    stride: if rng.below(2) == 0 {
                        [1, 1]
                    } else {
                        [1 + rng.below(3), 2]
                    },
                    pool: rng.below(2) == 0,
                    then: [Pointwise::Linear, Pointwise::Relu, Pointwise::Relu6][rng.below(3)],
                }
                .at_least_a_window(),
            );
        }
    });
}

trait AtLeastAWindow {
    fn at_least_a_window(self) -> Self;
}

impl AtLeastAWindow for ConvShape {
    fn at_least_a_window(self) -> ConvShape {
        ConvShape {
            height: self.height.max(self.kernel[0]),
            width: self.width.max(self.kernel[1]),
            ..self
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
        stride: [1, 1],
        pool: true,
        then: Pointwise::Relu,
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
        stride: [1, 1],
        pool: true,
        then: Pointwise::Relu,
    };
    let (x, mut w) = (vec![1.0; 16], vec![1.0; 18]);
    w[..9].fill(f32::NAN);
    for precision in [Precision::F32, Precision::Bf16] {
        let out = forward(&shape, &x, &w, &[0.0, 0.0], None, precision);
        assert!(out[0].is_nan());
        assert_eq!(out[1], 9.0);
    }
    // One of four pooled values is enough, at any place.
    for place in [0, 1, 4, 5] {
        let mut x = vec![1.0; 16];
        x[place] = f32::NAN;
        let shape = ConvShape {
            kernel: [1, 1],
            ..shape
        };
        let weight = [1.0, -1.0];
        let out = forward(&shape, &x, &weight, &[0.0; 2], None, Precision::F32);
        assert!(out[0].is_nan() && out[1].is_nan(), "{place}: {out:?}");
        let device = Device::flex();
        let x = Tensor::<4>::from_data(TensorData::new(x, [1, 4, 4, 1]), &device);
        assert!(values(max_pool_block(x, true))[0].is_nan(), "{place}");
    }
}

/// Bits of everything, as numbers that can be compared.
fn bits(parts: &[&[f32]]) -> Vec<u32> {
    parts
        .iter()
        .flat_map(|part| part.iter().map(|x| x.to_bits()))
        .collect()
}

#[test]
fn the_bits_are_the_same_for_any_number_of_threads_and_on_every_run() {
    let shapes = [
        (9, 30, 3, 32, 3, 1, true, Pointwise::Relu),
        (33, 14, 32, 40, 3, 1, true, Pointwise::Relu),
        (1, 13, 40, 24, 3, 1, true, Pointwise::Relu),
        (5, 9, 24, 64, 3, 1, false, Pointwise::Relu),
        (9, 11, 24, 72, 3, 1, false, Pointwise::Linear),
        (1, 11, 24, 72, 3, 1, false, Pointwise::Linear),
        (9, 30, 3, 32, 3, 2, false, Pointwise::Linear),
        (9, 14, 24, 72, 1, 1, false, Pointwise::Linear),
        (3, 9, 320, 24, 1, 2, false, Pointwise::Relu6),
    ];
    for (batch, size, channels, filters, kernel, stride, pool, then) in shapes {
        let shape = ConvShape {
            batch,
            height: size,
            width: size,
            channels,
            filters,
            kernel: [kernel; 2],
            stride: [stride; 2],
            pool,
            then,
        };
        let case = Case::new(&shape);
        let dense_shape = DenseShape {
            batch,
            features: 700,
            units: filters,
        };
        let (x, w) = (random(batch * 700, 5), random(700 * filters, 6));
        let mut first: Option<Vec<u32>> = None;
        for threads in [1, 2, 5, 1, 16] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let found = pool.expect("threads").install(|| {
                let mut all = Vec::new();
                for precision in [Precision::F32, Precision::Bf16] {
                    let f = case.run(&shape, precision);
                    all.extend(bits(&[&f.out, &f.weight, &f.bias, &f.input]));
                    let mut dx = vec![0.0; batch * 700];
                    dense::input_grad(&dense_shape, &w, &x[..batch * filters], &mut dx, precision);
                    all.extend(bits(&[&dx]));
                }
                let mut y = vec![0.0; batch * filters];
                dense::forward(&dense_shape, &x, &w, None, &mut y);
                let mut dw = vec![0.0; 700 * filters];
                dense::weight_grad(&dense_shape, &x, &y, &mut dw);
                all.extend(bits(&[&y, &dw]));
                all
            });
            let first = first.get_or_insert_with(|| found.clone());
            assert!(*first == found, "{threads} threads, {shape:?}");
        }
    }
}
